"""The engine, its campaigns and its events."""

from __future__ import annotations

import ctypes
import json
import os
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Dict, Iterator, List, Optional, Union

from . import _abi, aio
from ._abi import EVENT_SIZE, call, library, take_text
from ._calls import Config as _Config
from ._calls import Duration, Json, text_of
from ._calls import to_json as _json
from ._calls import to_ms as _ms
from .audience import Audience
from .campaign import Campaign
from .constants import CampaignState, ConfigKind, ListKind, Status
from .content import Contents
from .errors import UsageError
from .events import Event, EventBatch
from .inbound import Inbound
from .records import Account, Balances, CampaignStatus, LedgerEntry, campaign_status, fields_of, record
from .settings import CampaignSettings, campaign_config
from .store import Store

if TYPE_CHECKING:
    from typing_extensions import Unpack

_SLICE = 0.25  # seconds of one wait, so that Ctrl-C is answered


def options(kind: Union[ConfigKind, ListKind]) -> List[Dict[str, Any]]:
    """Every option of a kind: key, type, allowed, default, required, description."""
    text = ctypes.c_void_p()
    call(library.bulkmsg_config_describe, kind, ctypes.byref(text))
    described: List[Dict[str, Any]] = json.loads(take_text(text))
    return described


class Engine(Contents, Audience, Inbound, Store):
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
        io_threads: Optional[int] = None,
    ) -> None:
        """Opens or creates the store and, in mode "run", goes on sending what was being sent.

        mode: "run" (one process at a time), "read" (looks only), "post" (takes webhooks beside the one that runs).
        Raises StoreError when another process runs it, it is newer, or not a store."""
        self._handle = None
        handle = ctypes.c_void_p()
        given = {
            "path": os.fsencode(path),
            "mode": mode,
            "create": create,
            "send": send,
            "progress_max": progress_max,
            "io_threads": io_threads,
        }
        with _Config(ConfigKind.ENGINE, given) as config:
            call(library.bulkmsg_engine_open, config, ctypes.byref(handle))
        self._handle = handle

    def close(self, timeout: Duration = 5.0) -> None:
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

    def check_sender(self, sender: Union[int, Json]) -> Dict[str, str]:
        """Asks the provider about a sender's number: of the one with this id, or of settings before they are put."""
        if isinstance(sender, int):
            text = self._text(library.bulkmsg_sender_check, sender, None, 0)
        else:
            settings = _json(sender)
            text = self._text(library.bulkmsg_sender_check, 0, settings, len(settings))
        found: Dict[str, str] = json.loads(text)
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
        key: Optional[str] = None,
    ) -> int:
        """Adds an account or changes its plan; grants the running month's credits once. Returns its id. The same `key`
        again does nothing."""
        given = {
            "name": name,
            "per_user_credits": per_user_credits,
            "users": users,
            "additional_phones": additional_phones,
            "topup_price_micros": topup_price_micros,
            "billing_day": billing_day,
            "time_zone": time_zone,
            "key": key,
        }
        with _Config(ConfigKind.ACCOUNT, given) as config:
            return self._id(library.bulkmsg_account_put, config)

    def find_account(self, name: str) -> int:
        """The id of the account of that name."""
        return self._id(library.bulkmsg_account_find, *text_of(name))

    def top_up(self, account: int, credits: int, key: str = "") -> None:
        """Adds bought credits. The same `key` again adds nothing."""
        self._call(library.bulkmsg_account_top_up, account, credits, *text_of(key))

    def adjust(self, account: int, credits: int, *, reason: str, actor: str, key: str = "") -> None:
        """Adds credits, or takes them away, by hand; reason and actor are kept in the ledger."""
        self._call(
            library.bulkmsg_account_adjust, account, credits, *text_of(reason), *text_of(actor), *text_of(key)
        )

    def accounts(self) -> Iterator[Account]:
        """Every account."""
        return (record(Account, row) for row in self._rows(ListKind.ACCOUNTS))

    def ledger(self, account: int) -> Iterator[LedgerEntry]:
        """The account's entries, oldest first."""
        return (record(LedgerEntry, row) for row in self._rows(ListKind.LEDGER, account))

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
        return fields_of(Balances, out)

    # -- campaigns

    def create_campaign(self, name: str, **settings: Unpack[CampaignSettings]) -> Campaign:
        """Makes a draft; what it still needs before it can start, status().missing says.

        Keywords, all optional: sender, template and account (ids), mapping, agent, hours, urgent and the others that
        CampaignSettings explains."""
        with campaign_config(name, settings) as config:
            return Campaign(self, self._id(library.bulkmsg_campaign_create, config))

    def find_campaigns(
        self,
        *,
        state: Optional[CampaignState] = None,
        agent: Optional[str] = None,
        name: Optional[str] = None,
        created_from: Optional[datetime] = None,
        tests: Optional[bool] = None,
    ) -> Iterator[CampaignStatus]:
        """What is known of the campaigns that fit, oldest first. name: a part of it; tests: test sends, too."""
        rows = self._rows(
            ListKind.CAMPAIGNS,
            state=state.name.lower() if state is not None else None,
            agent=agent,
            name=name,
            created_from_unix_ms=round(created_from.timestamp() * 1000) if created_from else None,
            tests=tests,
        )
        return (campaign_status(row) for row in rows)

    def campaign(self, campaign_id: int) -> Campaign:
        """The campaign of that id; whether there is one shows at the first call."""
        return Campaign(self, campaign_id)

    def campaigns(self) -> Iterator[Campaign]:
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
