#!/usr/bin/env python3
"""Benchmarks of the whole, each against a named peer in the same run, on the same server.

    ./dev bench [--messages N] [--rounds N]

Results are printed as a table and written to bench/out/peers.json: a list of
{"name", "ours", "peer", "ratio", "target"} with the machine and the commit. Absolute figures do not travel; ratios do.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "examples" / "data"
CLIENT_CORE, SERVER_CORE = "0", "1"


def pinned(core, *command):
    return ["taskset", "-c", core, *map(str, command)]


class Sandbox:
    """The sandbox's minimal mode: one thread, parses the head, reads the body, answers with a fresh message id."""

    def __init__(self, bin_dir, work):
        port_file = work / "port"
        self.process = subprocess.Popen(
            pinned(SERVER_CORE, bin_dir / "bulkmsg-sandbox", "--minimal", "--listen", "127.0.0.1:0", "--port-file",
                   port_file, "--token", "env:BULKMSG_TOKEN", "--app-secret", "env:BULKMSG_APP_SECRET"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(500):
            if port_file.exists():
                break
            time.sleep(0.01)
        self.origin = f"http://127.0.0.1:{port_file.read_text().strip()}"

    def stop(self):
        self.process.terminate()
        self.process.wait()


def pipeline(bin_dir, work, origin, messages, round_number):
    """CSV imported before the clock starts; then rendered -> intents, outcomes, ledger in SQLite FULL -> sent -> answers
    parsed, until the last outcome is durable. Messages per second, by the store's own times."""
    contacts = work / "contacts.csv"
    if not contacts.exists():
        with contacts.open("w", encoding="utf-8") as f:
            f.write("phone_number,header_param1,param1,param2,button0_param\n")
            for i in range(messages):
                f.write(f"+1555{i:07d},A-{i},Ana Mar\u00eda {i},the order number {i} of this week,track-{i}\n")
    sender = json.loads((DATA / "sender.json").read_text())
    sender.update(origin=origin, limits="in-flight=64", connections_max=64)
    sender_file = work / "sender.json"
    sender_file.write_text(json.dumps(sender))
    store = work / f"bench{round_number}.bulkmsg"
    cli = bin_dir / "bulkmsg"
    run = lambda *a: subprocess.run(pinned(CLIENT_CORE, cli, *a), check=True, capture_output=True, text=True)
    run("credits", "plan", "bench", "--users", "1000", "--store", store)
    run("send", "--store", store, "--sender", sender_file, "--template", DATA / "order_update.json", "--csv", contacts,
        "--account", "bench", "--quiet")
    run("credits", "audit", "bench", "--store", store)
    status = json.loads(run("status", "1", "--store", store, "--json").stdout)
    if status["sent"] != messages:
        sys.exit(f"bench: {status['sent']} of {messages} sent")
    return messages / ((status["finished_at_ms"] - status["started_at_ms"]) / 1000)


def wrk(origin, seconds, body):
    out = subprocess.run(
        pinned(CLIENT_CORE, "wrk", "-t1", "-c64", f"-d{seconds}s", "-s", ROOT / "bench" / "peers" / "post.lua",
               f"{origin}/v23.0/106540352242922/messages"),
        check=True, capture_output=True, text=True, env={**os.environ, "BULKMSG_BENCH_BODY": str(body)}).stdout
    return float(next(line.split(":")[1] for line in out.splitlines() if line.startswith("Requests/sec")))


def programs(bin_dir):
    """The rows of every bench/*_bench.cpp that was built."""
    rows = []
    for program in sorted(bin_dir.glob("*_bench")):
        print(f"{program.name} ...", flush=True)
        out = subprocess.run(pinned(CLIENT_CORE, program), check=True, stdout=subprocess.PIPE, text=True).stdout
        rows += [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(ROOT / "build" / "release" / "bin"), type=pathlib.Path)
    parser.add_argument("--messages", default=300_000, type=int)
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--seconds", default=5, type=int, help="of each peer's run")
    options = parser.parse_args()
    bin_dir = options.bin.resolve()
    os.environ.setdefault("BULKMSG_TOKEN", "bench-token")
    os.environ.setdefault("BULKMSG_APP_SECRET", "bench-secret")
    if not shutil.which("wrk"):
        sys.exit("bench: wrk is missing; run ./dev bench, which installs it")

    work = pathlib.Path(tempfile.mkdtemp(prefix="bulkmsg-bench-"))
    sandbox = Sandbox(bin_dir, work)
    try:
        body = work / "body.json"
        body.write_text(json.dumps({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+15550001111", "type": "template",
            "biz_opaque_callback_data": "b1.1z141z3.1.1.rs.1",
            "template": {"name": "order_update", "language": {"code": "en_US"}, "components": [
                {"type": "header", "parameters": [{"type": "text", "text": "A-17"}]},
                {"type": "body", "parameters": [{"type": "text", "text": "Ana Maria"},
                                                {"type": "text", "text": "the order number 17 of this week"}]},
                {"type": "button", "sub_type": "url", "index": "0",
                 "parameters": [{"type": "text", "text": "track-17"}]}]}}, separators=(",", ":")))
        ours, peer = [], []
        for i in range(options.rounds):
            # Taken in turns, so that a slow moment of the machine meets both.
            peer.append(wrk(sandbox.origin, options.seconds, body))
            ours.append(pipeline(bin_dir, work, sandbox.origin, options.messages, i))
            print(f"round {i + 1}: pipeline {ours[-1]:,.0f}/s, wrk {peer[-1]:,.0f}/s, {ours[-1] / peer[-1]:.2f}x",
                  flush=True)
    finally:
        sandbox.stop()
        shutil.rmtree(work, ignore_errors=True)

    rows = [{"name": "whole durable pipeline, 64 connections vs wrk", "ours": round(statistics.median(ours)),
             "peer": round(statistics.median(peer)),
             "ratio": round(statistics.median(o / p for o, p in zip(ours, peer)), 3), "target": ">= 0.65"}]
    rows += programs(bin_dir)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    compiler = subprocess.run(["c++", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    for row in rows:
        row.update(host=f"{platform.machine()}, {os.cpu_count()} cores", compiler=compiler, commit=commit)
    out = ROOT / "bench" / "out"
    out.mkdir(exist_ok=True)
    (out / "peers.json").write_text(json.dumps(rows, indent=1) + "\n")
    print(f"\n{'workload vs peer':52}{'ours':>12}{'peer':>12}{'ratio':>8}  target")
    for row in rows:
        print(f"{row['name']:52}{row['ours']:>12,g}{row['peer']:>12,g}{row['ratio']:>8.2f}  {row['target']}")


if __name__ == "__main__":
    main()
