#!/usr/bin/env python3
"""Campaigns over chat channels, as a user runs them: Telegram and a described website chat, judged by their servers.

    chat_test.py --bin build/release/bin [unittest's own arguments]
"""

import argparse
import collections
import json
import pathlib
import sqlite3
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cli")]
import harness
from chat_servers import Telegram, WebsiteChat

BIN = None


class Chat(unittest.TestCase):
    token = None

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="bulkmsg-chat-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.program = harness.Program(BIN / "bulkmsg", self.folder / "store.bulkmsg")
        self.said = b""

    def serve(self, server):
        self.addCleanup(server.stop)
        return server

    def file(self, name, what):
        path = self.folder / name
        path.write_text(what if isinstance(what, str) else json.dumps(what))
        return path

    def send(self, sender, message, recipients, *more, ok=(0,)):
        """The final report of one campaign."""
        names = "chat_id,first_name\n" + "".join(f"{chat},{name}\n" for chat, name in recipients)
        done = self.program.run("send", "--sender", self.file("sender.json", sender), "--template" if "components" in message else "--message",
                                self.file("message.json", message), "--csv", self.file("chats.csv", names), "--quiet",
                                "--json", *more, env=harness.environment(BULKMSG_TOKEN=self.token))
        self.said += done.stdout + done.stderr
        self.assertIn(done.returncode, ok, done.stderr.decode())
        return json.loads(done.stdout) if done.stdout else done.stderr.decode()

    def rows(self, sql):
        db = sqlite3.connect(f"file:{self.program.store}?mode=ro", uri=True)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def first_bytes(self):
        """(Unix ms, address) of every accepted message, as the limits saw them."""
        return sorted(self.rows(
            "SELECT m.at_ms, r.address FROM messages m JOIN plan p ON p.id = m.id JOIN recipients r ON r.id = "
            "p.recipient WHERE m.state = 2"))

    def expect_no_secret(self):
        self.assertNotIn(self.token.encode(), self.said)
        for path in self.folder.glob("store.bulkmsg*"):
            self.assertNotIn(self.token.encode(), path.read_bytes(), path)


def example(name):
    return json.loads((harness.DATA / "channels" / name).read_text())


def telegram(server, **more):
    return {**example("telegram_sender.json"), "origin": server.origin, **more}


def text(words):
    return {"type": "text", "text": {"body": words}}


def people(count, first=1):
    return [(str(1000 + n), f"Ana {n}") for n in range(first, first + count)]


class TelegramBot(Chat):
    token = Telegram.TOKEN

    def test_everyone_once_under_the_limits_and_floods_are_waited_out(self):
        bot = self.serve(Telegram(flood={20, 21, 60}, unknown={"1007"}, blocked={"1011"}))
        report = self.send(telegram(bot), text("Hi {{first_name}}"), people(75))
        self.assertEqual((report["sent"], report["failed"], report["queued"], report["unconfirmed"]), (73, 2, 0, 0))
        sent = {chat: body["text"] for _, chat, _, body in bot.accepted}
        self.assertEqual(len(bot.accepted), 73)
        self.assertEqual(sent, {c: "Hi " + n for c, n in people(75) if c not in ("1007", "1011")})
        self.assertEqual(len(bot.floods), 3)
        failed = dict(self.rows("SELECT code, detail FROM messages WHERE state = 3"))
        self.assertEqual(failed, {400: "Bad Request: chat not found", 403: "Forbidden: bot was blocked by the user"})
        times = [at for at, _ in self.first_bytes()]
        for first, last in zip(times, times[30:]):  # times are cut to milliseconds
            self.assertGreaterEqual(last - first, 999, "more than 30 in a second")
        self.expect_no_secret()

    def test_nothing_leaves_before_a_flood_is_over(self):
        # One at a time, so that nothing is on the wire when the flood is told.
        bot = self.serve(Telegram(flood={3, 7}))
        report = self.send(telegram(bot, limits="30/s; 1/s per recipient; in-flight=1"), text("Hi"), people(12))
        self.assertEqual(report["sent"], 12)
        self.assertEqual(len(bot.floods), 2)
        sends = [(at, status) for at, path, _, _, status in bot.seen if path.endswith("/sendMessage")]
        for (told, status), (following, _) in zip(sends, sends[1:]):
            if status == 429:
                self.assertGreaterEqual(following - told, 1.0)

    def test_one_chat_gets_one_a_second_from_several_campaigns_and_processes(self):
        bot = self.serve(Telegram())
        for words in ("one", "two", "three"):
            report = self.send(telegram(bot), text(words), people(8))
            self.assertEqual(report["sent"], 8)
        by_chat = collections.defaultdict(list)
        for at, chat in self.first_bytes():
            by_chat[chat].append(at)
        self.assertEqual(len(by_chat), 8)
        for times in by_chat.values():
            self.assertEqual(len(times), 3)
            for first, last in zip(times, times[1:]):
                self.assertGreaterEqual(last - first, 999)

    def test_each_type_has_its_method(self):
        bot = self.serve(Telegram())
        link = "https://shop.example/a.bin"
        for message, method, body in (
                ({"type": "image", "image": {"link": link, "caption": "For {{first_name}}"}}, "sendPhoto",
                 {"chat_id": "1001", "photo": link, "caption": "For Ana 1"}),
                ({"type": "document", "document": {"link": link}}, "sendDocument",
                 {"chat_id": "1001", "document": link}),
                ({"type": "location", "location": {"latitude": "52.5", "longitude": "13.4"}}, "sendLocation",
                 {"chat_id": "1001", "latitude": "52.5", "longitude": "13.4"})):
            self.assertEqual(self.send(telegram(bot), message, people(1))["sent"], 1)
            self.assertEqual(bot.accepted[-1][2:], (method, body))

    def test_killed_and_resumed_nobody_twice(self):
        bot = self.serve(Telegram(silent_from=15))
        names = "chat_id\n" + "".join(f"{chat}\n" for chat, _ in people(60))
        running = self.program.start("send", "--sender", self.file("sender.json", telegram(bot)), "--message",
                                     self.file("message.json", text("Hi")), "--csv", self.file("c.csv", names),
                                     env=harness.environment(BULKMSG_TOKEN=self.token))
        self.addCleanup(running.end)
        harness.wait_until(lambda: len(bot.accepted) >= 15, "some messages")
        running.end()
        bot.speak.set()
        done = self.program.run("resume", "--quiet", "--json", env=harness.environment(BULKMSG_TOKEN=self.token))
        self.assertIn(done.returncode, (0, 3), done.stderr.decode())
        report = json.loads(done.stdout)
        self.assertEqual(report["sent"] + report["unconfirmed"], 60)
        chats = collections.Counter(chat for _, chat, *_ in bot.accepted)
        self.assertEqual(max(chats.values()), 1)
        self.assertGreaterEqual(len(chats), report["sent"])

    def test_a_wrong_token_is_told_without_it_and_before_anything_is_sent(self):
        bot = self.serve(Telegram())
        self.token = "999:not-the-token"
        self.send(telegram(bot), text("Hi"), people(1), ok=(1,))
        self.assertIn(b"token", self.said)
        self.assertEqual(bot.sends, 0)
        self.expect_no_secret()

    def test_what_the_channel_cannot_send_or_reach_is_told(self):
        bot = self.serve(Telegram())
        why = self.send(telegram(bot), json.loads(harness.TEMPLATE.read_text()), people(1), ok=(1,))
        self.assertIn("cannot be sent over channel 'telegram'", why)
        numbers = self.file("numbers.csv", "phone_number\n+4915112345678\n")
        done = self.program.run("send", "--sender", self.file("sender.json", telegram(bot)), "--message",
                                self.file("message.json", text("Hi")), "--csv", numbers,
                                env=harness.environment(BULKMSG_TOKEN=self.token))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(bot.sends, 0)


class Website(Chat):
    token = WebsiteChat.KEY

    def website(self, server, **more):
        return {**example("website_chat_sender.json"), "channel_description": example("website_chat.json"),
                "origin": server.origin, **more}

    def test_sent_from_and_reply_to_arrive_where_they_are_described(self):
        site = self.serve(WebsiteChat(busy={2}, gone={"v-3"}))
        visitors = [(f"v-{n}", f"Ben {n}") for n in range(1, 6)] + [("a/b?c%", "Eva")]
        report = self.send(self.website(site), text("Hello {{first_name}}"), visitors)
        self.assertEqual((report["sent"], report["failed"], report["queued"]), (5, 1, 0))
        self.assertEqual(site.accepted, {
            who: {"text": "Hello " + name, "sent_from": {"employee": "ana"}, "reply_to": "support"}
            for who, name in visitors if who != "v-3"})
        self.assertEqual(self.rows("SELECT detail FROM messages WHERE state = 3"), [("the visitor left",)])
        self.expect_no_secret()

    def test_a_campaign_has_its_own_agent_and_files(self):
        site = self.serve(WebsiteChat())
        message = {"type": "document", "document": {"link": "https://shop.example/list.pdf", "filename": "list.pdf",
                                                    "caption": "As promised"}}
        self.send(self.website(site, reply_to=""), message, [("v-1", "Ben")], "--agent", "eva")
        self.assertEqual(site.accepted["v-1"], {
            "text": "As promised", "sent_from": {"employee": "eva"},
            "attachments": [{"kind": "document", "url": "https://shop.example/list.pdf", "name": "list.pdf"}]})

    def test_a_description_may_be_a_file_and_what_is_wrong_with_it_is_told_by_path(self):
        site = self.serve(WebsiteChat())
        path = self.file("site.json", (harness.DATA / "channels" / "website_chat.json").read_text())
        self.assertEqual(self.send(self.website(site, channel_description=str(path)), text("Hi"),
                                   [("v-1", "Ben")])["sent"], 1)
        path.write_text(path.read_text().replace("{{address}}", "{{adress}}"))
        why = self.send(self.website(site, channel_description=str(path)), text("Hi"), [("v-2", "Eva")], ok=(1,))
        self.assertIn("/request/path: no {{adress}}", why)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(add_help=False)
    arguments.add_argument("--bin", type=pathlib.Path, default=harness.ROOT / "build" / "release" / "bin")
    given, rest = arguments.parse_known_args()
    BIN = given.bin.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
