#!/usr/bin/env python3
"""README's commands, run one after another as they stand there, in a copy of the demo's data.

    readme_test.py --bin build/release/bin [unittest's own arguments]
"""

import argparse
import datetime
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import harness

BIN = None


class Readme(unittest.TestCase):
    def test_its_commands(self):
        (block,) = re.findall(r"^```sh\n(.*?)^```$", (harness.ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
        commands = block.splitlines()
        self.assertGreater(len(commands), 10)
        with tempfile.TemporaryDirectory(prefix="bulkmsg-readme-") as scratch:
            data = pathlib.Path(scratch, "data")
            shutil.copytree(harness.DATA, data)
            provider = harness.Sandbox(BIN, pathlib.Path(scratch, "provider"), "--templates", data / "hello_world.json")
            self.addCleanup(provider.stop)
            harness.sender_file(data / "sender.json", provider.origin)
            (data / "photo.jpg").write_bytes(bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9"))
            year = datetime.date.today().year + 1  # the one that README names will have passed
            said = {}
            for line in commands:
                done = subprocess.run(re.sub(r"\b20\d\d-", f"{year}-", line), shell=True, cwd=data, capture_output=True, timeout=harness.PATIENCE,
                                      env=harness.environment(PATH=f"{BIN.resolve()}:{os.environ['PATH']}"))
                said[line] = done.stdout.decode()
                if "retry" not in line:  # there is nobody to send to again
                    self.assertEqual(done.returncode, 0, (line, done.stderr.decode()))
            self.assertIn(b"no failed messages left", done.stderr)
            self.assertEqual([entry["to"] for entry in provider.accepted()],
                             ["+351912345678", "+351913456789", "+4915112345678"], "neither Eva nor our own phone; the test")
            of = lambda word: next(text for line, text in said.items() if word in line)  # noqa: E731
            self.assertIn("Hi Rui", of("preview"))
            self.assertGreater(of("rejected 2").count("\n"), 100)
            self.assertEqual(of("log 1 --csv").count(",sent,"), 2)
            self.assertEqual(of("log 1 --state"), "", "they all got it")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    given, rest = parser.parse_known_args()
    BIN = given.bin
    unittest.main(argv=[sys.argv[0], *rest])
