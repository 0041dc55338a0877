#!/usr/bin/env python3
"""Runs an example program on the demo's data against the sandbox, and compares what it says with the sandbox's log.

    examples_test.py --sandbox build/bin/bulkmsg-sandbox --data examples/data [--rows N] -- PROGRAM...

PROGRAM is started with STORE SENDER_JSON TEMPLATE_JSON CSV LISTEN_ADDRESS; a second time it must find nothing
unfinished to go on with, so that is not tried here.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import sandbox


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--sandbox", required=True)
    arguments.add_argument("--data", type=pathlib.Path, required=True)
    arguments.add_argument("--rows", type=int, help="only this many of the demo's rows")
    arguments.add_argument("program", nargs="+")
    given = arguments.parse_args()

    with tempfile.TemporaryDirectory() as work:
        contacts = given.data / "contacts.csv"
        if given.rows:
            lines = contacts.read_bytes().splitlines(True)
            contacts = pathlib.Path(work, "contacts.csv")
            contacts.write_bytes(b"".join(lines[: given.rows + 1]))
        port = sandbox.free_port()
        with sandbox.Sandbox(given.sandbox, given.data, work, webhook_port=port) as provider:
            line = [*given.program, pathlib.Path(work, "store"), provider.sender_file, provider.template, contacts,
                    f"127.0.0.1:{port}"]
            done = subprocess.run([str(word) for word in line], capture_output=True, text=True, timeout=4 * sandbox.PATIENCE)
            accepted = provider.accepted()
            late = provider.stats()["webhooks_pending"]
    print(done.stdout, done.stderr)
    counters = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition(" ")
        if value.lstrip("-").isdigit():
            counters[name] = int(value)

    problems = []

    def check(good, what):
        if not good:
            problems.append(what)

    check(done.returncode == 0, f"it ended with {done.returncode}")
    if counters:
        numbers = {message["to"] for message in accepted}
        c = counters
        check(c["sent"] > 0, "nothing was sent")
        check(len(numbers) == len(accepted), f"{len(accepted)} accepted, but only {len(numbers)} recipients")
        check(c["sent"] == len(accepted), f"{c['sent']} sent, {len(accepted)} accepted by the sandbox")
        check(c["total"] == c["sent"] + c["failed"] + c["unconfirmed"] + c["skipped"] + c["queued"], "total is no sum")
        check(c["queued"] == 0 and c["unconfirmed"] == 0 and c["failed"] == 0, "not every message was sent")
        check(c["credits_spent"] == c["sent"], "credits spent are not messages sent")
        # It waits until no receipt has come for some seconds: on a busy machine the provider may have been that slow.
        check(c["delivered"] == c["sent"] or (late and c["delivered"]), "not every message was delivered")
    check(bool(counters), "it printed no counters")
    print("\n".join(f"FAILED {problem}" for problem in problems) or "ok")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
