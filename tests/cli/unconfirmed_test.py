#!/usr/bin/env python3
"""Unconfirmed and failed messages through the program, with a sandbox that drops answers after it has accepted.

    unconfirmed_test.py --bin build/release/bin [unittest's own arguments]
"""

import argparse
import collections
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness

BIN = None
LINGER = 4 * harness.PATIENCE  # it ends when nothing has come for a quarter of that, or all has


class Unconfirmed(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="bulkmsg-unconfirmed-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.program = harness.Program(BIN / "bulkmsg", self.folder / "store.bulkmsg")
        self.csv = self.folder / "contacts.csv"

    def sandbox(self, *options):
        self.provider = harness.Sandbox(BIN, self.folder, "--seed", "7", *options)
        self.addCleanup(self.provider.stop)
        self.sender = harness.sender_file(self.folder / "sender.json", self.provider.origin)

    def send_line(self, count, *more):
        harness.contacts_file(self.csv, count)
        self.program.run("credits", "plan", "shop")
        return ["send", "--sender", self.sender, "--template", harness.TEMPLATE, "--csv", self.csv, "--account", "shop", *more]

    def send(self, count, *more, ok=(0, 3)):
        return self.program.json(*self.send_line(count, *more), ok=ok)

    def rows(self, *arguments):
        return [json.loads(line) for line in self.program.run(*arguments, "--json").stdout.splitlines()]

    def audit(self):
        books = self.program.json("credits", "audit", "shop")
        self.assertTrue(books["conserved"])
        return books

    def accepted(self):
        return collections.Counter(entry["to"] for entry in self.provider.accepted())

    def test_receipts_settle_what_was_dropped_after_it_was_read(self):
        self.sandbox("--drop-after", "0.2", "--latency", "1..5", "--webhook-delay", "1..300", "--read-ratio", "1")
        report = self.send(150, "--listen", f"127.0.0.1:{self.provider.webhook_port}", "--linger", LINGER)
        self.assertEqual((report["sent"], report["unconfirmed"]), (150, 0))
        self.assertGreater(report["settled_by_receipt"], 5)
        self.assertEqual(max(self.accepted().values()), 1)
        self.assertEqual(self.audit()["spent"], 150)

    def test_a_rule_sends_again_what_was_dropped_before_it_was_read(self):
        self.sandbox("--drop-before", "0.1", "--latency", "1..5", "--webhook-delay", "1..50")
        sending = self.program.start(*self.send_line(150, "--limits", "40/s", "--unconfirmed", "resend", "--unconfirmed-wait",
                                                     "2", "--listen", f"127.0.0.1:{self.provider.webhook_port}", "--json"))
        self.addCleanup(sending.end)
        # The very last ones would have no later message to be compared with.
        harness.wait_until(lambda: len(self.provider.accepted()) >= 75, "half of them")
        self.provider.control("faults", {"drop_before": 0})
        report = json.loads(sending.finish()[0])
        self.assertEqual(report["state"], "completed")
        self.assertEqual((report["sent"], report["unconfirmed"]), (150, 0))
        self.assertEqual(sum(self.accepted().values()), 150, "nothing that was received was sent again")
        self.assertEqual((report["when_unconfirmed"], report["unconfirmed_wait_ms"]), ("resend", 2000))
        self.assertEqual(self.audit()["spent"], 150)

    def test_give_up_fails_them_and_a_child_sends_to_them(self):
        self.sandbox("--drop-before", "0.2", "--latency", "1..5")
        report = self.send(60, "--unconfirmed", "give_up", "--unconfirmed-wait", "1")
        self.assertEqual((report["state"], report["unconfirmed"]), ("completed", 0))
        self.assertGreater(report["failed"], 2)
        self.assertEqual(report["sent"] + report["failed"], 60)
        self.assertEqual(self.audit()["reserved"], 0)
        self.provider.control("faults", json.dumps({"drop_before": 0}).encode())
        refused = self.program.run("retry", "1", "--failed")
        self.assertEqual(refused.returncode, 1)
        self.assertIn(b"nothing" if b"nothing" in refused.stderr else b"no failed messages left", refused.stderr)
        child = self.program.json("retry", "1", "--unconfirmed")
        self.assertEqual((child["sent"], child["parent"]), (report["failed"], 1))
        self.assertEqual(sorted(self.accepted()), sorted(harness.address(n) for n in range(60)))
        again = self.program.run("retry", "1", "--unconfirmed")
        self.assertEqual(again.returncode, 1)
        self.assertIn(b"taken over by campaign 2", again.stderr)
        parent = self.program.json("status", "1")
        self.assertEqual((parent["failed"], parent["children"]), (report["failed"], [2]))
        took = next(step for step in self.rows("history", "1") if step["action"] == "retry")
        self.assertNotEqual(took["actor"], "", "whoever is at this machine")
        self.assertEqual(self.audit()["spent"], 60)

    def test_people_resolve(self):
        self.sandbox("--drop-after", "0.3", "--latency", "1..5")
        report = self.send(40, ok=(3,))
        lost = report["unconfirmed"]
        self.assertGreater(lost, 3)
        rows = self.rows("messages", "1", "--state", "unconfirmed")
        one = self.program.json("resolve", "1", "--as", "sent", "--message", rows[0]["message"], "--actor", "ana")
        self.assertEqual((one["sent"], one["unconfirmed"]), (report["sent"] + 1, lost - 1))
        twice = self.program.run("resolve", "1", "--as", "sent", "--message", rows[0]["message"])
        self.assertEqual(twice.returncode, 1)
        self.assertIn(b"is sent, not unconfirmed", twice.stderr)
        wrong = self.program.run("resolve", "1", "--as", "sent", "--message", "seven")
        self.assertEqual(wrong.returncode, 1)
        self.assertIn(b"is no message", wrong.stderr)
        rest = self.program.json("resolve", "1", "--as", "not-sent", "--actor", "ben", "--reason", "asked them")
        self.assertEqual((rest["failed"], rest["unconfirmed"]), (lost - 1, 0))
        books = self.audit()
        self.assertEqual((books["spent"], books["reserved"]), (rest["sent"], 0))
        for states, count in (("failed,undelivered,unconfirmed,skipped", lost - 1), ("sent,failed", 40), 
                              ("read,failed", lost - 1)):
            listed = self.rows("log", "1", "--state", states)
            self.assertEqual(len({row["message"] for row in listed}), count, states)
            self.assertEqual(len(listed), count, states)
        self.assertIn(b"no message state", self.program.run("log", "1", "--state", "failed,").stderr)

    def test_a_server_fault_can_be_taken_for_no_proof(self):
        self.sandbox("--errors", "131000:1")
        self.sender = harness.sender_file(self.folder / "sender.json", self.provider.origin, server_faults_refuse=False)
        report = self.send(3, ok=(3,))
        self.assertEqual((report["unconfirmed"], report["failed"]), (3, 0))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    given, rest = parser.parse_known_args()
    BIN = given.bin.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
