#!/usr/bin/env python3
"""The programs of capi/guide, compiled and run as they stand there against the sandbox; and options.md, which is written
from the code (--update writes it).

    guide_test.py --guide capi/guide --include capi/include --library libbulkmsg.so --cc cc --sandbox S --data D
"""

import argparse
import ctypes
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

import c_header
import sandbox

arguments = argparse.ArgumentParser()
arguments.add_argument("--guide", type=pathlib.Path, required=True)
arguments.add_argument("--include", required=True)
arguments.add_argument("--library", type=pathlib.Path, required=True)
arguments.add_argument("--cc", required=True)
arguments.add_argument("--sandbox", required=True)
arguments.add_argument("--data", type=pathlib.Path, required=True)
arguments.add_argument("--update", action="store_true")
given, rest = arguments.parse_known_args()
given.header = pathlib.Path(given.include, "bulkmsg", "bulkmsg.h")

ROWS = 200


def options_page():
    library = ctypes.CDLL(str(given.library))
    library.bulkmsg_text_data.restype = ctypes.c_char_p
    page = "# Options\n\nWritten from the code by `tests/capi/guide_test.py --update`.\n"
    constants = c_header.read(given.header).constants
    for kind, number in constants.items():
        if not kind.startswith(("BULKMSG_CONFIG_", "BULKMSG_LIST_")):
            continue
        text = ctypes.c_void_p()
        if library.bulkmsg_config_describe(number, ctypes.byref(text), None) != 0:
            raise RuntimeError(kind)
        options = json.loads(library.bulkmsg_text_data(text, None))
        library.bulkmsg_text_destroy(text)
        if not options:
            continue  # a list without a filter
        page += f"\n## {kind}\n\n| key | value | default | |\n|---|---|---|---|\n"
        for o in options:
            allowed = o["allowed"].replace("|", " \\| ")
            default = "required" if o["required"] else f"`{o['default']}`" if o["default"] else ""
            page += f"| `{o['key']}` | {allowed} | {default} | {o['description']} |\n"
    return page


class Guide(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory()
        self.addCleanup(kept.cleanup)
        self.directory = pathlib.Path(kept.name)
        self.csv = self.directory / "contacts.csv"
        rows = "".join(f"+1212555{i:04d},A-{i},Ana,a mug,a-{i}\n" for i in range(ROWS))
        self.csv.write_text("phone_number,header_param1,param1,param2,button0_param\n" + rows)

    def start_sandbox(self, **options):
        provider = sandbox.Sandbox(given.sandbox, given.data, self.directory, **options)
        self.addCleanup(provider.stop)
        return provider

    def compiled(self, page):
        (block,) = re.findall(r"^```c\n(.*?)^```$", (given.guide / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)
        source, program = self.directory / f"{page}.c", self.directory / page
        source.write_text(block)
        line = [given.cc, "-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{given.guide}",
                f"-I{given.include}", source, given.library, f"-Wl,-rpath,{given.library.parent}", "-o", program]
        subprocess.run([str(word) for word in line], check=True)
        return program

    def run_page(self, page, *more, provider):
        line = [self.compiled(page), self.directory / "store", provider.sender_file, provider.template, self.csv]
        line += more
        done = subprocess.run([str(word) for word in line], stdout=subprocess.PIPE, text=True, timeout=sandbox.PATIENCE)
        return self.sent_to_all(done, provider)

    def sent_to_all(self, done, provider):
        self.assertEqual(0, done.returncode)
        self.assertEqual(ROWS, len({message["to"] for message in provider.accepted()}))
        self.assertEqual(ROWS, len(provider.accepted()))
        return done.stdout

    def test_send_a_csv(self):
        said = self.run_page("send-a-csv", provider=self.start_sandbox())
        self.assertIn(f"{ROWS} added, 0 rejected\nsent {ROWS}, delivered 0, unconfirmed 0 of {ROWS}\n", said)

    def test_a_campaign_that_cannot_go_on_ends_the_program(self):
        provider = self.start_sandbox()
        os.environ["GUIDE_TEST_TOKEN"] = "another"
        provider.sender_file.write_text(json.dumps(dict(provider.sender, token="env:GUIDE_TEST_TOKEN")))
        for page in ("send-a-csv", "watch-progress", "event-loop"):
            line = [self.compiled(page), self.directory / page[:4], provider.sender_file, provider.template, self.csv]
            said = subprocess.run([str(word) for word in line], check=True, stdout=subprocess.PIPE, text=True, timeout=sandbox.PATIENCE)
            self.assertIn('not completed: {', said.stdout)
            self.assertIn("token", said.stdout)

    def test_without_arguments_it_says_which(self):
        for page in given.guide.glob("*.md"):
            if "```c" in page.read_text():
                done = subprocess.run([self.compiled(page.stem)], stderr=subprocess.PIPE, text=True, timeout=sandbox.PATIENCE)
                self.assertEqual((2, "give it STORE"), (done.returncode, done.stderr[:13]), page)

    def test_watch_progress(self):
        said = self.run_page("watch-progress", provider=self.start_sandbox())
        self.assertIn(f"saw messages go\nsent {ROWS}", said)

    def test_receive_webhooks(self):
        port = sandbox.free_port()
        said = self.run_page("receive-webhooks", f"127.0.0.1:{port}", provider=self.start_sandbox(webhook_port=port))
        self.assertIn(f"sent {ROWS}, delivered {ROWS}", said)

    def test_event_loop(self):
        self.assertIn(f"sent {ROWS}", self.run_page("event-loop", provider=self.start_sandbox()))

    def test_schedule(self):
        provider, program = self.start_sandbox(), self.compiled("schedule")
        for ahead in (6, 60):  # the second only where opening the store takes seconds
            soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead))
            line = [program, self.directory / f"store{ahead}", provider.sender_file, provider.template, self.csv, soon]
            done = subprocess.run([str(word) for word in line], stdout=subprocess.PIPE, text=True, timeout=sandbox.PATIENCE)
            if done.returncode == 0:
                break
        said = self.sent_to_all(done, provider)
        self.assertIn(f"{ROWS} messages, 0 suppressed\nsent {ROWS}, delivered 0, unconfirmed 0 of {ROWS}\n", said)
        self.assertIn('"action":"cancel', said)

    def test_who_did_not_get_it(self):
        provider = self.start_sandbox(options=["--errors", "131026:0.2"])
        line = [self.compiled("send-a-csv"), self.directory / "store", provider.sender_file, provider.template, self.csv]
        subprocess.run([str(word) for word in line], check=True, stdout=subprocess.DEVNULL, timeout=sandbox.PATIENCE)
        failed = ROWS - len(provider.accepted())
        self.assertGreater(failed, 10)
        provider.control("faults", {"off": True})
        line = [self.compiled("who-did-not-get-it"), self.directory / "store", 1]
        said = subprocess.run([str(word) for word in line], check=True, stdout=subprocess.PIPE, text=True, timeout=sandbox.PATIENCE).stdout
        listed = [row["address"] for text in said.splitlines() if text.startswith("[") for row in json.loads(text)]
        self.assertEqual(failed, len(set(listed)))
        self.assertIn(f"sent {failed}, delivered 0, unconfirmed 0 of {failed}\n", said)
        self.assertEqual(sorted(listed), sorted(message["to"] for message in provider.accepted()[-failed:]))

    def test_personal_data(self):
        self.run_page("send-a-csv", provider=self.start_sandbox())
        copy = self.directory / "backup"
        line = [self.compiled("personal-data"), self.directory / "store", "+12125550007", copy]
        said = subprocess.run([str(word) for word in line], check=True, stdout=subprocess.PIPE, text=True, timeout=sandbox.PATIENCE).stdout
        self.assertIn('forgotten: {"recipients":1,', said)
        self.assertIn('"retention_hours":720', said)
        self.assertNotIn(b"12125550007", copy.read_bytes())

    def test_resume_after_a_crash(self):
        provider = self.start_sandbox()
        provider.sender_file.write_text(json.dumps(dict(provider.sender, limits="100/s; in-flight=4")))
        store = self.directory / "store"
        provider.crawl()
        line = [self.compiled("send-a-csv"), store, provider.sender_file, provider.template, self.csv]
        sending = sandbox.Process(line, stdout=subprocess.DEVNULL)
        self.addCleanup(sending.end)
        sandbox.wait_until(lambda: len(provider.accepted()) >= 6, "the first messages")
        sending.end()
        provider.hurry()
        self.assertLess(len(provider.accepted()), ROWS)
        said = subprocess.run([self.compiled("resume-after-a-crash"), store], check=True, stdout=subprocess.PIPE, text=True,
                              timeout=sandbox.PATIENCE).stdout
        sent, unconfirmed = (int(n) for n in re.match(r"sent (\d+), delivered 0, unconfirmed (\d+) of", said).groups())
        self.assertEqual(ROWS, sent + unconfirmed, said)
        numbers = [message["to"] for message in provider.accepted()]
        self.assertEqual(len(numbers), len(set(numbers)))
        self.assertLessEqual(sent, len(numbers))

    def test_options_are_those_of_the_code(self):
        self.assertEqual(options_page(), (given.guide / "options.md").read_text())


if __name__ == "__main__":
    if given.update:
        (given.guide / "options.md").write_text(options_page())
        sys.exit(0)
    unittest.main(argv=[sys.argv[0], *rest])
