"""Frames from sub-frames, as a listener hears them: whole, repeated, damaged, cut short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.plc.mac_frame import MacFrame, Packing
from drivers.plc.psdu import split_frame
from drivers.plc.subframe_joiner import HeardFrame, SubframeJoiner
from tests.drivers.plc.test_mac_frame import frames


def frame_of(octets: int, credit: int = 1) -> MacFrame:
    return MacFrame(
        initial_credit=credit,
        current_credit=credit,
        delta_credit=0,
        source=0xC00,
        destination=0x005,
        m_sdu=bytes(range(octets)),
    )


def heard(joiner: SubframeJoiner, *p_sdus: bytes) -> list[HeardFrame]:
    return [frame for each in p_sdus for frame in joiner.receive(each)]


@given(st.lists(frames(), min_size=1, max_size=5), st.sampled_from(Packing))
def test_frames_back_to_back(sent: list[MacFrame], packing: Packing) -> None:
    joiner = SubframeJoiner(packing)
    octets = [each.encode(packing) for each in sent]
    found = heard(joiner, *(p_sdu for each in octets for p_sdu in split_frame(each, packing)))
    assert [each.line_octets for each in found] == octets
    assert [each.reason for each in found] == [None] * len(sent)
    assert joiner.held == 0
    assert joiner.slot_was_silent() == []


def test_copies_are_frames_of_their_own() -> None:
    """PLC-1: each repetition is seen, with its own credit."""
    first = frame_of(60)
    copies = [first, first.repeated()]
    joiner = SubframeJoiner(Packing.MODEL_A)
    p_sdus = [
        p for each in copies for p in split_frame(each.encode(Packing.MODEL_A), Packing.MODEL_A)
    ]
    found = [MacFrame.decode(each.line_octets, Packing.MODEL_A) for each in heard(joiner, *p_sdus)]
    assert found == copies


def test_a_damaged_code_behind_the_first_costs_nothing() -> None:
    octets = frame_of(60).encode(Packing.MODEL_A)
    first, second = split_frame(octets, Packing.MODEL_A)
    (found,) = heard(SubframeJoiner(Packing.MODEL_A), first, b"\xff" + second[1:])
    assert (found.line_octets, found.reason) == (octets, None)
    assert found.p_sdus[1].startswith(b"\xff")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: [p[0][:9] + b"\xee" + p[0][10:], p[1]], "wrong frame check"),
        (lambda p: [b"\xff\xff" + p[0][2:]], "1 P_sdus do not fit their code"),
        (
            lambda p: [p[0], split_frame(frame_of(9).encode(Packing.MODEL_A), Packing.MODEL_A)[0]],
            "do not fit",
        ),
    ],
)
def test_what_is_damaged_is_handed_out_with_its_reason(change: object, reason: str) -> None:
    """HIL-3: a damaged frame is seen as such, and the next good one is found."""
    assert callable(change)
    p_sdus = split_frame(frame_of(60).encode(Packing.MODEL_A), Packing.MODEL_A)
    joiner = SubframeJoiner(Packing.MODEL_A)
    found = heard(joiner, *change(p_sdus))
    assert found[0].reason is not None
    assert reason in found[0].reason
    assert all(each.reason is None for each in found[1:])
    assert heard(joiner, *p_sdus)[-1].reason is None


def test_silence_ends_an_unfinished_frame() -> None:
    p_sdus = split_frame(frame_of(100).encode(Packing.MODEL_A), Packing.MODEL_A)
    joiner = SubframeJoiner(Packing.MODEL_A)
    assert heard(joiner, *p_sdus[:2]) == []
    (cut,) = joiner.slot_was_silent()
    assert (cut.p_sdus, cut.line_octets) == (tuple(p_sdus[:2]), b"")
    assert cut.reason == "2 P_sdus do not fit their code"
    assert [each.reason for each in heard(joiner, *p_sdus)] == [None]


@given(
    st.lists(
        st.binary(min_size=38, max_size=38)
        | st.sampled_from([0x6C, 0x3A, 0x27]).map(lambda code: bytes([code] * 2) + bytes(36)),
        max_size=40,
    ),
    st.sampled_from(Packing),
)
def test_any_sub_frames_are_handed_out_once(p_sdus: list[bytes], packing: Packing) -> None:
    joiner = SubframeJoiner(packing)
    found = []
    for each in p_sdus:
        found += joiner.receive(each)
        assert joiner.held <= 6
    found += joiner.slot_was_silent()
    assert [p_sdu for each in found for p_sdu in each.p_sdus] == p_sdus
