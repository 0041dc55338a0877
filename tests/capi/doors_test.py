#!/usr/bin/env python3
"""Everything that the C++ door offers is behind the C ABI, and what the C ABI writes in JSON is in the header.

    doors_test.py --engine include/bulkmsg/engine.hpp --records include/bulkmsg/records --sources capi/src
                  --header capi/include/bulkmsg/bulkmsg.h

Looks at names only: each function of engine.hpp and of the records is called somewhere in capi/src, each field of their
structs is read or set there. What cannot or need not cross the border is listed below, with the reason.
"""

import argparse
import pathlib
import re
import sys

FUNCTIONS_LEFT_OUT = {
    "import_csv": "pulls through a function of the host; none runs on our threads: text, files and batches go in",
    "import_json": "likewise",
}
FIELDS_LEFT_OUT = {
    "engine_options.host_loop": "an Asio loop is C++",
    "import_report.by_reason": "bulkmsg_campaign_reasons() tells it, of the whole campaign",
}
# Read whole by parse_sender_json(); the header must name the fields.
BY_JSON = {"sender_settings"}


def without_comments(text):
    return re.sub(r"//[^\n]*", "", text)


def structs(text):
    """name -> fields; those with initializers, as all records have them."""
    found = {}
    for match in re.finditer(r"^struct (\w+) \{\n(.*?)^\};", text, re.MULTILINE | re.DOTALL):
        body = re.sub(r"\[\[nodiscard\]\].*?\n  \}\n", "", match[2], flags=re.DOTALL)
        found[match[1]] = re.findall(r"(\w+)\s*(?:=[^=;,]|\{[^;]*\}\s*[;,])", body)
    return found


def functions(text):
    inside = text[text.index("class engine {"):text.index(" private:\n  friend")]
    declared = re.findall(r"^  (?:\[\[nodiscard\]\] )?(?:static )?(?:result<.*?>+|bool|int|void|recovery) (\w+)\(", inside, re.MULTILINE)
    free = re.findall(r"^\[\[nodiscard\]\] result<.*?>+ (\w+)\(", text, re.MULTILINE)
    return set(declared) | set(free)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--engine", type=pathlib.Path, required=True)
    arguments.add_argument("--records", type=pathlib.Path, required=True)
    arguments.add_argument("--sources", type=pathlib.Path, required=True)
    arguments.add_argument("--header", type=pathlib.Path, required=True)
    given = arguments.parse_args()
    engine = without_comments("".join(path.read_text() for path in [given.engine, *sorted(given.records.glob("*.hpp"))]))
    sources = without_comments("".join(path.read_text() for path in sorted(given.sources.glob("*.[ch]pp"))))
    header = given.header.read_text()

    doors, records = functions(engine), structs(engine)
    problems = []
    if len(doors) < 60 or len(records) < 30:
        problems.append(f"{given.engine} and {given.records}: only {len(doors)} functions and {len(records)} structs found; read it otherwise")
    for name in sorted(doors):
        called = re.search(rf"(?:\.|->|::){name}\(", sources)
        if bool(called) == (name in FUNCTIONS_LEFT_OUT):
            problems.append(f"{name}(): " + ("is called; take it off the list here" if called else "is not behind the C ABI"))
    for struct, fields in records.items():
        for field in fields:
            known = re.search(rf"`{field}(_ms)?`", header) if struct in BY_JSON else re.search(rf"(?:\.|->){field}\b", sources)
            if not known and f"{struct}.{field}" not in FIELDS_LEFT_OUT:
                problems.append(f"{struct}.{field} does not come over the border")
    for key in sorted(set(re.findall(r'(?:field|key)\("(\w+)"', sources))):
        if not re.search(rf"\b{key}\b", header) and f'_ACCOUNT, "{key}"' not in sources:
            problems.append(f"the JSON field '{key}' is not in the header")
    print("\n".join(problems) or f"ok: {len(doors)} functions and {sum(map(len, records.values()))} fields")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
