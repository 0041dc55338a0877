#!/usr/bin/env python3
"""The C header alone: compiles everywhere, parses as cffi wants it, documents every function.

    header_test.py --header capi/include/bulkmsg/bulkmsg.h [--cc gcc] [--cxx g++] [--clang clang-14]
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import c_header

failures = []


def check(good, what):
    if not good:
        failures.append(what)
        print("FAILED", what)


def run(command, stdin=""):
    return subprocess.run(command, input=stdin, capture_output=True, text=True)


def compiles(header, command, language, standard):
    line = [command, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wshadow", "-pedantic", "-Werror",
            f"-I{header.parent.parent}", "-fsyntax-only", "-"]
    done = run(line, f"#include <{header.parent.name}/{header.name}>\nint main(void) {{ return BULKMSG_OK; }}\n")
    check(done.returncode == 0, f"{' '.join(line)}\n{done.stderr}")


def parses(header, cc):
    """As a binding does it: preprocessed with empty system headers, then pycparser, and cffi where there is one."""
    with tempfile.TemporaryDirectory() as stubs:
        for name in ("stddef.h", "stdint.h"):
            pathlib.Path(stubs, name).write_text("")
        done = run([cc, "-E", "-P", "-nostdinc", f"-I{stubs}", "-DBULKMSG_API=", str(header)])
    check(done.returncode == 0, f"preprocessing: {done.stderr}")
    types = "".join(f"typedef {c} {t};\n" for t, c in (
        ("int32_t", "int"), ("uint32_t", "unsigned"), ("int64_t", "long long"), ("uint64_t", "unsigned long long"),
        ("size_t", "unsigned long")))
    script = (
        "import sys\n"
        "text, types = sys.stdin.read().split('//types\\n')\n"
        "import pycparser\n"
        "tree = pycparser.CParser().parse(types + text)\n"
        "assert sum(1 for d in tree.ext if getattr(d, 'name', '') and d.name.startswith('bulkmsg_')) > 40\n"
        "try:\n"
        "    import cffi\n"
        "except ImportError:\n"
        "    print('no cffi here')\n"
        "else:\n"
        "    ffi = cffi.FFI()\n"
        "    ffi.cdef(text)\n"
        "    assert ffi.sizeof('bulkmsg_event') == 64\n")
    for python in dict.fromkeys((sys.executable, "/usr/bin/python3")):
        if shutil.which(python) and run([python, "-c", "import pycparser"]).returncode == 0:
            done = run([python, "-c", script], f"{done.stdout}//types\n{types}")
            check(done.returncode == 0, f"pycparser: {done.stderr}")
            return
    print("skipped: no python3 here has pycparser")


# Said once, in the header's conventions.
CONVENTIONAL = {"engine", "err", "sender", "account", "campaign", "content", "status"}


def documents(header):
    """Every comment has the form: what it does; `parameter: ...`; Returns ...; Thread, Blocks, Since on the last line."""
    check(max(map(len, header.read_text("ascii").splitlines())) <= 120, "a line is longer than 120")
    read = c_header.read(header)
    for name, function in read.functions.items():
        check(re.match(r"[A-Z1]", function.words) and function.description, f"{name}: its comment does not say what it does")
        check(re.fullmatch(r"Thread: [^:]+\.  Blocks: [^:]+\.  Since: \d+\.\d+\.", function.comment[-1]),
              f"{name}: the last line of its comment is not 'Thread: ...  Blocks: ...  Since: ...'")
        for line in function.comment:
            check(not re.search(r".(Returns (OK|as)|Thread: )", line), f"{name}: '{line}' is two lines")
        for kind, parameter in zip(function.parameters, function.names):
            handle = kind.removeprefix("const ").removeprefix("bulkmsg_").rstrip(" *") == parameter
            of = parameter.removesuffix("_len")
            if parameter not in CONVENTIONAL and not (handle and parameter == function.names[0]) and of == parameter:
                check(read.said_of(name, parameter), f"{name}: its comment has no '{parameter}: ...'")
            check(re.search(r"\bbool\b|\blong\b|\btime_t\b|\.\.\.", kind) is None, f"{name}: {kind} may not cross the ABI")
            status = function.result == "bulkmsg_status"
            check(not status or kind != "bulkmsg_error **" or parameter == "err" == function.names[-1], f"{name}: err is not last")
        for code in read.codes(name):
            known = [c for c in read.constants if c.startswith("BULKMSG_" + code.rstrip("*"))]
            check(known if code.endswith("*") else "BULKMSG_" + code in read.constants, f"{name}: there is no {code}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--header", type=pathlib.Path, required=True)
    arguments.add_argument("--cc", default="gcc")
    arguments.add_argument("--cxx", default="g++")
    arguments.add_argument("--clang", default="clang-14")
    given = arguments.parse_args()
    header = given.header.resolve()

    for standard in ("c89", "c99", "c11", "c17"):
        compiles(header, given.cc, "c", standard)
    for standard in ("c++11", "c++14", "c++17", "c++20"):
        compiles(header, given.cxx, "c++", standard)
    if shutil.which(given.clang):
        for standard in ("c89", "c99", "c11", "c17"):
            compiles(header, given.clang, "c", standard)
        for standard in ("c++11", "c++14", "c++17", "c++20"):
            compiles(header, given.clang, "c++", standard)
        everything = run([given.clang, "-x", "c", "-std=c99", "-Weverything", "-Werror", "-fsyntax-only", "-"],
                         f'#include "{header}"\n')
        check(everything.returncode == 0, f"clang -Weverything: {everything.stderr}")
    else:
        print(f"skipped: no {given.clang} here")
    parses(header, given.cc)
    documents(header)
    print("failed" if failures else "ok")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
