"""What a meter holds and under which short names: object list, attributes, methods."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from drivers.dlms.axdr import Data
from drivers.dlms.obis import Obis
from drivers.errors import LocalUseError, MalformedFrame

ATTRIBUTE_STEP = 8
OBJECT_LIST_NAME = 0xFA08


class MethodPlace(NamedTuple):
    """Where a class has its methods: offset of the first, and how many there are."""

    first_offset: int
    methods: int


# Source: docs/plc.md 6.4 (classes 51 and 53 confirmed less well than the others).
METHOD_PLACES = {
    3: MethodPlace(0x28, 1),
    4: MethodPlace(0x38, 1),
    5: MethodPlace(0x48, 2),
    6: MethodPlace(0x30, 3),
    7: MethodPlace(0x58, 4),
    8: MethodPlace(0x60, 6),
    9: MethodPlace(0x20, 1),
    11: MethodPlace(0x10, 2),
    12: MethodPlace(0x20, 8),
    15: MethodPlace(0x60, 4),
    18: MethodPlace(0x40, 4),
    20: MethodPlace(0x50, 1),
    40: MethodPlace(0x38, 1),
    42: MethodPlace(0x60, 3),
    51: MethodPlace(0x10, 1),
    53: MethodPlace(0x50, 1),
    61: MethodPlace(0x28, 2),
    64: MethodPlace(0x30, 8),
    70: MethodPlace(0x20, 2),
    72: MethodPlace(0x60, 8),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeCode:
    """An attribute of some object, numbered from 1."""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodCode:
    """A method of some object, numbered from 1."""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectListEntry:
    """One object of a meter.

    Attributes:
        base_name: short name of its first attribute.
    """

    base_name: int
    class_id: int
    version: int
    logical_name: Obis

    def attribute_name(self, attribute: int) -> int:
        """Return the short name of an attribute, counted from 1."""
        return attribute_name(self.base_name, attribute)

    def method_name(self, method: int) -> int:
        """Return the short name of a method, counted from 1."""
        return method_name(self.class_id, self.base_name, method)


class ObjectList:
    """All objects of a meter; the same for every meter of its kind."""

    def __init__(self, entries: Iterable[ObjectListEntry]) -> None:
        self._entries = tuple(entries)
        self._by_name = {
            (entry.logical_name, entry.class_id): entry for entry in reversed(self._entries)
        }

    def __iter__(self) -> Iterator[ObjectListEntry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectList) and self._entries == other._entries

    def __hash__(self) -> int:
        return hash(self._entries)

    def find(self, obis: Obis, class_id: int) -> ObjectListEntry | None:
        """Return the object of that name and class, or None when the meter has none."""
        return self._by_name.get((obis, class_id))

    @classmethod
    def from_data(cls, data: Data) -> "ObjectList":
        """Read the attribute object_list of an association.

        Raises:
            MalformedFrame: it is no list of objects.
        """
        return cls([_entry(element.items()) for element in data.items()])

    def to_data(self) -> Data:
        """Return the attribute object_list of an association."""
        return Data.array(
            *[
                Data.structure(
                    Data.i16(_signed(entry.base_name)),
                    Data.u16(entry.class_id),
                    Data.u8(entry.version),
                    Data.octet_string(entry.logical_name.octets),
                )
                for entry in self._entries
            ]
        )

    def to_json(self) -> str:
        """Return the list as text: [[base_name, class_id, version, "obis"], ...]."""
        return json.dumps(
            [
                [entry.base_name, entry.class_id, entry.version, str(entry.logical_name)]
                for entry in self._entries
            ],
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> "ObjectList":
        """Read what `to_json` wrote.

        Raises:
            LocalUseError: the text is not of that form.
        """
        try:
            return cls(
                [
                    ObjectListEntry(
                        base_name=int(base_name),
                        class_id=int(class_id),
                        version=int(version),
                        logical_name=Obis.parse(obis),
                    )
                    for base_name, class_id, version, obis in json.loads(text)
                ]
            )
        except (ValueError, TypeError) as error:
            raise LocalUseError(f"no object list: {error}") from error


def attribute_name(base_name: int, attribute: int) -> int:
    """Return the short name of an attribute, counted from 1."""
    return base_name + ATTRIBUTE_STEP * (attribute - 1)


def method_name(class_id: int, base_name: int, method: int) -> int:
    """Return the short name of a method, counted from 1.

    Raises:
        LocalUseError: the class has no such method that we know of.
    """
    place = METHOD_PLACES.get(class_id)
    if place is None or not 1 <= method <= place.methods:
        raise LocalUseError(f"class {class_id} has no method {method}")
    return base_name + place.first_offset + ATTRIBUTE_STEP * (method - 1)


def what_stands_at(class_id: int, offset: int) -> AttributeCode | MethodCode | None:
    """Return what an offset from an object's base name means; None when it means nothing."""
    if offset % ATTRIBUTE_STEP:
        return None
    place = METHOD_PLACES.get(class_id)
    if place is not None and offset >= place.first_offset:
        method = (offset - place.first_offset) // ATTRIBUTE_STEP + 1
        return MethodCode(index=method) if method <= place.methods else None
    return AttributeCode(index=offset // ATTRIBUTE_STEP + 1)


def _entry(fields: tuple[Data, ...]) -> ObjectListEntry:
    if len(fields) != 4:
        raise MalformedFrame(f"an object list entry of {len(fields)} fields")
    base_name, class_id, version, logical_name = fields
    return ObjectListEntry(
        base_name=base_name.integer() & 0xFFFF,
        class_id=class_id.integer(),
        version=version.integer(),
        logical_name=Obis(logical_name.octets()),
    )


def _signed(base_name: int) -> int:
    return base_name - 0x10000 if base_name >= 0x8000 else base_name
