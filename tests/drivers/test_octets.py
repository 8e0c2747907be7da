"""The cursor never reads past the end and never says so with an IndexError."""

from collections.abc import Callable

import pytest

from drivers.errors import MalformedFrame
from drivers.octets import OctetReader


def test_numbers_come_most_significant_octet_first() -> None:
    reader = OctetReader(bytes.fromhex("01 0203 04050607 0809"))
    assert reader.u8() == 0x01
    assert reader.u16() == 0x0203
    assert reader.u32() == 0x04050607
    assert reader.left() == 2
    assert reader.rest() == b"\x08\x09"
    reader.end()


@pytest.mark.parametrize(
    ("held", "take"),
    [
        (0, OctetReader.u8),
        (1, OctetReader.u16),
        (3, OctetReader.u32),
        (4, lambda reader: reader.take(5)),
    ],
)
def test_a_field_cut_short_is_malformed(held: int, take: Callable[[OctetReader], object]) -> None:
    octets = bytes(held)
    with pytest.raises(MalformedFrame, match="missing") as caught:
        take(OctetReader(octets))
    assert caught.value.octets == octets


def test_a_failed_take_moves_nothing() -> None:
    reader = OctetReader(b"\x01\x02")
    with pytest.raises(MalformedFrame):
        reader.u32()
    assert (reader.position, reader.u16()) == (0, 0x0102)


def test_a_negative_count_is_malformed_and_never_goes_back() -> None:
    reader = OctetReader(b"\x01\x02", position=1)
    with pytest.raises(MalformedFrame):
        reader.take(-1)
    assert reader.position == 1


def test_octets_behind_the_end_are_malformed() -> None:
    reader = OctetReader(b"\x01\x02\x03", position=1)
    with pytest.raises(MalformedFrame, match="2 octets too many"):
        reader.end()


def test_taking_nothing_is_fine_even_at_the_end() -> None:
    assert OctetReader(b"").take(0) == b""
    assert OctetReader(b"").rest() == b""
