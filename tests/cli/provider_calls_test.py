#!/usr/bin/env python3
"""Templates and media, asked of a real sandbox by the real program.

    python3 tests/cli/provider_calls_test.py --bin build/release/bin
"""

import argparse
import json
import pathlib
import sys
import tempfile
import unittest

from harness import DATA, PHONE_NUMBER_ID, Program, Sandbox, TOKEN, contacts_file, sender_file

BIN = None
ORDER_UPDATE = json.loads((DATA / "order_update.json").read_text())


def template(name, **changes):
    made = dict(ORDER_UPDATE, name=name, **changes)
    del made["id"]
    return made


class ProviderCalls(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="provider-calls-")
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        page = self.folder / "templates.json"
        # Three pages: 100 are asked for at a time.
        page.write_text(json.dumps([ORDER_UPDATE] + [template(f"t{n:03}") for n in range(249)]))
        self.sandbox = Sandbox(BIN, self.folder / "sandbox", templates=page)
        self.addCleanup(self.sandbox.stop)
        self.program = Program(BIN / "bulkmsg", self.folder / "store")
        self.sender = sender_file(self.folder / "sender.json", self.sandbox.origin)

    def fetch(self):
        found = self.program.json("templates", "fetch", "--sender", self.sender)
        return [found[key] for key in ("added", "changed", "unchanged", "gone")]

    def refused(self, *arguments):
        done = self.program.run(*arguments)
        self.assertEqual(done.returncode, 1, done.stdout)
        message = done.stderr.decode()
        self.assertEqual(message.count("\n"), 1, message)
        self.assertNotIn(TOKEN, message)
        return message

    def send(self, *arguments):
        contacts = contacts_file(self.folder / "contacts.csv", 20)
        return self.program.json("send", "--sender", self.sender, "--csv", contacts, "--quiet", *arguments)

    def test_templates_are_fetched_page_by_page_even_when_cursors_expire(self):
        self.sandbox.control("faults", b'{"expire_cursors":1}')
        self.assertEqual(self.fetch(), [250, 0, 0, 0])
        self.assertEqual(len(self.program.json("templates", "list")), 250)
        self.sandbox.control("faults", b'{"expire_cursors":100}')
        self.assertIn("expired", self.refused("templates", "fetch", "--sender", self.sender))

    def test_changes_at_the_provider_are_found(self):
        self.fetch()
        self.sandbox.control("template-status", b'{"name":"t001","status":"PAUSED"}')
        self.sandbox.control("templates", json.dumps([template("t002", category="MARKETING"), template("new")]).encode())
        self.assertEqual(self.fetch(), [1, 2, 248, 0])
        self.assertEqual([t["name"] for t in self.program.json("templates", "list", "--status", "PAUSED")], ["t001"])
        shown = self.program.json("templates", "show", "t002:en_US")
        self.assertEqual((shown["category"], shown["template"]["category"]), ("MARKETING", "MARKETING"))
        self.assertIn("t001 (en_US): PAUSED", self.program.run("templates", "show", "t001").stdout.decode())

    def test_a_campaign_is_sent_with_a_template_by_name(self):
        report = self.send("--template", "order_update:en_US")
        self.assertEqual((report["state"], report["sent"]), ("completed", 20))
        self.assertEqual(len(self.sandbox.accepted()), 20)

    def test_what_cannot_be_sent_by_name_is_told(self):
        self.sandbox.control("template-status", b'{"name":"t001","status":"PAUSED"}')
        contacts = contacts_file(self.folder / "contacts.csv", 2)
        line = ["send", "--sender", self.sender, "--csv", contacts, "--quiet", "--template"]
        self.assertIn("PAUSED", self.refused(*line, "t001"))
        self.assertIn("templates fetch", self.refused(*line, "nobody"))
        self.assertIn("no template is kept by the name 'order_update' in de", self.refused(*line, "order_update:de"))
        self.assertEqual(self.program.campaigns(), [])
        self.assertEqual(self.sandbox.accepted(), [])

    def test_a_wrong_token_and_no_account_are_told(self):
        self.sandbox.control("token", b"another")
        self.assertIn("token", self.refused("templates", "fetch", "--sender", self.sender))
        self.assertIn("token", self.refused("media", "put", DATA / "order_update.json", "--sender", self.sender))
        self.sandbox.control("token", TOKEN.encode())
        self.sender = sender_file(self.folder / "other.json", self.sandbox.origin, business_account_id="")
        self.assertIn("business_account_id", self.refused("templates", "fetch", "--sender", self.sender))

    def test_a_file_is_uploaded_once(self):
        photo = self.folder / "photo.jpg"
        photo.write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)) * 1000)
        first = self.program.json("media", "put", photo, "--sender", self.sender, "--kind", "image")
        copy = self.folder / "copy.bin"
        copy.write_bytes(photo.read_bytes())
        self.assertEqual(self.program.json("media", "put", copy, "--sender", self.sender)["id"], first["id"])
        self.assertEqual((first["mime"], first["phone_number_id"]), ("image/jpeg", PHONE_NUMBER_ID))
        self.assertEqual([m["id"] for m in self.program.json("media", "list")], [first["id"]])
        plain = self.program.run("media", "put", photo, "--sender", self.sender, "--quiet")
        self.assertEqual(plain.stdout.decode(), first["id"] + "\n")

    def test_a_file_that_the_provider_would_not_take_is_told(self):
        text = self.folder / "photo.jpg"
        text.write_bytes(b"<html>not found</html>")
        self.assertIn("text/plain", self.refused("media", "put", text, "--sender", self.sender, "--kind", "image"))
        self.assertIn("none.jpg", self.refused("media", "put", self.folder / "none.jpg", "--sender", self.sender))
        self.assertEqual(self.program.json("media", "list"), [])


def main():
    global BIN
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    given, rest = parser.parse_known_args()
    BIN = given.bin
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
