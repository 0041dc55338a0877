"""The store as a whole: what happened in it, copies, personal data, metrics."""

from __future__ import annotations

import ctypes
import json
import os
from datetime import timedelta
from typing import Any, Iterator, Optional, Union

from ._abi import call, library, take_text
from ._calls import Calls, Config, text_of
from .constants import ConfigKind, ListKind
from .records import Adoption, Forgotten, HistoryEntry, StoredEvent, StoreStatus, record

Path = Union[str, "os.PathLike[str]"]


class Store(Calls):
    """The part of an engine that looks after its file."""

    def store_status(self) -> StoreStatus:
        """Whether it is a copy, what a crash left, how long personal data is kept."""
        row = self._json(library.bulkmsg_engine_status)
        hours = row["retention_hours"]
        return record(StoreStatus, {**row, "retention": timedelta(hours=hours) if hours else None})

    def metrics(self) -> str:
        """The engine's counters in Prometheus' text format."""
        return self._text(library.bulkmsg_engine_metrics)

    def history(self, campaign: Any = 0) -> Iterator[HistoryEntry]:
        """Who did what, oldest first: of one campaign (or its id), or of everything."""
        return (record(HistoryEntry, row) for row in self._rows(ListKind.HISTORY, getattr(campaign, "id", campaign)))

    def stored_events(self) -> Iterator[StoredEvent]:
        """The durable events that are not acknowledged, with their payloads, without taking them from events()."""
        return (record(StoredEvent, row) for row in self._rows(ListKind.EVENTS))

    def backup(self, path: Path, *, actor: Optional[str] = None) -> None:
        """Writes a whole copy to a new file while the store is used. UsageError (CONFLICT) when the file exists."""
        name = os.fsencode(path)
        self._command(library.bulkmsg_engine_backup, name, len(name), actor=actor)

    def forget(self, address: str, *, actor: Optional[str] = None, reason: Optional[str] = None) -> Forgotten:
        """Forgets a person: contact, replies, and address, parameters and texts in every campaign. They stay barred,
        under a keyed hash; counters and the ledger stay true."""
        text = ctypes.c_void_p()
        self._command(
            library.bulkmsg_engine_forget, *text_of(address), then=(ctypes.byref(text),), actor=actor, reason=reason
        )
        return record(Forgotten, json.loads(take_text(text)))

    def set_retention(self, keep: Optional[timedelta], *, actor: Optional[str] = None) -> None:
        """How long campaigns that have ended keep personal data: over a day, in whole hours; None: for ever."""
        hours, rest = divmod(keep or timedelta(), timedelta(hours=1))
        if rest:
            raise ValueError("a retention is a number of whole hours")
        self._command(library.bulkmsg_engine_set_retention, hours, actor=actor)


def adopt(path: Path, *, actor: Optional[str] = None) -> Adoption:
    """Makes a store of its own of a file that is a copy of one; nobody has it open. Only when the original is gone, or
    goes on for itself: two that send the same would reach people twice."""
    name, text = os.fsencode(path), ctypes.c_void_p()
    with Config(ConfigKind.COMMAND, {"actor": actor}) as config:
        call(library.bulkmsg_store_adopt, name, len(name), config, ctypes.byref(text))
    return record(Adoption, json.loads(take_text(text)))
