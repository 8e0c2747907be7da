"""Frames in slots."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import MalformedFrame
from drivers.plc.mac_frame import MacFrame, Packing
from drivers.plc.psdu import P_SDU_OCTETS, join_frame, slot_octets, split_frame
from tests.drivers.vector_file import octets_of


def _frame(m_sdu: bytes) -> MacFrame:
    return MacFrame(
        initial_credit=1,
        current_credit=1,
        delta_credit=0,
        source=0x001,
        destination=0xC00,
        m_sdu=m_sdu,
    )


def test_a_whole_slot() -> None:
    """Source: vector phy_discover_slot."""
    (p_sdu,) = split_frame(octets_of("mac_discover_ic0"), Packing.MODEL_A)
    assert slot_octets(p_sdu) == octets_of("phy_discover_slot")
    assert len(slot_octets(p_sdu)) == 45


@given(st.binary(max_size=242), st.sampled_from(Packing))
def test_split_and_join(m_sdu: bytes, packing: Packing) -> None:
    octets = _frame(m_sdu).encode(packing)
    p_sdus = split_frame(octets, packing)
    assert {len(each) for each in p_sdus} == {P_SDU_OCTETS}
    assert join_frame(p_sdus, packing) == octets


def test_slots_of_two_frames_do_not_mix() -> None:
    two = split_frame(octets_of("mac_profile_response_two_subframes"), Packing.MODEL_A)
    one = split_frame(octets_of("mac_read_ic2"), Packing.MODEL_A)
    for wrong in ([*two[:1]], [*two, *one], [*two, two[0]], [], [two[0], two[1][:-1]]):
        with pytest.raises(MalformedFrame):
            join_frame(wrong, Packing.MODEL_A)
