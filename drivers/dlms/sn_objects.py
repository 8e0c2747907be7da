"""The objects of a meter under their short names."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Protocol

from drivers.dlms.axdr import Data
from drivers.dlms.cosem_objects import (
    AttributeCode,
    MethodCode,
    ObjectList,
    ObjectListEntry,
    what_stands_at,
)
from drivers.dlms.obis import Obis
from drivers.dlms.service_error import AccessRefused, DataAccessError
from drivers.errors import LocalUseError

ASSOCIATION_NAME = 0xFA00
ASSOCIATION_CLASS = 12
ASSOCIATION_LOGICAL_NAME = Obis.parse("0-0:40.0.0.255")
_LOGICAL_NAME_ATTRIBUTE = 1
_OBJECT_LIST_ATTRIBUTE = 2


class SnObject(Protocol):
    """One COSEM object as the server sees it."""

    @property
    def base_name(self) -> int:
        """Short name of attribute 1."""

    @property
    def class_id(self) -> int:
        """Interface class."""

    @property
    def version(self) -> int:
        """Version of the interface class."""

    @property
    def logical_name(self) -> Obis:
        """What the object is about."""

    def read(self, attribute: int, selector: int | None, parameter: Data | None) -> Data:
        """Return an attribute, or the selected part of it; raise AccessRefused."""

    def write(self, attribute: int, data: Data) -> None:
        """Set an attribute; raise AccessRefused."""

    def invoke(self, method: int, data: Data) -> None:
        """Call a method; raise AccessRefused."""


class NameSpace:
    """Finds attributes and methods by short name; serves logical names and the object list."""

    def __init__(self, objects: Iterable[SnObject]) -> None:
        """Take these objects; an association object is added when none stands at FA00.

        Raises:
            LocalUseError: two objects have the same base name.
        """
        self._objects = sorted(objects, key=lambda each: each.base_name)
        if all(each.base_name != ASSOCIATION_NAME for each in self._objects):
            self._objects.append(_Association(self._objects))
            self._objects.sort(key=lambda each: each.base_name)
        self._bases = [each.base_name for each in self._objects]
        if len(set(self._bases)) != len(self._bases):
            raise LocalUseError("two objects share a base name")

    def read(self, name: int, selector: int | None, parameter: Data | None) -> Data:
        """Return what stands at a short name.

        Raises:
            AccessRefused: nothing to be read does.
        """
        found, place = self._find(name)
        if not isinstance(place, AttributeCode):
            raise AccessRefused(DataAccessError.OBJECT_UNDEFINED)
        if place.index == _LOGICAL_NAME_ATTRIBUTE and selector is None:
            return Data.octet_string(found.logical_name.octets)
        return found.read(place.index, selector, parameter)

    def write(self, name: int, data: Data) -> None:
        """Set the attribute, or call the method, that stands at a short name.

        Raises:
            AccessRefused: nothing of the kind does.
        """
        found, place = self._find(name)
        if isinstance(place, MethodCode):
            found.invoke(place.index, data)
        else:
            found.write(place.index, data)

    def _find(self, name: int) -> tuple[SnObject, AttributeCode | MethodCode]:
        index = bisect_right(self._bases, name) - 1
        if index >= 0:
            found = self._objects[index]
            place = what_stands_at(found.class_id, name - found.base_name)
            if place is not None:
                return found, place
        raise AccessRefused(DataAccessError.OBJECT_UNDEFINED)


class _Association:
    """The object that lists all others and itself."""

    base_name = ASSOCIATION_NAME
    class_id = ASSOCIATION_CLASS
    version = 1
    logical_name = ASSOCIATION_LOGICAL_NAME

    def __init__(self, objects: list[SnObject]) -> None:
        self._objects = objects

    def read(self, attribute: int, selector: int | None, parameter: Data | None) -> Data:
        """Return the object list."""
        del parameter
        if attribute != _OBJECT_LIST_ATTRIBUTE:
            raise AccessRefused(DataAccessError.OBJECT_UNDEFINED)
        if selector is not None:
            raise AccessRefused(DataAccessError.SCOPE_OF_ACCESS_VIOLATED)
        return ObjectList(
            ObjectListEntry(
                base_name=each.base_name,
                class_id=each.class_id,
                version=each.version,
                logical_name=each.logical_name,
            )
            for each in self._objects
        ).to_data()

    def write(self, attribute: int, data: Data) -> None:
        """Refuse: the list is the meter's."""
        del attribute, data
        raise AccessRefused(DataAccessError.READ_WRITE_DENIED)

    def invoke(self, method: int, data: Data) -> None:
        """Refuse: no method of an association is offered."""
        del method, data
        raise AccessRefused(DataAccessError.READ_WRITE_DENIED)
