"""What needs no engine: judging recipients, a preview, limits, a webhook's signature."""

from __future__ import annotations

import ctypes
import csv
import io
import json
from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from . import _abi
from ._abi import call, library, take_text
from ._calls import Config, Json, Text, text_of, to_bytes, to_json
from .constants import ConfigKind, Format, Status
from .errors import InputError


class Judged(NamedTuple):
    """The good rows, the address in its one spelling; and the others with their reasons."""

    accepted: List[Dict[str, str]]
    rejected: List[Dict[str, str]]
    duplicates: int


def _records(text: str) -> List[Dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def parse_recipients(
    text: Text, format: Format = Format.CSV, *, default_region: Optional[str] = None, delimiter: Optional[str] = None
) -> Judged:
    """Judges recipients as an import does. Raises InputError when the input is unusable as a whole."""
    report = _abi.ReportStruct()
    good, bad = ctypes.c_void_p(), ctypes.c_void_p()
    data = to_bytes(text)
    with Config(ConfigKind.IMPORT, {"default_region": default_region, "delimiter": delimiter}) as config:
        call(
            library.bulkmsg_recipients_parse, int(format), data, len(data), config,
            ctypes.byref(report), ctypes.sizeof(report), ctypes.byref(good), ctypes.byref(bad),
        )  # fmt: skip
    return Judged(_records(take_text(good)), _records(take_text(bad)), report.duplicates)


def preview(content: Json, row: Mapping[str, Any], mapping: Optional[Mapping[str, str]] = None) -> Dict[str, Any]:
    """What one recipient will see of a template or an own message: body, header, footer, buttons; and `text`."""
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(row.keys())
    writer.writerow(row.values())
    card, plain = ctypes.c_void_p(), ctypes.c_void_p()
    words = to_json(content)
    with Config(ConfigKind.PREVIEW, {f"map.{place}": name for place, name in (mapping or {}).items()}) as config:
        call(
            library.bulkmsg_content_preview, words, len(words), *text_of(line.getvalue()), config,
            ctypes.byref(card), ctypes.byref(plain),
        )  # fmt: skip
    shown: Dict[str, Any] = json.loads(take_text(card))
    shown["text"] = take_text(plain)
    return shown


def template_csv(content: Json, mapping: Optional[Mapping[str, str]] = None) -> str:
    """The CSV to fill in for a template or an own message: the header row that it needs, and an example row."""
    words, out = to_json(content), ctypes.c_void_p()
    with Config(ConfigKind.PREVIEW, {f"map.{place}": name for place, name in (mapping or {}).items()}) as config:
        call(library.bulkmsg_content_csv, words, len(words), config, ctypes.byref(out))
    return take_text(out)


def parse_time(text: str) -> datetime:
    """A time as people write it, with its zone: "2026-12-01 09:00 Europe/Berlin". In UTC."""
    at = ctypes.c_int64()
    call(library.bulkmsg_time_parse, *text_of(text), ctypes.byref(at))
    return datetime.fromtimestamp(at.value / 1000, timezone.utc)


def verify_webhook(body: bytes, signature: str, secret: Text) -> bool:
    """Whether the webhook was signed with this app secret; in constant time."""
    try:
        call(library.bulkmsg_webhook_verify, body, len(body), *text_of(signature), *text_of(secret))
    except InputError as e:
        if e.code == Status.SIGNATURE_MISMATCH:
            return False
        raise
    return True


class Limiter:
    """The limits that senders have, on their own: Limiter("80/s; in-flight=64"). One thread at a time.

    >>> wait = limiter.take(time.monotonic_ns())     # 0: go on; else ask again at that time; None: after a release()
    """

    def __init__(self, limits: str) -> None:
        self._handle: Optional[ctypes.c_void_p] = None
        handle = ctypes.c_void_p()
        call(library.bulkmsg_limiter_create, *text_of(limits), ctypes.byref(handle))
        self._handle = handle

    def take(self, now_ns: int, address: str = "") -> Optional[int]:
        """0: leave is given; else the time to ask again; None: only after a release()."""
        following = ctypes.c_int64()
        call(library.bulkmsg_limiter_take, self._handle, now_ns, *text_of(address), ctypes.byref(following))
        return None if following.value < 0 else following.value

    def release(self) -> None:
        """The answer to what was sent is in."""
        call(library.bulkmsg_limiter_release, self._handle)

    def close(self) -> None:
        """Gives it back; closing twice is fine."""
        handle, self._handle = self._handle, None
        if handle is not None:
            library.bulkmsg_limiter_destroy(handle)

    def __enter__(self) -> "Limiter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
