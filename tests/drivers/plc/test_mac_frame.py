"""MAC frames, against the vectors and against each other."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.checksums import fcs24
from drivers.errors import LocalUseError, MalformedFrame
from drivers.plc.mac_frame import (
    ALL_PHYSICAL,
    INITIATOR,
    M_SDU_OCTETS_MAX,
    NEW,
    SUBFRAME_CODES,
    MacFrame,
    Packing,
    line_octet_count,
    pad_octet_count,
    subframe_count,
)
from tests.drivers.vector_file import Vector, name_of, octets_of, of_layer

M_SDU_OF = {
    "mac_discover_ic0": "9000011D6400140300",
    "mac_discover_report_ic3_first": "90FD001E0153454C0A0B0C0101",
    "mac_discover_report_ic3_rep1": "90FD001E0153454C0A0B0C0101",
    "mac_read_ic2": "9001100501022008",
    "mac_read_response_ic2_dc1": "9010010C0100060001E240",
    "mac_hdlc_profile_discover_gurux": "7EA013CEFFCD1361D5E6E6001D64001400002C667E",
}


@st.composite
def frames(draw: st.DrawFn) -> MacFrame:
    initial_credit = draw(st.integers(0, 7))
    return MacFrame(
        initial_credit=initial_credit,
        current_credit=draw(st.integers(0, initial_credit)),
        delta_credit=draw(st.integers(0, 3)),
        source=draw(st.integers(1, 0xFFF)),
        destination=draw(st.integers(0, 0xFFF)),
        m_sdu=draw(st.binary(max_size=M_SDU_OCTETS_MAX)),
    )


def _packing_of(vector: Vector) -> Packing:
    return Packing.MODEL_B if "hdlc" in vector["name"] else Packing.MODEL_A


@pytest.mark.parametrize("vector", of_layer("mac"), ids=name_of)
def test_vectors_in_both_directions(vector: Vector) -> None:
    octets = bytes.fromhex(vector["hex"])
    decoded = vector["decoded"]
    frame = MacFrame.decode(octets, _packing_of(vector))
    assert frame.encode(_packing_of(vector)) == octets
    assert frame.initial_credit == decoded["IC"]
    assert frame.current_credit == decoded.get("CC", decoded["IC"])
    assert frame.delta_credit == decoded.get("DC", 0)
    if "SA" in decoded:
        assert frame.source == int(decoded["SA"].split()[0], 16)
        assert frame.destination == int(decoded["DA"].split()[0], 16)
    if "pad" in decoded:
        assert pad_octet_count(len(frame.m_sdu), _packing_of(vector)) == decoded["pad"]
    if "len_m_sdu" in decoded:
        assert len(frame.m_sdu) == decoded["len_m_sdu"]
    else:
        assert frame.m_sdu.hex().upper() == M_SDU_OF[vector["name"]]


def test_first_copy_and_its_repetition_differ_by_one_credit() -> None:
    first = MacFrame.decode(octets_of("mac_discover_report_ic3_first"), Packing.MODEL_A)
    second = MacFrame.decode(octets_of("mac_discover_report_ic3_rep1"), Packing.MODEL_A)
    assert first.repeated() == second
    assert (first.hop_distance, second.hop_distance) == (0, 1)
    assert first.source == NEW
    assert first.destination == INITIATOR


def test_the_last_copy_is_not_repeated() -> None:
    frame = MacFrame.decode(octets_of("mac_discover_ic0"), Packing.MODEL_A)
    assert frame.destination == ALL_PHYSICAL
    with pytest.raises(LocalUseError):
        frame.repeated()


@given(frames(), st.sampled_from(Packing))
def test_line_form_round_trip(frame: MacFrame, packing: Packing) -> None:
    octets = frame.encode(packing)
    subframes = subframe_count(len(frame.m_sdu), packing)
    assert len(octets) == line_octet_count(subframes, packing)
    assert octets[:2] == SUBFRAME_CODES[subframes - 1].to_bytes(2, "big")
    assert MacFrame.decode(octets, packing) == frame


@given(frames(), st.integers(0, 255))
def test_host_form_round_trip_ignores_the_pad_length(frame: MacFrame, pad: int) -> None:
    assert MacFrame.from_host(frame.to_host()) == frame
    assert MacFrame.from_host(frame.to_host(pad_octets=pad)) == frame


@given(st.binary(max_size=300), st.sampled_from(Packing))
def test_any_octets_are_a_frame_or_malformed(octets: bytes, packing: Packing) -> None:
    for read in (MacFrame.from_host, lambda each: MacFrame.decode(each, packing)):
        try:
            read(octets)
        except MalformedFrame as refused:
            assert refused.reason  # noqa: PT017  (both outcomes are good; only a third is not)


@pytest.mark.parametrize(
    ("octets", "packing", "subframes"),
    [
        (26, Packing.MODEL_B, 1),
        (27, Packing.MODEL_A, 1),
        (27, Packing.MODEL_B, 2),
        (28, Packing.MODEL_A, 1),
        (29, Packing.MODEL_A, 2),
        (134, Packing.MODEL_B, 4),
        (135, Packing.MODEL_B, 5),
        (242, Packing.MODEL_A, 7),
        (242, Packing.MODEL_B, 7),
    ],
)
def test_both_packings_differ_only_at_the_edges(
    octets: int, packing: Packing, subframes: int
) -> None:
    assert subframe_count(octets, packing) == subframes


def _with_fcs(body: str, code: str = "6C6C") -> bytes:
    checked = bytes.fromhex(body)
    return bytes.fromhex(code) + checked + fcs24(checked)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "missing"),
        (bytes.fromhex("6C6D") + bytes(36), "code"),
        (bytes.fromhex("3A3A") + bytes(36), "38 octets are not 2"),
        (_with_fcs("00C00FFF13" + "00" * 28)[:-1] + b"\x00", "frame check"),
        (_with_fcs("00C00FFF1D" + "00" * 28), "padding"),
        (_with_fcs("00000FFF13" + "00" * 28), "sender"),
        (bytes.fromhex("6C6C") + bytes(36), "sender"),
        (_with_fcs("04C00FFF13" + "00" * 28), "current credit 1 of 0"),
    ],
)
def test_what_is_no_frame_says_why(octets: bytes, reason: str) -> None:
    with pytest.raises(MalformedFrame, match=reason):
        MacFrame.decode(octets, Packing.MODEL_A)


def test_model_a_could_hold_more_than_a_modem_takes() -> None:
    """docs/plc.md 2.4: model A has room for 244 octets, the limit stays 242."""
    octets = _with_fcs("00C0000100" + "11" * 244, code="2727")
    with pytest.raises(MalformedFrame, match="244 octets"):
        MacFrame.decode(octets, Packing.MODEL_A)


@pytest.mark.parametrize(
    "change",
    [
        {"initial_credit": 8},
        {"initial_credit": -1},
        {"current_credit": 4},
        {"delta_credit": 4},
        {"source": 0x1000},
        {"destination": -1},
        {"m_sdu": bytes(243)},
    ],
)
def test_a_field_out_of_range_is_our_bug(change: dict[str, Any]) -> None:
    frame = MacFrame.decode(octets_of("mac_discover_report_ic3_first"), Packing.MODEL_A)
    with pytest.raises(LocalUseError):
        replace(frame, **change)


def test_a_frame_without_sender_never_goes_out() -> None:
    record = bytes.fromhex("00 000FFF 00 9000 01")
    with pytest.raises(LocalUseError, match="sender"):
        MacFrame.from_host(record).encode(Packing.MODEL_A)


def test_the_record_of_a_modem_is_read() -> None:
    """Source: docs/plc.md 8.11, MA indication: heard at CC 1 of 2, pad length said to be 24."""
    frame = MacFrame.from_host(bytes.fromhex("45001C00189010010C0100060001E240"))
    assert (frame.initial_credit, frame.current_credit, frame.delta_credit) == (2, 1, 1)
    assert (frame.source, frame.destination, frame.hop_distance) == (0x001, 0xC00, 1)
    assert frame.to_host(pad_octets=24).hex() == "45001c00189010010c0100060001e240"


@pytest.mark.parametrize("m_sdu_octets", [-1, 243])
def test_no_sub_frame_count_for_what_does_not_fit(m_sdu_octets: int) -> None:
    with pytest.raises(LocalUseError):
        subframe_count(m_sdu_octets, Packing.MODEL_A)
