"""COSEM data as A-XDR puts it into octets."""

from dataclasses import dataclass
from typing import TypeAlias

from drivers.dlms.axdr_primitives import (
    CONSTRUCTED,
    DEPTH_MAX,
    EMPTY,
    SimpleValue,
    check_depth,
    encode_length,
    read_count,
    read_simple,
    read_tag,
    simple_octets,
)
from drivers.dlms.data_types import CompactArray, DataTag, TypeDescription
from drivers.dlms.date_time import CosemDateTime
from drivers.errors import LocalUseError, MalformedFrame
from drivers.octets import OctetReader

EXPANDED_ELEMENTS_MAX = 65_536  # a compact array of nothings takes no octets at all

DataValue: TypeAlias = "SimpleValue | tuple[Data, ...]"


@dataclass(frozen=True, slots=True)
class Data:
    """One value with its type.

    Attributes:
        tag: the type.
        value: None, bool, int, float, str, bytes, a COSEM date or time, a BitString, a
            CompactArray, or for arrays and structures a tuple of Data.
    """

    tag: DataTag
    value: DataValue = None

    @classmethod
    def null(cls) -> "Data":
        """Return null-data."""
        return cls(DataTag.NULL)

    @classmethod
    def array(cls, *items: "Data") -> "Data":
        """Return an array."""
        return cls(DataTag.ARRAY, items)

    @classmethod
    def structure(cls, *items: "Data") -> "Data":
        """Return a structure."""
        return cls(DataTag.STRUCTURE, items)

    @classmethod
    def boolean(cls, value: bool) -> "Data":  # noqa: FBT001  (its own name says what it is)
        """Return a boolean."""
        return cls(DataTag.BOOLEAN, value)

    @classmethod
    def i8(cls, value: int) -> "Data":
        """Return an integer of one octet."""
        return cls(DataTag.INTEGER, value)

    @classmethod
    def i16(cls, value: int) -> "Data":
        """Return an integer of two octets."""
        return cls(DataTag.LONG, value)

    @classmethod
    def i32(cls, value: int) -> "Data":
        """Return an integer of four octets."""
        return cls(DataTag.DOUBLE_LONG, value)

    @classmethod
    def u8(cls, value: int) -> "Data":
        """Return an unsigned number of one octet."""
        return cls(DataTag.UNSIGNED, value)

    @classmethod
    def u16(cls, value: int) -> "Data":
        """Return an unsigned number of two octets."""
        return cls(DataTag.LONG_UNSIGNED, value)

    @classmethod
    def u32(cls, value: int) -> "Data":
        """Return an unsigned number of four octets."""
        return cls(DataTag.DOUBLE_LONG_UNSIGNED, value)

    @classmethod
    def enum(cls, value: int) -> "Data":
        """Return an enumerated value."""
        return cls(DataTag.ENUM, int(value))

    @classmethod
    def octet_string(cls, octets: bytes) -> "Data":
        """Return an octet-string."""
        return cls(DataTag.OCTET_STRING, bytes(octets))

    @classmethod
    def visible_string(cls, text: str) -> "Data":
        """Return a visible-string."""
        return cls(DataTag.VISIBLE_STRING, text)

    @classmethod
    def clock_string(cls, moment: CosemDateTime) -> "Data":
        """Return a moment the way clocks carry it: an octet-string of twelve."""
        return cls(DataTag.OCTET_STRING, moment.encode())

    def encode(self) -> bytes:
        """Return the octets.

        Raises:
            LocalUseError: the value is not of the type, or nests too deep.
        """
        written = bytearray()
        _write(self, written, 0)
        return bytes(written)

    @classmethod
    def decode(cls, reader: OctetReader) -> "Data":
        """Take one value off the front.

        Raises:
            MalformedFrame: it is cut short, of an unknown type, or nests too deep.
        """
        return _read(reader, 0)

    @classmethod
    def from_octets(cls, octets: bytes) -> "Data":
        """Read octets that hold one value and nothing else.

        Raises:
            MalformedFrame: they do not.
        """
        reader = OctetReader(octets)
        data = _read(reader, 0)
        reader.end()
        return data

    def integer(self) -> int:
        """Return the value of any type of whole number; MalformedFrame for another type."""
        if isinstance(self.value, int) and self.tag is not DataTag.BOOLEAN:
            return self.value
        raise self._not_a("whole number")

    def octets(self) -> bytes:
        """Return the value of an octet-string; MalformedFrame for another type."""
        if isinstance(self.value, bytes):
            return self.value
        raise self._not_a("octet-string")

    def text(self) -> str:
        """Return the text of a string of any type; MalformedFrame for another type."""
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, bytes):
            return self.value.decode("latin-1")
        raise self._not_a("string")

    def items(self) -> tuple["Data", ...]:
        """Return what an array or structure holds; MalformedFrame for another type."""
        if isinstance(self.value, tuple):
            return self.value
        raise self._not_a("array or structure")

    def moment(self) -> CosemDateTime:
        """Return a date-time, also one in an octet-string; MalformedFrame for another type."""
        if isinstance(self.value, CosemDateTime):
            return self.value
        return CosemDateTime.decode(self.octets())

    def _not_a(self, expected: str) -> MalformedFrame:
        return MalformedFrame(f"{self.tag.name} where a {expected} is expected")


def _read(reader: OctetReader, depth: int) -> Data:
    tag = read_tag(reader)
    if tag in CONSTRUCTED:
        count = read_count(reader)
        check_depth(depth)
        return Data(tag, tuple([_read(reader, depth + 1) for _ in range(count)]))
    return Data(tag, read_simple(tag, reader))


def expand(compact: CompactArray) -> tuple[Data, ...]:
    """Return the elements of a compact array.

    Raises:
        MalformedFrame: the contents do not fit the description, or it describes more elements
            than EXPANDED_ELEMENTS_MAX.
    """
    reader = OctetReader(compact.contents)
    elements: list[Data] = []
    budget = _Budget()
    while reader.left():
        before = reader.position
        elements.append(_read_described(compact.description, reader, budget))
        if reader.position == before:
            raise MalformedFrame("compact array elements that take no octets")
    return tuple(elements)


class _Budget:
    """Counts elements, so that a few octets never unfold into millions."""

    def __init__(self) -> None:
        self._left = EXPANDED_ELEMENTS_MAX

    def spend(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise MalformedFrame(f"a compact array of over {EXPANDED_ELEMENTS_MAX} elements")


def _read_described(kind: TypeDescription, reader: OctetReader, budget: _Budget) -> Data:
    budget.spend()
    if kind.tag is DataTag.ARRAY:
        described = kind.elements * kind.count
    elif kind.tag is DataTag.STRUCTURE:
        described = kind.elements
    else:
        return Data(kind.tag, read_simple(kind.tag, reader))
    return Data(kind.tag, tuple([_read_described(each, reader, budget) for each in described]))


def _write(data: Data, written: bytearray, depth: int) -> None:
    written.append(data.tag)
    if data.tag in EMPTY:
        return
    if data.tag in CONSTRUCTED and isinstance(data.value, tuple):
        if depth >= DEPTH_MAX:
            raise LocalUseError(f"data nested more than {DEPTH_MAX} deep")
        written += encode_length(len(data.value))
        for item in data.value:
            _write(item, written, depth + 1)
        return
    written += simple_octets(data.tag, data.value)
