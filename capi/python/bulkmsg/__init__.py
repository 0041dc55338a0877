"""bulkmsg: an embeddable engine for bulk messaging.

    with bulkmsg.Engine("shop.bulkmsg") as engine:
        campaign = engine.create_campaign(
            "spring", sender=engine.put_sender(settings), template=engine.put_template(template))
        campaign.import_csv_file("contacts.csv")
        campaign.start()
        for event in engine.events():
            if event.kind == bulkmsg.EventKind.CAMPAIGN_CHANGED and campaign.state.is_final:
                break

The library is found by the environment variable BULKMSG_LIBRARY, beside this package, or where the system looks.
"""

from ._abi import library as _library
from .constants import CampaignState, ConfigKind, EventKind, Format, MessageState, Receipt, Status
from .engine import (
    Balances,
    Campaign,
    Counters,
    Engine,
    ImportReport,
    Plan,
    RejectedRow,
    options,
)
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
from .pieces import Judged, Limiter, parse_recipients, preview, verify_webhook

__version__ = _library.bulkmsg_version_text().decode()

__all__ = [
    "Balances",
    "Campaign",
    "CampaignState",
    "ConfigKind",
    "Counters",
    "Engine",
    "Error",
    "Event",
    "EventBatch",
    "EventKind",
    "ExhaustedError",
    "Format",
    "ImportReport",
    "InputError",
    "InternalError",
    "Judged",
    "Limiter",
    "MessageState",
    "NetworkError",
    "Plan",
    "ProviderError",
    "Receipt",
    "RejectedRow",
    "Status",
    "StoreError",
    "UsageError",
    "options",
    "parse_recipients",
    "preview",
    "verify_webhook",
]
