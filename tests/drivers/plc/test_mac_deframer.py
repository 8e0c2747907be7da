"""The line's deframer survives every trial of codec_checks."""

from collections.abc import Callable

import pytest

from drivers.plc.mac_deframer import MacDeframer
from drivers.plc.mac_frame import SUBFRAME_CODES, MacFrame, Packing
from tests.drivers.codec_checks import (
    Deframer,
    check_bounded_memory,
    check_every_cut,
    check_every_single_octet_error,
    check_stream,
)
from tests.drivers.vector_file import octets_of

CODES = b"".join(code.to_bytes(2, "big") for code in SUBFRAME_CODES)
TEMPTING = (
    b"\x6c",
    bytes.fromhex("2727"),
    bytes.fromhex("2727") * 5,
    bytes.fromhex("6C6C48C00001"),
    CODES,
)
CASES = [
    ("mac_read_ic2", Packing.MODEL_A),
    ("mac_profile_response_two_subframes", Packing.MODEL_A),
    ("mac_hdlc_profile_discover_gurux", Packing.MODEL_B),
]


def _maker(packing: Packing) -> Callable[[], Deframer[MacFrame]]:
    return lambda: MacDeframer(packing)


@pytest.mark.parametrize(("name", "packing"), CASES)
def test_every_delivery(name: str, packing: Packing) -> None:
    octets = octets_of(name)
    frame = MacFrame.decode(octets, packing)
    check_stream(_maker(packing), octets, frame, noises=TEMPTING)
    check_every_cut(_maker(packing), octets, frame)


@pytest.mark.parametrize(("name", "packing"), CASES)
def test_every_single_octet_error(name: str, packing: Packing) -> None:
    octets = octets_of(name)
    frame = MacFrame.decode(octets, packing)
    tried = check_every_single_octet_error(_maker(packing), octets, frame)
    assert tried == len(octets) * 255


def test_memory_is_bounded() -> None:
    def held(deframer: Deframer[MacFrame]) -> int:
        assert isinstance(deframer, MacDeframer)
        return deframer.held_octets

    limit = MacDeframer(Packing.MODEL_A).held_octets_max
    assert limit == 254
    check_bounded_memory(_maker(Packing.MODEL_A), held, limit, b"\x27\x27")


def test_rejected_candidates_are_counted() -> None:
    deframer = MacDeframer(Packing.MODEL_A)
    assert deframer.receive(bytes.fromhex("6C6C") + bytes(36)) == []
    assert deframer.rejected_count == 1
