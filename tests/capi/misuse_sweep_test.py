#!/usr/bin/env python3
"""Every function of the header, as a careless caller calls it; the calls are made from the header, so a new function is
swept, too, and a parameter of a new name fails here until VALUES has one.

    misuse_sweep_test.py --library libbulkmsg.so --header capi/include/bulkmsg/bulkmsg.h

Each pointer NULL in turn, each length, size, id and kind of a config wrong; on an engine that is closed, destroyed, or
from before a fork. A call must answer with the right code, which its comment lists, with an error object that says the
same, and with its outputs as the conventions promise. What may be NULL is what the comment calls optional.
"""

import argparse
import ctypes
import json
import os
import pathlib
import re
import signal
import sys
import tempfile
import threading
import unittest

import c_header

arguments = argparse.ArgumentParser()
arguments.add_argument("--library", required=True)
arguments.add_argument("--header", type=pathlib.Path, required=True)
given, rest = arguments.parse_known_args()
HEADER = c_header.read(given.header)
LIBRARY = ctypes.CDLL(given.library)
CODE = {name.removeprefix("BULKMSG_"): number for name, number in HEADER.constants.items()}
SIZES = {"int64_t": 8, "int32_t": 4, "uint64_t[2]": 16, "char[72]": 72}
STRUCTS = {name + " *": sum(SIZES[kind] for kind in fields.values()) for name, fields in HEADER.structs.items()}
NUMBERS = {"int64_t": ctypes.c_int64, "int32_t": ctypes.c_int32, "uint32_t": ctypes.c_uint32, "size_t": ctypes.c_size_t,
           "bulkmsg_status": ctypes.c_int32}
RESULTS = {"const char *": ctypes.c_char_p, "void": None, **NUMBERS}
IDS = ("sender", "account", "campaign", "content")
DIRTY = 0x5A
NULL = object()

SENDER = (b'{"name":"s","origin":"http://127.0.0.1:1","phone_number_id":"106540352242922","token":"env:MISUSE_SECRET",'
          b'"app_secret":"env:MISUSE_SECRET"}')
TEMPLATE = (b'{"id":"7","name":"hello","language":"en_US","status":"APPROVED","category":"UTILITY","components":'
            b'[{"type":"BODY","text":"Hello {{1}}, how are you?","example":{"body_text":[["Ana"]]}}]}')
MESSAGE = b'{"type":"text","text":{"body":"Hi {{first_name}}"}}'
CSV = b"phone_number,param1\n+447700900123,Ana\n"
CELLS = b"phone_numberparam1+447700900125Eve"
OFFSETS = (ctypes.c_uint64 * 5)(0, 12, 18, 31, 34)

# A good argument by the parameter's name; or by function and name, where another is needed. Callables take the store.
VALUES = {
    "account": lambda store: store.account, "actor": b"me", "address": b"+447700900123", "addresses": b"+447700900123",
    "after": 0, "body": b"{}", "bytes": CELLS, "campaign": lambda store: store.draft(), "capacity": 4,
    "cells_per_row": 2, "challenge": b"1", "content": lambda store: store.template, "credits": 5, "csv": CSV, "event_id": 1,
    "format": HEADER.constants["BULKMSG_FORMAT_CSV"], "granted": 1, "group": b"g", "hours": 48, "indexed": 0, "json": MESSAGE,
    "key": b"", "kind": HEADER.constants["BULKMSG_CONFIG_ACCOUNT"], "limit": 10, "limits": b"80/s", "mode": b"subscribe",
    "name": b"n", "now_ns": 0, "of": 0, "offsets": OFFSETS, "path": lambda store: store.new_file(), "rates": b'{"rates":{}}',
    "reason": b"why", "row": 0, "row_count": 2, "scope": b"all", "secret": b"secret", "selection": b"",
    "sender": lambda store: store.sender, "signature": b"sha256=00", "source": b"shop", "status": 1002, "text": CSV,
    "timeout_ms": 0, "token": b"w", "type": b"text", "value": b"n", "version_number": 256,
    "what": HEADER.constants["BULKMSG_LIST_CAMPAIGNS"], "younger_than_ms": 0,
    ("bulkmsg_sender_put", "json"): SENDER,
    ("bulkmsg_sender_check", "json"): b"",
    ("bulkmsg_template_put", "json"): TEMPLATE,
    ("bulkmsg_segment_put", "json"): b'{"all":[{"attribute":"city","is":"Lisbon"}]}',
    ("bulkmsg_config_set", "key"): b"name",
    ("bulkmsg_content_preview", "row"): b"phone_number,first_name\n+447700900123,Ana\n",
    ("bulkmsg_time_parse", "text"): b"2026-12-01 09:00 UTC",
    ("bulkmsg_webhook_listen", "address"): b"127.0.0.1:0",
    ("bulkmsg_campaign_import_file", "path"): lambda store: store.csv_file,
    ("bulkmsg_contacts_import_csv_file", "path"): lambda store: store.csv_file,
    ("bulkmsg_engine_close", "engine"): lambda store: store.another(),
}  # fmt: skip
# Of options that must be set.
OPTIONS = {"name": b"n", "at": b"2099-01-01 09:00 UTC", "as": b"sent", "actor": b"me"}


def prototype(name):
    function, native = HEADER.functions[name], getattr(LIBRARY, name)
    native.restype = RESULTS[function.result]
    native.argtypes = [NUMBERS.get(kind, ctypes.c_void_p) for kind in function.parameters]
    return native


def fallible(function):
    return function.parameters[-1:] == ["bulkmsg_error **"]


FUNCTIONS = {name: function for name, function in HEADER.functions.items() if fallible(function)}
OF_AN_ENGINE = [name for name, function in FUNCTIONS.items() if function.parameters[0] == "bulkmsg_engine *"]
NATIVE = {name: prototype(name) for name in HEADER.functions}


def destroy(kind, handle):
    if handle:
        NATIVE[f"{kind.rstrip(' *')}_destroy"](handle)


def made(name, *values):
    """The one output of a call that must succeed."""
    out = ctypes.c_int64()
    status = NATIVE[name](*values, ctypes.byref(out), None)
    assert status == 0, f"{name}: {status}"
    return out.value


def config_of(kind, **options):
    """With these options, and what must be set."""
    config, text = made("bulkmsg_config_create", kind), made("bulkmsg_config_describe", kind)
    needed = [o["key"] for o in json.loads(NATIVE["bulkmsg_text_data"](text, None)) if o["required"]]
    NATIVE["bulkmsg_text_destroy"](text)
    for key, value in {**{key: OPTIONS.get(key) for key in needed}, **options}.items():
        key, value = key.encode(), value if isinstance(value, bytes) else str(value).encode()
        assert NATIVE["bulkmsg_config_set"](config, key, len(key), value, len(value), None) == 0, key
    return config


class Store:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.files = 0
        self.csv_file = bytes(self.directory / "people.csv")
        pathlib.Path(os.fsdecode(self.csv_file)).write_bytes(CSV)
        self.path = self.new_file()
        self.engine = self.another(self.path)
        self.sender = made("bulkmsg_sender_put", self.engine, SENDER, len(SENDER))
        self.template = made("bulkmsg_template_put", self.engine, TEMPLATE, len(TEMPLATE))
        account = config_of(CODE["CONFIG_ACCOUNT"])
        self.account = made("bulkmsg_account_put", self.engine, account)
        destroy("bulkmsg_config", account)

    def new_file(self):
        self.files += 1
        return bytes(self.directory / f"file{self.files}")

    def another(self, path=None, mode="run"):
        config = config_of(CODE["CONFIG_ENGINE"], path=path or self.new_file(), mode=mode)
        try:
            return made("bulkmsg_engine_open", config)
        finally:
            destroy("bulkmsg_config", config)

    def draft(self):
        config = config_of(CODE["CONFIG_CAMPAIGN"], sender=self.sender, template=self.template)
        campaign = made("bulkmsg_campaign_create", self.engine, config)
        destroy("bulkmsg_config", config)
        NATIVE["bulkmsg_campaign_import"](self.engine, campaign, CODE["FORMAT_CSV"], CSV, len(CSV), None, None, 0, None)
        return campaign


class Call:
    """One call of `name` with good arguments but for those in `instead`; `ids`: those of things that are not there."""

    def __init__(self, store, name, instead=None, with_error=True, engine=None, ids=None):
        self.function = FUNCTIONS[name]
        self.name, self.store, self.instead, self.ids = name, store, instead or {}, ids
        self.outs, self.handles, self.kept, self.error = [], [], [], ctypes.c_void_p(0)
        self.engine = engine
        values = []
        for kind, parameter in zip(self.function.parameters, self.function.names):
            if parameter in self.instead:
                value = self.instead[parameter]
                values.append(None if value is NULL else value)
                continue
            if parameter == "err":
                values.append(ctypes.byref(self.error) if with_error else None)
            elif parameter.endswith("_len"):
                values.append(len(values[-1].raw) if values[-1] is not None else 3)
            else:
                values.append(self.good(kind, parameter))
        for at, value in enumerate(values):
            if isinstance(value, ctypes.Array):
                self.kept.append(value)
                values[at] = ctypes.addressof(value)
        self.status = NATIVE[name](*values)

    def value_of(self, parameter):
        value = VALUES.get((self.name, parameter), VALUES.get(parameter))
        if value is None:
            raise KeyError(f"{self.name}: what is a good '{parameter}'? Say it in VALUES")
        if parameter in IDS and self.ids is not None:
            return self.ids
        return value(self.store) if callable(value) else value

    def good(self, kind, parameter):
        if kind == "bulkmsg_engine *":
            own = VALUES.get((self.name, parameter))
            if self.engine is None and own:
                self.engine = own(self.store)
                self.handles.append((kind, self.engine))
            return self.engine or self.store.engine
        if kind in ("const bulkmsg_config *", "bulkmsg_config *"):
            of = self.kind_of(parameter)
            path = {"path": self.store.new_file()} if of == CODE["CONFIG_ENGINE"] else {}
            return self.handle("bulkmsg_config *", config_of(of, **path))
        if kind == "bulkmsg_limiter *":
            return self.handle(kind, made("bulkmsg_limiter_create", b"80/s", 4))
        if kind == "const uint64_t *":
            return self.value_of(parameter)
        if kind == "const char *":
            value = self.value_of(parameter)
            return ctypes.create_string_buffer(value, len(value)) if value else ctypes.create_string_buffer(0)
        if kind in NUMBERS:
            if parameter.endswith("_size"):
                return next(STRUCTS[t] for t in self.function.parameters if t in STRUCTS)
            return self.value_of(parameter)
        size = STRUCTS.get(kind, 8) * (4 if kind == "bulkmsg_event *" else 1)
        count = 4 if parameter == "out_campaigns" else 1
        room = ctypes.create_string_buffer(bytes([DIRTY]) * (size * count), size * count)
        if parameter == "inout_cursor":
            ctypes.memset(room, 0, size)
        self.outs.append((kind, parameter, room))
        return room

    def kind_of(self, parameter):
        said = HEADER.said_of(self.name, parameter)
        word = re.search(r"of kind (\w+|`what`)", said)
        if word is None:  # bulkmsg_config_set(): any
            return CODE["CONFIG_ACCOUNT"]
        return VALUES["what"] if word[1] == "`what`" else CODE.get("CONFIG_" + word[1]) or CODE[word[1]]

    def handle(self, kind, value):
        self.handles.append((kind, value))
        return value

    def problems(self):
        """What is not as the conventions say; gives back whatever the call made."""
        found = []
        said = f"{self.name}({', '.join(self.instead) or 'all good'}) = {self.status}: "
        if not HEADER.may_return(self.name, self.status):
            found.append(f"{said}its comment does not list this code")
        for kind, parameter, room in self.outs:
            dirty = room.raw == bytes([DIRTY]) * len(room)
            first = int.from_bytes(room.raw[:8], sys.byteorder)
            if self.status == 0:
                if kind.endswith("**"):
                    destroy(kind, first)
            elif kind in STRUCTS or parameter == "out_campaigns":
                if not dirty:
                    found.append(f"{said}{parameter} was written")
            elif kind == "int32_t *":
                now = int.from_bytes(room.raw[:4], sys.byteorder, signed=True)
                if now != (-1 if parameter == "out_fd" else 0):
                    found.append(f"{said}{parameter} is {now}")
            elif first != 0:
                found.append(f"{said}{parameter} is {first:#x}")
        if self.error.value:
            if self.status == 0 or NATIVE["bulkmsg_error_code"](self.error) != self.status:
                found.append(f"{said}the error object says another code")
            if not NATIVE["bulkmsg_error_message"](self.error, None):
                found.append(f"{said}the error object says nothing")
            NATIVE["bulkmsg_error_destroy"](self.error)
        for kind, value in self.handles:
            destroy(kind, value)
        return found


def optional(name, parameter):
    return re.search(r"\boptional\b|\bor NULL\b|anything when", HEADER.said_of(name, parameter)) is not None


class Misuse(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["MISUSE_SECRET"] = "secret"
        cls.kept = tempfile.TemporaryDirectory()
        cls.store = Store(cls.kept.name)

    @classmethod
    def tearDownClass(cls):
        destroy("bulkmsg_engine", cls.store.engine)
        cls.kept.cleanup()

    def setUp(self):
        self.found = []

    def tearDown(self):
        self.assertEqual([], self.found, "\n" + "\n".join(self.found))

    def call(self, name, instead=None, wanted=None, unwanted=None, **more):
        call = Call(self.store, name, instead, **more)
        said = f"{name}({', '.join(f'{k}={v if v is not NULL else None}' for k, v in (instead or {}).items())})"
        if wanted is not None and call.status != wanted:
            self.found.append(f"{said} = {call.status}, not {wanted}")
        if unwanted is not None and call.status == unwanted:
            self.found.append(f"{said} = {call.status}")
        self.found += call.problems()
        return call.status

    @staticmethod
    def parameters():
        return [(name, kind, parameter) for name, function in FUNCTIONS.items()
                for kind, parameter in zip(function.parameters, function.names)]

    def test_good_arguments_are_not_called_invalid(self):
        for name in FUNCTIONS:
            self.call(name, unwanted=CODE["E_INVALID_ARGUMENT"])
            self.call(name, with_error=False, unwanted=CODE["E_INVALID_ARGUMENT"])

    def test_null_is_refused_where_it_is_not_optional(self):
        for name, kind, parameter in self.parameters():
            if "*" not in kind or parameter == "err":
                continue
            if kind == "const char *":
                self.call(name, {parameter: NULL, parameter + "_len": 3}, CODE["E_INVALID_ARGUMENT"])
                self.call(name, {parameter: NULL, parameter + "_len": 0})  # an empty text
            elif optional(name, parameter):
                self.call(name, {parameter: NULL}, unwanted=CODE["E_INVALID_ARGUMENT"])
            else:
                self.call(name, {parameter: NULL}, CODE["E_INVALID_ARGUMENT"])

    def test_everything_null_and_zero(self):
        for name, function in HEADER.functions.items():
            if any("*" in kind for kind in function.parameters):
                status = NATIVE[name](*(None if "*" in kind else 0 for kind in function.parameters))
                if name in FUNCTIONS and status != CODE["E_INVALID_ARGUMENT"] and not HEADER.may_return(name, status):
                    self.found.append(f"{name}(0, ...) = {status}")

    def test_lengths_and_sizes_that_cannot_be(self):
        for name, _, parameter in self.parameters():
            wrong = [1 << 63] if parameter.endswith("_len") else [0, 7, 1 << 40] if parameter.endswith("_size") else []
            for value in wrong:
                self.call(name, {parameter: value}, CODE["E_INVALID_ARGUMENT"])

    def test_ids_that_are_none(self):
        for name, _, parameter in self.parameters():
            if parameter in IDS:
                self.call(name, {parameter: -1}, CODE["E_INVALID_ARGUMENT"])
                zero_means_something = re.search(r"\b0[,:]|\bor 0", HEADER.said_of(name, parameter))
                self.call(name, {parameter: 0}, None if zero_means_something else CODE["E_INVALID_ARGUMENT"])
                self.call(name, ids=987654321, unwanted=0)

    def test_a_config_of_another_kind(self):
        for name, kind, parameter in self.parameters():
            if kind == "const bulkmsg_config *":
                other = config_of(CODE["CONFIG_RETRY" if name == "bulkmsg_campaign_start" else "CONFIG_START"])
                self.call(name, {parameter: other}, CODE["E_INVALID_ARGUMENT"])
                destroy("bulkmsg_config", other)

    def test_of_a_store_that_is_open_for_reading(self):
        engine = self.store.another(self.store.path, "read")
        for name in OF_AN_ENGINE:
            if name != "bulkmsg_engine_close":
                self.call(name, engine=engine, unwanted=CODE["E_INVALID_ARGUMENT"])
        self.call("bulkmsg_campaign_discard", wanted=CODE["E_READ_ONLY"], engine=engine)
        destroy("bulkmsg_engine", engine)

    def test_after_closing_and_after_destroying(self):
        engine = self.store.another()
        self.call("bulkmsg_engine_close", wanted=0, engine=engine)
        for name in OF_AN_ENGINE:
            self.call(name, wanted=0 if name == "bulkmsg_engine_close" else CODE["E_CLOSED"], engine=engine, ids=1)
        destroy("bulkmsg_engine", engine)
        for name in OF_AN_ENGINE:
            self.call(name, wanted=CODE["E_CLOSED"], engine=engine, ids=1)
        destroy("bulkmsg_engine", engine)

    def test_after_a_fork(self):
        """Also for what needs no engine, which goes on working."""
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            signal.alarm(60)  # a deadlock must not hang the test
            try:
                for name in FUNCTIONS:
                    if name in OF_AN_ENGINE:
                        self.call(name, wanted=CODE["E_FORKED"], engine=self.store.engine, ids=1)
                    elif name != "bulkmsg_engine_open":
                        self.call(name, unwanted=CODE["E_FORKED"])
                destroy("bulkmsg_engine", self.store.engine)
                self.call("bulkmsg_engine_wakeup", wanted=CODE["E_FORKED"])  # nothing was freed
            except BaseException as e:
                self.found.append(repr(e))
            sys.stderr.write("".join(f"{line}\n" for line in self.found))
            os._exit(1 if self.found else 0)
        self.assertEqual(0, os.waitpid(child, 0)[1])
        self.call("bulkmsg_engine_wakeup", wanted=0)

    def test_on_another_thread(self):
        thread = threading.Thread(target=self.test_good_arguments_are_not_called_invalid)
        thread.start()
        thread.join()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *rest])
