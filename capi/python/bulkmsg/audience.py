"""Contacts, segments, consent and suppression: the part of an engine that knows who may be written to."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Iterable, Iterator, Optional, Union

from ._abi import library
from ._calls import Calls, Config, Json, Text, text_of, to_json
from .constants import ConfigKind, ListKind
from .records import Attribute, ConsentChange, Contact, Segment, Suppression, record


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

    def contacts(self, selection: str = "") -> Iterator[Contact]:
        """The contacts of a segment or group; all without one."""
        return (record(Contact, row) for row in self._rows(ListKind.CONTACTS, selection=selection))

    def declare_attribute(self, name: str, type: str = "text", *, indexed: bool = False) -> None:
        """type: "text", "number", "date" or "boolean". indexed: conditions on it are answered from an index."""
        self._call(library.bulkmsg_attribute_declare, *text_of(name), *text_of(type), int(indexed))

    def attributes(self) -> Iterator[Attribute]:
        """The declared attributes."""
        return (record(Attribute, row) for row in self._rows(ListKind.ATTRIBUTES))

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

    def segments(self) -> Iterator[Segment]:
        """Segments and groups."""
        return (record(Segment, row) for row in self._rows(ListKind.SEGMENTS))

    def suppress(
        self,
        addresses: Union[str, Iterable[str]],
        *,
        scope: Optional[str] = None,
        source: Optional[str] = None,
        note: Optional[str] = None,
    ) -> None:
        """These people are not to be written to, in running campaigns either. scope: "all" or "marketing". One address
        that cannot be read leaves the list as it was, and is named."""
        whom = addresses if isinstance(addresses, str) else "\n".join(addresses)
        with Config(ConfigKind.SUPPRESSION, {"scope": scope, "source": source, "note": note}) as config:
            self._call(library.bulkmsg_suppression_put, *text_of(whom), config)

    def lift_suppression(self, address: str, *, source: Optional[str] = None, note: Optional[str] = None) -> None:
        """Takes back what the own list and stop words said, or what `source` said."""
        with Config(ConfigKind.SUPPRESSION, {"source": source, "note": note}) as config:
            self._call(library.bulkmsg_suppression_lift, *text_of(address), config)

    def suppressions(self, address: str = "") -> Iterator[Suppression]:
        """Who is not to be written to; a person has a row for each source that said so."""
        return (record(Suppression, row) for row in self._rows(ListKind.SUPPRESSIONS, address=address))

    def put_consent(self, address: str, granted: bool = True, *, scope: str = "marketing", source: str) -> None:
        """Records a person's own word. source: where and how they said it."""
        self._call(
            library.bulkmsg_consent_put, *text_of(address), int(granted), *text_of(scope), *text_of(source)
        )

    def consent_log(self) -> Iterator[ConsentChange]:
        """Every change of suppressions, consent and identities, oldest first."""
        return (record(ConsentChange, row) for row in self._rows(ListKind.CONSENT_LOG))
