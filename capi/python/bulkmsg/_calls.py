"""What the parts of the engine's door have in common: converting values, options for one call, calls on a handle."""

from __future__ import annotations

import ctypes
import json
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, Iterator, Mapping, Optional, Tuple, Union

from ._abi import call, library, take_text
from .constants import ConfigKind, ListKind

Json = Union[str, bytes, Mapping[str, Any]]
Text = Union[str, bytes]
Duration = Union[float, timedelta]  # seconds, or a timedelta
PAGE = 1000


def to_bytes(text: Text) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(text)


def to_json(value: Json) -> bytes:
    return json.dumps(value).encode() if isinstance(value, Mapping) else to_bytes(value)


def to_ms(time: Duration) -> int:
    return max(0, round((time.total_seconds() if isinstance(time, timedelta) else time) * 1000))


def to_time(at: Union[str, datetime]) -> str:
    """A time as the engine reads it."""
    if isinstance(at, str):
        return at
    if at.utcoffset() is None:
        raise ValueError(f"{at!r} has no time zone; give it a tzinfo")
    return at.isoformat(timespec="seconds")


def _option(value: Any) -> bytes:
    if isinstance(value, timedelta):
        value = to_ms(value)
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return to_bytes(value if isinstance(value, (str, bytes)) else str(value))


class Config:
    """Options by name, for the length of one call. Those that are None stay at their defaults."""

    def __init__(self, kind: Union[ConfigKind, ListKind], options: Mapping[str, Any]) -> None:
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

    _handle: Optional[ctypes.c_void_p]

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

    def _command(self, function: Callable[..., int], *arguments: Any, then: Tuple[Any, ...] = (), **given: Any) -> None:
        """A call that says who does it, why, and how long to wait; `then`: what comes after the options."""
        with Config(ConfigKind.COMMAND, given) as config:
            self._call(function, *arguments, config, *then)

    def _rows(self, what: ListKind, of: int = 0, page: int = PAGE, **filter: Any) -> Iterator[Dict[str, Any]]:
        """All rows of a list, a page at a time."""
        cursor, count, text = ctypes.c_int64(), ctypes.c_size_t(), ctypes.c_void_p()
        with Config(what, filter) as config:
            while True:
                self._call(
                    library.bulkmsg_engine_list, int(what), of, config, page,
                    ctypes.byref(cursor), ctypes.byref(text), ctypes.byref(count),
                )  # fmt: skip
                yield from json.loads(take_text(text))
                if count.value < page:
                    return


def text_of(value: Optional[Text]) -> Tuple[bytes, int]:
    """Pointer and length, as the C functions take texts."""
    data = to_bytes(value or b"")
    return data, len(data)
