#!/usr/bin/env python3
"""Shows Doxygen the comments of a header as documentation: doxygen_filter.py FILE

Our comments are plain: what stands right before a declaration or at the end of its line belongs to it, the first one
to the file. Lines keep their numbers, so that warnings point at the header itself.
"""

import re
import sys

_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'')


def _words(text):
    """What Doxygen would take for a command, a tag or a link is text."""
    parts = [re.sub(r"([<>@#\\&%])|(::)", r"\\\g<0>", part) for part in text.split("`")]
    if len(parts) % 2 == 1:
        parts[1::2] = [f"<code>{part}</code>" for part in parts[1::2]]
    return "".join(parts) if len(parts) % 2 == 1 else "`".join(parts)


def _paragraphs(texts, declaration):
    """The texts of a comment's lines, with what they say of parameters and results marked as such."""
    marked = []
    in_code = False
    for at, text in enumerate(texts):
        in_code = text.startswith("   ") and (in_code or (at > 0 and not texts[at - 1].strip()))
        if in_code:
            marked.append("    " + text)
            continue
        text = _words(text)
        names = re.match(r" ([a-z_0-9]+(?:, [a-z_0-9]+)*): ", text)
        if names and all(re.search(rf"\b{name}[,)]", declaration) for name in names.group(1).split(", ")):
            text = f" @param {names.group(1).replace(' ', '')} {text[names.end() :]}"
        text = re.sub(r"^ Returns (?=OK|as)", " @return ", text)
        marked.append(re.sub(r"^ (?=Thread: )", " @note ", text))
    return marked


def _comment_at(line):
    """Where a comment begins, outside of literals; -1: nowhere."""
    bare = _QUOTED.sub(lambda m: "_" * len(m.group()), line)
    found = re.search(r"//|/\*", bare)
    return found.start() if found else -1


def documented(lines):
    out = []
    first = True  # the comment about the file is still to come
    trailing = None  # the column of the remark that the line before ended with
    i = 0
    while i < len(lines):
        line = re.sub(r'R"\(.*?\)"', '""', lines[i])  # which Doxygen 1.9 loses its way in
        at = _comment_at(line)
        lead = line[:at].strip() if at >= 0 else line
        if at < 0 or line[at:].startswith("/* --") or line[at:].startswith("// --"):
            out.append(line)
            trailing = None
        elif lead:  # after code
            remark = line[at:]
            if remark.startswith("//"):
                out.append(line[:at] + "///< " + _words(remark[2:].strip()))
            else:
                out.append(line[:at] + "/**< " + _words(remark[2:].replace("*/", "").strip()) + " */")
            trailing = at
        elif trailing is not None and line[at:].startswith("//") and at >= trailing > 4:
            out.append(line[:at] + "///< " + _words(line[at + 2 :].strip()))
        else:
            trailing = None
            block = [line]
            if line[at:].startswith("/*"):
                while "*/" not in block[-1]:
                    block.append(lines[i + len(block)])
            else:
                while i + len(block) < len(lines) and lines[i + len(block)].lstrip().startswith("//"):
                    block.append(lines[i + len(block)])
            after = lines[i + len(block)].strip() if i + len(block) < len(lines) else ""
            declaration = " ".join(lines[i + len(block) :][:12]).partition(";")[0]
            texts = [re.sub(r"^\s*(//|/\*| \*/?)", "", each).replace("*/", "") for each in block]
            indent = re.match(r"\s*", line).group()
            if first or after:
                texts = _paragraphs(texts, declaration)
                texts[0] = " @header" + texts[0] if first else texts[0]
                out += [indent + "///" + text for text in texts]
            else:
                out += block
            i += len(block) - 1
        if at >= 0 and not lead:
            first = False
        i += 1
    return out


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as header:
        print("\n".join(documented(header.read().split("\n"))), end="")
