"""The engine, its campaigns and its events."""

from __future__ import annotations

import csv
import ctypes
import io
import json
import os
import time
from typing import Any, AsyncIterator, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Type, Union

from . import _abi, aio
from ._abi import call, library, take_text
from ._calls import Config as _Config
from ._calls import Json, Text, text_of
from ._calls import to_bytes as _bytes
from ._calls import to_json as _json
from ._calls import to_ms as _ms
from .audience import Audience
from .content import Contents
from .constants import CampaignState, ConfigKind, Format, Status
from .errors import Error, UsageError
from .events import EVENT_SIZE, Event, EventBatch
from .rows import Rows, table_of

class Counters(NamedTuple):
    """total = queued + sent + failed + unconfirmed + skipped; delivered, read, undelivered, responded are in sent."""

    total: int
    queued: int
    sent: int
    failed: int
    unconfirmed: int
    skipped: int
    delivered: int
    read: int
    undelivered: int
    responded: int
    credits_reserved: int
    credits_spent: int


class ImportReport(NamedTuple):
    """How an import went: rows = added + duplicates + rejected."""

    rows: int
    added: int
    duplicates: int
    rejected: int


class RejectedRow(NamedTuple):
    """A row that an import left out; `line` and `column` count from 1, column 0 is the whole row."""

    line: int
    column: int
    column_name: str
    code: int
    reason: str
    phone_number: str


class Plan(NamedTuple):
    """A frozen plan, or what it would be."""

    messages: int
    credits: int
    credits_available: Optional[int]  # None without an account
    duration: float  # seconds, under the sender's limits, at best
    hash: str
    preview: str  # the first message as plain text; of a dry run only


class Balances(NamedTuple):
    """granted + bought + adjusted = available (both) + reserved + spent + expired, always."""

    granted: int
    bought: int
    adjusted: int
    available_monthly: int
    available_topup: int
    reserved: int
    spent: int
    expired: int
    period: int

    @property
    def available(self) -> int:
        return self.available_monthly + self.available_topup


_SLICE = 0.25  # seconds of one wait, so that Ctrl-C is answered


def options(kind: ConfigKind) -> List[Dict[str, Any]]:
    """Every option of a kind: key, type, allowed, default, required, description."""
    text = ctypes.c_void_p()
    call(library.bulkmsg_config_describe, kind, ctypes.byref(text))
    described: List[Dict[str, Any]] = json.loads(take_text(text))
    return described


class Engine(Contents, Audience):
    """A store being worked on. Any thread may call anything; calls release the GIL.

    >>> with Engine("shop.bulkmsg") as engine:
    ...     campaign = engine.create_campaign("spring", sender=sender, template=template)
    """

    def __init__(
        self,
        path: Union[str, "os.PathLike[str]"],
        *,
        mode: str = "run",
        create: Optional[bool] = None,
        send: Optional[bool] = None,
        progress_max: Optional[int] = None,
    ) -> None:
        """Opens or creates the store and, in mode "run", goes on sending what was being sent.

        mode: "run" (one process at a time), "read" (looks only), "post" (takes webhooks beside the one that runs).
        Raises StoreError when another process runs it, it is newer, or not a store."""
        self._handle: Optional[ctypes.c_void_p] = None
        handle = ctypes.c_void_p()
        given = {
            "path": os.fsencode(path),
            "mode": mode,
            "create": create,
            "send": send,
            "progress_max": progress_max,
        }
        with _Config(ConfigKind.ENGINE, given) as config:
            call(library.bulkmsg_engine_open, config, ctypes.byref(handle))
        self._handle = handle

    def close(self, timeout: float = 5.0) -> None:
        """Stops sending and lets what is on the wire settle for up to `timeout` seconds. Closing twice is fine."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        try:
            call(library.bulkmsg_engine_close, handle, _ms(timeout))
        except UsageError as e:
            if e.code != Status.FORKED:  # the parent's engine: nothing of it is ours to close
                raise
        finally:
            library.bulkmsg_engine_destroy(handle)

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self, _destroy: Callable[..., Any] = library.bulkmsg_engine_destroy) -> None:
        handle = getattr(self, "_handle", None)
        if handle is not None:
            self._handle = None
            _destroy(handle)

    def _call(self, function: Callable[..., int], *arguments: Any) -> None:
        handle = self._handle
        if handle is None:
            raise UsageError("this engine was closed; open it again", code=Status.CLOSED, name="closed")
        call(function, handle, *arguments)

    # -- senders, credits

    def put_sender(self, settings: Json) -> int:
        """Adds or replaces a sender; returns its id. Secrets are named ("env:NAME", "file:PATH"), never given."""
        text = _json(settings)
        return self._id(library.bulkmsg_sender_put, text, len(text))

    def check_sender(self, sender: int) -> Dict[str, str]:
        """Asks the provider about the sender's number."""
        found: Dict[str, str] = json.loads(self._text(library.bulkmsg_sender_check, sender))
        return found

    def put_account(
        self,
        name: str,
        *,
        per_user_credits: Optional[int] = None,
        users: Optional[int] = None,
        additional_phones: Optional[int] = None,
        topup_price_micros: Optional[int] = None,
        billing_day: Optional[int] = None,
        time_zone: Optional[str] = None,
    ) -> int:
        """Adds an account or changes its plan; grants the running month's credits once. Returns its id."""
        given = {
            "name": name,
            "per_user_credits": per_user_credits,
            "users": users,
            "additional_phones": additional_phones,
            "topup_price_micros": topup_price_micros,
            "billing_day": billing_day,
            "time_zone": time_zone,
        }
        with _Config(ConfigKind.ACCOUNT, given) as config:
            return self._id(library.bulkmsg_account_put, config)

    def find_account(self, name: str) -> int:
        """The id of the account of that name."""
        text = _bytes(name)
        return self._id(library.bulkmsg_account_find, text, len(text))

    def top_up(self, account: int, credits: int, key: str = "") -> None:
        """Adds bought credits. The same `key` again adds nothing."""
        text = _bytes(key)
        self._call(library.bulkmsg_account_top_up, account, credits, text, len(text))

    def adjust(self, account: int, credits: int, *, reason: str, actor: str, key: str = "") -> None:
        """Adds credits, or takes them away, by hand; reason and actor are kept in the ledger."""
        self._call(
            library.bulkmsg_account_adjust, account, credits, *text_of(reason), *text_of(actor), *text_of(key)
        )

    def accounts(self) -> Iterator[Dict[str, Any]]:
        """Every account: account (its id), name, available, reserved, spent, renews_at_unix_ms."""
        return self._pages(library.bulkmsg_account_list, key="account")

    def ledger(self, account: int) -> Iterator[Dict[str, Any]]:
        """The account's entries, oldest first."""
        return self._pages(library.bulkmsg_account_ledger, account, key="id")

    def price(self, content: int, rates: Json) -> int:
        """Credits that a rate table asks for one message of this content."""
        table = _json(rates)
        return self._id(library.bulkmsg_account_price, content, table, len(table))

    def balances(self, account: int) -> Balances:
        """What the account has."""
        return self._balances(library.bulkmsg_account_balances, account)

    def audit(self, account: int) -> Balances:
        """Recomputes the account from its ledger; raises StoreError when a sum differs."""
        return self._balances(library.bulkmsg_account_audit, account)

    def _balances(self, function: Callable[..., int], account: int) -> Balances:
        out = _abi.BalancesStruct()
        self._call(function, account, ctypes.byref(out), ctypes.sizeof(out))
        return _tuple(Balances, out)

    # -- campaigns

    def create_campaign(
        self,
        name: str,
        *,
        sender: int,
        template: int,
        account: Optional[int] = None,
        columns: Optional[Mapping[str, str]] = None,
        credits_per_message: Optional[int] = None,
        require_consent: Optional[bool] = None,
        agent: Optional[str] = None,
        reply_to: Optional[str] = None,
        content_rules: Optional[str] = None,
    ) -> "Campaign":
        """Makes a draft. columns: place in the template ("body.1") -> column, where the default does not fit.
        require_consent: None: recipients of MARKETING templates need one."""
        given: Dict[str, Any] = {
            "name": name,
            "sender": sender,
            "template": template,
            "account": account,
            "credits_per_message": credits_per_message,
            "require_consent": require_consent,
            "agent": agent,
            "reply_to": reply_to,
            "content_rules": content_rules,
        }
        given.update({f"map.{place}": column for place, column in (columns or {}).items()})
        with _Config(ConfigKind.CAMPAIGN, given) as config:
            return Campaign(self, self._id(library.bulkmsg_campaign_create, config))

    def campaign(self, campaign_id: int) -> "Campaign":
        """The campaign of that id; whether there is one shows at the first call."""
        return Campaign(self, campaign_id)

    def campaigns(self) -> Iterator["Campaign"]:
        """Every campaign of the store, oldest first."""
        page = (ctypes.c_int64 * 100)()
        count = ctypes.c_size_t()
        last = 0
        while True:
            self._call(library.bulkmsg_campaign_list, last, page, len(page), ctypes.byref(count))
            if count.value == 0:
                return
            ids = page[: count.value]
            last = ids[-1]
            for campaign_id in ids:
                yield Campaign(self, campaign_id)

    # -- events

    def poll(self, timeout: Optional[float] = 0.0, limit: int = 256) -> List[Event]:
        """Takes up to `limit` waiting events (1,024 at most); waits up to `timeout` seconds (None: for ever) while
        there is none. May return early with nothing, for example after wakeup()."""
        return list(self.poll_batch(timeout, limit))

    def poll_batch(self, timeout: Optional[float] = 0.0, limit: int = 1024) -> EventBatch:
        """The same as columns, for hosts that take the progress of millions of messages."""
        room = bytearray(limit * EVENT_SIZE)
        to = (ctypes.c_char * len(room)).from_buffer(room)
        count = ctypes.c_size_t()
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _SLICE if until is None else min(_SLICE, until - time.monotonic())
            began = time.monotonic()
            self._call(library.bulkmsg_engine_poll, to, EVENT_SIZE, limit, _ms(left), ctypes.byref(count))
            woken = time.monotonic() - began < left * 0.9
            if count.value != 0 or woken or (until is not None and time.monotonic() >= until):
                return EventBatch(memoryview(room)[: count.value * EVENT_SIZE])

    def events(self, timeout: Optional[float] = None, *, acknowledge: bool = True) -> Iterator[Event]:
        """Events as they come; ends after `timeout` seconds without one (None: never).

        A durable event is acknowledged when the loop comes back for the next one: what a crash or a `break` leaves
        in the middle comes again. With acknowledge=False that is left to ack()."""
        while True:
            done = 0
            waited = time.monotonic()
            batch = self.poll(timeout)
            if not batch and timeout is not None and time.monotonic() - waited >= timeout:
                return
            try:
                for event in batch:
                    yield event
                    done = event.id or done
            finally:
                if acknowledge and done:
                    self.ack(done)

    def aevents(self, *, acknowledge: bool = True) -> AsyncIterator[Event]:
        """The same for asyncio: `async for event in engine.aevents()`."""
        return aio.events(self, acknowledge=acknowledge)

    def payload(self, event: Union[Event, int]) -> Dict[str, Any]:
        """What belongs to a durable event: text and broadcast context of a reply, the reason of a change."""
        event_id = event.id if isinstance(event, Event) else event
        found: Dict[str, Any] = json.loads(self._text(library.bulkmsg_engine_event_payload, event_id))
        return found

    def ack(self, event_id: int) -> None:
        """All durable events up to and including this id are dealt with."""
        self._call(library.bulkmsg_engine_ack, event_id)

    def wakeup(self) -> None:
        """Ends a poll() that waits on another thread."""
        self._call(library.bulkmsg_engine_wakeup)

    def fileno(self) -> int:
        """A descriptor that is readable while events wait; only for select, poll and event loops."""
        fd = ctypes.c_int32()
        self._call(library.bulkmsg_engine_event_fd, ctypes.byref(fd))
        return fd.value

    # -- webhooks

    def ingest(self, body: bytes, signature: str) -> None:
        """Takes one webhook: the raw body and X-Hub-Signature-256. When it returns the webhook is durable: answer 200.
        InputError: answer 401 (code SIGNATURE_MISMATCH) or 413 (TOO_LARGE); anything else: 500."""
        text = _bytes(signature)
        self._call(library.bulkmsg_webhook_ingest, body, len(body), text, len(text))

    def listen(self, address: str) -> int:
        """Answers webhooks at "127.0.0.1:PORT" (0: any) until closed; returns the port."""
        text = _bytes(address)
        port = ctypes.c_int32()
        self._call(library.bulkmsg_webhook_listen, text, len(text), ctypes.byref(port))
        return port.value


class Campaign:
    """One broadcast in an engine's store."""

    def __init__(self, engine: Engine, campaign_id: int) -> None:
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
        data = _bytes(text)
        return self._import(library.bulkmsg_campaign_import_csv, data)

    def import_csv_file(self, path: Union[str, "os.PathLike[str]"]) -> ImportReport:
        """The same from a file, read in pieces."""
        return self._import(library.bulkmsg_campaign_import_csv_file, os.fsencode(path))

    def _import(self, function: Callable[..., int], data: bytes) -> ImportReport:
        out = _abi.ReportStruct()
        self.engine._call(function, self.id, data, len(data), ctypes.byref(out), ctypes.sizeof(out))
        return _tuple(ImportReport, out)

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
        data = _bytes(text)
        given = {"default_region": default_region, "delimiter": delimiter, "columns": columns}
        out = _abi.ReportStruct()
        with _Config(ConfigKind.IMPORT, given) as config:
            self.engine._call(
                library.bulkmsg_campaign_import, self.id, int(format), data, len(data), config,
                ctypes.byref(out), ctypes.sizeof(out),
            )  # fmt: skip
        return _tuple(ImportReport, out)

    def add(self, rows: Rows, *, default_region: Optional[str] = None) -> ImportReport:
        """Adds recipients from the host's own data: columns by name, or one mapping a row.

        >>> campaign.add({"phone_number": numbers, "param1": names})
        >>> campaign.add([{"phone_number": "+15550001111", "param1": "Ana"}])"""
        table = table_of(rows)
        out = _abi.ReportStruct()
        with _Config(ConfigKind.IMPORT, {"default_region": default_region}) as config:
            self.engine._call(
                library.bulkmsg_campaign_add, self.id, table.data, len(table.data), table.offsets.buffer_info()[0],
                table.cells_per_row, table.row_count, config, ctypes.byref(out), ctypes.sizeof(out),
            )  # fmt: skip
        return _tuple(ImportReport, out)

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
        table = _json(rates)
        cost: Dict[str, Any] = self.engine._json(library.bulkmsg_campaign_estimate, self.id, table, len(table))
        return cost

    def messages(self, *, state: Optional[str] = None, undelivered: Optional[bool] = None) -> Iterator[Dict[str, Any]]:
        """Its messages; state: "accepted", "refused", "unconfirmed", "skipped", "retry", ..."""
        with _Config(ConfigKind.MESSAGES, {"state": state, "undelivered": undelivered}) as config:
            yield from self.engine._pages(library.bulkmsg_campaign_messages, self.id, config, key="message")

    def reasons(self) -> Dict[str, List[Dict[str, Any]]]:
        """Why messages failed and rows were skipped, the most frequent first."""
        found: Dict[str, List[Dict[str, Any]]] = self.engine._json(library.bulkmsg_campaign_reasons, self.id)
        return found

    def write_rejected(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes the rejected rows to a CSV to correct and import again."""
        name = os.fsencode(path)
        self.engine._call(library.bulkmsg_campaign_write_rejected, self.id, name, len(name))

    def rejected(self) -> Iterator[RejectedRow]:
        """Every row that imports left out, in the order of lines."""
        last = ctypes.c_int64()
        text = ctypes.c_void_p()
        while True:
            after = last.value
            self.engine._call(
                library.bulkmsg_campaign_rejected, self.id, after, 1000, ctypes.byref(text), ctypes.byref(last)
            )
            rows = csv.reader(io.StringIO(take_text(text), newline=""))
            next(rows)
            for line, column, column_name, code, reason, phone_number in rows:
                yield RejectedRow(int(line), int(column), column_name, int(code), reason, phone_number)
            if last.value == after:
                return

    def dry_run(self) -> Plan:
        """Renders every message, prices and hashes; changes nothing."""
        out, preview = _abi.PlanStruct(), ctypes.c_void_p()
        self.engine._call(
            library.bulkmsg_campaign_dry_run, self.id, ctypes.byref(out), ctypes.sizeof(out), ctypes.byref(preview)
        )
        return _plan(out, take_text(preview))

    def start(self, *, idempotency_key: Optional[str] = None, expected_hash: Optional[str] = None) -> Plan:
        """Freezes the plan, reserves credits, begins to send. ExhaustedError says how many credits are missing."""
        out = _abi.PlanStruct()
        given = {"idempotency_key": idempotency_key, "expected_hash": expected_hash}
        with _Config(ConfigKind.START, given) as config:
            self.engine._call(
                library.bulkmsg_campaign_start, self.id, config, ctypes.byref(out), ctypes.sizeof(out)
            )
        return _plan(out, "")

    def pause(self, reason: str = "", wait: float = 5.0) -> None:
        """When it returns no new request leaves. wait: seconds for the process that runs the store to answer."""
        text = _bytes(reason)
        self.engine._call(library.bulkmsg_campaign_pause, self.id, text, len(text), _ms(wait))

    def resume(self, wait: float = 5.0) -> None:
        """Sends exactly the rest."""
        self.engine._call(library.bulkmsg_campaign_resume, self.id, _ms(wait))

    def stop(self, reason: str = "", wait: float = 5.0) -> None:
        """Ends it for good: what was not sent never is."""
        text = _bytes(reason)
        self.engine._call(library.bulkmsg_campaign_stop, self.id, text, len(text), _ms(wait))

    def discard(self) -> None:
        """Removes a draft and its recipients."""
        self.engine._call(library.bulkmsg_campaign_discard, self.id)

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
        return _tuple(Counters, out)

    def status(self) -> Dict[str, Any]:
        """All that is known of it: name, state, reason, sender, template, plan_hash, times, counters."""
        found: Dict[str, Any] = json.loads(self.engine._text(library.bulkmsg_campaign_status, self.id))
        return found


def _tuple(kind: Type[Any], out: ctypes.Structure) -> Any:
    return kind(*(getattr(out, name) for name in kind._fields))


def _plan(out: _abi.PlanStruct, preview: str) -> Plan:
    available = None if out.credits_available < 0 else out.credits_available
    return Plan(out.messages, out.credits, available, out.duration_ms / 1000, out.hash.decode(), preview)


__all__ = [
    "Balances",
    "Campaign",
    "Counters",
    "Engine",
    "Error",
    "Event",
    "ImportReport",
    "Plan",
    "RejectedRow",
    "options",
]
