"""What the provider and people say to us: webhooks and replies."""

from __future__ import annotations

import ctypes
from datetime import datetime
from typing import TYPE_CHECKING, Iterator, Optional, Union

from ._abi import library
from ._calls import Calls, text_of
from .constants import ListKind
from .records import Reply, record, time_of

if TYPE_CHECKING:
    from .campaign import Campaign


class Inbound(Calls):
    """The part of an engine that listens."""

    def ingest(self, body: bytes, signature: str) -> None:
        """Takes one webhook: the raw body and X-Hub-Signature-256. When it returns the webhook is durable: answer 200.
        InputError: answer 401 (code SIGNATURE_MISMATCH) or 413 (TOO_LARGE); anything else: 500."""
        self._call(library.bulkmsg_webhook_ingest, body, len(body), *text_of(signature))

    def handshake(self, mode: str, token: str, challenge: str) -> str:
        """The provider's GET with hub.mode, hub.verify_token and hub.challenge: answer 200 with what is returned.
        InputError: no sender has this verify_token; answer 403."""
        return self._text(library.bulkmsg_webhook_handshake, *text_of(mode), *text_of(token), *text_of(challenge))

    def listen(self, address: str) -> int:
        """Answers webhooks at "127.0.0.1:PORT" (0: any) until closed; returns the port."""
        port = ctypes.c_int32()
        self._call(library.bulkmsg_webhook_listen, *text_of(address), ctypes.byref(port))
        return port.value

    def replies(self, campaign: Union["Campaign", int] = 0, *, address: str = "") -> Iterator[Reply]:
        """What was written to us, oldest first: of one campaign (or its id), of one person, or all."""
        of = campaign if isinstance(campaign, int) else campaign.id
        return (record(Reply, row) for row in self._rows(ListKind.REPLIES, of, address=address))

    def window_closes(self, address: str, sender: int = 0) -> Optional[datetime]:
        """Until when free-form messages may be sent to this person; None: they never wrote. sender:
        to this one's number, for which alone WhatsApp opens the window; 0: to any of ours."""
        return time_of(self._id(library.bulkmsg_window_closes, sender, *text_of(address)))
