#!/usr/bin/env python3
"""Runs a program with `@` in its arguments replaced by an empty directory: in_a_new_directory.py PROGRAM ARGUMENT..."""

import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as work:
    sys.exit(subprocess.run([sys.argv[1], *(word.replace("@", work) for word in sys.argv[2:])]).returncode)
