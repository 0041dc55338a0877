"""Templates, own messages and media: the part of an engine that knows what campaigns say."""

from __future__ import annotations

import ctypes
import json
import os
from typing import Any, Dict, Iterator, Optional, Tuple, Union

from ._abi import library, take_text
from ._calls import Calls, Config, Duration, Json, text_of, to_json, to_ms
from .constants import ConfigKind, ListKind
from .records import Media, OwnMessage, Template, record


class Contents(Calls):
    """What a campaign can be made of has an id, whether it is the provider's template or an own message."""

    def put_template(self, template: Json) -> int:
        """Takes a template as the provider shows it; returns its id. The same JSON gives the same id."""
        text = to_json(template)
        return self._id(library.bulkmsg_template_put, text, len(text))

    def fetch_templates(self, sender: int, *, younger_than: Duration = 0.0) -> Dict[str, Any]:
        """Fetches the templates of the sender's business account, unless all that is known is younger (seconds)."""
        found: Dict[str, Any] = self._json(library.bulkmsg_template_fetch, sender, to_ms(younger_than))
        return found

    def templates(
        self,
        *,
        name: Optional[str] = None,
        language: Optional[str] = None,
        status: Optional[str] = None,
        business_account_id: Optional[str] = None,
        gone: Optional[bool] = None,
    ) -> Iterator[Template]:
        """The fetched templates, whatever their state."""
        rows = self._rows(
            ListKind.TEMPLATES,
            name=name,
            language=language,
            status=status,
            business_account_id=business_account_id,
            gone=gone,
        )
        return (record(Template, row) for row in rows)

    def find_template(
        self, name: str, language: Optional[str] = None, business_account_id: Optional[str] = None
    ) -> Template:
        """The fetched template of that name."""
        text, made = ctypes.c_void_p(), ctypes.c_int64()
        filter = {"language": language, "business_account_id": business_account_id}
        with Config(ListKind.TEMPLATES, filter) as config:
            self._call(
                library.bulkmsg_template_find, *text_of(name), config, ctypes.byref(made), ctypes.byref(text)
            )
        return record(Template, json.loads(take_text(text)))

    def template_csv(self, content: int) -> str:
        """The CSV to fill in: the header row that this content needs, and an example row."""
        return self._text(library.bulkmsg_template_csv, content)

    def put_message(self, name: str, message: Json) -> int:
        """Saves an own message under a name; returns its id."""
        text = to_json(message)
        return self._id(library.bulkmsg_message_put, *text_of(name), text, len(text))

    def find_message(self, name: str) -> Tuple[int, Dict[str, Any]]:
        """The newest own message of that name: its id, and what it says."""
        made, text = ctypes.c_int64(), ctypes.c_void_p()
        self._call(library.bulkmsg_message_find, *text_of(name), ctypes.byref(made), ctypes.byref(text))
        return made.value, json.loads(take_text(text))

    def messages(self) -> Iterator[OwnMessage]:
        """The newest own message of each name."""
        return (record(OwnMessage, row) for row in self._rows(ListKind.OWN_MESSAGES))

    def put_media(
        self,
        sender: int,
        source: Union[bytes, str, "os.PathLike[str]"],
        *,
        kind: Optional[str] = None,
        mime: Optional[str] = None,
        name: Optional[str] = None,
    ) -> Media:
        """Uploads bytes, or the file at a path, unless the provider has them; `provider_id` is what messages name."""
        with Config(ConfigKind.MEDIA, {"kind": kind, "mime": mime, "name": name}) as config:
            if isinstance(source, bytes):
                text = self._text(library.bulkmsg_media_put, sender, source, len(source), config)
            else:
                path = os.fsencode(source)
                text = self._text(library.bulkmsg_media_put_file, sender, path, len(path), config)
        return record(Media, json.loads(text))

    def media(self) -> Iterator[Media]:
        """The uploaded files."""
        return (record(Media, row) for row in self._rows(ListKind.MEDIA))
