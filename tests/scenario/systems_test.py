#!/usr/bin/env python3
"""The jobs of four systems, step by step with the command-line tool, in the order in which each system's documentation
has them: a reader who comes from one of them finds the same steps here. The provider is the sandbox, or a chat server
on loopback.

    systems_test.py --bin build/release/bin [unittest's own arguments]
"""

import argparse
import csv
import datetime
import io
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "cli"), str(TESTS / "channels")]
import harness
from chat_servers import Telegram, WebsiteChat

BIN = None
LINGER = 4 * harness.PATIENCE  # it ends when nothing has come for a quarter of that, or all has


class Scenario(unittest.TestCase):
    token = harness.TOKEN

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="bulkmsg-scenario-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.program = harness.Program(BIN / "bulkmsg", self.folder / "store.bulkmsg")
        self.env = harness.environment(BULKMSG_TOKEN=self.token)

    def file(self, name, what):
        path = self.folder / name
        path.write_text(what if isinstance(what, str) else json.dumps(what))
        return path

    def run_fine(self, *arguments, code=0):
        done = self.program.run(*arguments, env=self.env)
        self.assertEqual(done.returncode, code, done.stderr.decode())
        return done.stdout.decode()

    def told(self, *arguments, code=0):
        return json.loads(self.run_fine(*arguments, "--json", code=code))

    def lines(self, *arguments):
        return [json.loads(line) for line in self.run_fine(*arguments, "--json").splitlines()]

    def refused(self, *arguments):
        done = self.program.run(*arguments, env=self.env)
        self.assertEqual(done.returncode, 1, done.stdout.decode())
        return done.stderr.decode()

    def chat_server(self, server, sender, **more):
        self.addCleanup(server.stop)
        settings = json.loads((harness.DATA / "channels" / sender).read_text())
        return self.file("sender.json", {**settings, "origin": server.origin, **more})


class WhatsAppTemplateBroadcasts(Scenario):
    """Kapso's: approved templates, a CSV with phone numbers and parameters, batches, live progress, counters."""

    def test_step_by_step(self):
        sandbox = harness.Sandbox(BIN, self.folder, "--latency", "5..20", "--webhook-delay", "1..20", "--read-ratio", "1")
        self.addCleanup(sandbox.stop)
        sender = harness.sender_file(self.folder / "sender.json", sandbox.origin, agent="",
                                     limits="50/s; 500/batch,10s; in-flight=64")

        # 1. Download the CSV template: a phone_number column, and one for each parameter.
        no_store = self.program.cli, "template-csv", "--template", harness.TEMPLATE
        header = subprocess.run([str(x) for x in no_store], capture_output=True, check=True).stdout.decode()
        self.assertEqual(header.splitlines()[0], ",".join(harness.COLUMNS))

        # 2. Create the broadcast and upload the filled-in CSV. Invalid numbers, missing parameters and duplicates are
        #    flagged and skipped; the rest is taken.
        rows = "".join(f"{harness.address(n)},A-{n},Ana {n},a teapot,a-{n}\n" for n in range(40))
        people = self.file("people.csv", header.splitlines()[0] + "\n" + rows +
                           f"12,A-1,Bo,a mug,a-1\n{harness.address(41)},A-2,,a mug,a-2\n{harness.address(0)},A-3,Cy,x,a-3\n")
        draft = self.told("send", "--sender", sender, "--template", harness.TEMPLATE, "--csv", people, "--draft", "--name",
                          "Order updates", "--agent", "ana", "--actor", "ben")
        self.assertEqual((draft["state"], draft["total"], draft["skipped"]), ("draft", 43, 3))
        reasons = {row["code"] for row in self.lines("rejected", "1")}
        self.assertEqual(len(reasons), 3, "a number, a parameter and a duplicate")

        # 3. Test it on your own phone, with a real row's data.
        test = self.told("test-send", "1", "--to", "+4915299999999", "--row", "3")
        self.assertEqual((test["sent"], test["test_of"]), (1, 1))
        self.assertEqual([m["to"] for m in sandbox.accepted()], ["+4915299999999"])
        self.assertEqual(self.told("status", "1")["sent"], 0, "outside the broadcast's counters")

        # 4. Schedule it for later; a schedule can be cancelled.
        planned = self.told("schedule", "1", "--at", "2027-06-01 09:00 Europe/Berlin")
        self.assertEqual((planned["state"], planned["messages"]), ("scheduled", 40))
        self.run_fine("cancel", "1")

        # 5. Send it now, with live progress and webhooks; what was planned is what is sent.
        report = self.told("start", "1", "--listen", f"127.0.0.1:{sandbox.webhook_port}", "--linger", LINGER, "--actor", "ben")
        self.assertEqual((report["state"], report["total"], report["sent"], report["failed"]), ("completed", 43, 40, 0))
        self.assertEqual((report["delivered"], report["read"]), (40, 40))
        self.assertEqual(len({m["to"] for m in sandbox.accepted()}), 41)

        # 6. Per-message status with every time, to look at or to export.
        log = list(csv.DictReader(io.StringIO(self.run_fine("log", "1", "--csv"))))
        self.assertEqual(len(log), 40)
        self.assertTrue(all(m["sent_at_ms"] and m["delivered_at_ms"] and m["read_at_ms"] for m in log))
        self.assertEqual(len(self.lines("log", "1", "--state", "read")), 40)
        self.assertEqual(len(self.lines("log", "1", "--address", harness.address(7))), 1)

        # 7. Completed is read-only.
        for call in (["start", "1"], ["schedule", "1", "--at", "2027-06-01 09:00 Z"], ["discard", "1"], ["pause", "1"]):
            self.assertIn("a campaign that is completed", self.refused(*call), call)

        # 8. Who did what.
        history = [(h["actor"], h["action"]) for h in self.lines("history", "1")]
        self.assertEqual([h for h in history if h[0] == "ben"], [("ben", "create"), ("ben", "start"), ("ben", "send")])
        self.assertEqual(history[-1], ("engine", "complete"))

    def test_a_primary_agent_is_required(self):
        sandbox = harness.Sandbox(BIN, self.folder)
        self.addCleanup(sandbox.stop)
        people = harness.contacts_file(self.folder / "people.csv", 1)
        sender = harness.sender_file(self.folder / "sender.json", sandbox.origin, agent="")
        report = self.told("send", "--sender", sender, "--template", harness.TEMPLATE, "--csv", people, "--quiet")
        self.assertNotEqual(report["agent"], "", "whoever sends, when nobody is named")


    def test_what_comes_back_step_by_step(self):
        news = {"name": "news", "language": "en_US", "status": "APPROVED", "category": "MARKETING",
                "components": [{"type": "BODY", "text": "Hi {{1}}, news!", "example": {"body_text": [["Ana"]]}}]}
        template = self.file("news.json", news)
        sandbox = harness.Sandbox(BIN, self.folder, "--latency", "1..10", templates=template)
        self.addCleanup(sandbox.stop)
        sender = harness.sender_file(self.folder / "sender.json", sandbox.origin, limits="200/s; in-flight=2", reply_to="support")
        people = self.file("people.csv", "phone_number,param1\n" +
                           "".join(f"{harness.address(n)},Ana {n}\n" for n in range(120)))
        listen = "--listen", f"127.0.0.1:{sandbox.webhook_port}"

        # 1. A broadcast is on its way.
        sandbox.crawl()
        runner = self.program.start("send", "--sender", sender, "--template", template, "--csv", people, "--consent",
                                    "web form", "--name", "Spring", "--agent", "ana", *listen, "--linger", "1", "--quiet",
                                    env=self.env)
        self.addCleanup(runner.end)
        harness.wait_until(lambda: len(sandbox.accepted()) >= 2, "the first messages")

        # 2. Somebody answers: the reply goes to the assigned agent, with the broadcast that it answers.
        first = sandbox.accepted()[0]
        sandbox.control("inbound", json.dumps({"from": first["to"], "text": "Where?", "context": first["wamid"]}).encode())
        told = harness.wait_until(
            lambda: next((e["payload"] for e in self.lines("events") if e["kind"] == "reply"), None), "the reply")
        self.assertEqual((told["agent"], told["conversation"], told["text"]), ("support", "new", "Where?"))
        self.assertEqual({k: told["broadcast"][k] for k in ("broadcast_id", "broadcast_name", "template_name")},
                         {"broadcast_id": 1, "broadcast_name": "Spring", "template_name": "news"})
        self.assertRegex(told["broadcast"]["template_content"], r"^Hi Ana \d+, news!$")
        self.assertRegex(told["broadcast"]["sent_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

        # 3. Two want no more, one by a word, one by the platform's button, while their messages are still queued.
        late = [harness.address(118), harness.address(119)]
        sandbox.control("inbound", json.dumps({"from": late[0], "text": "STOP"}).encode())
        sandbox.control("webhook", json.dumps({"field": "user_preferences", "value": {"user_preferences": [
            {"wa_id": late[1][1:], "category": "marketing_messages", "value": "stop", "timestamp": 1800000000}]}}).encode())
        harness.wait_until(lambda: len(self.lines("suppressions")) == 2, "the opt-outs")

        # 4. The provider refuses some for a while, and some answers get lost.
        sandbox.control("faults", {"errors": "131026:0.3", "drop_before": 0.2, "latency": "1..10"})
        harness.wait_until(lambda: (s := self.told("status", "1"))["failed"] >= 3 and s["unconfirmed"] >= 2, "trouble")
        sandbox.control("faults", b'{"off":true}')
        runner.finish(3)
        status = self.told("status", "1")
        self.assertEqual((status["state"], status["skipped"], status["responded"]), ("completed", 2, 1))
        self.assertEqual(status["sent"] + status["failed"] + status["unconfirmed"] + 2, 120)
        self.assertFalse({m["to"] for m in sandbox.accepted()} & set(late))

        # 5. A person looks at what nobody knows, and says that it did not go; what failed is sent again by a campaign of
        #    its own, and nobody who has it gets it twice.
        lost = status["unconfirmed"]
        resolved = self.told("resolve", "1", "--as", "not-sent", "--actor", "ben", "--reason", "asked them")
        self.assertEqual((resolved["unconfirmed"], resolved["failed"]), (0, status["failed"] + lost))
        child = self.told("retry", "1", "--failed", "--all")
        self.assertEqual((child["parent"], child["sent"], child["state"]), (1, status["failed"] + lost, "completed"))
        reached = [m["to"] for m in sandbox.accepted()]
        self.assertEqual(sorted(reached), sorted(harness.address(n) for n in range(118)))
        self.assertIn("taken over by campaign 2", self.refused("retry", "1", "--failed", "--all"))
        self.assertEqual(self.told("status", "1")["children"], [2])

        # 6. Who did what.
        history = [(h["actor"], h["action"]) for h in self.lines("history", "1")]
        self.assertIn(("ben", "resolve"), history)
        self.assertIn("retry", [action for _, action in history])

    def test_a_schedule_fires_and_one_that_is_cancelled_does_not(self):
        sandbox = harness.Sandbox(BIN, self.folder)
        self.addCleanup(sandbox.stop)
        sender = harness.sender_file(self.folder / "sender.json", sandbox.origin)
        utc_now = lambda: datetime.datetime.now(datetime.timezone.utc)  # noqa: E731

        def draft(first):
            people = harness.contacts_file(self.folder / f"{first}.csv", 5, first)
            return self.told("send", "--sender", sender, "--template", harness.TEMPLATE, "--csv", people, "--draft")["campaign"]

        def schedule(campaign, ahead):
            """When it is due, in so many seconds; None when that was over before the program looked."""
            at = utc_now() + datetime.timedelta(seconds=ahead)
            done = self.program.run("schedule", campaign, "--at", at.strftime("%Y-%m-%d %H:%M:%S Z"), "--json", env=self.env)
            if done.returncode != 0:
                return None
            planned = json.loads(done.stdout)
            self.assertEqual((planned["state"], planned["messages"]), ("scheduled", 5))
            return at

        for ahead in (4, 60):  # the second only where a command takes seconds
            cancelled = draft(100 * ahead)
            due = schedule(cancelled, ahead)
            if due and self.program.run("cancel", cancelled, env=self.env).returncode == 0:
                break
        kept = draft(0)
        self.assertTrue(schedule(kept, 4) or schedule(kept, 60))
        runner = self.program.start("run", env=self.env)
        self.addCleanup(runner.end)
        harness.wait_until(lambda: self.told("status", kept)["state"] == "completed", "the schedule")
        harness.wait_until(lambda: utc_now() > due, "the time of the cancelled one")
        self.assertEqual(self.told("status", cancelled)["state"], "draft")
        reached = {m["to"] for m in sandbox.accepted()}
        self.assertLessEqual({harness.address(n) for n in range(5)}, reached)
        self.assertFalse({harness.address(100 * ahead + n) for n in range(5)} & reached)

    def test_several_numbers_share_one_broadcast_step_by_step(self):
        boxes = [harness.Sandbox(BIN, self.folder / name, phone_number_id=name) for name in ("20000001", "20000002")]
        for each in boxes:
            self.addCleanup(each.stop)
        senders = [harness.sender_file(self.folder / f"{box}.json", each.origin, name=f"number {box}", limits="200/s",
                                       phone_number_id=f"2000000{box}") for box, each in enumerate(boxes, 1)]
        over = [x for sender in senders for x in ("--sender", sender)]

        # 1. What goes over which, before anything goes.
        people = harness.contacts_file(self.folder / "people.csv", 60)
        line = ["send", *over, "--template", harness.TEMPLATE, "--csv", people, "--name", "Both"]
        shares = self.told(*line, "--dry-run")["by_sender"]
        self.assertEqual(sum(shares.values()), 60)
        self.assertTrue(all(n > 10 for n in shares.values()), shares)

        # 2. Each person gets it once, from one of the numbers; the log says from which.
        report = self.told(*line, "--quiet")
        self.assertEqual((report["state"], report["sent"], report["sender"]), ("completed", 60, "number 1, number 2"))
        self.assertEqual([len(box.accepted()) for box in boxes], list(shares.values()))
        log = list(csv.DictReader(io.StringIO(self.run_fine("log", report["campaign"], "--csv"))))
        by_log = [{m["address"] for m in log if m["sender"] == f"number {n}"} for n in (1, 2)]
        self.assertEqual([{m["to"] for m in box.accepted()} for box in boxes], by_log)

        # 3. The next broadcast reaches everybody from the number that they know.
        self.told(*line[:-1], "Again", "--quiet")
        for box, known in zip(boxes, by_log):
            self.assertEqual({m["to"] for m in box.accepted()}, known)

        # 4. Numbers of different channels do not go together.
        bot = harness.DATA / "channels" / "telegram_sender.json"
        self.assertIn("of different channels", self.refused("send", "--sender", senders[0], "--sender", bot, "--template",
                                                            harness.TEMPLATE, "--csv", people, "--dry-run"))


class WhatsAppGroupsAndCredits(Scenario):
    """Periskope's: chats, groups or a CSV; own messages to save and reuse; preview; credits; the live log."""

    def test_step_by_step(self):
        sandbox = harness.Sandbox(BIN, self.folder)
        self.addCleanup(sandbox.stop)
        sender = harness.sender_file(self.folder / "sender.json", sandbox.origin)

        # 1. The plan: 3,000 credits a month per user and additional phone, top-ups that never expire.
        self.run_fine("credits", "plan", "shop", "--users", "1", "--per-user", "3000")
        self.run_fine("credits", "topup", "shop", "500", "--id", "order-7")

        # 2. Write a message, save it, and look at it with a row's data.
        own = self.file("own.json", {"type": "text", "text": {"body": "Hello {{first_name}}, we open at nine."}})
        self.run_fine("own", "save", "opening", own)
        groups = self.file("groups.csv", "group_id,first_name\n" +
                           "".join(f"Y2FwaV9ncm91cDo{n},group {n}\n" for n in range(3)))

        # 3. What it costs and whom it reaches, before anything goes.
        line = ["send", "--sender", sender, "--message", "own:opening", "--csv", groups, "--account", "shop", "--name",
                "Opening hours"]
        plan = self.told(*line, "--dry-run")
        self.assertEqual((plan["messages"], plan["credits"], plan["credits_available"]), (3, 3, 3500))

        # 4. Send it: one credit a message, the monthly ones first.
        report = self.told(*line, "--quiet")
        self.assertEqual((report["sent"], report["credits_spent"]), (3, 3))
        balances = self.told("credits", "audit", "shop")
        self.assertEqual((balances["spent"], balances["available_topup"]), (3, 500))

        # 5. The live message log, and the saved message again for others.
        self.assertEqual({m["state"] for m in self.lines("log", report["campaign"])}, {"sent"})
        again = self.told("send", "--sender", sender, "--message", "own:opening", "--list", "group:Y2FwaV9ncm91cDo9",
                          "--map", "first_name=|all", "--account", "shop", "--quiet")
        self.assertEqual(again["sent"], 1)


class WebsiteChannelCampaigns(Scenario):
    """Subiz's: a named campaign, its steps in order, sent from an employee, customers picked by conditions."""

    token = WebsiteChat.KEY

    def test_step_by_step(self):
        site = WebsiteChat()
        description = json.loads((harness.DATA / "channels" / "website_chat.json").read_text())
        sender = self.chat_server(site, "website_chat_sender.json", channel_description=description)

        # 1. Name it, write the message, say who it is from and who gets the replies, choose the customers.
        hello = self.file("hello.json", {"type": "text", "text": {"body": "Hello {{first_name}} \U0001f44b"}})
        visitors = self.file("visitors.csv", "chat_id,first_name\nv-1,Ana\nv-2,Ben\nv-3,Cy\n")
        draft = self.told("send", "--sender", sender, "--message", hello, "--csv", visitors, "--name", "Welcome", "--agent",
                          "eva", "--reply-to", "support", "--draft")
        self.assertEqual((draft["name"], draft["agent"], draft["reply_to"]), ("Welcome", "eva", "support"))

        # 2. A mock preview of what a customer sees.
        preview = subprocess.run([str(x) for x in (self.program.cli, "preview", "--message", hello, "--csv", visitors,
                                                   "--row", "2")], capture_output=True)
        self.assertIn("Hello Ben", preview.stdout.decode(), preview.stderr.decode())

        # 3. Nothing is missing; activate it.
        self.assertNotIn("missing:", self.run_fine("status", "1"))
        report = self.told("start", "1", "--quiet")
        self.assertEqual((report["state"], report["sent"]), ("completed", 3))
        self.assertEqual(site.accepted["v-2"], {"text": "Hello Ben \U0001f44b", "sent_from": {"employee": "eva"},
                                                "reply_to": "support"})

        # 4. Once activated: no edit, no cancel.
        for call in (["cancel", "1"], ["start", "1"], ["discard", "1"], ["test-send", "1", "--to", "v-9"]):
            self.assertIn("a campaign that is completed", self.refused(*call), call)

        # 5. The performance view.
        status = self.told("status", "1")
        self.assertEqual((status["total"], status["completed"], status["progress_permille"]), (3, 3, 1000))


class AnyChannelBroadcasts(Scenario):
    """Chat platforms': a comma-separated list of chat numbers, a text, the list of sent broadcasts."""

    token = Telegram.TOKEN

    def test_step_by_step(self):
        bot = Telegram()
        sender = self.chat_server(bot, "telegram_sender.json")

        # 1. Type the numbers and the text, and send.
        text = self.file("text.json", {"type": "text", "text": {"body": "We are closed on Monday."}})
        report = self.told("send", "--sender", sender, "--message", text, "--list", "1001,1002,1003", "--name", "Monday",
                           "--agent", "ana", "--quiet")
        self.assertEqual((report["total"], report["sent"]), (3, 3))
        self.assertEqual({chat for _, chat, _, _ in bot.accepted}, {"1001", "1002", "1003"})
        self.told("send", "--sender", sender, "--message", text, "--list", "1004", "--name", "Tuesday", "--agent", "ben",
                  "--draft")

        # 2. The list of broadcasts: number, message, agent, creation time, total, completed, status; filtered.
        broadcasts = self.told("list")
        self.assertEqual([(b["campaign"], b["name"], b["agent"], b["total"], b["completed"], b["state"]) for b in broadcasts],
                         [(1, "Monday", "ana", 3, 3, "completed"), (2, "Tuesday", "ben", 1, 0, "draft")])
        self.assertTrue(all(b["created_at_ms"] > 0 and b["content"] for b in broadcasts))
        self.assertEqual([b["name"] for b in self.told("list", "--state", "completed")], ["Monday"])
        self.assertEqual([b["name"] for b in self.told("list", "--agent", "ben")], ["Tuesday"])
        self.assertIn("bulkmsg_messages_sent_total 3", self.run_fine("metrics"))


class TheStoreItself(Scenario):
    """What an operator does beside: backup, adopting a copy, forgetting a person, retention."""

    def test_step_by_step(self):
        sandbox = harness.Sandbox(BIN, self.folder)
        self.addCleanup(sandbox.stop)
        people = harness.contacts_file(self.folder / "people.csv", 5)
        sender = harness.sender_file(self.folder / "sender.json", sandbox.origin)
        self.told("send", "--sender", sender, "--template", harness.TEMPLATE, "--csv", people, "--quiet")

        # A backup opens for reading, and says so when it is to send.
        copy = harness.Program(self.program.cli, self.folder / "copy.bulkmsg")
        self.run_fine("backup", "--to", copy.store)
        for call in (["run"], ["pause", "1"], ["start", "1"], ["forget", harness.address(0)]):
            self.assertIn("adopt", copy.run(*call, env=self.env).stderr.decode(), call)
        self.assertEqual(copy.json("status", "1")["sent"], 5)
        self.assertEqual(copy.run("adopt", "--actor", "ana", env=self.env).returncode, 0)
        self.assertIn("nothing to adopt", copy.run("adopt", env=self.env).stderr.decode())

        # A person is forgotten; the counters stay.
        self.assertIn("1 recipients", self.run_fine("forget", harness.address(3), "--reason", "asked", "--actor", "ana"))
        self.assertEqual(self.told("status", "1")["sent"], 5)
        self.assertEqual(self.lines("log", "1", "--address", harness.address(3)), [])
        self.run_fine("retention", "--days", "90")
        self.assertIn("90 days", self.run_fine("retention"))
        actions = [(h["actor"], h["action"]) for h in self.lines("history") if h["campaign"] == 0]
        self.assertEqual([a for _, a in actions], ["backup", "forget", "retention"])
        self.assertIn(("ana", "forget"), actions)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    given, rest = parser.parse_known_args()
    BIN = given.bin.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
