"""bulkmsg: an embeddable engine for bulk messaging.

    with bulkmsg.Engine("shop.bulkmsg") as engine:
        campaign = engine.create_campaign(
            "spring", sender=engine.put_sender(settings), template=engine.put_template(template))
        campaign.import_csv_file("contacts.csv")
        campaign.start()
        for event in engine.events():  # it is sent while the engine is open; the next one goes on with the rest
            if campaign.state >= bulkmsg.CampaignState.PAUSED:  # or completed, stopped, failed
                break

The library is found by the environment variable BULKMSG_LIBRARY, beside this package, or where the system looks.
"""

from ._abi import library as _library
from .campaign import Campaign
from .constants import CampaignState, ConfigKind, EventKind, Format, ListKind, MessageState, Receipt, Status
from .engine import Engine, options
from .errors import (
    Error,
    ExhaustedError,
    InputError,
    InternalError,
    NetworkError,
    ProviderError,
    StoreError,
    UsageError,
)
from .events import Event, EventBatch
from .pieces import Judged, Limiter, parse_recipients, parse_time, preview, template_csv, verify_webhook
from .records import (
    Account,
    Adoption,
    Attribute,
    Balances,
    CampaignStatus,
    ConsentChange,
    Contact,
    Counters,
    Forgotten,
    HistoryEntry,
    ImportReport,
    LedgerEntry,
    Media,
    Message,
    Missing,
    OwnMessage,
    Participant,
    Plan,
    RejectedRow,
    Reply,
    Retry,
    Segment,
    StoredEvent,
    StoreStatus,
    Suppression,
    Template,
)
from .settings import CampaignSettings
from .store import adopt

__version__ = _library.bulkmsg_version_text().decode()

__all__ = [
    "Account",
    "Adoption",
    "Attribute",
    "Balances",
    "Campaign",
    "CampaignSettings",
    "CampaignState",
    "CampaignStatus",
    "ConfigKind",
    "ConsentChange",
    "Contact",
    "Counters",
    "Engine",
    "Error",
    "Event",
    "EventBatch",
    "EventKind",
    "ExhaustedError",
    "Forgotten",
    "Format",
    "HistoryEntry",
    "ImportReport",
    "InputError",
    "InternalError",
    "Judged",
    "LedgerEntry",
    "Limiter",
    "ListKind",
    "Media",
    "Message",
    "MessageState",
    "Missing",
    "NetworkError",
    "OwnMessage",
    "Participant",
    "Plan",
    "ProviderError",
    "Receipt",
    "RejectedRow",
    "Reply",
    "Retry",
    "Segment",
    "Status",
    "StoreError",
    "StoreStatus",
    "StoredEvent",
    "Suppression",
    "Template",
    "UsageError",
    "adopt",
    "options",
    "parse_recipients",
    "parse_time",
    "preview",
    "template_csv",
    "verify_webhook",
]
