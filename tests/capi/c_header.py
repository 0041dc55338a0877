"""Reads bulkmsg.h, which keeps to a plain enough style for it. For the tests of this folder."""

import pathlib
import re
from typing import Dict, List, NamedTuple


class Function(NamedTuple):
    name: str
    result: str  # "const char *"
    parameters: List[str]  # types, without the names
    comment: str


class Header(NamedTuple):
    constants: Dict[str, int]  # every BULKMSG_* enumerator
    structs: Dict[str, Dict[str, str]]  # name -> field -> type ("char[72]")
    functions: Dict[str, Function]


def _type_of(declaration: str) -> str:
    """The type of "const char *key", "bulkmsg_error **err", "uint64_t reserved[2]", written one way."""
    match = re.fullmatch(r"(.*?)(\w+)(\[\d+\])?", " ".join(declaration.split()))
    assert match, declaration
    return re.sub(r"\s*(\*+)", r" \1", match[1]).strip() + (match[3] or "")


def read(path: pathlib.Path) -> Header:
    text = path.read_text("ascii")
    functions = {}
    for match in re.finditer(r"/\*((?:(?!\*/).)*)\*/\s*BULKMSG_API ([^;]*?)(bulkmsg_\w+)\(([^;]*)\);", text, re.S):
        comment, result, name, parameters = match.groups()
        types = [] if parameters.strip() == "void" else [_type_of(p) for p in parameters.split(",")]
        functions[name] = Function(name, _type_of(result + "x"), types, comment)
    declared = re.findall(r"^BULKMSG_API", text, re.M)
    assert len(declared) == len(functions), "every function has a comment of its own"

    plain = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    constants = {name: int(value) for name, value in re.findall(r"^\s+(BULKMSG_\w+) = (\d+),?\s*$", plain, re.M)}
    structs = {}
    for body, name in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", plain, re.S):
        fields = [field.strip() for field in body.split(";") if field.strip()]
        structs[name] = {re.search(r"(\w+)(\[\d+\])?$", field)[1]: _type_of(field) for field in fields}
    assert constants and structs and functions
    return Header(constants, structs, functions)
