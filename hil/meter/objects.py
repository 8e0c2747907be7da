"""COSEM objects of the simple kind: identification texts, registers, the list of access points."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from drivers.dlms.axdr import Data
from drivers.dlms.companion import InterfaceClass
from drivers.dlms.obis import Obis
from drivers.dlms.service_error import AccessRefused, DataAccessError

VALUE = 2
SCALER_UNIT = 3


class Unit(IntEnum):
    """Unit codes of IEC 62056-62 that these meters use."""

    CUBIC_METRE = 13
    WATT_HOUR = 30
    AMPERE = 33
    VOLT = 35
    COUNT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an object stands in a meter's short-name space."""

    base_name: int
    logical_name: Obis


class ReadOnlyObject:
    """An object that refuses whatever its subclass does not offer."""

    class_id: int = InterfaceClass.DATA
    version: int = 0

    def __init__(self, place: Place) -> None:
        """Put the object in its place."""
        self.base_name = place.base_name
        self.logical_name = place.logical_name

    def read(self, attribute: int, selector: int | None, parameter: Data | None) -> Data:
        """Return an attribute, or the part of it that a selector asks for."""
        del parameter
        if selector is not None:
            raise AccessRefused(DataAccessError.SCOPE_OF_ACCESS_VIOLATED)
        return self.read_attribute(attribute)

    def read_attribute(self, attribute: int) -> Data:
        """Return an attribute other than the logical name, which the server knows."""
        del attribute
        raise AccessRefused(DataAccessError.OBJECT_UNDEFINED)

    def write(self, attribute: int, data: Data) -> None:
        """Refuse: most of a meter is read-only."""
        del attribute, data
        raise AccessRefused(DataAccessError.READ_WRITE_DENIED)

    def invoke(self, method: int, data: Data) -> None:
        """Refuse: most objects here have no methods."""
        del method, data
        raise AccessRefused(DataAccessError.READ_WRITE_DENIED)


class TextObject(ReadOnlyObject):
    """An identification number; as a Register it has, pointlessly, a unit as well."""

    def __init__(
        self,
        place: Place,
        get: Callable[[], str],
        *,
        write: Callable[[str], None] | None = None,
        octets_max: int = 32,
        class_id: int = InterfaceClass.DATA,
    ) -> None:
        """Show what `get` returns; with `write` a client may change it."""
        super().__init__(place)
        self.class_id = class_id
        self._get = get
        self._write = write
        self._octets_max = octets_max

    def read_attribute(self, attribute: int) -> Data:
        """Return the text."""
        if attribute == VALUE:
            return Data.visible_string(self._get())
        if attribute == SCALER_UNIT and self.class_id == InterfaceClass.REGISTER:
            return scaler_unit(0, Unit.COUNT)
        return super().read_attribute(attribute)

    def write(self, attribute: int, data: Data) -> None:
        """Take a new text if the utility owns this one."""
        if attribute != VALUE or self._write is None:
            raise AccessRefused(DataAccessError.READ_WRITE_DENIED)
        text = data.text()
        if len(text) > self._octets_max or not text.isascii():
            raise AccessRefused(DataAccessError.TYPE_UNMATCHED)
        self._write(text)


class NumberObject(ReadOnlyObject):
    """A Data object with a number."""

    def __init__(self, place: Place, get: Callable[[], Data]) -> None:
        """Show what `get` returns."""
        super().__init__(place)
        self._get = get

    def read_attribute(self, attribute: int) -> Data:
        """Return the number."""
        if attribute == VALUE:
            return self._get()
        return super().read_attribute(attribute)


class RegisterObject(NumberObject):
    """A register: a number with scaler and unit."""

    class_id = InterfaceClass.REGISTER

    def __init__(
        self, place: Place, get: Callable[[], Data], *, scaler: int = 0, unit: Unit
    ) -> None:
        """Show what `get` returns, times ten to the power of `scaler`."""
        super().__init__(place, get)
        self._scaler_unit = scaler_unit(scaler, unit)

    def read_attribute(self, attribute: int) -> Data:
        """Return value or scaler and unit."""
        return self._scaler_unit if attribute == SCALER_UNIT else super().read_attribute(attribute)


class SapAssignment(ReadOnlyObject):
    """Which logical devices the meter has: one."""

    class_id = InterfaceClass.SAP_ASSIGNMENT

    def __init__(self, place: Place, *, lsap: int, name: Callable[[], str]) -> None:
        """Show one logical device at an access point."""
        super().__init__(place)
        self._lsap = lsap
        self._name = name

    def read_attribute(self, attribute: int) -> Data:
        """Return the list of access points."""
        if attribute == VALUE:
            name = Data.octet_string(self._name().encode("ascii"))
            return Data.array(Data.structure(Data.u16(self._lsap), name))
        return super().read_attribute(attribute)


def scaler_unit(scaler: int, unit: Unit) -> Data:
    """Return attribute 3 of a register."""
    return Data.structure(Data.i8(scaler), Data.enum(unit))
