#!/usr/bin/env python3
"""The whole of bulkmsg in half a minute: 10,000 recipients from a CSV file, sent to a sandbox provider on this machine.

    demo.py --bin build/release/bin [--json] [--keep DIR]

Starts the sandbox, grants credits, sends at the limit with webhooks coming back, and then lets the provider's own log
judge: the same set of people, nobody twice. With --json the last line of output is one JSON object.
"""

import argparse
import collections
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

DATA = pathlib.Path(__file__).resolve().parent / "data"
LIMITS = "1500/s; in-flight=64"
LINGER_SECONDS = 12  # at most; it ends when no receipt has come for a quarter of this
PATIENCE_SECONDS = 120  # with a machine that is busy

# A provider on an ordinary day: some numbers are not on WhatsApp, some marketing messages are held back, half of the
# people have read receipts off. Nothing here loses a message without saying so.
ORDINARY_DAY = [
    "--latency", "10..50",
    "--errors", "131026:0.02",
    "--undelivered", "131049:0.015",
    "--delivered-ratio", "0.97",
    "--read-ratio", "0.6",
    "--webhook-delay", "20..400",
    "--seed", "2026",
]


def free_port():
    """The port, and a socket that keeps others from it; who sets SO_REUSEADDR, as bulkmsg does, may listen there."""
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.bind(("127.0.0.1", 0))
    return keeper.getsockname()[1], keeper


def wait_for_port(path, sandbox):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if path.exists():
            return int(path.read_text())
        if sandbox.poll() is not None:
            break
        time.sleep(0.02)
    raise SystemExit("demo: the sandbox did not start; see what it printed above")


def main():
    options = argparse.ArgumentParser(description="Sends 10,000 messages to a sandbox provider and checks every one.")
    options.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("build/release/bin"),
                         help="where the programs are")
    options.add_argument("--json", action="store_true", help="end with one line of JSON")
    options.add_argument("--keep", type=pathlib.Path, metavar="DIR", help="keep the store and the logs here")
    given = options.parse_args()
    bulkmsg, sandbox_program = given.bin.resolve() / "bulkmsg", given.bin.resolve() / "bulkmsg-sandbox"
    for program in (bulkmsg, sandbox_program):
        if not program.exists():
            raise SystemExit(f"demo: {program} is missing; run ./dev demo, which builds it")

    with tempfile.TemporaryDirectory(prefix="bulkmsg-demo-") as scratch:
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
        return run(bulkmsg, sandbox_program, (given.keep or pathlib.Path(scratch)).resolve(), given.json)


def run(bulkmsg, sandbox_program, folder, as_json):
    def say(text=""):
        print(text, file=sys.stderr if as_json else sys.stdout, flush=True)

    # Secrets are made up for this run and only ever named: the sandbox and bulkmsg read them from the environment.
    os.environ["BULKMSG_TOKEN"] = secrets.token_hex(16)
    os.environ["BULKMSG_APP_SECRET"] = secrets.token_hex(16)
    store, log, port_file = folder / "demo.bulkmsg", folder / "provider.ndjson", folder / "port"
    for stale in folder.glob("demo.bulkmsg*"):
        stale.unlink()
    for stale in (log, port_file):
        stale.unlink(missing_ok=True)

    sender = json.loads((DATA / "sender.json").read_text())
    webhook_port, keeper = free_port()
    sandbox = subprocess.Popen([
        sandbox_program, "--listen", "127.0.0.1:0", "--port-file", port_file, "--log", log,
        "--token", "env:BULKMSG_TOKEN", "--app-secret", "env:BULKMSG_APP_SECRET",
        "--phone-number-id", sender["phone_number_id"], "--templates", DATA / "order_update.json",
        "--webhook-url", f"http://127.0.0.1:{webhook_port}/webhook", *ORDINARY_DAY], stdout=subprocess.DEVNULL)
    try:
        sender["origin"] = f"http://127.0.0.1:{wait_for_port(port_file, sandbox)}"
        sender_file = folder / "sender.json"
        sender_file.write_text(json.dumps(sender))
        say(f"sandbox provider at {sender['origin']}, {LIMITS}")

        def ask(*arguments):
            made = subprocess.run([bulkmsg, *arguments, "--store", store], stdout=subprocess.PIPE, text=True)
            if made.returncode != 0:
                raise SystemExit(f"demo: bulkmsg {' '.join(map(str, arguments))} ended with {made.returncode}")
            return made.stdout

        ask("credits", "plan", "demo", "--users", "5")
        say("5 users' credits granted to account \"demo\"\n")
        send = [bulkmsg, "send", "--store", store, "--sender", sender_file, "--template", DATA / "order_update.json",
                "--csv", DATA / "contacts.csv", "--name", "demo", "--account", "demo", "--limits", LIMITS,
                "--listen", f"127.0.0.1:{webhook_port}", "--linger", str(LINGER_SECONDS)]
        sent = subprocess.run(send, stdout=sys.stderr if as_json else None)

        def waiting():
            with urllib.request.urlopen(sender["origin"] + "/_sandbox/stats", timeout=PATIENCE_SECONDS) as answer:
                return json.load(answer)["webhooks_pending"]

        if waiting():  # a busy machine: the rest of the receipts is taken now
            receiver = subprocess.Popen([bulkmsg, "receive", "--store", store, "--listen", f"127.0.0.1:{webhook_port}"],
                                        stdout=subprocess.DEVNULL)
            deadline = time.monotonic() + PATIENCE_SECONDS
            while waiting() and time.monotonic() < deadline:
                time.sleep(0.1)
            receiver.send_signal(signal.SIGTERM)
            receiver.wait(timeout=PATIENCE_SECONDS)

        status = json.loads(ask("status", "--json"))
        account = json.loads(ask("credits", "audit", "demo", "--json"))
        ours = collections.Counter()
        for line in ask("messages", str(status["campaign"]), "--state", "sent", "--json").splitlines():
            message = json.loads(line)
            ours[(message["address"], message["provider_id"])] += 1
        with urllib.request.urlopen(sender["origin"] + "/_sandbox/stats", timeout=PATIENCE_SECONDS) as answer:
            provider = json.load(answer)
    finally:
        sandbox.send_signal(signal.SIGTERM)
        sandbox.wait(timeout=PATIENCE_SECONDS)
        keeper.close()

    accepted = [json.loads(line) for line in log.read_text().splitlines()]
    theirs = collections.Counter((entry["to"], entry["wamid"]) for entry in accepted)
    unique = len({entry["to"] for entry in accepted})

    wrong = []

    def check(fine, what):
        if not fine:
            wrong.append(what)

    check(sent.returncode == 0, f"bulkmsg send ended with {sent.returncode}, not 0")
    check(status["state"] == "completed", f"the campaign is {status['state']}, not completed")
    check(status["total"] == 10_000, f"{status['total']} rows were counted, not 10,000")
    check(status["queued"] == 0 and status["unconfirmed"] == 0, "some messages are queued or unconfirmed")
    parts = sum(status[part] for part in ("sent", "failed", "skipped", "unconfirmed", "queued"))
    check(status["total"] == parts, "the counters do not add up to the total")
    check(status["skipped"] == 600, f"{status['skipped']} rows were skipped, not the 600 bad ones")
    check(status["credits_spent"] == status["sent"] == account["spent"], "credits spent differ from messages sent")
    check(account["reserved"] == 0 and account["conserved"], "the ledger does not balance")
    check(status["read"] <= status["delivered"] and status["delivered"] + status["undelivered"] <= status["sent"],
          "receipts exceed what was sent")
    check(provider["webhooks_pending"] == 0, f"{provider['webhooks_pending']} webhooks were still waiting at the end")
    same = ours == theirs
    check(same, f"the store's sent set ({len(ours)}) and the provider's log ({len(theirs)}) differ")
    check(len(accepted) == unique == status["sent"], "someone was reached twice, or not at all")

    say()
    say(f"provider log: {len(accepted):,} accepted, {unique:,} unique, "
        + ("same set, " if same else "ANOTHER SET, ")
        + ("no duplicates" if len(accepted) == unique else f"{len(accepted) - unique:,} DUPLICATES"))
    for what in wrong:
        print("demo: does not add up: " + what, file=sys.stderr)
    if as_json:
        keys = ["total", "sent", "delivered", "read", "failed", "undelivered", "skipped", "unconfirmed",
                "credits_spent"]
        report = {key: status[key] for key in keys}
        print(json.dumps(report | {"provider_accepted": len(accepted), "provider_unique": unique}), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
