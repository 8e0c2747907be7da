"""Lengths and counts as A-XDR writes them: one octet below 128, more above."""

from drivers.errors import LocalUseError, MalformedFrame
from drivers.octets import OctetReader

_LENGTH_OCTETS_MAX = 4  # nobody sends more than 4 GiB


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
