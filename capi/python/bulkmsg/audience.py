"""Contacts, segments, consent and suppression: the part of an engine that knows who may be written to."""

from __future__ import annotations

import ctypes
import json
import os
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Union

from ._abi import library, take_text
from ._calls import PAGE, Calls, Config, Json, Text, text_of, to_json
from .constants import ConfigKind


class Audience(Calls):
    """Addresses are given as people write them: "+55 11 98765-4321", "group:ID", "user:ID", "chat:ID"."""

    def import_contacts(
        self,
        csv: Optional[Text] = None,
        *,
        path: Union[str, "os.PathLike[str]", None] = None,
        labels: Iterable[str] = (),
        group: Optional[str] = None,
        consent_source: Optional[str] = None,
        test: Optional[bool] = None,
        sandbox: Optional[bool] = None,
    ) -> Dict[str, Any]:
        """Stores or updates contacts from CSV text or a file (`phone_number` is required, other columns are
        attributes). Returns rows, added, updated, rejected and the first 1,000 `problems`."""
        if (csv is None) == (path is None):
            raise TypeError("give either the CSV's text or its path")
        given = {
            "labels": ";".join(labels) or None,
            "group": group,
            "consent_source": consent_source,
            "test": test,
            "sandbox": sandbox,
        }
        with Config(ConfigKind.CONTACTS, given) as config:
            if path is not None:
                name = os.fsencode(path)
                text = self._text(library.bulkmsg_contacts_import_csv_file, name, len(name), config)
            else:
                text = self._text(library.bulkmsg_contacts_import_csv, *text_of(csv), config)
        report: Dict[str, Any] = json.loads(text)
        return report

    def count_contacts(self, selection: str = "") -> int:
        """How many contacts a segment or group has; all contacts without one."""
        return self._id(library.bulkmsg_contacts_count, *text_of(selection))

    def contacts(self, selection: str = "") -> Iterator[Dict[str, Any]]:
        """Contacts: id, address, attributes, labels, test, sandbox."""
        return self._pages(library.bulkmsg_contacts_list, *text_of(selection), key="id")

    def declare_attribute(self, name: str, type: str = "text", *, indexed: bool = False) -> None:
        """type: "text", "number", "date" or "boolean". indexed: conditions on it are answered from an index."""
        self._call(library.bulkmsg_attribute_declare, *text_of(name), *text_of(type), int(indexed))

    def attributes(self) -> List[Dict[str, Any]]:
        """The declared attributes: name, type, indexed."""
        found: List[Dict[str, Any]] = self._json(library.bulkmsg_attribute_list)
        return found

    def put_segment(self, name: str, conditions: Json) -> None:
        """Stores conditions: {"all": [{"attribute": "city", "is": "Lisbon"}]}."""
        text = to_json(conditions)
        self._call(library.bulkmsg_segment_put, *text_of(name), text, len(text))

    def add_to_group(self, name: str, addresses: Iterable[str]) -> None:
        """Adds stored contacts to a static group, made when missing."""
        self._call(library.bulkmsg_segment_add, *text_of(name), *text_of("\n".join(addresses)))

    def remove_segment(self, name: str) -> None:
        """Removes a segment or group; its contacts stay."""
        self._call(library.bulkmsg_segment_remove, *text_of(name))

    def segments(self) -> List[Dict[str, Any]]:
        """Segments and groups: name, conditions (None: a group), contacts."""
        found: List[Dict[str, Any]] = self._json(library.bulkmsg_segment_list)
        return found

    def suppress(self, address: str, *, scope: str = "all", note: str = "") -> None:
        """This person is not to be written to, in running campaigns either. scope: "all" or "marketing"."""
        self._call(library.bulkmsg_suppression_put, *text_of(address), *text_of(scope), *text_of(note))

    def lift_suppression(self, address: str, note: str = "") -> None:
        """Takes back what the own list and stop words said."""
        self._call(library.bulkmsg_suppression_lift, *text_of(address), *text_of(note))

    def suppressions(self, address: str = "") -> Iterator[Dict[str, Any]]:
        """Who is suppressed: person, address, scope, source, source_number, note, at_unix_ms."""
        person, source = 0, 0
        while True:
            text = ctypes.c_void_p()
            self._call(
                library.bulkmsg_suppression_list, *text_of(address), person, source, PAGE, ctypes.byref(text)
            )
            rows: List[Dict[str, Any]] = json.loads(take_text(text))
            yield from rows
            if len(rows) < PAGE:
                return
            person, source = rows[-1]["person"], rows[-1]["source_number"]

    def put_consent(self, address: str, granted: bool = True, *, scope: str = "marketing", source: str) -> None:
        """Records a person's own word. source: where and how they said it."""
        self._call(
            library.bulkmsg_consent_put, *text_of(address), int(granted), *text_of(scope), *text_of(source)
        )

    def consent_log(self) -> Iterator[Mapping[str, Any]]:
        """Every change of suppressions, consent and identities, oldest first."""
        return self._pages(library.bulkmsg_consent_log, key="id")
