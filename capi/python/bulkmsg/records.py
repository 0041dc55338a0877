"""What the engine tells: plain tuples with names. Times are datetimes in UTC, None where the event has not happened."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Type, TypeVar

from .constants import CampaignState, MessageState, Receipt

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def time_of(unix_ms: int) -> Optional[datetime]:
    """0 is no time."""
    return _EPOCH + timedelta(milliseconds=unix_ms) if unix_ms else None


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

    number: int
    line: int
    column: int
    column_name: str
    code: int
    reason: str
    address: str


class Plan(NamedTuple):
    """A frozen plan, or what it would be."""

    messages: int
    credits: int
    credits_available: Optional[int]  # None without an account
    duration: float  # seconds, under the sender's limits and within the hours, at best
    hash: str
    suppressed: int  # recipients left out
    without_consent: int  # likewise
    window_closed: int  # likewise
    preview: str  # the first message as plain text; of a dry run only
    warnings: List[str]  # what the content rules warn of; of a dry run only
    by_sender: Dict[str, int]  # messages by the sender's name, with several senders; of a dry run only


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


class Missing(NamedTuple):
    """What a draft still needs before it can start."""

    step: str  # name, content, audience or settings
    what: str


class CampaignStatus(NamedTuple):
    """All that is known of a campaign. rate, time_left and missing are unknown in lists."""

    id: int
    name: str
    state: CampaignState
    reason: str  # why paused, stopped or failed
    sender: str
    template: str
    agent: str
    reply_to: str
    plan_hash: str
    created_at: Optional[datetime]
    started_at: Optional[datetime]
    finished_at: Optional[datetime]
    scheduled_at: Optional[datetime]
    scheduled_as: str  # as it was written
    when_unconfirmed: str
    settled_by_receipt: int
    test_of: int  # of a test send: the campaign that it shows; else 0
    parent: int
    children: List[int]
    counters: Counters
    rate: float  # messages a second now
    time_left: Optional[timedelta]  # at this rate
    missing: List[Missing]
    max_lateness: timedelta  # fired later than this a schedule fails
    unconfirmed_wait: timedelta  # before when_unconfirmed is followed


class Message(NamedTuple):
    """One recipient's."""

    message: int  # the number that events carry
    address: str
    state: MessageState
    receipt: Receipt
    attempt: int
    provider_id: str
    code: int
    detail: str
    at: Optional[datetime]
    sent_at: Optional[datetime]
    delivered_at: Optional[datetime]
    read_at: Optional[datetime]
    failed_at: Optional[datetime]
    line: int  # of the input, from 1
    next_at: Optional[datetime]  # when a retry is due
    superseded_by: int  # the child campaign that sends it again; 0: none
    sender: str  # the name of the one that it goes over


class Participant(NamedTuple):
    """What one participant of a group did with a message to it."""

    participant: str
    receipt: Receipt
    code: int
    sent_at: Optional[datetime]
    delivered_at: Optional[datetime]
    read_at: Optional[datetime]
    failed_at: Optional[datetime]


class Reply(NamedTuple):
    """What a person wrote to us, and which message of ours it answers."""

    number: int
    provider_id: str
    at: Optional[datetime]
    address: str
    user_id: str
    profile: str
    group_id: str
    kind: str
    text: str
    payload: str
    answers: str  # provider id of the message it quotes
    campaign: int  # 0: it answers nothing of ours that is known
    message: int
    conversation: int
    resumed: bool
    opt_out: bool


class StoredEvent(NamedTuple):
    """A durable event that is not acknowledged yet, with what belongs to it."""

    id: int
    kind: int  # an EventKind
    state: int
    campaign: int
    at: Optional[datetime]
    payload: Optional[Dict[str, Any]]


class HistoryEntry(NamedTuple):
    """Who did what, when and why."""

    id: int
    at: Optional[datetime]
    campaign: int  # 0: the store as a whole
    action: str
    reason: str
    actor: str  # "engine": by itself; empty: the call did not say


class Retry(NamedTuple):
    """What a child campaign took over."""

    child: int
    messages: int
    not_yet: int  # left: they may pass from next_at on
    next_at: Optional[datetime]
    hopeless: int  # left: they would fail again


class Account(NamedTuple):
    """Its id, its plan and what it has."""

    account: int
    name: str
    renews_at: Optional[datetime]
    uncollected: int
    monthly_credits: int
    per_user_credits: int
    users: int
    additional_phones: int
    topup_price_micros: int
    billing_day: int
    time_zone: str
    available: int
    reserved: int
    spent: int


class LedgerEntry(NamedTuple):
    id: int
    at: Optional[datetime]
    kind: str
    credits: int
    bucket: str
    period: int
    campaign: int  # 0: none
    key: str
    reason: str
    actor: str


class Template(NamedTuple):
    """One of the provider's, whatever its state; `template` is the id that campaigns take."""

    template: int
    number: int
    business_account_id: str
    provider_id: str
    name: str
    language: str
    status: str
    category: str
    quality: str
    parameter_format: str
    rejected_reason: str
    gone: bool
    fetched_at: Optional[datetime]
    json: Dict[str, Any]


class OwnMessage(NamedTuple):
    template: int  # the id that campaigns take
    name: str
    message: Dict[str, Any]


class Media(NamedTuple):
    """A file that the provider keeps; `provider_id` is what messages name."""

    number: int
    phone_number_id: str
    provider_id: str
    sha256: str
    mime: str
    bytes: int
    path: str  # empty: it was given as bytes
    uploaded_at: Optional[datetime]
    uploaded: bool  # by this call


class Contact(NamedTuple):
    id: int
    address: str
    attributes: Dict[str, Any]
    labels: List[str]
    test: bool
    sandbox: bool


class Attribute(NamedTuple):
    name: str
    type: str
    indexed: bool


class Segment(NamedTuple):
    name: str
    conditions: Optional[Dict[str, Any]]  # None: a static group
    contacts: int  # of a group


class Suppression(NamedTuple):
    person: int
    address: str
    scope: str
    source: str
    note: str
    at: Optional[datetime]


class ConsentChange(NamedTuple):
    """One change of suppressions, consent or identities."""

    id: int
    at: Optional[datetime]
    address: str
    what: str
    source: str
    old: str
    now: str
    note: str


class Forgotten(NamedTuple):
    """What there was of a person who is forgotten now."""

    recipients: int
    rejected: int
    replies: int
    contact: bool


class Adoption(NamedTuple):
    """What adopting a copy did."""

    old_id: str
    new_id: str
    paused: int  # campaigns
    last_entry: Optional[datetime]  # the last that the copy knows


class StoreStatus(NamedTuple):
    copy: bool  # a copy of a store: opens for reading only, see adopt()
    recovered_unconfirmed: int  # messages that may have gone before a crash, found by this opening
    recovered_window: int  # messages that were open then, whatever became of them
    retention: Optional[timedelta]  # None: personal data is kept for ever


_Record = TypeVar("_Record", bound=NamedTuple)
_WORDS: Dict[str, Any] = {"receipt": Receipt}


def record(kind: Type[_Record], row: Mapping[str, Any]) -> _Record:
    """A row of JSON as a tuple: a field `at` is made of `at_unix_ms`."""
    fields = []
    for name in kind._fields:
        if name + "_unix_ms" in row:
            fields.append(time_of(row[name + "_unix_ms"]))
        else:
            word = _WORDS.get(name)
            fields.append(word(row[name]) if word else row[name])
    return kind._make(fields)


def fields_of(kind: Type[_Record], struct: Any) -> _Record:
    """A struct of the C ABI as the tuple of the same fields."""
    return kind._make(getattr(struct, name) for name in kind._fields)


def message(row: Mapping[str, Any]) -> Message:
    return record(Message, {**row, "state": MessageState(row["state"])})


def campaign_status(row: Mapping[str, Any]) -> CampaignStatus:
    left = row.get("time_left_ms", -1)
    return record(
        CampaignStatus,
        {
            **row,
            "state": CampaignState[row["state"].upper()],
            "counters": record(Counters, row["counters"]),
            "rate": row.get("rate", 0.0),
            "time_left": timedelta(milliseconds=left) if left >= 0 else None,
            "missing": [record(Missing, step) for step in row.get("missing", [])],
            "max_lateness": timedelta(milliseconds=row["max_lateness_ms"]),
            "unconfirmed_wait": timedelta(milliseconds=row["unconfirmed_wait_ms"]),
        },
    )
