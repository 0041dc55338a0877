#!/usr/bin/env python3
"""Every bad input is answered by one line that says what and what to do, and leaves nothing half-done.

    bad_input_test.py --bin build/release/bin [unittest's own arguments]
"""

import argparse
import json
import pathlib
import sqlite3
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness
from harness import APP_SECRET, TOKEN

BIN = None


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory(prefix="bulkmsg-bad-")
        cls.sandbox = harness.Sandbox(BIN, pathlib.Path(cls.shared.name))

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.stop()
        cls.shared.cleanup()

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="bulkmsg-bad-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        self.program = harness.Program(BIN / "bulkmsg", self.folder / "store.bulkmsg")
        self.sender = harness.sender_file(self.folder / "sender.json", self.sandbox.origin)
        self.template = harness.TEMPLATE
        self.csv = harness.contacts_file(self.folder / "contacts.csv", 5)
        self.accepted_before = len(self.sandbox.accepted())

    def send(self, *more, env=None):
        return self.program.run("send", "--sender", self.sender, "--template", self.template, "--csv", self.csv, *more,
                                env=env)

    def refuse(self, done, *words):
        """One line, with all of `words`, and what to do; nothing on stdout; the error exit code; no secret anywhere."""
        said = done.stderr.decode()
        self.assertEqual(done.returncode, 1, said)
        self.assertEqual(done.stdout, b"")
        self.assertRegex(said, r"\Abulkmsg: [^\n]+; [^\n]+\n\Z")
        for word in words:
            self.assertIn(word.lower(), said.lower())
        self.expect_no_secret(done)

    def expect_no_secret(self, *runs):
        for done in runs:
            for text in (done.stdout, done.stderr):
                self.assertNotIn(TOKEN.encode(), text)
                self.assertNotIn(APP_SECRET.encode(), text)
        for file in self.folder.glob("store.bulkmsg*"):
            bytes_ = file.read_bytes()
            self.assertNotIn(TOKEN.encode(), bytes_, file)
            self.assertNotIn(APP_SECRET.encode(), bytes_, file)

    def refuse_send(self, *words, more=(), env=None, campaigns=0):
        done = self.send(*more, env=env)
        self.refuse(done, *words)
        self.assertEqual(len(self.program.campaigns()), campaigns, "a refused send left a campaign")
        self.assertEqual(len(self.sandbox.accepted()), self.accepted_before, "a refused send sent something")
        return done.stderr.decode()

    # Files.

    def test_missing_csv(self):
        self.csv = self.folder / "nowhere.csv"
        self.refuse_send("nowhere.csv")
        self.assertFalse(self.program.store.exists(), "a typing error made a store")

    def test_csv_is_a_directory(self):
        self.csv = self.folder
        self.refuse_send(str(self.folder), "directory")

    def test_missing_sender_file(self):
        self.sender = self.folder / "nowhere.json"
        self.refuse_send("nowhere.json")

    def test_missing_template_file(self):
        self.template = self.folder / "nowhere.json"
        self.refuse_send("nowhere.json")

    def test_empty_csv(self):
        self.csv.write_bytes(b"")
        self.refuse_send("contacts.csv", "empty")

    def test_csv_without_phone_number(self):
        self.csv.write_text("phone,param1\n+4915112345678,Ana\n")
        self.refuse_send("contacts.csv", "phone_number")

    def test_csv_that_is_not_utf8(self):
        self.csv.write_bytes(self.csv.read_bytes() + "+4915112345678,A-1,J\u00fcrgen,a book,a-1\n".encode("latin-1"))
        self.refuse_send("contacts.csv", "utf-8")

    def test_csv_without_a_column_the_template_needs(self):
        self.csv.write_text("phone_number,param1\n+4915112345678,Ana\n")
        self.refuse_send("contacts.csv", "param")

    def test_csv_without_one_good_row(self):
        self.csv.write_text(",".join(harness.COLUMNS) + "\nnobody,A,B,C,D\n")
        self.refuse_send()

    # Templates.

    def template_with(self, **changes):
        self.template = self.folder / "template.json"
        self.template.write_text(json.dumps(json.loads(harness.TEMPLATE.read_text()) | changes))

    def test_template_that_is_not_approved(self):
        self.template_with(status="PENDING")
        self.refuse_send("template.json", "approved")

    def test_template_that_is_not_json(self):
        self.template = self.folder / "template.json"
        self.template.write_text("{")
        self.refuse_send("template.json")

    # Senders and secrets.

    def test_sender_file_that_is_not_json(self):
        self.sender.write_text("origin: here")
        self.refuse_send("sender.json")

    def test_sender_file_with_an_unknown_field(self):
        harness.sender_file(self.sender, self.sandbox.origin, colour="red")
        self.refuse_send("sender.json", "colour")

    def test_a_secret_written_where_its_name_belongs_is_not_repeated(self):
        harness.sender_file(self.sender, self.sandbox.origin, token=TOKEN)
        self.refuse_send("token", "env:")

    def test_missing_secret_in_the_environment(self):
        self.refuse_send("BULKMSG_TOKEN", env=harness.environment(BULKMSG_TOKEN=None))

    def test_missing_secret_file(self):
        harness.sender_file(self.sender, self.sandbox.origin, token=f"file:{self.folder}/no-token")
        self.refuse_send("no-token")

    def test_wrong_token(self):
        self.refuse_send("token", env=harness.environment(BULKMSG_TOKEN="another-token-000"))

    def test_wrong_limits(self):
        self.refuse_send("limit", more=["--limits", "fast"])

    def test_plain_http_to_another_machine(self):
        harness.sender_file(self.sender, "http://graph.example.com")
        self.refuse_send("http", "sender.json")

    # Provider.

    def test_provider_that_is_down(self):
        origin = f"http://127.0.0.1:{harness.free_port()}"
        harness.sender_file(self.sender, origin)
        self.refuse_send(origin.removeprefix("http://"))

    # Stores.

    def test_store_of_a_newer_version(self):
        self.assertEqual(self.program.run("credits", "plan", "shop").returncode, 0)
        with sqlite3.connect(self.program.store) as db:
            db.execute("PRAGMA user_version = 999")
        db.close()
        before = self.program.store.read_bytes()
        self.refuse(self.send(), "newer")
        self.refuse(self.program.run("list"), "newer")
        self.assertEqual(self.program.store.read_bytes(), before, "a refused store was changed")

    def test_store_that_is_another_file(self):
        self.program.store.write_bytes(b"dear diary, " * 1000)
        before = self.program.store.read_bytes()
        self.refuse(self.send(), "store.bulkmsg")
        self.assertEqual(self.program.store.read_bytes(), before)

    def test_store_that_another_process_runs(self):
        harness.contacts_file(self.csv, 5000)
        first = self.program.start("send", "--sender", self.sender, "--template", self.template, "--csv", self.csv,
                                   "--limits", "20/s", "--quiet")
        self.addCleanup(first.end)
        harness.wait_until(lambda: any(c["sent"] for c in self.program.campaigns()), "the first to send")
        self.refuse(self.send(), "store.bulkmsg")
        self.assertEqual(len(self.program.campaigns()), 1)
        first.terminate()
        first.finish(4)

    def test_store_in_a_folder_that_is_not_there(self):
        self.program.store = self.folder / "nowhere" / "store.bulkmsg"
        self.refuse(self.send(), "nowhere")

    def test_looking_into_a_missing_store(self):
        for command in (["list"], ["status"], ["messages", "1"], ["rejected", "1"], ["resume"], ["pause", "1"],
                        ["stop", "1"], ["discard", "1"], ["credits", "show", "x"], ["credits", "audit", "x"],
                        ["receive", "--listen", "127.0.0.1:0"]):
            with self.subTest(command=command):
                self.refuse(self.program.run(*command), "store.bulkmsg")
                self.assertFalse(self.program.store.exists())

    # Credits.

    def test_not_enough_credits_says_how_many_are_missing(self):
        self.assertEqual(self.program.run("credits", "plan", "small", "--users", "1", "--per-user", "3").returncode, 0)
        self.refuse_send("2", "credit", more=["--account", "small"])
        account = self.program.json("credits", "show", "small")
        self.assertEqual((account["available"], account["reserved"], account["spent"]), (3, 0, 0))

    def test_unknown_account(self):
        self.refuse_send("nobody", more=["--account", "nobody"])

    # The command line itself.

    def test_unknown_option(self):
        self.refuse_send("--fast", more=["--fast"])

    def test_missing_option(self):
        self.refuse(self.program.run("send"), "--sender")

    def test_unknown_command(self):
        self.refuse(self.program.run("spam"))

    def test_map_to_a_slot_that_the_template_does_not_have(self):
        self.refuse_send("body.9", "body.1", more=["--map", "body.9=param1"])

    def test_malformed_map(self):
        self.refuse_send("--map", more=["--map", "param1"])

    def test_map_to_a_column_that_is_not_there(self):
        self.refuse_send("first_name", more=["--map", "body.1=first_name"])

    def test_listening_where_it_cannot(self):
        self.refuse_send("nowhere", more=["--listen", "nowhere"])

    def test_unknown_campaign(self):
        self.assertEqual(self.program.run("credits", "plan", "shop").returncode, 0)
        for command in (["status", "77"], ["messages", "77"], ["rejected", "77"], ["pause", "77"], ["stop", "77"],
                        ["resume", "77"], ["discard", "77"]):
            with self.subTest(command=command):
                self.refuse(self.program.run(*command), "77")

    def test_unknown_message_state(self):
        self.assertEqual(self.program.run("credits", "plan", "shop").returncode, 0)
        self.refuse(self.program.run("messages", "1", "--state", "gone"), "gone")

    def test_forged_webhook(self):
        self.assertEqual(self.send("--quiet").returncode, 0)
        body = b'{"object":"whatsapp_business_account"}'
        done = self.program.run("ingest", "--signature", "sha256=" + "0" * 64, stdin=body)
        self.refuse(done, "signature")

    # The other half of "no secret anywhere": a run that works leaves none either.

    def test_no_secret_is_stored_or_printed(self):
        done = self.send()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.expect_no_secret(done, self.program.run("status", "--json"), self.program.run("messages", "1", "--json"))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(add_help=False)
    arguments.add_argument("--bin", type=pathlib.Path, default=harness.ROOT / "build" / "release" / "bin")
    given, rest = arguments.parse_known_args()
    BIN = given.bin.resolve()
    unittest.main(argv=[sys.argv[0], *rest])
