"""What it costs to drive the engine from Python and from Go, against C++: the same host three times.

A cost is the least of all rounds, in the processor's time: others on the machine only add to it.
"""

import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def _go_driver(bin_dir):
    """The built program, or why there is none."""
    archive = bin_dir.parent / "capi"
    if not (archive / "libbulkmsg.a").exists():
        return None, "libbulkmsg.a was not built"
    environment = {"HOME": str(bin_dir.parent), **os.environ, "GOCACHE": str(bin_dir.parent / "go"), "GOPROXY": "off",
                   "GOFLAGS": "-mod=mod", "CGO_ENABLED": "1", "CGO_LDFLAGS": f"-L{archive}",
                   "CGO_CFLAGS": f"-I{HERE.parent / 'capi' / 'include'}"}
    program = bin_dir / "crossing_driver_go"
    try:
        program.unlink(missing_ok=True)  # go does not see an archive that changed
        subprocess.run(["go", "build", "-tags", "bulkmsg_static", "-o", program, "."], cwd=HERE / "crossing", check=True,
                       capture_output=True, text=True, env=environment)
    except FileNotFoundError:
        return None, "golang-go is not installed"
    except subprocess.CalledProcessError as e:
        return None, "go build failed: " + e.stderr.strip()[-200:]
    return program, None


def rows(bin_dir, work, origin, template, options, pinned, row):
    """`pinned` and `row` are bench.py's."""
    go, why = _go_driver(bin_dir)
    drivers = {"C++": [bin_dir / "crossing_driver"], "Python": [sys.executable, HERE / "crossing" / "driver.py"]}
    if go:
        drivers["Go"] = [go]
    environment = {**os.environ, "BULKMSG_LIBRARY": str(bin_dir.parent / "capi" / "libbulkmsg.so"),
                   "PYTHONPATH": str(HERE.parent / "capi" / "python")}
    seen = {}
    for i in range(options.rounds):
        print(f"crossing, round {i + 1}", flush=True)
        for way, messages in (("late", options.crossing), ("live", options.messages)):
            for language, driver in drivers.items():
                store = work / "crossing.bulkmsg"
                out = subprocess.run(pinned(*driver, origin, template, store, messages, way), check=True, text=True,
                                     stdout=subprocess.PIPE, env=environment).stdout
                for made in work.glob(store.name + "*"):
                    made.unlink()
                what = json.loads(out)
                seen.setdefault((language, way), []).append(what)
                print(f"  {language + ' ' + way:12}" + "".join(f"  {k} {v:,.3f}" for k, v in what.items()), flush=True)

    def cost(language):
        return sum(min(r[part] for r in seen[language, "late"]) for part in ("add_us", "drain_us"))

    found = []
    for language, bound in (("Python", 1.5), ("Go", 0.3)):
        missing = None if language in drivers else why
        above = [] if missing else [cost(language) - cost("C++")]
        found.append(row(f"add and progress from {language}, CPU us a message above C++ vs {bound}", above, [bound], "<= 1",
                         missing))
        rates = {who: [r["per_second"] for r in seen.get((who, "live"), [])] for who in (language, "C++")}
        found.append(row(f"engine driven from {language} vs from C++, messages/s", rates[language], rates["C++"], ">= 0.9",
                         missing))
    return found
