#!/usr/bin/env python3
"""Makes contacts.csv: 10,000 rows as a shop's export really looks, about 94 % of them good.

    make_contacts.py > contacts.csv
    make_contacts.py --check contacts.csv     # says whether the file is what this script makes

Seeded: the same bytes on every machine. The numbers are made up, from ranges kept for fiction where we know one, but
elsewhere some may exist: this list is for the sandbox, never for a provider.
"""

import argparse
import random
import sys

ROWS = 10_000
SEED = 20261121
COLUMNS = ["phone_number", "name", "header_param1", "param1", "param2", "button0_param", "note"]

# How many rows of each bad kind; together 6 %.
BAD = {
    "letters": 50,
    "too_short": 50,
    "too_long": 50,
    "unknown_country": 50,
    "missing_number": 50,
    "missing_parameter": 60,
    "extra_cells": 40,
    "missing_cells": 40,
    "newline_in_parameter": 30,
    "tab_in_parameter": 30,
    "duplicate": 90,
    "duplicate_written_differently": 60,
}

# Country code, weight, and the national numbers in use: 'd' any digit, 'n' 2-9, other digits as they are.
COUNTRIES = [
    ("1", 14, ["212555010d", "31255501dd", "41555501dd", "61755501dd", "70255501dd",
             "n0255501dd", "n1355501dd", "n1455501dd", "n1655501dd", "n1755501dd"]),
    ("44", 8, ["7700900ddd"]), ("33", 8, ["63998dddd"]),
    ("49", 12, ["1512ddddddd", "1573ddddddd", "1604dddddd", "171392dddd", "1769ddddddd"]),
    ("34", 6, ["6nddddddd"]), ("39", 6, ["3n0ddddddd"]), ("351", 2, ["91ddddddd", "96ddddddd"]),
    ("31", 4, ["6nddddddd"]), ("32", 2, ["47ddddddd"]), ("43", 3, ["664ddddddd"]), ("41", 3, ["79ddddddd"]),
    ("48", 3, ["60ddddddd"]), ("420", 2, ["60ndddddd"]), ("46", 2, ["7017406dd", "70174060d"]),
    ("47", 1, ["9nnddddd"]), ("45", 1, ["2nnddddd"]), ("358", 1, ["40ddddddd"]), ("30", 1, ["69nddddddd"]),
    ("90", 3, ["53nddddddd"]), ("380", 1, ["67ddddddd"]), ("972", 2, ["50ndddddd"]), ("971", 2, ["50ddddddd"]),
    ("966", 2, ["50ddddddd"]), ("20", 2, ["10dddddddd"]), ("212", 1, ["61ddddddd"]), ("234", 3, ["803ddddddd"]),
    ("27", 2, ["82ddddddd"]), ("254", 2, ["71ddddddd"]), ("233", 1, ["24ddddddd"]),
    ("91", 14, ["98dddddddd", "70dddddddd"]), ("92", 2, ["300ddddddd"]), ("880", 2, ["17dddddddd"]),
    ("62", 5, ["812ddddddd", "8131ddddddd"]), ("60", 2, ["12ndddddd"]), ("65", 1, ["8nnddddd", "9nnddddd"]),
    ("66", 1, ["81ddddddd"]), ("84", 1, ["90ddddddd"]), ("63", 2, ["917ddddddd"]), ("81", 2, ["90dddddddd"]),
    ("82", 1, ["10nddddddd"]), ("852", 1, ["9nnddddd", "6nnddddd"]), ("61", 2, ["491570ddd"]),
    ("64", 1, ["21nddddd", "27nnddddd"]), ("55", 12, ["119mddddddd", "219mddddddd", "319mddddddd", "859mddddddd"]),
    ("52", 6, ["55nddddddd", "81nddddddd"]), ("54", 3, ["911nddddddd"]), ("57", 2, ["300ndddddd"]),
    ("56", 1, ["9nddddddd"]), ("51", 1, ["9nddddddd"]),
]

GIVEN = [
    "Ana", "Ben", "Carla", "Dieter", "Emma", "Farid", "Greta", "Hugo", "Ines", "Jack", "Kofi", "Lena", "Maria", "Nils",
    "Olivia", "Paolo", "Quentin", "Rosa", "Sven", "Tara", "Uma", "Victor", "Wendy", "Xavier", "Yara", "Zoe",
    "J\u00fcrgen", "S\u00f6ren", "Kl\u00e4re", "Bj\u00f6rk", "Chlo\u00e9", "Fran\u00e7ois", "Jo\u00e3o",
    "Concei\u00e7\u00e3o", "\u00c5sa", "\u0141ukasz", "Zo\u00eb", "\u015eule", "Ji\u0159\u00ed", "N\u00e9stor",
    "\u0645\u062d\u0645\u062f", "\u0641\u0627\u0637\u0645\u0629", "\u064a\u0648\u0633\u0641",  # Arabic
    "\u05d3\u05d5\u05d3", "\u05e0\u05d5\u05e2\u05d4", "\u05d9\u05d0\u05d9\u05e8",              # Hebrew
    "\u0905\u0928\u0928\u094d\u092f\u093e", "\u092a\u094d\u0930\u093f\u092f\u093e",            # Hindi
    "\u7f8e\u54b2", "\u5927\u7ffc", "\u6653\u660e", "\uc9c0\ubbfc",  # Japanese, Chinese, Korean
    "\u041e\u043b\u0435\u043d\u0430", "\u039d\u03af\u03ba\u03bf\u03c2",                        # Ukrainian, Greek
    "Lucy \U0001f338", "Max \U0001f469\u200d\U0001f4bb", "O'Brien", "Anne-Marie", "Nguy\u1ec5n",
]
FAMILY = [
    "Silva", "M\u00fcller", "Smith", "Garc\u00eda", "Rossi", "Kowalski", "Nov\u00e1k", "Yilmaz", "Cohen", "Hassan",
    "Sharma", "Khan", "Wang", "Kim", "Tanaka", "Okafor", "van der Berg", "d'Angelo", "Gro\u00df", "\u00d8stergaard",
    "Smith, Jr.", "de la Cruz", "\u0627\u0644\u0633\u064a\u062f", "\u05dc\u05d5\u05d9",
]
ITEMS = [
    "two mugs and a teapot", "a rain jacket, size M", 'the "Alpenglow" lamp', "one pair of shoes, 42 \u00bd",
    "a book", "three notebooks, lined", "caf\u00e9 beans, 1 kg", "a 24\" monitor", "your refill \u2615",
    "a birthday card \U0001f382\U0001f389", "socks (5 pairs)", "a jar of honey \U0001f36f, 500 g",
    'a poster, 12" x 18"', "\u0643\u062a\u0627\u0628", "\u05e1\u05e4\u05e8", "a k\u00fcchen scale",
    "100 % wool blanket", "a phone case; black",
]
NOTES = [
    "", "", "", "", "prefers e-mail", "VIP, since 2019", 'said "call me later"', "left at the neighbour's, no. 12",
    "gift wrap \U0001f381", "zweiter Versuch, T\u00fcr links", 'asked for "the blue one", not "navy"', "a,b,c",
]


def national_number(rng, pattern):
    """d: any digit, n: 2 to 9, m: 6 to 9 (Brazil's mobiles that were there before the ninth digit)."""
    least = {"d": 0, "n": 2, "m": 6}
    return "".join(str(rng.randint(least[c], 9)) if c in least else c for c in pattern)


def in_groups(digits, separator, sizes):
    parts, at = [], 0
    for size in sizes:
        parts.append(digits[at:at + size])
        at += size
    parts.append(digits[at:])
    return separator.join(p for p in parts if p)


def written(rng, code, national, style=None):
    """One of the ways people write the same number."""
    style = style if style is not None else rng.choices(range(7), [60, 12, 8, 8, 6, 4, 2])[0]
    return [
        lambda: "+" + code + national,
        lambda: "+" + code + " " + in_groups(national, " ", [3, 3]),
        lambda: "+" + code + "-" + in_groups(national, "-", [3, 3]),
        lambda: "00" + code + national,
        lambda: "00" + code + " " + in_groups(national, " ", [2, 4]),
        lambda: "+" + code + " (" + national[:3] + ") " + in_groups(national[3:], "-", [3]),
        lambda: " +" + code + " " + national + " ",
    ][style]()


class Contacts:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.used = set()
        self.orders = 10_000

    def number(self):
        while True:
            code, _, patterns = self.rng.choices(COUNTRIES, [c[1] for c in COUNTRIES])[0]
            national = national_number(self.rng, self.rng.choice(patterns))
            if (code, national) not in self.used:
                self.used.add((code, national))
                return code, national

    def cells(self, phone):
        rng = self.rng
        self.orders += rng.randint(1, 7)
        order = rng.choice("ABCX") + "-" + str(self.orders)
        given = rng.choice(GIVEN)
        name = given + " " + rng.choice(FAMILY)
        return [phone, name, order, given, rng.choice(ITEMS), order.lower(), rng.choice(NOTES)]

    def good(self):
        code, national = self.number()
        return (code, national), self.cells(written(self.rng, code, national))

    def bad(self, kind, earlier):
        rng = self.rng
        code, national = self.number()
        cells = self.cells(written(rng, code, national))
        if kind == "letters":
            wrong = ["unknown", "+49 151 CALL ME", "n/a", "+1 800 FLOWERS", "tel. " + cells[0], "ask Ben"]
            cells[0] = rng.choice(wrong)
        elif kind == "too_short":
            cells[0] = "+" + code + national[:rng.randint(1, 3)]
        elif kind == "too_long":
            cells[0] = "+" + code + national + national_number(rng, "dddddddd")
        elif kind == "unknown_country":
            cells[0] = "+" + rng.choice(["999", "210", "280", "83", "89", "422"]) + national_number(rng, "ndddddddd")
        elif kind == "missing_number":
            cells[0] = rng.choice(["", "", "  "])
        elif kind == "missing_parameter":
            cells[rng.choice([2, 3, 4, 5])] = ""
        elif kind == "extra_cells":
            cells += rng.choice([["x"], ["", "x"], ["moved", "2024"]])
        elif kind == "missing_cells":
            cells = cells[:rng.randint(2, 5)]
        elif kind == "newline_in_parameter":
            cells[4] = "one line\nand another"
        elif kind == "tab_in_parameter":
            cells[3] = cells[3] + "\t(new)"
        elif kind == "duplicate":
            return earlier[1]
        elif kind == "duplicate_written_differently":
            code, national = earlier[0]
            same = [written(rng, code, national, style) for style in range(6)]
            if code == "55":    # Brazil: the ninth digit is optional
                same = ["+55" + national[:2] + national[3:], "+55 " + national[:2] + " " + national[3:]]
            elif code == "52":  # Mexico: an old 1 after the country code
                same = ["+521" + national, "0052 1 " + national]
            elif code == "54":  # Argentina: 9 for mobiles
                same = ["+54" + national[1:]]
            cells[0] = rng.choice([s for s in same if s != earlier[1][0]])
        return cells

    def rows(self):
        kinds = [kind for kind, count in BAD.items() for _ in range(count)]
        kinds += [None] * (ROWS - len(kinds))
        self.rng.shuffle(kinds)
        good, out = [], []
        for at, kind in enumerate(kinds):
            if kind and kind.startswith("duplicate") and not good:
                kind = kinds[at] = "letters"  # nothing to repeat yet
            if kind is None:
                good.append(self.good())
                out.append(good[-1][1])
            else:
                earlier = self.rng.choice(good) if good else None
                out.append(self.bad(kind, earlier))
        return out


def csv_line(cells):
    return ",".join('"' + c.replace('"', '""') + '"' if any(x in c for x in ',"\n\t') else c for c in cells) + "\n"


def text(seed=SEED):
    return csv_line(COLUMNS) + "".join(csv_line(row) for row in Contacts(seed).rows())


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--check", metavar="FILE")
    check = options.parse_args().check
    made = text().encode()
    if check is None:
        sys.stdout.buffer.write(made)
        return 0
    with open(check, "rb") as file:
        same = file.read() == made
    print(check, "is up to date" if same else "differs; run: make_contacts.py > " + check)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
