"""The frame check agrees with its check value, a plain division, and foreign frames."""

from hypothesis import given
from hypothesis import strategies as st

from drivers.checksums import fcs24
from tests.drivers.vector_file import octets_of

GENERATOR = 0x15D6DCB


def _by_long_division(octets: bytes) -> bytes:
    """Divide bit by bit, the slow way the definition reads."""
    remainder = int.from_bytes(octets, "big")
    while remainder.bit_length() > 24:
        remainder ^= GENERATOR << (remainder.bit_length() - 25)
    reversed_bits = sum(1 << (23 - bit) for bit in range(24) if remainder >> bit & 1)
    return reversed_bits.to_bytes(3, "big")


def test_check_value() -> None:
    assert fcs24(b"123456789") == bytes.fromhex("2694A8")


def test_frame_generated_by_gurux_checks() -> None:
    """Source: gurux.dlms.java GXPlcSettings.discoverRequest, not made by this code."""
    frame = octets_of("mac_hdlc_profile_discover_gurux")
    assert fcs24(frame[2:-3]) == frame[-3:]


@given(st.binary(max_size=60))
def test_agrees_with_long_division(octets: bytes) -> None:
    assert fcs24(octets) == _by_long_division(octets)


@given(st.binary(min_size=8, max_size=251), st.data())
def test_every_burst_of_24_bits_or_less_is_seen(octets: bytes, data: st.DataObject) -> None:
    burst = data.draw(st.integers(1, (1 << 24) - 1))
    shift = data.draw(st.integers(0, len(octets) * 8 - 24))
    damaged = (int.from_bytes(octets, "big") ^ burst << shift).to_bytes(len(octets), "big")
    assert fcs24(damaged) != fcs24(octets)
