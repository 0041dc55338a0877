"""Templates, own messages and media: the part of an engine that knows what campaigns say."""

from __future__ import annotations

import ctypes
import json
import os
from typing import Any, Dict, Iterator, List, Optional, Tuple, Union

from ._abi import library, take_text
from ._calls import PAGE, Calls, Config, Json, text_of, to_json, to_ms
from .constants import ConfigKind


class Contents(Calls):
    """What a campaign can be made of has an id, whether it is the provider's template or an own message."""

    def put_template(self, template: Json) -> int:
        """Takes a template as the provider shows it; returns its id. The same JSON gives the same id."""
        text = to_json(template)
        return self._id(library.bulkmsg_template_put, text, len(text))

    def fetch_templates(self, sender: int, *, younger_than: float = 0.0) -> Dict[str, Any]:
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
    ) -> Iterator[Dict[str, Any]]:
        """The fetched templates, whatever their state; `template` is the id."""
        given = {
            "name": name,
            "language": language,
            "status": status,
            "business_account_id": business_account_id,
            "gone": gone,
        }
        with Config(ConfigKind.TEMPLATES, given) as config:
            yield from self._pages(library.bulkmsg_template_list, config, key="number")

    def find_template(self, name: str, language: str = "") -> int:
        """The id of the fetched template of that name."""
        return self._id_and_json(library.bulkmsg_template_find, *text_of(name), *text_of(language))[0]

    def template_csv(self, content: int) -> str:
        """The CSV to fill in: the header row that this content needs, and an example row."""
        return self._text(library.bulkmsg_template_csv, content)

    def put_message(self, name: str, message: Json) -> int:
        """Saves an own message under a name; returns its id."""
        text = to_json(message)
        return self._id(library.bulkmsg_message_put, *text_of(name), text, len(text))

    def find_message(self, name: str) -> Tuple[int, Dict[str, Any]]:
        """The newest own message of that name: its id, and what it says."""
        return self._id_and_json(library.bulkmsg_message_find, *text_of(name))

    def messages(self) -> Iterator[Dict[str, Any]]:
        """The newest own message of each name: template (its id), name, message."""
        last = ""
        while True:
            rows: List[Dict[str, Any]] = self._json(library.bulkmsg_message_list, *text_of(last), PAGE)
            yield from rows
            if len(rows) < PAGE:
                return
            last = rows[-1]["name"]

    def put_media(
        self,
        sender: int,
        source: Union[bytes, str, "os.PathLike[str]"],
        *,
        kind: Optional[str] = None,
        mime: Optional[str] = None,
        name: Optional[str] = None,
    ) -> Dict[str, Any]:
        """Uploads bytes, or the file at a path, unless the provider has them; `provider_id` is what messages name."""
        with Config(ConfigKind.MEDIA, {"kind": kind, "mime": mime, "name": name}) as config:
            if isinstance(source, bytes):
                text = self._text(library.bulkmsg_media_put, sender, source, len(source), config)
            else:
                path = os.fsencode(source)
                text = self._text(library.bulkmsg_media_put_file, sender, path, len(path), config)
        kept: Dict[str, Any] = json.loads(text)
        return kept

    def media(self) -> Iterator[Dict[str, Any]]:
        """The uploaded files."""
        return self._pages(library.bulkmsg_media_list, key="number")

    def _id_and_json(self, function: Any, *arguments: Any) -> Tuple[int, Dict[str, Any]]:
        made, text = ctypes.c_int64(), ctypes.c_void_p()
        self._call(function, *arguments, ctypes.byref(made), ctypes.byref(text))
        return made.value, json.loads(take_text(text))
