#!/usr/bin/env python3
"""What the C ABI offers, Python and Go offer, too: every function is called by both packages, or its reason is here.

    languages_test.py --capi capi
"""

import argparse
import pathlib
import re
import sys

HOW_ERRORS_AND_TEXTS_ARE_TAKEN = {"error_code", "error_destroy", "error_message", "error_provider_code",
                                  "error_retry_after_ms", "error_retryable", "status_message", "status_name",
                                  "text_data", "text_destroy", "abi_check", "version_number"}
LEFT_OUT = {
    "python": HOW_ERRORS_AND_TEXTS_ARE_TAKEN,  # bulkmsg/_abi.py, by the names of its table
    "go": HOW_ERRORS_AND_TEXTS_ARE_TAKEN | {
        "config_describe",  # options are fields of structs
        "engine_event_fd", "engine_wakeup",  # goroutines wait in Poll(), until its context ends
    },
}
CALL = {"python": r"library\.bulkmsg_(\w+)", "go": r"C\.bulkmsg_(\w+)\("}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--capi", type=pathlib.Path, required=True)
    given = arguments.parse_args()
    offered = set(re.findall(r"^bulkmsg_(\w+) ", (given.capi / "bulkmsg.symbols").read_text(), re.MULTILINE))
    sources = {"python": sorted((given.capi / "python" / "bulkmsg").glob("*.py")),
               "go": [file for file in sorted((given.capi / "go").glob("*.go")) if not file.name.endswith("_test.go")]}
    problems = []
    for language, files in sources.items():
        called = set(re.findall(CALL[language], "".join(file.read_text() for file in files)))
        if len(called) < 60:
            problems.append(f"{language}: only {len(called)} calls found; read it otherwise")
        problems += [f"bulkmsg_{name}() is not called by the {language} package"
                     for name in sorted(offered - called - LEFT_OUT[language])]
    print("\n".join(problems) or f"ok: {len(offered)} functions")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
