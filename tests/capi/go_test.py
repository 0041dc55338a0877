#!/usr/bin/env python3
"""The Go package over what is installed: formatted, vetted, tested (with the race detector and strict pointer checks;
and over the static archive), and the example built to --program.

    go_test.py --go go --build build/release --source . --cache DIRECTORY --program send_csv [--sanitizer address|thread]

With a sanitizer, with which --build was made, only the tests over the shared library are run.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

arguments = argparse.ArgumentParser()
arguments.add_argument("--go", required=True)
arguments.add_argument("--build", type=pathlib.Path, required=True)
arguments.add_argument("--source", type=pathlib.Path, required=True)
arguments.add_argument("--cache", required=True)
arguments.add_argument("--program", type=pathlib.Path, required=True)
arguments.add_argument("--sanitizer", default="")
given = arguments.parse_args()
package = given.source / "capi" / "go"


def run(*line, where=package, **more):
    print("+", *line, flush=True)
    done = subprocess.run([str(word) for word in line], cwd=where, env={**os.environ, **more},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(done.stdout, flush=True)
    if done.returncode != 0:
        sys.exit(1)
    return done.stdout


# Always the same place: go keeps linker flags in its cache.
prefix = pathlib.Path(given.cache).resolve().with_name("go-prefix")
run("cmake", "--install", given.build.resolve(), "--prefix", prefix)
libraries = next(prefix.rglob("libbulkmsg.so")).parent
os.environ.update(GOFLAGS="-mod=mod", GOPROXY="off", GOCACHE=given.cache, CGO_ENABLED="1",
                  PKG_CONFIG_PATH=str(libraries / "pkgconfig"), LD_LIBRARY_PATH=str(libraries))
if given.sanitizer:  # our C tests look for leaks
    flag = f"-fsanitize={given.sanitizer}"
    run(given.go, "test", "-count=1", *(["-asan"] if given.sanitizer == "address" else []), "./...",
        CGO_CFLAGS=f"-g -O1 {flag}", CGO_LDFLAGS=flag, ASAN_OPTIONS="detect_leaks=0")
    sys.exit(0)
static = {"CGO_CFLAGS": f"-I{prefix}/include", "CGO_LDFLAGS": f"-L{libraries}"}
gofmt = pathlib.Path(given.go).resolve().with_name("gofmt")
if run(gofmt, "-l", package, given.source / "examples" / "go", given.source / "bench" / "crossing").strip():
    sys.exit("not as gofmt writes it")
run(given.go, "vet", "./...")
# Strict checks of pointers are another build from 1.21 on.
minor = int(re.search(r"go1\.(\d+)", run(given.go, "version"))[1])
strict = {"GODEBUG": "cgocheck=2"} if minor < 21 else {"GOEXPERIMENT": "cgocheck2"}
run(given.go, "test", "-race", "-count=1", "./...", **strict)
run(given.go, "test", "-count=1", "-tags", "bulkmsg_static", "./...", **static)
# The example stands alone: it is linked with the archive.
run(given.go, "vet", "./...", where=given.source / "examples" / "go")
run(given.go, "build", "-tags", "bulkmsg_static", "-o", given.program, ".",
    where=given.source / "examples" / "go", **static)
