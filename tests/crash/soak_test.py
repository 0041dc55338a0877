#!/usr/bin/env python3
"""Soak: millions of messages through the sandbox's minimal mode; memory and file descriptors must stay flat.

    soak_test.py --bin build/release/bin --messages 10000000

One process imports, starts and is killed as soon as it sends; another one sends the rest and is watched, so that what
importing needs is not taken for what sending needs.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import harness

RSS_MAX_KB = 128 * 1024
GROWTH_MAX_KB = 8 * 1024


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return next((int(line.split()[1]) for line in status if line.startswith("VmRSS")), 0)  # none: it is ending


def contacts(path, count):
    with open(path, "w", encoding="utf-8") as out:
        out.write(",".join(harness.COLUMNS) + "\n")
        for n in range(count):
            out.write(f"+49151{n:08d},A-{n},Ana,two mugs,a-{n}\n")
    return path


def main():
    options = argparse.ArgumentParser(description="Memory and file descriptors over millions of messages.")
    options.add_argument("--bin", type=pathlib.Path, default=harness.ROOT / "build" / "release" / "bin")
    options.add_argument("--messages", type=int, default=10_000_000)
    options.add_argument("--folder", help="where there is room (about 300 bytes a message); default: the system's")
    given = options.parse_args()
    given.bin = given.bin.resolve()
    with tempfile.TemporaryDirectory(prefix="bulkmsg-soak-", dir=given.folder) as scratch:
        folder = pathlib.Path(scratch)
        sandbox = harness.Sandbox(given.bin, folder, "--minimal")
        try:
            return soak(given, folder, sandbox)
        finally:
            sandbox.stop()


def soak(given, folder, sandbox):
    program = harness.Program(given.bin / "bulkmsg", folder / "soak.bulkmsg")
    sender = harness.sender_file(folder / "sender.json", sandbox.origin, limits="in-flight=64", connections_max=64)
    csv = contacts(folder / "contacts.csv", given.messages)
    log = open(folder / "log", "wb")

    began = time.monotonic()
    first = program.start("send", "--sender", sender, "--template", harness.TEMPLATE, "--csv", csv, "--quiet",
                          stdout=log, stderr=log)
    importing_kb = 0
    while first.poll() is None and sandbox.stats()["accepted"] == 0:
        importing_kb = max(importing_kb, resident_kb(first.pid))
        time.sleep(0.005)
    first.end()
    csv.unlink()
    before = program.json("status", 1)
    print(f"imported and started {given.messages} recipients in {time.monotonic() - began:.0f} s, "
          f"{importing_kb / 1024:.0f} MB at most; {before['sent']} were sent when it was killed", flush=True)

    began = time.monotonic()
    second = program.start("resume", 1, "--quiet", stdout=log, stderr=log)
    samples = []
    while second.poll() is None:
        try:
            samples.append((resident_kb(second.pid), len(os.listdir(f"/proc/{second.pid}/fd"))))
        except (FileNotFoundError, ProcessLookupError):
            break
        time.sleep(0.05)
    second.wait()
    log.close()
    took = time.monotonic() - began
    status = program.json("status", 1)
    done = status["sent"] + status["unconfirmed"]
    samples = samples[10:]  # until its connections are open
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter:2 * quarter], samples[-quarter:]
    rss = max(kb for kb, _ in samples)
    growth = statistics.median(kb for kb, _ in late) - statistics.median(kb for kb, _ in early)
    fds = max(n for _, n in late) - max(n for _, n in early)
    print(f"sent {status['sent'] - before['sent']} in {took:.0f} s ({(status['sent'] - before['sent']) / took:.0f}/s); "
          f"{len(samples)} looks: at most {rss / 1024:.1f} MB, from the second quarter to the last "
          f"{growth / 1024:+.1f} MB and {fds:+d} of {max(n for _, n in samples)} file descriptors")
    wrong = []
    if status["state"] != "completed" or done != given.messages or status["total"] != given.messages:
        wrong.append(f"the campaign is {status['state']} with {done} of {given.messages}")
    if rss > RSS_MAX_KB:
        wrong.append(f"{rss / 1024:.0f} MB are more than {RSS_MAX_KB // 1024}")
    if growth > GROWTH_MAX_KB:
        wrong.append(f"memory grows: {growth / 1024:.1f} MB")
    if fds > 2:
        wrong.append(f"file descriptors grow by {fds}")
    for each in wrong:
        print(f"soak_test: {each}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
