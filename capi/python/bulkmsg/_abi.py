"""The C ABI in ctypes: finds the library, declares its functions, turns statuses into exceptions.

Signatures are written as the header has them, shortened to one word a parameter; a test compares them with bulkmsg.h.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
from typing import Any, Callable, Dict, Optional, Tuple

from .errors import Error, class_for

VERSION_NUMBER = 0x000100
SONAME = "libbulkmsg.so.0.1"
EVENT_SIZE = 64

_WORDS: Dict[str, Any] = {
    "status": ctypes.c_int32,
    "i32": ctypes.c_int32,
    "i64": ctypes.c_int64,
    "u32": ctypes.c_uint32,
    "size": ctypes.c_size_t,
    "chars": ctypes.c_char_p,  # const char *, as parameter or result
    "ptr": ctypes.c_void_p,  # a handle, or a struct or array in memory of the caller
    "out": ctypes.c_void_p,  # where a handle, number or struct goes
    "void": None,
}

# name: (result, parameters)
SIGNATURES: Dict[str, Tuple[str, str]] = {
    "bulkmsg_version_number": ("u32", ""),
    "bulkmsg_version_text": ("chars", ""),
    "bulkmsg_abi_check": ("status", "u32 size"),
    "bulkmsg_status_name": ("chars", "status"),
    "bulkmsg_status_message": ("chars", "status"),
    "bulkmsg_error_code": ("status", "ptr"),
    "bulkmsg_error_message": ("chars", "ptr out"),
    "bulkmsg_error_retryable": ("i32", "ptr"),
    "bulkmsg_error_retry_after_ms": ("i64", "ptr"),
    "bulkmsg_error_provider_code": ("i32", "ptr"),
    "bulkmsg_error_destroy": ("void", "ptr"),
    "bulkmsg_text_data": ("ptr", "ptr out"),
    "bulkmsg_text_destroy": ("void", "ptr"),
    "bulkmsg_config_create": ("status", "i32 out out"),
    "bulkmsg_config_set": ("status", "ptr chars size chars size out"),
    "bulkmsg_config_describe": ("status", "i32 out out"),
    "bulkmsg_config_destroy": ("void", "ptr"),
    "bulkmsg_engine_open": ("status", "ptr out out"),
    "bulkmsg_engine_close": ("status", "ptr i64 out"),
    "bulkmsg_engine_destroy": ("void", "ptr"),
    "bulkmsg_engine_poll": ("status", "ptr out size size i64 out out"),
    "bulkmsg_engine_wakeup": ("status", "ptr out"),
    "bulkmsg_engine_event_fd": ("status", "ptr out out"),
    "bulkmsg_engine_event_payload": ("status", "ptr i64 out out"),
    "bulkmsg_engine_ack": ("status", "ptr i64 out"),
    "bulkmsg_engine_list": ("status", "ptr i32 i64 ptr size out out out out"),
    "bulkmsg_engine_status": ("status", "ptr out out"),
    "bulkmsg_engine_metrics": ("status", "ptr out out"),
    "bulkmsg_engine_backup": ("status", "ptr chars size ptr out"),
    "bulkmsg_engine_forget": ("status", "ptr chars size ptr out out"),
    "bulkmsg_engine_set_retention": ("status", "ptr i64 ptr out"),
    "bulkmsg_store_adopt": ("status", "chars size ptr out out"),
    "bulkmsg_sender_put": ("status", "ptr chars size out out"),
    "bulkmsg_sender_check": ("status", "ptr i64 chars size out out"),
    "bulkmsg_template_put": ("status", "ptr chars size out out"),
    "bulkmsg_template_fetch": ("status", "ptr i64 i64 out out"),
    "bulkmsg_template_find": ("status", "ptr chars size ptr out out out"),
    "bulkmsg_template_csv": ("status", "ptr i64 out out"),
    "bulkmsg_message_put": ("status", "ptr chars size chars size out out"),
    "bulkmsg_message_find": ("status", "ptr chars size out out out"),
    "bulkmsg_media_put": ("status", "ptr i64 chars size ptr out out"),
    "bulkmsg_media_put_file": ("status", "ptr i64 chars size ptr out out"),
    "bulkmsg_account_put": ("status", "ptr ptr out out"),
    "bulkmsg_account_find": ("status", "ptr chars size out out"),
    "bulkmsg_account_top_up": ("status", "ptr i64 i64 chars size out"),
    "bulkmsg_account_balances": ("status", "ptr i64 out size out"),
    "bulkmsg_account_audit": ("status", "ptr i64 out size out"),
    "bulkmsg_account_adjust": ("status", "ptr i64 i64 chars size chars size chars size out"),
    "bulkmsg_account_price": ("status", "ptr i64 chars size out out"),
    "bulkmsg_campaign_create": ("status", "ptr ptr out out"),
    "bulkmsg_campaign_edit": ("status", "ptr i64 ptr out"),
    "bulkmsg_campaign_discard": ("status", "ptr i64 ptr out"),
    "bulkmsg_campaign_dry_run": ("status", "ptr i64 out size out out out"),
    "bulkmsg_campaign_start": ("status", "ptr i64 ptr out size out"),
    "bulkmsg_campaign_schedule": ("status", "ptr i64 ptr out size out"),
    "bulkmsg_campaign_cancel": ("status", "ptr i64 ptr out"),
    "bulkmsg_campaign_test_send": ("status", "ptr i64 chars size ptr out out"),
    "bulkmsg_campaign_pause": ("status", "ptr i64 ptr out"),
    "bulkmsg_campaign_resume": ("status", "ptr i64 ptr out"),
    "bulkmsg_campaign_stop": ("status", "ptr i64 ptr out"),
    "bulkmsg_campaign_resolve": ("status", "ptr i64 ptr out out"),
    "bulkmsg_campaign_retry": ("status", "ptr i64 ptr out out"),
    "bulkmsg_campaign_state": ("status", "ptr i64 out out"),
    "bulkmsg_campaign_counters": ("status", "ptr i64 out size out"),
    "bulkmsg_campaign_status": ("status", "ptr i64 out out"),
    "bulkmsg_campaign_list": ("status", "ptr i64 out size out out"),
    "bulkmsg_campaign_import": ("status", "ptr i64 i32 chars size ptr out size out"),
    "bulkmsg_campaign_import_file": ("status", "ptr i64 i32 chars size ptr out size out"),
    "bulkmsg_campaign_add": ("status", "ptr i64 chars size ptr size size ptr out size out"),
    "bulkmsg_campaign_import_contacts": ("status", "ptr i64 chars size out out"),
    "bulkmsg_campaign_write_rejected": ("status", "ptr i64 chars size out"),
    "bulkmsg_campaign_state_consent": ("status", "ptr i64 chars size out"),
    "bulkmsg_campaign_preview": ("status", "ptr i64 i64 out out out"),
    "bulkmsg_campaign_csv": ("status", "ptr i64 out out"),
    "bulkmsg_campaign_estimate": ("status", "ptr i64 chars size out out"),
    "bulkmsg_campaign_reasons": ("status", "ptr i64 out out"),
    "bulkmsg_contacts_import_csv": ("status", "ptr chars size ptr out out"),
    "bulkmsg_contacts_import_csv_file": ("status", "ptr chars size ptr out out"),
    "bulkmsg_contacts_count": ("status", "ptr chars size out out"),
    "bulkmsg_attribute_declare": ("status", "ptr chars size chars size i32 out"),
    "bulkmsg_segment_put": ("status", "ptr chars size chars size out"),
    "bulkmsg_segment_add": ("status", "ptr chars size chars size out"),
    "bulkmsg_segment_remove": ("status", "ptr chars size out"),
    "bulkmsg_suppression_put": ("status", "ptr chars size ptr out"),
    "bulkmsg_suppression_lift": ("status", "ptr chars size ptr out"),
    "bulkmsg_consent_put": ("status", "ptr chars size i32 chars size chars size out"),
    "bulkmsg_webhook_ingest": ("status", "ptr chars size chars size out"),
    "bulkmsg_webhook_listen": ("status", "ptr chars size out out"),
    "bulkmsg_webhook_handshake": ("status", "ptr chars size chars size chars size out out"),
    "bulkmsg_window_closes": ("status", "ptr i64 chars size out out"),
    "bulkmsg_recipients_parse": ("status", "i32 chars size ptr out size out out out"),
    "bulkmsg_content_preview": ("status", "chars size chars size ptr out out out"),
    "bulkmsg_content_csv": ("status", "chars size ptr out out"),
    "bulkmsg_time_parse": ("status", "chars size out out"),
    "bulkmsg_limiter_create": ("status", "chars size out out"),
    "bulkmsg_limiter_take": ("status", "ptr i64 chars size out out"),
    "bulkmsg_limiter_release": ("status", "ptr out"),
    "bulkmsg_limiter_destroy": ("void", "ptr"),
    "bulkmsg_webhook_verify": ("status", "chars size chars size chars size out"),
}


class CountersStruct(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int64)
        for name in (
            "total queued sent failed unconfirmed skipped delivered read undelivered responded credits_reserved "
            "credits_spent"
        ).split()
    ]


class ReportStruct(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in "rows added duplicates rejected".split()]


class PlanStruct(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in "messages credits credits_available duration_ms".split()] + [
        ("hash", ctypes.c_char * 72)
    ] + [(name, ctypes.c_int64) for name in "suppressed without_consent window_closed".split()]


class BalancesStruct(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int64)
        for name in "granted bought adjusted available_monthly available_topup reserved spent expired period".split()
    ]


def _load() -> ctypes.CDLL:
    named = os.environ.get("BULKMSG_LIBRARY")
    beside = pathlib.Path(__file__).with_name(SONAME)
    path = named or (str(beside) if beside.exists() else SONAME)
    try:
        library = ctypes.CDLL(path)
    except OSError as e:
        raise ImportError(
            f"bulkmsg: cannot load {path}: {e}; set BULKMSG_LIBRARY to the path of {SONAME}"
        ) from e
    for name, (result, parameters) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype = _WORDS[result]
        function.argtypes = [_WORDS[word] for word in parameters.split()]
    if library.bulkmsg_abi_check(VERSION_NUMBER, EVENT_SIZE) != 0:
        loaded = library.bulkmsg_version_text().decode()
        raise ImportError(f"bulkmsg: {path} is version {loaded}, which this package was not written for")
    return library


library = _load()


def error_of(status: int, detail: Optional[int]) -> Error:
    """The exception for a failed call; destroys the error object `detail`."""
    name = library.bulkmsg_status_name(status).decode()
    if not detail:
        return class_for(status)(library.bulkmsg_status_message(status).decode(), code=status, name=name)
    try:
        return class_for(status)(
            library.bulkmsg_error_message(detail, None).decode("utf-8", "replace"),
            code=status,
            name=name,
            retryable=library.bulkmsg_error_retryable(detail) != 0,
            retry_after=library.bulkmsg_error_retry_after_ms(detail) / 1000,
            provider_code=library.bulkmsg_error_provider_code(detail),
        )
    finally:
        library.bulkmsg_error_destroy(detail)


def call(function: Callable[..., int], *arguments: Any) -> None:
    """Calls a function whose last parameter is `err`, and raises when it failed."""
    detail = ctypes.c_void_p()
    status = function(*arguments, ctypes.byref(detail))
    if status != 0:
        raise error_of(status, detail.value)


def take_text(text: ctypes.c_void_p) -> str:
    """The contents of a bulkmsg_text, which is destroyed."""
    length = ctypes.c_size_t()
    try:
        data = library.bulkmsg_text_data(text, ctypes.byref(length))
        return ctypes.string_at(data, length.value).decode("utf-8", "replace")
    finally:
        library.bulkmsg_text_destroy(text)
