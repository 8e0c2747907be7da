"""Lengths and values of A-XDR: where each ends and what it is called, not what it means."""

from typing import Any, Final

from scapy.fields import ByteEnumField, Field, XStrField
from scapy.packet import Packet

DEPTH_MAX: Final = 20
_ARRAY, _STRUCTURE, _BIT_STRING, _COMPACT_ARRAY = 1, 2, 4, 19
_STRINGS: Final = (9, 10, 12)
_TEXTS: Final = (10, 12)
_SHOWN_OCTETS_MAX: Final = 24
_NAMES: Final = {
    0: "null",
    _ARRAY: "array",
    _STRUCTURE: "structure",
    3: "boolean",
    _BIT_STRING: "bit-string",
    5: "i32",
    6: "u32",
    9: "octet-string",
    10: "visible-string",
    12: "utf8-string",
    13: "bcd",
    15: "i8",
    16: "i16",
    17: "u8",
    18: "u16",
    _COMPACT_ARRAY: "compact-array",
    20: "i64",
    21: "u64",
    22: "enum",
    23: "f32",
    24: "f64",
    25: "date-time",
    26: "date",
    27: "time",
    28: "delta-i8",
    29: "delta-i16",
    30: "delta-i32",
    31: "delta-u8",
    32: "delta-u16",
    33: "delta-u32",
    255: "dont-care",
}
_OCTETS: Final = {
    **dict.fromkeys((0, 255), 0),
    **dict.fromkeys((3, 13, 15, 17, 22, 28, 31), 1),
    **dict.fromkeys((16, 18, 29, 32), 2),
    **dict.fromkeys((5, 6, 23, 30, 33, 27), 4),
    **dict.fromkeys((20, 21, 24), 8),
    25: 12,
    26: 5,
}
_SIGNED: Final = (5, 13, 15, 16, 20, 28, 29, 30)
_UNSIGNED: Final = (3, 6, 17, 18, 21, 22, 31, 32, 33)


class AxdrLengthField(Field[int | None, bytes]):
    """A length or count in one octet below 128, else in 80 + n and n octets; None is computed."""

    __slots__ = ["count_of", "octets_of"]

    def __init__(
        self, name: str, *, count_of: str | None = None, octets_of: str | None = None
    ) -> None:
        """Count the items of one field, or the octets of another."""
        super().__init__(name, None)
        self.count_of = count_of
        self.octets_of = octets_of

    def addfield(self, pkt: Packet, s: bytes, val: int | None) -> bytes:
        """Put the shortest form of the number on the line."""
        return s + axdr_length(self._counted(pkt) if val is None else val)

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, int]:
        """Take the number; ValueError when it is cut short."""
        del pkt
        end = length_end(s, 0)
        return s[end:], s[0] if end == 1 else int.from_bytes(s[1:end], "big")

    def _counted(self, pkt: Packet) -> int:
        if self.count_of is not None:
            return len(pkt.getfieldval(self.count_of))
        assert self.octets_of is not None
        field, value = pkt.getfield_and_val(self.octets_of)
        return len(field.addfield(pkt, b"", value))


class ContentField(XStrField):
    """The octets of one value behind its type, as many as the type takes; if unclear, all."""

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, bytes]:
        """Cut the value off the front."""
        try:
            end = content_end(pkt.type, s, 0)
        except ValueError:
            end = len(s)
        return s[end:], s[:end]


class DlmsData(Packet):
    """One value: its type, and its octets."""

    name = "DLMS data"
    fields_desc = [ByteEnumField("type", 0, _NAMES), ContentField("content", b"")]

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        """Leave what follows to the next value."""
        return b"", s

    def mysummary(self) -> str:
        """Return type and value."""
        return value_text(self.type, self.content)


def axdr_length(number: int) -> bytes:
    """Return the octets of a length or count."""
    if number < 0x80:
        return bytes([number])
    size = (number.bit_length() + 7) // 8
    return bytes([0x80 | size]) + number.to_bytes(size, "big")


def length_end(octets: bytes, at: int) -> int:
    """Return where the length that begins at a place ends.

    Raises:
        ValueError: it is cut short.
    """
    first = octets[at : at + 1]
    if not first:
        raise ValueError("no length")
    end = at + 1 + (first[0] & 0x7F if first[0] >= 0x80 else 0)
    if end > len(octets):
        raise ValueError("a length cut short")
    return end


def data_fields() -> list[Any]:
    """Return the two fields of a value, for layers that hold exactly one."""
    return [ByteEnumField("type", 0, _NAMES), ContentField("content", b"")]


def value_text(kind: int, content: bytes) -> str:
    """Return a value as a person reads it: numbers, texts, else hexadecimal, cut when long."""
    name = _NAMES.get(kind, f"type {kind:02X}")
    if kind in (_ARRAY, _STRUCTURE):
        return f"{name} of {_count(content)}"
    if kind in _SIGNED or kind in _UNSIGNED:
        return f"{name} {int.from_bytes(content, 'big', signed=kind in _SIGNED)}"
    octets = content
    if kind in _STRINGS:
        octets = content[_length_end_or_0(content) :]
    if kind in _TEXTS and all(0x20 <= octet < 0x7F for octet in octets):
        return f'{name} "{octets.decode("ascii")}"'
    shown = octets[:_SHOWN_OCTETS_MAX].hex().upper()
    cut = f"... ({len(octets)} octets)" if len(octets) > _SHOWN_OCTETS_MAX else ""
    return f"{name} {shown}{cut}".rstrip()


def content_end(kind: int, octets: bytes, at: int, depth: int = 0) -> int:
    """Return where the octets of a value of this type, which begin at a place, end.

    Raises:
        ValueError: cut short, of an unknown type, or nested too deep.
    """
    if kind in (_ARRAY, _STRUCTURE):
        return _items_end(octets, at, depth)
    if kind in _STRINGS or kind == _BIT_STRING:
        length, end = _length(octets, at)
        end += (length + 7) // 8 if kind == _BIT_STRING else length
    elif kind == _COMPACT_ARRAY:
        length, end = _length(octets, _description_end(octets, at, depth))
        end += length
    elif kind in _OCTETS:
        end = at + _OCTETS[kind]
    else:
        raise ValueError(f"no type {kind:02X}")
    if end > len(octets):
        raise ValueError("a value cut short")
    return end


def _items_end(octets: bytes, at: int, depth: int) -> int:
    count, end = _length(octets, at)
    if depth >= DEPTH_MAX or count > len(octets) - end:
        raise ValueError("too deep or too many")
    for _ in range(count):
        end = content_end(_octet(octets, end), octets, end + 1, depth + 1)
    return end


def _description_end(octets: bytes, at: int, depth: int) -> int:
    kind = _octet(octets, at)
    if depth >= DEPTH_MAX:
        raise ValueError("too deep")
    if kind == _ARRAY:
        return _description_end(octets, at + 3, depth + 1)
    if kind != _STRUCTURE:
        return at + 1
    count, end = _length(octets, at + 1)
    if count > len(octets) - end:
        raise ValueError("too many")
    for _ in range(count):
        end = _description_end(octets, end, depth + 1)
    return end


def _length(octets: bytes, at: int) -> tuple[int, int]:
    end = length_end(octets, at)
    return octets[at] if end == at + 1 else int.from_bytes(octets[at + 1 : end], "big"), end


def _octet(octets: bytes, at: int) -> int:
    if at >= len(octets):
        raise ValueError("a value cut short")
    return octets[at]


def _length_end_or_0(octets: bytes) -> int:
    try:
        return length_end(octets, 0)
    except ValueError:
        return 0


def _count(content: bytes) -> int:
    try:
        return _length(content, 0)[0]
    except ValueError:
        return 0
