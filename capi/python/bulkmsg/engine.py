"""The engine, its campaigns and its events."""

from __future__ import annotations

import csv
import ctypes
import io
import json
import os
import struct
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Type, Union

from . import _abi
from ._abi import call, library, take_text
from .constants import CampaignState, ConfigKind, Status
from .errors import Error, UsageError

Json = Union[str, bytes, Mapping[str, Any]]
Text = Union[str, bytes]


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


_EVENT = struct.Struct("=4q4i16x")
_SLICE = 0.25  # seconds of one wait, so that Ctrl-C is answered


def _bytes(text: Text) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(text)


def _json(value: Json) -> bytes:
    return json.dumps(value).encode() if isinstance(value, Mapping) else _bytes(value)


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _option(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return _bytes(value if isinstance(value, (str, bytes)) else str(value))


class _Config:
    """Options by name, for the length of one call."""

    def __init__(self, kind: ConfigKind, options: Mapping[str, Any]) -> None:
        self._handle = ctypes.c_void_p()
        call(library.bulkmsg_config_create, kind, ctypes.byref(self._handle))
        try:
            for key, value in options.items():
                if value is None:
                    continue
                name, text = _bytes(key), _option(value)
                call(library.bulkmsg_config_set, self._handle, name, len(name), text, len(text))
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> ctypes.c_void_p:
        return self._handle

    def __exit__(self, *_: object) -> None:
        library.bulkmsg_config_destroy(self._handle)


def options(kind: ConfigKind) -> List[Dict[str, Any]]:
    """Every option of a kind: key, type, allowed, default, required, description."""
    text = ctypes.c_void_p()
    call(library.bulkmsg_config_describe, kind, ctypes.byref(text))
    described: List[Dict[str, Any]] = json.loads(take_text(text))
    return described


class Engine:
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

    def _id(self, function: Callable[..., int], *arguments: Any) -> int:
        made = ctypes.c_int64()
        self._call(function, *arguments, ctypes.byref(made))
        return made.value

    def _text(self, function: Callable[..., int], *arguments: Any) -> str:
        text = ctypes.c_void_p()
        self._call(function, *arguments, ctypes.byref(text))
        return take_text(text)

    # -- senders, templates, credits

    def put_sender(self, settings: Json) -> int:
        """Adds or replaces a sender; returns its id. Secrets are named ("env:NAME", "file:PATH"), never given."""
        text = _json(settings)
        return self._id(library.bulkmsg_sender_put, text, len(text))

    def check_sender(self, sender: int) -> Dict[str, str]:
        """Asks the provider about the sender's number."""
        found: Dict[str, str] = json.loads(self._text(library.bulkmsg_sender_check, sender))
        return found

    def put_template(self, template: Json) -> int:
        """Takes a template as the provider shows it; returns its id. The same JSON gives the same id."""
        text = _json(template)
        return self._id(library.bulkmsg_template_put, text, len(text))

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
    ) -> "Campaign":
        """Makes a draft. columns: place in the template ("body.1") -> column, where the default does not fit."""
        given: Dict[str, Any] = {"name": name, "sender": sender, "template": template, "account": account}
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
        room = ctypes.create_string_buffer(limit * _EVENT.size)
        count = ctypes.c_size_t()
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _SLICE if until is None else min(_SLICE, until - time.monotonic())
            began = time.monotonic()
            self._call(
                library.bulkmsg_engine_poll, room, _EVENT.size, limit, _ms(left), ctypes.byref(count)
            )
            if count.value != 0:
                return [Event(*f) for f in _EVENT.iter_unpack(memoryview(room)[: count.value * _EVENT.size])]
            woken = time.monotonic() - began < left * 0.9
            if woken or (until is not None and time.monotonic() >= until):
                return []

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
