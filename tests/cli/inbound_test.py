#!/usr/bin/env python3
"""What comes back, as a user of the programs sees it: the sandbox is told what people write and what the provider says,
and the store's campaigns, replies, events and suppressions follow."""

import argparse
import json
import pathlib
import sys
import tempfile
import unittest

import harness
from harness import wait_until

BIN = None
TEMPLATE = {"name": "news", "language": "en_US", "status": "APPROVED", "category": "MARKETING",
            "components": [{"type": "BODY", "text": "Hi {{1}}, news!", "example": {"body_text": [["Ana"]]}}]}


class Inbound(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="bulkmsg-inbound-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        template = self.folder / "template.json"
        template.write_text(json.dumps(TEMPLATE))
        self.sandbox = harness.Sandbox(BIN, self.folder / "sandbox", templates=template)
        self.addCleanup(self.sandbox.stop)
        self.program = harness.Program(BIN / "bulkmsg", self.folder / "store")
        self.template = template

    def write(self, **what):
        self.sandbox.control("inbound", json.dumps(what).encode())

    def lines(self, *arguments):
        done = self.program.run(*arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return [json.loads(line) for line in done.stdout.splitlines()]

    def send(self, count):
        """Begins to send, at a crawl, and receives webhooks; the process, with some messages sent."""
        self.sandbox.crawl()
        csv = self.folder / "contacts.csv"
        csv.write_text("phone_number,param1\n" + "".join(f"+49151{n:08d},Ana {n}\n" for n in range(count)))
        sender = harness.sender_file(self.folder / "sender.json", self.sandbox.origin, reply_to="support",
                                     limits="200/s; in-flight=2")
        process = self.program.start("send", "--sender", sender, "--template", self.template, "--csv", csv, "--consent",
                                     "web form", "--name", "spring", "--listen",
                                     f"127.0.0.1:{self.sandbox.webhook_port}", "--linger", "1", "--quiet")
        self.addCleanup(process.end)
        wait_until(lambda: len(self.sandbox.accepted()) >= 3, "the first messages")
        return process

    def test_people_answer_and_opt_out_while_the_campaign_is_sent(self):
        process = self.send(500)
        first = self.sandbox.accepted()[0]
        self.write(**{"from": first["to"], "text": "Yes!", "context": first["wamid"], "button": "YES"})
        self.write(**{"from": harness.address(499), "text": "Stop!"})
        wait_until(lambda: len(self.lines("replies")) == 2, "the replies")
        # Webhooks come in any order.
        replied = {r["text"]: r["campaign"] for r in self.lines("replies")}
        self.assertEqual(replied, {"Yes!": 1, "Stop!": 0}, "nothing was sent yet to who wants no more")
        self.sandbox.hurry()
        process.finish()
        sent = {m["to"] for m in self.sandbox.accepted()}
        self.assertEqual(len(sent), 499)
        self.assertNotIn(harness.address(499), sent)
        status = self.program.json("status", "1")
        self.assertEqual((status["sent"], status["skipped"], status["responded"]), (499, 1, 1))
        kinds = [e["kind"] for e in self.lines("events")]
        self.assertEqual(sorted(kinds), ["campaign", "campaign", "campaign", "opt-out", "reply", "reply"])
        self.assertEqual([e["state"] for e in self.lines("events") if e["kind"] == "campaign"],
                         ["starting", "sending", "completed"])
        told = next(e for e in self.lines("events") if e["kind"] == "reply" and e["payload"]["text"] == "Yes!")
        self.assertEqual(told["payload"]["agent"], "support")
        broadcast = told["payload"]["broadcast"]
        self.assertEqual((broadcast["broadcast_name"], broadcast["template_name"]), ("spring", "news"))
        self.assertIn("news!", broadcast["template_content"])
        self.assertEqual([s["source"] for s in self.lines("suppressions")], ["stop_word"])
        done = self.program.run("events", "--ack", self.lines("events")[-1]["id"])
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertEqual(self.lines("events"), [])

    def test_a_paused_template_holds_the_campaign_until_it_is_approved_again(self):
        process = self.send(500)
        self.sandbox.control("template-status", b'{"name":"news","status":"PAUSED"}')
        paused = wait_until(lambda: (s := self.program.json("status", "1"))["state"] == "paused" and s, "the brake")
        self.assertIn("the provider paused template 'news' (en_US)", paused["reason"])
        process.finish(4)  # `send` ends with a campaign that is paused
        self.sandbox.hurry()
        self.sandbox.control("template-status", b'{"name":"news","status":"APPROVED"}')
        runner = self.program.start("resume", "1", "--listen", f"127.0.0.1:{self.sandbox.webhook_port}", "--quiet")
        self.addCleanup(runner.end)
        runner.finish()
        self.assertEqual(len(self.sandbox.accepted()), 500)
        self.assertIn("notice", [e["kind"] for e in self.lines("events")])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, type=pathlib.Path)
    options, rest = parser.parse_known_args()
    BIN = options.bin.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
