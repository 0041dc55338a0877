#!/usr/bin/env python3
"""The crash test: `bulkmsg send` is killed with SIGKILL at random moments, again and again, against a provider that
drops, delays and refuses; in the end the provider's own log is the judge.

    crash_test.py --bin build/release/bin --rounds 20 --seed 1
    crash_test.py --bin build/release/bin --cli build/release/bin/bulkmsg-no-intents --expect-failure

A round is one kill. After each one the store is read as the crash left it, before anything reopens it; the next
process must find exactly that. What a toy would get away with is counted, and each count must be above zero: kills with
requests in flight, kills with acceptances that were not stored yet, messages that only a receipt settled.

Now and then the process is stopped and goes on later (SIGSTOP, SIGCONT). With --hardships each process also lives under
one: a disk with next to no room (a small tmpfs), a file system that is read-only, few file descriptors, little memory.
It may then end as it likes, but what it leaves must be as true as after a kill.

With --expect-failure the test succeeds only when it catches the program reaching somebody twice.
"""

import argparse
import collections
import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
import harness

RATE = 700
IN_FLIGHT = 48
# An intent may open what is due within a tenth of a second (a store's commits may take as long again), and every
# request in flight may be a retry with an intent of its own. A window of half the campaign would hide everything.
WINDOW_MAX = RATE * 3 // 10 + IN_FLIGHT

TROUBLE = {
    "latency": "5..60",
    "errors": "131000:0.01,130429:0.005,131026:0.01",
    "undelivered": "131049:0.01",
    "drop_before": "0.01",
    "drop_after": "0.01",
    "accept_then_502": "0.01",
    "html_503": "0.005",
    "webhook_lose": "0.15",
    "webhook_late": "0.15",
    "webhook_delay": "5..150",
    "webhook_duplicate": "0.05",
    "read_ratio": "0.5",
}

LAST = 300  # seconds for the last process of a campaign, which may end by itself
SENT, FAILED, UNCONFIRMED = 2, 3, 4
DRAFT, STARTING, COMPLETED = 1, 3, 6


HARDSHIPS = ["none", "none", "none", "disk", "read-only", "descriptors", "memory"]
DISK_BYTES = 24 << 20


class SmallDisk:
    """A tmpfs for the store, which can be filled up and made read-only. Needs root."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "bulkmsg-crash", folder], check=True)
        self.ballast = folder / "ballast"

    def fill_up(self, but):
        """Leaves about `but` bytes free."""
        room = os.statvfs(self.folder)
        with open(self.ballast, "wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, max(4096, room.f_bavail * room.f_frsize - but))

    def read_only(self, yes):
        subprocess.run(["mount", "-o", "remount," + ("ro" if yes else "rw"), self.folder], check=True)

    def relieve(self):
        self.read_only(False)
        self.ballast.unlink(missing_ok=True)

    def unmount(self):
        subprocess.run(["umount", self.folder], check=False)


class Wrong(Exception):
    """A broken promise; `twice`: somebody was reached twice, which is what a build without intents does."""

    def __init__(self, what, twice=False):
        super().__init__(what)
        self.twice = twice


def check(fine, what, twice=False):
    if not fine:
        raise Wrong(what, twice)


class Crash:
    def __init__(self, given, folder):
        self.rng = random.Random(given.seed)
        self.rounds, self.count, self.folder = given.rounds, given.recipients, folder
        options = [part for name, value in TROUBLE.items() for part in ("--" + name.replace("_", "-"), value)]
        self.sandbox = harness.Sandbox(given.bin, folder, "--seed", str(given.seed), *options)
        self.disk = SmallDisk(folder / "disk") if given.hardships else None
        self.hardship = "none"
        self.endured = collections.Counter()
        self.program = harness.Program(given.cli, (folder / "disk" if self.disk else folder) / "crash.bulkmsg")
        self.sender = harness.sender_file(folder / "sender.json", self.sandbox.origin, response_timeout_ms=3000,
                                          limits=f"{RATE}/s; in-flight={IN_FLIGHT}")
        self.campaigns = {}  # id -> the recipients' addresses
        self.kills = collections.Counter()
        self.found = None    # what the latest crash left, until a process has recovered it
        self.recoveries = 0
        self.unconfirmed_found = 0
        self.window_most = 0

    # One process, until it ends or its time is up.

    def start(self, *arguments):
        errors = open(self.folder / "stderr", "w+b")
        process = self.program.start(*arguments, "--quiet", "--listen", f"127.0.0.1:{self.sandbox.webhook_port}",
                                     stderr=errors, stdout=subprocess.DEVNULL)
        # What the process may have is cut once it is there: the loader is not on trial.
        if self.hardship == "descriptors":
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (self.rng.randrange(8, 40),) * 2)
        if self.hardship == "memory":
            time.sleep(self.rng.uniform(0.0, 0.4))
            try:
                with open(f"/proc/{process.pid}/statm") as statm:
                    size = int(statm.read().split()[0]) * resource.getpagesize()
                resource.prlimit(process.pid, resource.RLIMIT_AS, (size + self.rng.randrange(0, 4 << 20),) * 2)
            except (OSError, IndexError):
                pass  # it has ended already
        return process, errors

    def begin_hardship(self, more):
        self.hardship = self.rng.choice(HARDSHIPS) if self.disk and more else "none"
        self.endured[self.hardship] += 1
        if self.hardship == "disk":
            self.disk.fill_up(self.rng.randrange(0, 1 << 20))
        if self.hardship == "read-only":
            self.disk.read_only(True)

    def stop_for_a_while(self, process):
        """Longer than a request may take, or shorter."""
        process.send_signal(signal.SIGSTOP)
        time.sleep(self.rng.choice([0.05, 0.3, 3.5]))
        process.send_signal(signal.SIGCONT)
        self.kills["stopped meanwhile"] += 1

    def check_recovery(self, said):
        """`resume` says what it found; it must be what the crash left."""
        if self.hardship != "none":
            self.found = None  # it may have recovered, and not got as far as saying so
            return
        told = re.search(rb"^recovered: (\d+) of the (\d+) messages ", said, re.M)
        if told is None or self.found is None:
            return
        unconfirmed, window = int(told[1]), int(told[2])
        left, self.found = self.found, None
        self.recoveries += 1
        self.unconfirmed_found += unconfirmed
        print(f"           recovered: {unconfirmed} unconfirmed <= window {window} + in flight {IN_FLIGHT}")
        check(unconfirmed <= window + IN_FLIGHT, f"{unconfirmed} are unconfirmed, with a window of only {window}")
        check((unconfirmed, window) == left, f"the reopening found {(unconfirmed, window)}, the crash had left {left}")

    def wait_until_it_sends(self, process):
        """However slow the machine: a kill in the middle of sending is one there, too."""
        before = self.sandbox.stats()["accepted"]
        deadline = time.monotonic() + harness.PATIENCE
        while process.poll() is None and time.monotonic() < deadline and self.sandbox.stats()["accepted"] == before:
            time.sleep(0.005)

    def run_until_killed(self, arguments, sending, delay):
        """True when the process was killed, false when it came to its end by itself. `delay` counts from when it sends,
        if it is to be killed while `sending`, else from its start."""
        process, errors = self.start(*arguments)
        try:
            if delay < LAST and self.rng.random() < 0.1 and process.poll() is None:
                self.stop_for_a_while(process)
            if sending and self.hardship == "none":
                self.wait_until_it_sends(process)
            deadline = time.monotonic() + delay
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.002)
            killed = process.poll() is None
            if killed:
                process.send_signal(signal.SIGKILL)
                in_flight = self.sandbox.in_flight()
                process.wait()
                self.kills["all"] += 1
                self.kills["in flight"] += in_flight > 0
            errors.seek(0)
            said = errors.read()
            self.check_recovery(said)
            if self.disk:
                self.disk.relieve()
            if killed:
                self.examine(in_flight)
            elif self.hardship != "none":
                self.kills["all"] += 1  # ended by its hardship, which is as good
                self.examine(0)
                return True
            else:
                check(process.returncode in (0, 3),
                      f"bulkmsg {arguments[0]} ended with {process.returncode}: {said.decode()}")
                self.exit_code = process.returncode
            return killed
        finally:
            errors.close()
            process.end()

    # The store as the crash left it.

    def examine(self, in_flight):
        left = harness.Snapshot(self.program.store, self.folder / "after-kill")
        try:
            self.state = (0, 0)
            if left.db is None:
                print(f"kill {self.kills['all']:4d}: before there was a store")
                return
            newest = left.number("SELECT max(id) FROM campaigns")
            if newest and newest not in self.campaigns:
                self.campaigns[newest] = self.addresses
            self.state = (newest, left.number("SELECT state FROM campaigns WHERE id = ?", newest) if newest else 0)
            retries = left.number("SELECT count(*) FROM messages WHERE state = 6")
            window = left.number("SELECT sum(last - first) FROM intents WHERE closed = 0") + retries
            unconfirmed = left.number(
                "SELECT count(*) FROM intents i "
                "JOIN plan p ON p.id >= (i.lane << 32) + i.first AND p.id < (i.lane << 32) + i.last "
                "LEFT JOIN messages m ON m.id = p.id WHERE i.closed = 0 AND m.id IS NULL") + retries
            self.found = (unconfirmed, window)
            stored = {state: left.addresses(newest, state) for state in (SENT, FAILED, UNCONFIRMED)} if newest else {}
        finally:
            left.close()
        accepted = {entry["to"] for entry in self.sandbox.accepted()} & self.campaigns.get(newest, set())
        # Those that an earlier crash left unconfirmed are known to be in doubt; this is about what nobody knows yet.
        unstored = len(accepted.difference(*stored.values()))
        self.kills["not stored"] += unstored > 0
        self.window_most = max(self.window_most, window)
        sent = len(stored.get(SENT, ()))
        print(f"kill {self.kills['all']:4d}: campaign {newest}, {sent} sent, {in_flight} in flight, "
              f"{unstored} accepted but not stored, window {window} with {unconfirmed} open")
        check(window <= WINDOW_MAX, f"the open window held {window} messages, {WINDOW_MAX} are allowed")
        self.check_log()

    # The judge.

    def check_log(self):
        counts = collections.Counter(entry["to"] for entry in self.sandbox.accepted())
        twice = [to for to, n in counts.items() if n > 1]
        check(not twice, f"{len(twice)} people were reached twice, {twice[0] if twice else ''} among them", twice=True)
        return set(counts)

    def check_campaign(self, campaign):
        """Everyone is in the log, or is reported as failed or unconfirmed; nobody is in two places."""
        accepted = self.check_log() & self.campaigns[campaign]
        end = harness.Snapshot(self.program.store, self.folder / "at-end")
        try:
            sent, failed, unconfirmed = (end.addresses(campaign, state) for state in (SENT, FAILED, UNCONFIRMED))
        finally:
            end.close()
        everyone = self.campaigns[campaign]
        where = f"campaign {campaign}: "
        check(sent <= accepted, where + f"{len(sent - accepted)} are called sent that the provider never had")
        check(not failed & accepted, where + f"{len(failed & accepted)} are called failed that were accepted")
        silent = accepted - sent - unconfirmed
        check(not silent, where + f"{len(silent)} acceptances are not reported")
        missing = everyone - sent - failed - unconfirmed
        check(not missing, where + f"{len(missing)} people were forgotten")
        status = self.program.json("status", campaign)
        counted = (status["sent"], status["failed"], status["unconfirmed"], status["queued"], status["total"])
        rows = (len(sent), len(failed), len(unconfirmed), 0, len(everyone))
        check(counted == rows, where + f"the counters say {counted}, the rows {rows}")
        return accepted, sent, unconfirmed, status

    def all_is_settled(self):
        sent = sum(self.program.json("status", campaign)["sent"] for campaign in self.campaigns)
        return self.sandbox.stats()["webhooks_pending"] == 0 and sent == len(self.sandbox.accepted())

    def check_ledger(self, statuses):
        account = self.program.json("credits", "audit", "crash")  # fails when the entries and the balances differ
        got = account["granted"] + account["bought"] + account["adjusted"]
        have = account["available"] + account["reserved"] + account["spent"] + account["expired"]
        check(got == have and account["conserved"], f"the ledger does not balance: {account}")
        sent, unconfirmed = (sum(s[key] for s in statuses) for key in ("sent", "unconfirmed"))
        check(account["spent"] == sent, f"{account['spent']} credits are spent for {sent} messages")
        check(account["reserved"] == unconfirmed, f"{account['reserved']} credits are held for {unconfirmed} messages")

    # The course of the test.

    def next_arguments(self):
        """What a person would do after the crash."""
        campaign, state = self.state
        if campaign in self.campaigns and self.campaigns[campaign] is self.addresses and state != DRAFT:
            return ["resume", campaign]
        if state == DRAFT and campaign:
            done = self.program.run("discard", campaign)
            check(done.returncode == 0, f"discard: {done.stderr.decode()}")
            del self.campaigns[campaign]
            self.found = None  # discard has opened the store, and so recovered what there was
        return ["send", "--sender", self.sender, "--template", harness.TEMPLATE, "--csv", self.csv,
                "--account", "crash"]

    def moment(self):
        """Mostly in the middle of sending, now and then while opening, importing or freezing."""
        if self.rng.random() < 0.15:
            return False, self.rng.uniform(0.0, 0.3)
        return True, self.rng.uniform(0.0, 0.9)

    def run_campaign(self, number):
        first = number * 1_000_000
        self.csv = harness.contacts_file(self.folder / "contacts.csv", self.count, first)
        self.addresses = {harness.address(n) for n in range(first, first + self.count)}
        self.state = (0, 0)
        while True:
            arguments = self.next_arguments()
            more = self.kills["all"] < self.rounds
            self.begin_hardship(more)
            if not self.run_until_killed(arguments, *(self.moment() if more else (False, LAST))):
                break
            check(more, f"bulkmsg {arguments[0]} did not end within {LAST} s")
        newest = self.program.json("list")[-1]
        self.campaigns.setdefault(newest["campaign"], self.addresses)
        check(newest["state"] == "completed", f"campaign {newest['campaign']} is {newest['state']} after its last run")
        unconfirmed = self.check_campaign(newest["campaign"])[2]
        check(self.exit_code == (3 if unconfirmed else 0),
              f"exit code {self.exit_code} with {len(unconfirmed)} unconfirmed")

    def run(self):
        done = self.program.run("credits", "plan", "crash", "--users", "1000")
        check(done.returncode == 0, done.stderr.decode())
        number = 0
        while self.kills["all"] < self.rounds:
            number += 1
            self.run_campaign(number)
        self.check_ledger([self.program.json("status", c) for c in self.campaigns])
        settled_before = sum(self.program.json("status", c)["settled_by_receipt"] for c in self.campaigns)

        # The provider's word on everything, once more: what it accepted becomes sent, and nothing else changes.
        self.sandbox.control("faults", b'{"off":true}')
        self.sandbox.control("replay")
        newest = max(self.campaigns)
        process, errors = self.start("resume", newest, "--linger", "240")
        errors.close()
        try:
            harness.wait_until(self.all_is_settled, "the webhooks to be taken and merged")
        except AssertionError as late:
            print(late)  # what is wrong then, the checks below say
        finally:
            process.end()
        statuses = []
        for campaign in self.campaigns:
            accepted, sent, unconfirmed, status = self.check_campaign(campaign)
            check(sent == accepted, f"campaign {campaign}: {len(accepted - sent)} receipts settled nothing")
            check(not unconfirmed & accepted, f"campaign {campaign}: accepted messages are still unconfirmed")
            statuses.append(status)
        self.check_ledger(statuses)

        settled = sum(s["settled_by_receipt"] for s in statuses)
        unconfirmed = sum(s["unconfirmed"] for s in statuses)
        print(f"\n{self.kills['all']} kills in {len(self.campaigns)} campaigns of {self.count} recipients")
        if self.disk:
            print("  lived through: " + ", ".join(f"{name} {n}" for name, n in sorted(self.endured.items())))
        print(f"  {self.kills['stopped meanwhile']} were stopped for a while and went on")
        print(f"  {self.kills['in flight']} with requests in flight")
        print(f"  {self.kills['not stored']} with acceptances that were not stored yet")
        print(f"  {self.recoveries} reopenings found {self.unconfirmed_found} unconfirmed; "
              f"the largest window held {self.window_most}, {WINDOW_MAX} are allowed")
        print(f"  {settled} messages settled by a receipt ({settled_before} before the replay)")
        print(f"  {unconfirmed} still unconfirmed, none of them in the provider's log; nobody twice, nobody forgotten")
        for what, count in (("kill with requests in flight", self.kills["in flight"]),
                            ("kill with acceptances not stored", self.kills["not stored"]),
                            ("message settled by a receipt", settled),
                            ("reopening that found unconfirmed messages", self.unconfirmed_found)):
            check(count > 0, f"not one {what}: this run proves nothing; try another seed or more rounds")


def main():
    options = argparse.ArgumentParser(description="Kills bulkmsg at random moments; the provider's log judges.")
    options.add_argument("--bin", type=pathlib.Path, default=harness.ROOT / "build" / "release" / "bin")
    options.add_argument("--cli", type=pathlib.Path, help="the program to test (default: bulkmsg in --bin)")
    options.add_argument("--rounds", type=int, default=20, help="how many kills")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--recipients", type=int, default=3000, help="of each campaign")
    options.add_argument("--expect-failure", action="store_true", help="succeed only when somebody is reached twice")
    options.add_argument("--hardships", action="store_true", help="also full disks, few descriptors, ... (needs root)")
    options.add_argument("--keep", type=pathlib.Path, metavar="DIR", help="keep the store and the logs here")
    given = options.parse_args()
    given.bin = given.bin.resolve()
    given.cli = (given.cli or given.bin / "bulkmsg").resolve()

    with tempfile.TemporaryDirectory(prefix="bulkmsg-crash-") as scratch:
        folder = (given.keep or pathlib.Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        if given.hardships and os.geteuid() != 0:
            print("crash_test: --hardships mounts a small disk, which needs root", file=sys.stderr)
            return 77
        crash = Crash(given, folder)
        try:
            crash.run()
        except Wrong as broken:
            print(f"\ncrash_test: seed {given.seed}: {broken}", file=sys.stderr)
            if given.expect_failure and broken.twice:
                print("as expected: without intents the test fails")
                return 0
            return 1
        finally:
            crash.sandbox.stop()
            if crash.disk:
                crash.disk.unmount()
    if given.expect_failure:
        print("crash_test: the program passed, though it was expected to reach somebody twice", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
