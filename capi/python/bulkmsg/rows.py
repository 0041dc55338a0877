"""Recipients from the host's own data, as the C ABI takes them: one run of bytes and an array of offsets."""

from __future__ import annotations

from array import array
from itertools import accumulate, chain
from operator import itemgetter
from typing import Any, Iterable, List, Mapping, NamedTuple, Sequence, Union

from ._calls import to_bytes

# A column of values by name ({"phone_number": [...], "first_name": [...]}), or a row each ([{"phone_number": ...}]).
Rows = Union[Mapping[str, Sequence[Any]], Iterable[Mapping[str, Any]]]


class Table(NamedTuple):
    """row_count counts the names, too."""

    data: bytes
    offsets: "array[int]"
    cells_per_row: int
    row_count: int


def _cell(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else str(value)


def _cells_of(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterable[Any]:
    if len(names) > 1 and {len(record) for record in records} == {len(names)}:
        try:
            return [*chain.from_iterable(map(itemgetter(*names), records))]
        except KeyError:
            pass
    known = set(names)
    for at, record in enumerate(records):
        if not known.issuperset(record):
            extra = next(name for name in record if name not in known)
            raise ValueError(f"row {at + 1} has a key that the first row does not have: {extra!r}")
    return (record.get(name) for record in records for name in names)


def table_of(rows: Rows) -> Table:
    """Raises ValueError for columns of different lengths, and for a row with a key that the first one does not have."""
    if isinstance(rows, Mapping):
        names: List[str] = list(rows)
        columns = [rows[name] for name in names]
        if len({len(column) for column in columns}) > 1:
            raise ValueError("the columns have different lengths")
        cells: Iterable[Any] = chain.from_iterable(zip(*columns))
    else:
        records = list(rows)
        names = list(records[0]) if records else []
        cells = _cells_of(records, names)
    if not names:
        raise ValueError("no columns; there must be a phone_number")
    texts = [*names, *cells]
    try:
        joined = "".join(texts)
    except TypeError:  # not all of them are texts
        texts = [cell if cell.__class__ is str else _cell(cell) for cell in texts]
        joined = "".join(texts)
    if joined.isascii():
        data, lengths = joined.encode(), map(len, texts)
    else:
        encoded = [to_bytes(text) for text in texts]
        data, lengths = b"".join(encoded), map(len, encoded)
    return Table(data, array("Q", accumulate(lengths, initial=0)), len(names), len(texts) // len(names))
