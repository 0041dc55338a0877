"""Events: one by one, or a batch of them as columns."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta, timezone
from itertools import repeat
from typing import Any, Iterator, List, NamedTuple, Sequence, Union, overload

from ._abi import EVENT_SIZE


_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Event(NamedTuple):
    """Something that happened. Durable events have an `id` and come again until they are acknowledged."""

    id: int
    campaign: int
    message: int
    at_unix_ms: int
    kind: int  # an EventKind
    state: int  # a CampaignState or a MessageState, by kind
    receipt: int  # a Receipt
    code: int

    @property
    def is_durable(self) -> bool:
        return self.id != 0

    @property
    def at(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=self.at_unix_ms)


_EVENT = struct.Struct("=4q4i16x")
assert _EVENT.size == EVENT_SIZE
_made = tuple.__new__  # what Event(...) does, without a call in Python for each


class EventBatch(Sequence[Event]):
    """What one poll brought: a sequence of events, and its columns, which cost nothing until they are read:

    >>> accepted = batch.state.tolist().count(MessageState.ACCEPTED)"""

    __slots__ = ("_bytes",)

    def __init__(self, events: memoryview) -> None:
        self._bytes = events

    def __len__(self) -> int:
        return len(self._bytes) // EVENT_SIZE

    def __iter__(self) -> Iterator[Event]:
        return map(_made, repeat(Event), _EVENT.iter_unpack(self._bytes))

    @overload
    def __getitem__(self, at: int) -> Event: ...

    @overload
    def __getitem__(self, at: slice) -> List[Event]: ...

    def __getitem__(self, at: Union[int, slice]) -> Any:
        return list(self)[at] if isinstance(at, slice) else Event(*(int(c[at]) for c in self._columns()))

    def _columns(self) -> Iterator[memoryview]:
        return iter((self.id, self.campaign, self.message, self.at_unix_ms, self.kind, self.state, self.receipt, self.code))

    def _longs(self, place: int) -> memoryview:
        return self._bytes.cast("q")[place :: EVENT_SIZE // 8] if self._bytes else self._bytes

    def _ints(self, place: int) -> memoryview:
        return self._bytes.cast("i")[place :: EVENT_SIZE // 4] if self._bytes else self._bytes

    @property
    def id(self) -> memoryview:
        return self._longs(0)

    @property
    def campaign(self) -> memoryview:
        return self._longs(1)

    @property
    def message(self) -> memoryview:
        return self._longs(2)

    @property
    def at_unix_ms(self) -> memoryview:
        return self._longs(3)

    @property
    def kind(self) -> memoryview:
        return self._ints(8)

    @property
    def state(self) -> memoryview:
        return self._ints(9)

    @property
    def receipt(self) -> memoryview:
        return self._ints(10)

    @property
    def code(self) -> memoryview:
        return self._ints(11)
