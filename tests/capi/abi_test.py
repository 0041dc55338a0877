#!/usr/bin/env python3
"""Sizes, alignments, offsets, constants and signatures, as a C program sees them, against the committed dump.

    abi_test.py --header capi/include/bulkmsg/bulkmsg.h --dumps capi/abi [--cc gcc] [--update]

A difference means that programs built before would break: add, never change. While 0.x, and with the reason in
CHANGELOG.md, --update writes the dump anew.
"""

import argparse
import difflib
import pathlib
import platform
import subprocess
import sys
import tempfile

import c_header


def program(header):
    lines = ["#include <stddef.h>", "#include <stdio.h>", "#include <bulkmsg/bulkmsg.h>", "int main(void) {"]

    def show(label, expression):
        lines.append(f'  printf("{label} %lld\\n", (long long)({expression}));')

    show("BULKMSG_VERSION_NUMBER major and minor", "BULKMSG_VERSION_NUMBER >> 8")
    show("sizeof bulkmsg_status", "sizeof(bulkmsg_status)")
    for name in header.constants:
        show(name, name)
    for struct, fields in header.structs.items():
        lines.append(f"  struct align_{struct} {{ char c; {struct} s; }};")
        show(f"sizeof {struct}", f"sizeof({struct})")
        show(f"alignof {struct}", f"offsetof(struct align_{struct}, s)")
        for field, type_ in fields.items():
            show(f"{struct}.{field} ({type_}) at", f"offsetof({struct}, {field})")
    for name, function in sorted(header.functions.items()):
        lines.append(f'  puts("{function.result} {name}({", ".join(function.parameters) or "void"})");')
    return "\n".join(lines + ["  return 0;", "}", ""])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--header", type=pathlib.Path, required=True)
    arguments.add_argument("--dumps", type=pathlib.Path, required=True)
    arguments.add_argument("--cc", default="gcc")
    arguments.add_argument("--update", action="store_true")
    given = arguments.parse_args()

    with tempfile.TemporaryDirectory() as work:
        source, built = pathlib.Path(work, "dump.c"), pathlib.Path(work, "dump")
        source.write_text(program(c_header.read(given.header)))
        include = given.header.resolve().parent.parent
        subprocess.run([given.cc, "-std=c11", f"-I{include}", "-o", built, source], check=True)
        now = subprocess.run([built], capture_output=True, text=True, check=True).stdout

    dump = given.dumps / f"{platform.machine()}-{sys.platform}.txt"
    if given.update:
        dump.write_text(now)
        print(f"wrote {dump}")
        return 0
    if not dump.exists():
        print(f"skipped: there is no {dump}")
        return 77
    before = dump.read_text()
    if now == before:
        print(f"ok: {len(now.splitlines())} facts")
        return 0
    sys.stdout.writelines(difflib.unified_diff(before.splitlines(True), now.splitlines(True), str(dump), "now"))
    return 1


if __name__ == "__main__":
    sys.exit(main())
