#!/usr/bin/env python3
"""Runs examples/quickstart.cpp against the sandbox: to the end, and with a token that the provider rejects.

    quickstart_test.py --sandbox build/bin/bulkmsg-sandbox --data examples/data --program build/bin/quickstart
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import sandbox

arguments = argparse.ArgumentParser()
arguments.add_argument("--sandbox", required=True)
arguments.add_argument("--data", type=pathlib.Path, required=True)
arguments.add_argument("--program", required=True)
given, rest = arguments.parse_known_args()


class Quickstart(unittest.TestCase):
    def run_with(self, **environment):
        with tempfile.TemporaryDirectory() as work:
            contacts = pathlib.Path(work, "contacts.csv")
            contacts.write_bytes(b"".join((given.data / "contacts.csv").read_bytes().splitlines(True)[:201]))
            provider = sandbox.Sandbox(given.sandbox, given.data, work)
            self.addCleanup(provider.stop)
            line = [given.program, pathlib.Path(work, "store"), provider.sender_file, provider.template, contacts]
            done = subprocess.run([str(word) for word in line], capture_output=True, text=True, timeout=sandbox.PATIENCE,
                                  env={**os.environ, **environment})
            return done, len(provider.accepted())

    def test_sends_to_the_end(self):
        done, accepted = self.run_with()
        self.assertEqual((0, "182 sent, 0 failed, 17 skipped, 0 unconfirmed\n", 182),
                         (done.returncode, done.stdout, accepted), done.stderr)

    def test_ends_when_the_campaign_cannot_go_on(self):
        done, accepted = self.run_with(CAPI_TEST_TOKEN="another")
        self.assertEqual((3, 0), (done.returncode, accepted))
        self.assertIn("token", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + rest)
