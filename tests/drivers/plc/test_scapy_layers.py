"""HIL-3: the layers of the capture tools agree with the codecs, on every vector and at random."""

import inspect
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.packet import Packet, Raw

from drivers.plc import scapy_layers
from drivers.plc.ciase import decode_ciase
from drivers.plc.mac_frame import MacFrame, Packing
from drivers.plc.psdu import join_frame, p_sdus_of_slots, slot_octets, split_frame
from drivers.plc.scapy_layers.axdr import DlmsData
from drivers.plc.scapy_layers.ciase import CiaseDiscover, ciase_layer
from drivers.plc.scapy_layers.dlms import apdu_layer
from drivers.plc.scapy_layers.llc import PlcLlc
from drivers.plc.scapy_layers.mac import PlcMacFrame
from drivers.plc.scapy_layers.slot import PlcSlot, frame_in, slots_of
from tests.drivers.plc.layer_agreement import (
    agree_on_any_apdu,
    agree_on_ciase,
    agree_on_line_frame,
    agree_on_m_sdu,
    check_whole,
    computed,
    rebuilt,
)
from tests.drivers.plc.serial_agreement import agree_on_serial
from tests.drivers.vector_file import Vector, all_vectors, name_of, octets_of

OTHER_PROFILE = "mac_hdlc_profile_discover_gurux"  # padded as model B, carries HDLC


def check_mac(octets: bytes, name: str) -> None:
    if name == OTHER_PROFILE:
        packet = agree_on_line_frame(octets, Packing.MODEL_B)
        assert rebuilt(packet) == computed(packet) == octets
        assert isinstance(packet.payload, Raw)
        return
    packet = agree_on_line_frame(octets, Packing.MODEL_A)
    check_whole(packet, octets)
    agree_on_m_sdu(packet.payload, MacFrame.decode(octets, Packing.MODEL_A).m_sdu)


def check_ciase(octets: bytes, _name: str) -> None:
    packet = ciase_layer(octets)(octets)
    check_whole(packet, octets)
    agree_on_ciase(packet, decode_ciase(octets))


def check_llc(octets: bytes, _name: str) -> None:
    packet = PlcLlc(octets)
    check_whole(packet, octets)
    agree_on_m_sdu(packet, octets)


def check_apdu(octets: bytes, _name: str) -> None:
    packet = apdu_layer(octets)(octets)
    check_whole(packet, octets)
    agree_on_any_apdu(packet, octets)


def check_slot(octets: bytes, _name: str) -> None:
    slot = PlcSlot(octets)
    check_whole(slot, octets)
    assert [bytes(slot.p_sdu)] == p_sdus_of_slots(octets)
    assert bytes(slot.pause) == octets[-3:]
    check_mac(bytes(frame_in(slot)), "")
    assert bytes(frame_in(slot)) == join_frame(p_sdus_of_slots(octets), Packing.MODEL_A)


def check_serial(octets: bytes, _name: str) -> None:
    check_whole(agree_on_serial(octets), octets)


CHECKS: dict[str, Callable[[bytes, str], None]] = {
    "mac": check_mac,
    "ciase": check_ciase,
    "llc": check_llc,
    "dlms-sn": check_apdu,
    "acse": check_apdu,
    "phy": check_slot,
    "uart": check_serial,
    "uart-status": check_serial,
}


@pytest.mark.parametrize(
    "vector", [each for each in all_vectors() if each["layer"] in CHECKS], ids=name_of
)
def test_every_vector_with_octets(vector: Vector) -> None:
    """HIL-3: dissected, each field is the codec's; built again, the octets are the same."""
    CHECKS[vector["layer"]](bytes.fromhex(vector["hex"]), vector["name"])


@pytest.mark.parametrize(
    "vector", [each for each in all_vectors() if each["layer"] not in CHECKS], ids=name_of
)
def test_every_vector_of_airtime(vector: Vector) -> None:
    """PLC-7: those vectors have no octets; a frame of that length takes so many slots."""
    decoded = vector["decoded"]
    frame = PlcMacFrame() / Raw(bytes(decoded["m_sdu_bytes"]))
    slots = slots_of(frame)
    count = len(bytes(slots)) // 45
    assert count == decoded["subframes"]
    seconds = count * (1 + decoded["initial_credit"]) * 360 / decoded["bit_rate"]
    assert seconds == pytest.approx(decoded["seconds"])


def test_the_two_tests_above_go_over_all_84_vectors() -> None:
    in_scope = Counter(each["layer"] in CHECKS for each in all_vectors())
    assert in_scope == {True: 76, False: 8}
    assert all(bool(each["hex"]) is (each["layer"] in CHECKS) for each in all_vectors())


def test_what_is_not_set_is_computed() -> None:
    """The README's frame, from its meaning alone."""
    frame = PlcMacFrame() / PlcLlc() / CiaseDiscover(allowed_time_slots=20, report_initial_credit=3)
    assert bytes(frame) == octets_of("mac_discover_ic0")
    assert bytes(slots_of(frame)) == octets_of("phy_discover_slot")


def test_what_is_set_stays_also_when_it_is_wrong() -> None:
    """HIL-3: a hostile frame is built by setting what is wrong; the rest is computed around it."""
    frame = PlcMacFrame(pad_length=200) / PlcLlc() / CiaseDiscover()
    octets = bytes(frame)
    assert (octets[6], len(octets)) == (200, 38)
    assert PlcMacFrame(octets).fcs_good
    frame = PlcMacFrame(fcs=b"\0\0\0") / PlcLlc() / CiaseDiscover()
    assert not PlcMacFrame(bytes(frame)).fcs_good
    assert PlcMacFrame(bytes(frame)).mysummary().endswith("FCS WRONG")
    long = PlcMacFrame() / Raw(bytes(400))
    assert bytes(long)[:2] == bytes.fromhex("2727")
    assert PlcMacFrame(bytes(long)).fcs_good


@given(st.binary(min_size=7, max_size=300))
def test_any_octets_are_dissected_and_come_back(octets: bytes) -> None:
    """A capture holds damaged frames: no octets make the layers fail, or lose one of them."""
    packet = PlcMacFrame(octets)
    assert rebuilt(packet) == octets
    assert packet.summary()


@given(st.binary(max_size=242), st.sampled_from(Packing))
def test_slots_are_cut_and_joined_as_the_codec_does(m_sdu: bytes, packing: Packing) -> None:
    frame = PlcMacFrame(packing=str(packing)) / Raw(m_sdu)
    p_sdus = split_frame(bytes(frame), packing)
    slots = slots_of(frame)
    assert bytes(slots) == b"".join(slot_octets(each) for each in p_sdus)
    again = frame_in(PlcSlot(bytes(slots)), str(packing))
    assert bytes(again) == bytes(frame)
    assert again.packing == packing


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("0A035A4346", 'visible-string "ZCF"'),
        ("0A035A4300", "visible-string 5A4300"),
        ("0902FFFE", "octet-string FFFE"),
        ("0981" + "80" + "00" * 128, f"octet-string {'00' * 24}... (128 octets)"),
        ("0FFE", "i8 -2"),
        ("120102", "u16 258"),
        ("02020F000F00", "structure of 2"),
        ("00", "null"),
        ("42FF", "type 42 FF"),
        ("09", "octet-string"),
    ],
)
def test_values_are_said_as_a_person_reads_them(octets: str, text: str) -> None:
    assert DlmsData(bytes.fromhex(octets)).mysummary() == text


def test_no_field_has_the_name_of_something_that_scapy_calls() -> None:
    """A field named as a method of Packet, or as one of its own facts, would hide behind it."""
    found = 0
    for module in iter_modules(scapy_layers.__path__):
        names = vars(import_module(f"{scapy_layers.__name__}.{module.name}"))
        for layer in names.values():
            if inspect.isclass(layer) and issubclass(layer, Packet) and layer.fields_desc:
                own = {each.name for each in layer.fields_desc}
                hidden = {name for name in own if hasattr(Packet, name)}
                assert not hidden or layer is Raw, layer
                found += 1
    assert found > 40
