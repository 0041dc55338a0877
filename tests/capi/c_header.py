"""Reads bulkmsg.h, which keeps to a plain enough style for it. For the tests of this folder."""

import pathlib
import re
from typing import Dict, List, NamedTuple, Set


class Function(NamedTuple):
    name: str
    result: str  # "const char *"
    parameters: List[str]  # types
    names: List[str]  # of the parameters
    comment: List[str]  # line by line, without what frames it

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.comment).split())

    @property
    def description(self) -> str:
        """The comment up to what it returns."""
        return re.split(r"(?:^|(?<=\. ))(?:Returns |Thread: )", self.words)[0]


class Header(NamedTuple):
    constants: Dict[str, int]  # every BULKMSG_* enumerator
    structs: Dict[str, Dict[str, str]]  # name -> field -> type ("char[72]")
    functions: Dict[str, Function]

    def said_of(self, function: str, parameter: str) -> str:
        """What a function's comment says of a parameter ("path: UTF-8."); where it says "as" another, that one's, too."""
        names = self.functions[function].names
        text = self.functions[function].description
        one = "|".join(names)
        marks = [m for m in re.finditer(rf"(?:^|(?<=\. ))((?:(?:{one}), )*(?:{one})): ", text)]
        for mark, after in zip(marks, [*marks[1:], None]):
            if parameter in mark[1].split(", "):
                said = text[mark.end() : after.start() if after else len(text)].strip()
                other = re.match(r"as (bulkmsg_\w+)\(\)", said)
                return f"{said} {self.said_of(other[1], parameter)}" if other and other[1] in self.functions else said
        return ""

    def codes(self, function: str) -> Set[str]:
        """The statuses that a function may return by its comment and by the conventions; "E_CSV_*" stands for several."""
        found = {"OK", "E_INVALID_ARGUMENT", "E_OUT_OF_MEMORY", "E_INTERNAL"}
        if "bulkmsg_engine *" in self.functions[function].parameters:
            found |= {"E_CLOSED", "E_FORKED", "E_STORE_FAILED"}
        returns = self.functions[function].words.partition("Returns ")[2]
        found |= set(re.findall(r"\bE_[A-Z0-9_]+\*?", returns))
        for other in re.findall(r"as (bulkmsg_\w+)\(\)|what (bulkmsg_\w+)\(\) returns", returns):
            found |= self.codes(other[0] or other[1])
        return found

    def may_return(self, function: str, status: int) -> bool:
        name = next((n.removeprefix("BULKMSG_") for n, v in self.constants.items()
                     if v == status and n.startswith(("BULKMSG_E_", "BULKMSG_OK"))), "")
        return any(name.startswith(code[:-1]) if code.endswith("*") else name == code for code in self.codes(function))


def _split(declaration: str):
    """Type and name of "const char *key", "bulkmsg_error **err", "uint64_t reserved[2]"; the type written one way."""
    match = re.fullmatch(r"(.*?)(\w+)(\[\d+\])?", " ".join(declaration.split()))
    assert match, declaration
    return re.sub(r"\s*(\*+)", r" \1", match[1]).strip() + (match[3] or ""), match[2]


def read(path: pathlib.Path) -> Header:
    text = path.read_text("ascii")
    functions = {}
    for match in re.finditer(r"/\*((?:(?!\*/).)*)\*/\s*BULKMSG_API ([^;]*?)(bulkmsg_\w+)\(([^;]*)\);", text, re.S):
        comment, result, name, parameters = match.groups()
        pairs = [] if parameters.strip() == "void" else [_split(p) for p in parameters.split(",")]
        lines = [re.sub(r"^ ?\*? ?", "", line).rstrip() for line in comment.strip().split("\n")]
        functions[name] = Function(name, _split(result + "x")[0], [t for t, _ in pairs], [n for _, n in pairs], lines)
    declared = re.findall(r"^BULKMSG_API", text, re.M)
    assert len(declared) == len(functions), "every function has a comment of its own"

    plain = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    constants = {name: int(value) for name, value in re.findall(r"^\s+(BULKMSG_\w+) = (\d+),?\s*$", plain, re.M)}
    structs = {}
    for body, name in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", plain, re.S):
        fields = [_split(field) for field in body.split(";") if field.strip()]
        structs[name] = {field: kind for kind, field in fields}
    assert constants and structs and functions
    return Header(constants, structs, functions)
