"""CIASE PDUs, against the vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import LocalUseError, MalformedFrame
from drivers.plc.ciase import (
    CiasePdu,
    CiaseServiceError,
    ClearAlarm,
    ClearAlarmChoice,
    Discover,
    DiscoverReport,
    PingRequest,
    PingResponse,
    Register,
    RegisterEntry,
    RepeaterCall,
    decode_ciase,
)
from tests.drivers.vector_file import Vector, name_of, octets_of, of_layer

METER_C = bytes.fromhex("53454C0A0B0C")
METER_D = bytes.fromhex("53454C0A0B0D")
CLIENT = bytes.fromhex("53454C000001")

MEANING: dict[str, CiasePdu] = {
    "ciase_discover_100pct_20slots": Discover(
        response_probability=100, allowed_time_slots=20, report_initial_credit=3
    ),
    "ciase_discover_50pct_5slots_equal": Discover(
        response_probability=50,
        allowed_time_slots=5,
        report_initial_credit=0,
        ic_equal_credit=True,
    ),
    "ciase_discover_report_alarm1": DiscoverReport(system_titles=(METER_C,), alarm_descriptor=1),
    "ciase_discover_report_no_alarm": DiscoverReport(system_titles=(METER_D,)),
    "ciase_register_two_meters": Register(
        initiator_system_title=CLIENT,
        entries=(
            RegisterEntry(system_title=METER_C, mac=1),
            RegisterEntry(system_title=METER_D, mac=2),
        ),
    ),
    "ciase_ping_request": PingRequest(system_title=METER_C),
    "ciase_ping_response": PingResponse(system_title=METER_C),
    "ciase_repeater_call_default_threshold": RepeaterCall(max_mac=99, new_slots=0),
    "ciase_repeater_call_threshold_98": RepeaterCall(
        max_mac=99, new_slots=2, reception_threshold_dbuv=98
    ),
    "ciase_clear_alarm_one": ClearAlarm(alarm_descriptors=(0x82,)),
}


@pytest.mark.parametrize("vector", of_layer("ciase"), ids=name_of)
def test_vectors_in_both_directions(vector: Vector) -> None:
    octets = bytes.fromhex(vector["hex"])
    meaning = MEANING[vector["name"]]
    assert decode_ciase(octets) == meaning
    assert meaning.encode() == octets


titles = st.binary(min_size=6, max_size=6)
title_lists = st.lists(titles, max_size=5).map(tuple)
octet = st.integers(0, 255)
alarm_lists = st.lists(octet, max_size=5).map(tuple)
pdus = st.one_of(
    st.builds(
        Discover,
        response_probability=st.integers(0, 100),
        allowed_time_slots=st.integers(0, 0xFFFF),
        report_initial_credit=st.integers(0, 7),
        ic_equal_credit=st.booleans(),
    ),
    st.builds(DiscoverReport, system_titles=title_lists, alarm_descriptor=st.none() | octet),
    st.builds(
        Register,
        initiator_system_title=titles,
        entries=st.lists(
            st.builds(RegisterEntry, system_title=titles, mac=st.integers(0, 0xFFF)), max_size=28
        ).map(tuple),
    ),
    st.builds(
        RepeaterCall,
        max_mac=st.integers(0, 0xFFFF),
        new_slots=octet,
        reception_threshold_dbuv=st.none() | octet,
    ),
    st.builds(ClearAlarm, choice=st.just(ClearAlarmChoice.ALARMS), alarm_descriptors=alarm_lists),
    st.builds(
        ClearAlarm,
        choice=st.just(ClearAlarmChoice.ALARMS_OF_SERVERS),
        alarm_descriptors=alarm_lists,
        servers=title_lists,
    ),
    st.lists(st.tuples(titles, octet), max_size=5).map(
        lambda pairs: ClearAlarm(
            choice=ClearAlarmChoice.ALARM_OF_EACH_SERVER,
            alarm_descriptors=tuple(alarm for _, alarm in pairs),
            servers=tuple(title for title, _ in pairs),
        )
    ),
    st.builds(CiaseServiceError, service=octet, group=octet, value=octet),
)


@given(pdus)
def test_round_trip(pdu: CiasePdu) -> None:
    assert decode_ciase(pdu.encode()) == pdu


@pytest.mark.parametrize("vector", of_layer("ciase"), ids=name_of)
def test_every_stump_and_every_tail_is_malformed(vector: Vector) -> None:
    octets = bytes.fromhex(vector["hex"])
    for cut in range(len(octets)):
        with pytest.raises(MalformedFrame):
            decode_ciase(octets[:cut])
    with pytest.raises(MalformedFrame):
        decode_ciase(octets + b"\x00")


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("77", "no CIASE tag"),
        ("1D6500140300", "probability"),
        ("1D6400140800", "report credit"),
        ("1D6400140302", "IC-equal"),
        ("1E0153454C0A0B0C0201", "presence"),
        ("1C53454C0000010153454C0A0B0C1000", "MAC address"),
        ("390482", "choice"),
    ],
)
def test_a_value_out_of_range_is_malformed(octets: str, reason: str) -> None:
    with pytest.raises(MalformedFrame, match=reason):
        decode_ciase(bytes.fromhex(octets))


@given(st.binary(max_size=60))
def test_any_octets_are_a_pdu_or_malformed(octets: bytes) -> None:
    try:
        pdu = decode_ciase(octets)
    except MalformedFrame:
        return
    assert pdu.encode() == octets


@pytest.mark.parametrize(
    "pdu",
    [
        Discover(response_probability=101, allowed_time_slots=1, report_initial_credit=0),
        Discover(response_probability=1, allowed_time_slots=0x10000, report_initial_credit=0),
        Discover(response_probability=1, allowed_time_slots=1, report_initial_credit=8),
        DiscoverReport(system_titles=(b"short",)),
        PingRequest(system_title=bytes(8)),
        ClearAlarm(alarm_descriptors=(1, 2)),
        ClearAlarm(choice=ClearAlarmChoice.ALARMS, alarm_descriptors=(1,), servers=(METER_C,)),
        ClearAlarm(choice=ClearAlarmChoice.ALARM_OF_EACH_SERVER, alarm_descriptors=(1,)),
    ],
)
def test_what_cannot_be_said_is_our_bug(pdu: CiasePdu) -> None:
    with pytest.raises(LocalUseError):
        pdu.encode()


def test_the_longest_register_fits_a_frame() -> None:
    """INV-1: 28 nodes can be registered by one broadcast."""
    entries = tuple(RegisterEntry(system_title=METER_C, mac=mac) for mac in range(1, 29))
    octets = Register(initiator_system_title=CLIENT, entries=entries).encode()
    assert len(octets) + 3 <= 242 < len(octets) + 3 + 8
    assert octets[:8] == octets_of("ciase_register_two_meters")[:7] + b"\x1c"
