"""What a campaign is made with, by keyword."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Dict, Mapping, Optional, Sequence, TypedDict

from ._calls import Config
from .constants import ConfigKind


class CampaignSettings(TypedDict, total=False):
    """The keywords of Engine.create_campaign() and Campaign.edit(); what is None or left out is at its default.

    sender, template, account: ids, as put_sender() and its like return them.
    more_senders: of the same channel and each another number; every recipient gets one of them.
    mapping: place in the content ("body.1") -> column, where the default does not fit, with "first_name|friend" for
    empty cells.
    credits_per_message: its price. require_consent: None: recipients of MARKETING templates need one.
    agent, reply_to: who it is sent from, and who gets the replies, where not as the sender says.
    content_rules: words and links to warn of or to block, a rule a line.
    weight: 1..100, its share of the sender. urgent: before all that are not.
    hours: "mon-fri 09:00-20:00", read from the clock that hours_in says (the sender's, "recipient", a zone,
    "column:NAME").
    when_unconfirmed: "hold", "resend" or "give_up", after unconfirmed_wait. actor: for the history."""

    sender: Optional[int]
    more_senders: Sequence[int]
    template: Optional[int]
    account: Optional[int]
    mapping: Optional[Mapping[str, str]]
    credits_per_message: Optional[int]
    require_consent: Optional[bool]
    agent: Optional[str]
    reply_to: Optional[str]
    content_rules: Optional[str]
    weight: Optional[int]
    urgent: Optional[bool]
    hours: Optional[str]
    hours_in: Optional[str]
    when_unconfirmed: Optional[str]
    unconfirmed_wait: Optional[timedelta]
    actor: Optional[str]


def campaign_config(name: str, settings: Mapping[str, Any]) -> Config:
    """The same for the C ABI."""
    unknown = sorted(settings.keys() - CampaignSettings.__annotations__.keys())
    if unknown:
        raise TypeError(f"a campaign has no {unknown[0]!r}; it has {', '.join(CampaignSettings.__annotations__)}")
    given: Dict[str, Any] = {"name": name, **settings}
    given["more_senders"] = ",".join(map(str, given.get("more_senders") or ())) or None
    given["unconfirmed_wait_ms"] = given.pop("unconfirmed_wait", None)
    given.update({f"map.{place}": column for place, column in (given.pop("mapping", None) or {}).items()})
    return Config(ConfigKind.CAMPAIGN, given)
