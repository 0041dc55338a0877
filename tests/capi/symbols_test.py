#!/usr/bin/env python3
"""What the library exports, what bulkmsg.symbols lists and what the header declares are the same functions.

    symbols_test.py --library libbulkmsg.so --symbols capi/bulkmsg.symbols --header capi/include/bulkmsg/bulkmsg.h

And that allocation*_test.cpp call every one that can fail.
"""

import argparse
import pathlib
import re
import subprocess
import sys

import c_header


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--library", required=True)
    arguments.add_argument("--symbols", type=pathlib.Path, required=True)
    arguments.add_argument("--header", type=pathlib.Path, required=True)
    arguments.add_argument("--nm", default="nm")
    given = arguments.parse_args()

    listed = {tuple(line.split()) for line in given.symbols.read_text().splitlines() if not line.startswith("#")}
    found = subprocess.run([given.nm, "-D", "--defined-only", "--with-symbol-versions", given.library],
                           capture_output=True, text=True, check=True).stdout
    exported = set()
    for line in found.splitlines():
        _, kind, symbol = line.split()
        if kind == "A" and symbol.startswith("BULKMSG_"):
            continue  # a version node
        name, _, version = symbol.partition("@@BULKMSG_")
        exported.add((name, version if kind == "T" else f"{version} as {kind}"))
    declared = c_header.read(given.header).functions

    problems = [f"exported, not listed: {' '.join(s)}" for s in sorted(exported - listed)]
    problems += [f"listed, not exported: {' '.join(s)}" for s in sorted(listed - exported)]
    names = {name for name, _ in listed}
    problems += [f"declared, not listed: {name}" for name in sorted(set(declared) - names)]
    problems += [f"listed, not declared: {name}" for name in sorted(names - set(declared))]
    for name, since in sorted(listed):
        if name in declared and f"Since: {since}." not in declared[name].words:
            problems.append(f"{name}: its comment does not say 'Since: {since}.'")
    swept = "".join(each.read_text() for each in pathlib.Path(__file__).parent.glob("allocation*"))
    problems += [f"{f.name}: no allocation*_test.cpp lets its allocations fail" for f in declared.values()
                 if "bulkmsg_error **" in f.parameters and not re.search(rf"\b{f.name}\b", swept)]
    print("\n".join(problems) or f"ok: {len(listed)} functions")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
