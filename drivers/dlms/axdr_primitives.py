"""What A-XDR builds data from: lengths, values without their tags, type descriptions."""

import struct
from collections.abc import Callable
from typing import TypeAlias

from drivers.dlms.data_types import BitString, CompactArray, DataTag, TypeDescription
from drivers.dlms.date_time import (
    DATE_OCTETS,
    DATE_TIME_OCTETS,
    TIME_OCTETS,
    CosemDate,
    CosemDateTime,
    CosemTime,
)
from drivers.errors import LocalUseError, MalformedFrame
from drivers.octets import OctetReader

_LENGTH_OCTETS_MAX = 4  # nobody sends more than 4 GiB
DEPTH_MAX = 20  # meters nest five deep; Python itself gives up at some hundred

SimpleValue: TypeAlias = (
    bool
    | int
    | float
    | str
    | bytes
    | BitString
    | CompactArray
    | CosemDate
    | CosemTime
    | CosemDateTime
    | None
)

_NUMBERS = {
    DataTag.BCD: struct.Struct(">b"),
    DataTag.INTEGER: struct.Struct(">b"),
    DataTag.LONG: struct.Struct(">h"),
    DataTag.DOUBLE_LONG: struct.Struct(">i"),
    DataTag.LONG64: struct.Struct(">q"),
    DataTag.UNSIGNED: struct.Struct(">B"),
    DataTag.LONG_UNSIGNED: struct.Struct(">H"),
    DataTag.DOUBLE_LONG_UNSIGNED: struct.Struct(">I"),
    DataTag.LONG64_UNSIGNED: struct.Struct(">Q"),
    DataTag.ENUM: struct.Struct(">B"),
    DataTag.FLOAT32: struct.Struct(">f"),
    DataTag.FLOAT64: struct.Struct(">d"),
    DataTag.DELTA_INTEGER: struct.Struct(">b"),
    DataTag.DELTA_LONG: struct.Struct(">h"),
    DataTag.DELTA_DOUBLE_LONG: struct.Struct(">i"),
    DataTag.DELTA_UNSIGNED: struct.Struct(">B"),
    DataTag.DELTA_LONG_UNSIGNED: struct.Struct(">H"),
    DataTag.DELTA_DOUBLE_LONG_UNSIGNED: struct.Struct(">I"),
}
_MOMENT_TYPES = {
    DataTag.DATE_TIME: CosemDateTime,
    DataTag.DATE: CosemDate,
    DataTag.TIME: CosemTime,
}
EMPTY = {DataTag.NULL, DataTag.DONT_CARE}
CONSTRUCTED = {DataTag.ARRAY, DataTag.STRUCTURE}


def read_length(reader: OctetReader) -> int:
    """Return the length or count that stands next.

    Raises:
        MalformedFrame: it is cut short or has an impossible form.
    """
    first = reader.u8()
    if first < 0x80:
        return first
    size = first & 0x7F
    if not 1 <= size <= _LENGTH_OCTETS_MAX:
        raise MalformedFrame(f"a length in {size} octets")
    return int.from_bytes(reader.take(size), "big")


def read_count(reader: OctetReader) -> int:
    """Return how many elements follow; each takes an octet at least, so a larger one is a lie.

    Raises:
        MalformedFrame: more elements are announced than octets are left.
    """
    count = read_length(reader)
    if count > reader.left():
        raise MalformedFrame(f"{count} elements announced in {reader.left()} octets")
    return count


def read_octets(reader: OctetReader) -> bytes:
    """Return the octets of a string that carries its own length."""
    return reader.take(read_length(reader))


def encode_length(length: int) -> bytes:
    """Return the octets of a length or count."""
    if length < 0:
        raise LocalUseError("a length is never negative")
    if length < 0x80:
        return bytes([length])
    size = (length.bit_length() + 7) // 8
    if size > _LENGTH_OCTETS_MAX:
        raise LocalUseError(f"{length} is too long")
    return bytes([0x80 | size]) + length.to_bytes(size, "big")


def with_length(octets: bytes) -> bytes:
    """Return a string of octets with its length before it."""
    return encode_length(len(octets)) + octets


def read_tag(reader: OctetReader) -> DataTag:
    """Return the type that stands next; MalformedFrame when there is no such type."""
    tag = reader.u8()
    try:
        return DataTag(tag)
    except ValueError:
        raise MalformedFrame(f"no data type has the tag {tag:02X}") from None


def check_depth(depth: int) -> None:
    """Raise MalformedFrame for what nests deeper than DEPTH_MAX."""
    if depth >= DEPTH_MAX:
        raise MalformedFrame(f"data nested more than {DEPTH_MAX} deep")


def read_simple(tag: DataTag, reader: OctetReader) -> SimpleValue:
    """Return a value of a type that holds no other Data."""
    number = _NUMBERS.get(tag)
    if number is not None:
        value: int | float = number.unpack(reader.take(number.size))[0]
        return value
    if tag in EMPTY:
        return None
    return _READERS[tag](reader)


def _bit_string(reader: OctetReader) -> BitString:
    bit_count = read_length(reader)
    return BitString(octets=reader.take((bit_count + 7) // 8), bit_count=bit_count)


def _compact_array(reader: OctetReader) -> CompactArray:
    description = read_description(reader, 1)
    return CompactArray(description=description, contents=read_octets(reader))


def _utf8(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise MalformedFrame("a utf8-string that is not UTF-8", octets) from None


def read_description(reader: OctetReader, depth: int) -> TypeDescription:
    """Return the type description of a compact array; MalformedFrame when there is none."""
    tag = read_tag(reader)
    if tag is DataTag.COMPACT_ARRAY:
        raise MalformedFrame("a compact array of compact arrays")
    if tag not in CONSTRUCTED:
        return TypeDescription(tag=tag)
    check_depth(depth)
    if tag is DataTag.ARRAY:
        count = reader.u16()
        return TypeDescription(
            tag=tag, count=count, elements=(read_description(reader, depth + 1),)
        )
    fields = tuple([read_description(reader, depth + 1) for _ in range(read_count(reader))])
    return TypeDescription(tag=tag, elements=fields)


_READERS: dict[DataTag, Callable[[OctetReader], SimpleValue]] = {
    DataTag.BOOLEAN: lambda reader: reader.u8() != 0,
    DataTag.BIT_STRING: _bit_string,
    DataTag.OCTET_STRING: read_octets,
    DataTag.VISIBLE_STRING: lambda reader: read_octets(reader).decode("latin-1"),
    DataTag.UTF8_STRING: lambda reader: _utf8(read_octets(reader)),
    DataTag.COMPACT_ARRAY: _compact_array,
    DataTag.DATE_TIME: lambda reader: CosemDateTime.decode(reader.take(DATE_TIME_OCTETS)),
    DataTag.DATE: lambda reader: CosemDate.decode(reader.take(DATE_OCTETS)),
    DataTag.TIME: lambda reader: CosemTime.decode(reader.take(TIME_OCTETS)),
}


def simple_octets(tag: DataTag, value: object) -> bytes:  # noqa: PLR0911  (a table of types)
    """Return the octets of a value without its tag; LocalUseError when it is not of the type."""
    if tag in _NUMBERS and isinstance(value, int | float):
        return _number_octets(tag, value)
    if isinstance(value, CosemDateTime | CosemDate | CosemTime):
        return _moment_octets(tag, value)
    match tag, value:
        case DataTag.BOOLEAN, bool() as truth:
            return bytes([truth])
        case DataTag.OCTET_STRING, bytes() as octets:
            return with_length(octets)
        case DataTag.VISIBLE_STRING, str() as text:
            return with_length(_latin_1(text))
        case DataTag.UTF8_STRING, str() as text:
            return with_length(text.encode())
        case DataTag.BIT_STRING, BitString() as bits:
            return encode_length(bits.bit_count) + _padded(bits)
        case DataTag.COMPACT_ARRAY, CompactArray() as compact:
            return _description_octets(compact.description) + with_length(compact.contents)
        case _:
            pass
    raise _no_value(tag, value)


def _moment_octets(tag: DataTag, moment: CosemDateTime | CosemDate | CosemTime) -> bytes:
    if _MOMENT_TYPES.get(tag) is not type(moment):
        raise _no_value(tag, moment)
    return moment.encode()


def _no_value(tag: DataTag, value: object) -> LocalUseError:
    return LocalUseError(f"{type(value).__name__} is no value of {tag.name}")


def _number_octets(tag: DataTag, number: float) -> bytes:
    try:
        return _NUMBERS[tag].pack(number)
    except (struct.error, OverflowError) as error:
        raise LocalUseError(f"{number} does not fit {tag.name}") from error


def _padded(bits: BitString) -> bytes:
    if len(bits.octets) != (bits.bit_count + 7) // 8:
        raise LocalUseError(f"{bits.bit_count} bits in {len(bits.octets)} octets")
    return bits.octets


def _latin_1(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise LocalUseError("a visible-string has characters of one octet only") from None


def _description_octets(kind: TypeDescription) -> bytes:
    inner = b"".join(_description_octets(element) for element in kind.elements)
    if kind.tag is DataTag.ARRAY:
        return bytes([kind.tag]) + kind.count.to_bytes(2, "big") + inner
    if kind.tag is DataTag.STRUCTURE:
        return bytes([kind.tag]) + encode_length(len(kind.elements)) + inner
    return bytes([kind.tag])
