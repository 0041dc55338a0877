"""One broadcast in an engine's store."""

from __future__ import annotations

import ctypes
import json
import os
from datetime import datetime, timedelta
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    Mapping,
    Optional,
    Sequence,
    Union,
)

from . import _abi
from ._abi import library, take_text
from ._calls import Config, Duration, Json, Text, text_of, to_bytes, to_json, to_ms, to_time
from .constants import CampaignState, ConfigKind, Format, ListKind
from .records import (
    CampaignStatus,
    Counters,
    HistoryEntry,
    ImportReport,
    Message,
    Participant,
    Plan,
    RejectedRow,
    Reply,
    Retry,
    campaign_status,
    fields_of,
    message,
    record,
)
from .rows import Rows, table_of
from .settings import CampaignSettings, campaign_config

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .engine import Engine

Path = Union[str, "os.PathLike[str]"]


def _plan(out: _abi.PlanStruct, preview: str, warnings: Sequence[str], by_sender: Dict[str, int]) -> Plan:
    available = None if out.credits_available < 0 else out.credits_available
    return Plan(
        out.messages,
        out.credits,
        available,
        out.duration_ms / 1000,
        out.hash.decode(),
        out.suppressed,
        out.without_consent,
        out.window_closed,
        preview,
        list(warnings),
        by_sender,
    )


def _wait(time: Optional[Duration]) -> Optional[int]:
    return None if time is None else to_ms(time)


class Campaign:
    """One broadcast in an engine's store."""

    def __init__(self, engine: "Engine", campaign_id: int) -> None:
        self.engine = engine
        self.id = campaign_id

    def __repr__(self) -> str:
        return f"Campaign({self.id})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Campaign) and other.id == self.id and other.engine is self.engine

    def __hash__(self) -> int:
        return hash(self.id)

    def import_csv(self, text: Text) -> ImportReport:
        """Adds recipients from CSV text with a header row (`phone_number` is required). Bad rows go to rejected()."""
        return self.import_text(text)

    def import_csv_file(self, path: Path) -> ImportReport:
        """The same from a file, read in pieces."""
        return self.import_file(path)

    def import_text(
        self,
        text: Text,
        format: Format = Format.CSV,
        *,
        default_region: Optional[str] = None,
        delimiter: Optional[str] = None,
        columns: Optional[str] = None,
    ) -> ImportReport:
        """Adds recipients from CSV, JSON or a list of addresses. default_region: "DE" for numbers without a country
        code; delimiter: comma, semicolon, bar, tab; columns: keys of the JSON to take, separated by commas."""
        given = {"default_region": default_region, "delimiter": delimiter, "columns": columns}
        return self._import(library.bulkmsg_campaign_import, to_bytes(text), format, given)

    def import_file(
        self,
        path: Path,
        format: Format = Format.CSV,
        *,
        default_region: Optional[str] = None,
        delimiter: Optional[str] = None,
        columns: Optional[str] = None,
    ) -> ImportReport:
        """The same from a CSV or JSON file, read in pieces: memory does not grow with its size."""
        given = {"default_region": default_region, "delimiter": delimiter, "columns": columns}
        return self._import(library.bulkmsg_campaign_import_file, os.fsencode(path), format, given)

    def _import(
        self, function: Callable[..., int], data: bytes, format: Format, given: Mapping[str, Any]
    ) -> ImportReport:
        out = _abi.ReportStruct()
        with Config(ConfigKind.IMPORT, given) as config:
            self.engine._call(
                function, self.id, int(format), data, len(data), config, ctypes.byref(out), ctypes.sizeof(out)
            )
        return fields_of(ImportReport, out)

    def add(self, rows: Rows, *, default_region: Optional[str] = None) -> ImportReport:
        """Adds recipients from the host's own data: columns by name, or one mapping a row.

        >>> campaign.add({"phone_number": numbers, "param1": names})
        >>> campaign.add([{"phone_number": "+15550001111", "param1": "Ana"}])"""
        table = table_of(rows)
        out = _abi.ReportStruct()
        with Config(ConfigKind.IMPORT, {"default_region": default_region}) as config:
            self.engine._call(
                library.bulkmsg_campaign_add, self.id, table.data, len(table.data), table.offsets.buffer_info()[0],
                table.cells_per_row, table.row_count, config, ctypes.byref(out), ctypes.sizeof(out),
            )  # fmt: skip
        return fields_of(ImportReport, out)

    def import_contacts(self, selection: str = "") -> Dict[str, int]:
        """Makes recipients of stored contacts: of a segment or group, or of everybody."""
        report: Dict[str, int] = self.engine._json(library.bulkmsg_campaign_import_contacts, self.id, *text_of(selection))
        return report

    def state_consent(self, source: str) -> None:
        """The host's word that all recipients of the draft have agreed to its content."""
        self.engine._call(library.bulkmsg_campaign_state_consent, self.id, *text_of(source))

    def preview(self, row: int = 0) -> Dict[str, Any]:
        """What the recipient in this row will see: body, header, footer, buttons; and `text`."""
        card, text = ctypes.c_void_p(), ctypes.c_void_p()
        self.engine._call(
            library.bulkmsg_campaign_preview, self.id, row, ctypes.byref(card), ctypes.byref(text)
        )
        shown: Dict[str, Any] = json.loads(take_text(card))
        shown["text"] = take_text(text)
        return shown

    def estimate(self, rates: Json) -> Dict[str, Any]:
        """What it would cost by a rate table: messages, credits, micros, unpriced, lines."""
        table = to_json(rates)
        cost: Dict[str, Any] = self.engine._json(library.bulkmsg_campaign_estimate, self.id, table, len(table))
        return cost

    def messages(
        self,
        *,
        state: Optional[str] = None,
        undelivered: Optional[bool] = None,
        receipt: Optional[str] = None,
        code: Optional[int] = None,
        address: Optional[str] = None,
    ) -> Iterator[Message]:
        """Its messages; state: "sent", "failed", "unconfirmed", "skipped", "retry", ...; undelivered: those that a receipt
        failed; receipt: "delivered", ...; code: the provider's; address: in its one spelling."""
        rows = self.engine._rows(
            ListKind.MESSAGES, self.id, state=state, undelivered=undelivered, receipt=receipt, code=code, address=address
        )
        return (message(row) for row in rows)

    def participants(self, message: Union[Message, int]) -> Iterator[Participant]:
        """What the participants of a group did with a message to it."""
        number = message.message if isinstance(message, Message) else message
        return (record(Participant, row) for row in self.engine._rows(ListKind.PARTICIPANTS, number))

    def reasons(self) -> Dict[str, Sequence[Dict[str, Any]]]:
        """Why messages failed and rows were skipped, the most frequent first."""
        found: Dict[str, Sequence[Dict[str, Any]]] = self.engine._json(library.bulkmsg_campaign_reasons, self.id)
        return found

    def write_rejected(self, path: Path) -> None:
        """Writes the rejected rows to a CSV to correct and import again."""
        name = os.fsencode(path)
        self.engine._call(library.bulkmsg_campaign_write_rejected, self.id, name, len(name))

    def rejected(self) -> Iterator[RejectedRow]:
        """Every row that imports left out."""
        return (record(RejectedRow, row) for row in self.engine._rows(ListKind.REJECTED, self.id))

    def template_csv(self) -> str:
        """The CSV to fill in for it: the header row that it needs, and an example row."""
        return self.engine._text(library.bulkmsg_campaign_csv, self.id)

    def edit(self, name: str, **settings: Unpack[CampaignSettings]) -> None:
        """Replaces all that the draft was made with: what is not given is at its default again. Recipients stay."""
        with campaign_config(name, settings) as config:
            self.engine._call(library.bulkmsg_campaign_edit, self.id, config)

    def dry_run(self) -> Plan:
        """Renders every message, prices and hashes; changes nothing."""
        out, preview, more = _abi.PlanStruct(), ctypes.c_void_p(), ctypes.c_void_p()
        self.engine._call(
            library.bulkmsg_campaign_dry_run, self.id, ctypes.byref(out), ctypes.sizeof(out), ctypes.byref(preview),
            ctypes.byref(more),
        )  # fmt: skip
        shown = take_text(preview)
        told = json.loads(take_text(more))
        by_sender = {row["sender"]: row["messages"] for row in told["by_sender"]}
        return _plan(out, shown, told["warnings"], by_sender)

    def start(
        self,
        *,
        idempotency_key: Optional[str] = None,
        expected_hash: Optional[str] = None,
        actor: Optional[str] = None,
    ) -> Plan:
        """Freezes the plan, reserves credits, begins to send. ExhaustedError says how many credits are missing."""
        given = {"idempotency_key": idempotency_key, "expected_hash": expected_hash, "actor": actor}
        return self._begin(library.bulkmsg_campaign_start, ConfigKind.START, given)

    def schedule(
        self,
        at: Union[str, datetime],
        *,
        max_lateness: Optional[timedelta] = None,
        actor: Optional[str] = None,
        wait: Optional[Duration] = None,
    ) -> Plan:
        """Starts it later. at: a datetime with a tzinfo, or a text like "2026-12-01 09:00 Europe/Berlin". When nobody
        runs the store for more than max_lateness (an hour) from then on, it fails instead."""
        given = {"at": to_time(at), "max_lateness_ms": max_lateness, "actor": actor, "wait_ms": _wait(wait)}
        return self._begin(library.bulkmsg_campaign_schedule, ConfigKind.SCHEDULE, given)

    def _begin(self, function: Callable[..., int], kind: ConfigKind, given: Mapping[str, Any]) -> Plan:
        out = _abi.PlanStruct()
        with Config(kind, given) as config:
            self.engine._call(function, self.id, config, ctypes.byref(out), ctypes.sizeof(out))
        return _plan(out, "", [], {})

    def cancel_schedule(self, *, actor: Optional[str] = None, wait: Optional[Duration] = None) -> None:
        """A draft again."""
        self._command(library.bulkmsg_campaign_cancel, actor=actor, wait=wait)

    def test_send(self, addresses: Union[str, Iterable[str]], *, row: int = 0, actor: Optional[str] = None) -> "Campaign":
        """Sends what the recipient in this row would see to other addresses; returns the test's own campaign."""
        whom = addresses if isinstance(addresses, str) else "\n".join(addresses)
        with Config(ConfigKind.TEST_SEND, {"row": row, "actor": actor}) as config:
            return Campaign(
                self.engine, self.engine._id(library.bulkmsg_campaign_test_send, self.id, *text_of(whom), config)
            )

    def pause(self, reason: str = "", wait: Optional[Duration] = None, *, actor: Optional[str] = None) -> None:
        """When it returns no new request leaves. wait: how long for the process that runs the store to answer (5 s)."""
        self._command(library.bulkmsg_campaign_pause, actor=actor, reason=reason, wait=wait)

    def resume(self, wait: Optional[Duration] = None, *, actor: Optional[str] = None) -> None:
        """Sends exactly the rest."""
        self._command(library.bulkmsg_campaign_resume, actor=actor, wait=wait)

    def stop(self, reason: str = "", wait: Optional[Duration] = None, *, actor: Optional[str] = None) -> None:
        """Ends it for good: what was not sent never is."""
        self._command(library.bulkmsg_campaign_stop, actor=actor, reason=reason, wait=wait)

    def discard(self, *, actor: Optional[str] = None) -> None:
        """Removes a draft and its recipients."""
        self._command(library.bulkmsg_campaign_discard, actor=actor)

    def _command(self, function: Callable[..., int], *, wait: Optional[Duration] = None, **given: Any) -> None:
        self.engine._command(function, self.id, wait_ms=_wait(wait), **given)

    def resolve(
        self,
        *,
        sent: bool,
        actor: str,
        reason: Optional[str] = None,
        message: Union[Message, int, None] = None,
        wait: Optional[Duration] = None,
    ) -> int:
        """A person's word on messages that may have gone: all unconfirmed ones, or one. How many it settled."""
        given = {
            "as": "sent" if sent else "not_sent",
            "actor": actor,
            "reason": reason,
            "message": message.message if isinstance(message, Message) else message,
            "wait_ms": _wait(wait),
        }
        with Config(ConfigKind.RESOLVE, given) as config:
            return self.engine._id(library.bulkmsg_campaign_resolve, self.id, config)

    def retry(
        self,
        what: str = "failed",
        *,
        all: Optional[bool] = None,
        name: Optional[str] = None,
        actor: Optional[str] = None,
    ) -> Retry:
        """Makes a child campaign, a draft, of messages that failed and may pass (with all=True: of all that failed), or
        that are "unconfirmed". Start it to send them; discard it to give them back."""
        with Config(ConfigKind.RETRY, {"what": what, "all": all, "name": name, "actor": actor}) as config:
            return record(Retry, self.engine._json(library.bulkmsg_campaign_retry, self.id, config))

    @property
    def state(self) -> CampaignState:
        """Where it stands."""
        out = ctypes.c_int32()
        self.engine._call(library.bulkmsg_campaign_state, self.id, ctypes.byref(out))
        return CampaignState(out.value)

    @property
    def counters(self) -> Counters:
        """Its counters, consistent with each other."""
        out = _abi.CountersStruct()
        self.engine._call(library.bulkmsg_campaign_counters, self.id, ctypes.byref(out), ctypes.sizeof(out))
        return fields_of(Counters, out)

    def status(self) -> CampaignStatus:
        """All that is known of it."""
        return campaign_status(self.engine._json(library.bulkmsg_campaign_status, self.id))

    def history(self) -> Iterator[HistoryEntry]:
        """Who did what with it, oldest first."""
        return self.engine.history(self)

    def replies(self) -> Iterator[Reply]:
        """What people answered."""
        return self.engine.replies(self)
