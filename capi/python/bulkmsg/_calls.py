"""What the parts of the engine's door have in common: converting values, options for one call, calls on a handle."""

from __future__ import annotations

import ctypes
import json
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Union

from ._abi import call, library, take_text
from .constants import ConfigKind

Json = Union[str, bytes, Mapping[str, Any]]
Text = Union[str, bytes]
PAGE = 1000


def to_bytes(text: Text) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(text)


def to_json(value: Json) -> bytes:
    return json.dumps(value).encode() if isinstance(value, Mapping) else to_bytes(value)


def to_ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))


def _option(value: Any) -> bytes:
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return to_bytes(value if isinstance(value, (str, bytes)) else str(value))


class Config:
    """Options by name, for the length of one call. Those that are None stay at their defaults."""

    def __init__(self, kind: ConfigKind, options: Mapping[str, Any]) -> None:
        self._handle = ctypes.c_void_p()
        call(library.bulkmsg_config_create, kind, ctypes.byref(self._handle))
        try:
            for key, value in options.items():
                if value is None:
                    continue
                name, text = to_bytes(key), _option(value)
                call(library.bulkmsg_config_set, self._handle, name, len(name), text, len(text))
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> ctypes.c_void_p:
        return self._handle

    def __exit__(self, *_: object) -> None:
        library.bulkmsg_config_destroy(self._handle)


class Calls:
    """Calls on the handle of an engine."""

    _handle: ctypes.c_void_p

    def _call(self, function: Callable[..., int], *arguments: Any) -> None:
        call(function, self._handle, *arguments)

    def _id(self, function: Callable[..., int], *arguments: Any) -> int:
        made = ctypes.c_int64()
        self._call(function, *arguments, ctypes.byref(made))
        return made.value

    def _text(self, function: Callable[..., int], *arguments: Any) -> str:
        text = ctypes.c_void_p()
        self._call(function, *arguments, ctypes.byref(text))
        return take_text(text)

    def _json(self, function: Callable[..., int], *arguments: Any) -> Any:
        return json.loads(self._text(function, *arguments))

    def _pages(self, function: Callable[..., int], *arguments: Any, key: str, page: int = PAGE) -> Iterator[Dict[str, Any]]:
        """All rows of a list that is paged by the number in the column `key`."""
        after = 0
        while True:
            rows: List[Dict[str, Any]] = self._json(function, *arguments, after, page)
            yield from rows
            if len(rows) < page:
                return
            after = rows[-1][key]


def text_of(value: Optional[Text]) -> tuple[bytes, int]:
    """Pointer and length, as the C functions take texts."""
    data = to_bytes(value or b"")
    return data, len(data)
