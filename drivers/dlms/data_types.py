"""The types that COSEM data may have, and the three whose values need a type of their own."""

from dataclasses import dataclass
from enum import IntEnum


class DataTag(IntEnum):
    """Tags of the Data choice. Source: IEC 62056-62; docs/plc.md 6.2."""

    NULL = 0x00
    ARRAY = 0x01
    STRUCTURE = 0x02
    BOOLEAN = 0x03
    BIT_STRING = 0x04
    DOUBLE_LONG = 0x05
    DOUBLE_LONG_UNSIGNED = 0x06
    OCTET_STRING = 0x09
    VISIBLE_STRING = 0x0A
    UTF8_STRING = 0x0C
    BCD = 0x0D
    INTEGER = 0x0F
    LONG = 0x10
    UNSIGNED = 0x11
    LONG_UNSIGNED = 0x12
    COMPACT_ARRAY = 0x13
    LONG64 = 0x14
    LONG64_UNSIGNED = 0x15
    ENUM = 0x16
    FLOAT32 = 0x17
    FLOAT64 = 0x18
    DATE_TIME = 0x19
    DATE = 0x1A
    TIME = 0x1B
    DELTA_INTEGER = 0x1C
    DELTA_LONG = 0x1D
    DELTA_DOUBLE_LONG = 0x1E
    DELTA_UNSIGNED = 0x1F
    DELTA_LONG_UNSIGNED = 0x20
    DELTA_DOUBLE_LONG_UNSIGNED = 0x21
    DONT_CARE = 0xFF


@dataclass(frozen=True, slots=True, kw_only=True)
class BitString:
    """Bits, the first one in the most significant place of the first octet."""

    octets: bytes
    bit_count: int

    def __str__(self) -> str:
        return "".join(f"{octet:08b}" for octet in self.octets)[: self.bit_count]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeDescription:
    """What each element of a compact array is.

    Attributes:
        elements: one for an array, one per field for a structure, none otherwise.
        count: elements of an array.
    """

    tag: DataTag
    elements: tuple["TypeDescription", ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactArray:
    """Elements of one type, their tags written once; `axdr.expand` unpacks the contents."""

    description: TypeDescription
    contents: bytes
