"""Events of the line as a person, a program and a capture file see them."""

import json
from pathlib import Path

import pytest
from scapy.utils import rdpcap

from drivers.dlms.association import LOW_LEVEL_SECURITY, Aarq, Password
from drivers.dlms.initiate import OUR_SERVICES, InitiateRequest
from drivers.plc.mac_frame import MacFrame, Packing
from drivers.plc.psdu import split_frame
from drivers.plc.scapy_layers.capture import LINK_TYPE, PlcCapture
from drivers.plc.scapy_layers.ciase import CiaseDiscoverReport
from drivers.plc.scapy_layers.mac import PlcMacFrame
from gateway.cli.line_event_words import as_object, as_packet, as_text
from gateway.cli.line_listener import LineEvent, LineListener
from gateway.cli.pcap_file import PcapFile
from hal.plc_modem.messages import (
    SpyAlarmFound,
    SpyMessage,
    SpySearchSynchro,
    SpySubframe,
    SpySynchroFound,
)
from tests.gateway.line_events import AT_S, SPY, WEAK, events_of, frame_of, told

DISCOVER = frame_of(bytes.fromhex("1D6400140300"), lsaps=(0, 1), destination=0xFFF, credit=(0, 0))
REPORT = frame_of(
    bytes.fromhex("1E0153454C0A0B0C0101"),
    lsaps=(0xFD, 0x00),
    source=0xFFE,
    destination=0xC00,
    credit=(3, 2),
)
READ = frame_of(bytes.fromhex("0503022008022010022BC8"))
RESPONSE = frame_of(
    bytes.fromhex("0C0200060001E2400103"),
    lsaps=(0x10, 0x01),
    source=0x001,
    destination=0xC00,
    credit=(2, 1),
)
AARQ = frame_of(
    Aarq(
        initiate=InitiateRequest(conformance=OUR_SERVICES, client_pdu_octets_max=239),
        mechanism=LOW_LEVEL_SECURITY,
        password=Password(b"SECRET99"),
    ).encode()
)


READ_OF_TWO = (
    "001 > C00  credit 2/1/0 hop 1 s/n 75  ReadResponse u32 123456, error 3 read-write denied"
    "  [L-SAP 01 > 10]"
)


def event_of(messages: list[SpyMessage]) -> LineEvent:
    (event,) = events_of(messages)
    return event


def damaged(frame: MacFrame) -> list[SpyMessage]:
    octets = bytearray(frame.encode(Packing.MODEL_A))
    octets[10] ^= 0x55
    return [SpySubframe(WEAK, bytes(octets))]


@pytest.mark.parametrize(
    ("messages", "text"),
    [
        (
            told(DISCOVER),
            "C00 > FFF  credit 0/0/0 hop 0 s/n 75  Discover 100% 20 slots, reports with credit 3",
        ),
        (
            told(REPORT, WEAK),
            "FFE > C00  credit 3/2/0 hop 1 s/n 3  DiscoverReport 53454C0A0B0C alarm 01",
        ),
        (
            told(READ),
            "C00 > 001  credit 2/2/0 hop 0 s/n 75  ReadRequest 2008, 2010, 2BC8  [L-SAP 10 > 01]",
        ),
        (
            told(RESPONSE),
            READ_OF_TWO,
        ),
        (
            told(frame_of(bytes.fromhex("0C81"))),
            "C00 > 001  credit 2/2/0 hop 0 s/n 75  2 octets that are no known PDU  [L-SAP 10 > 01]",
        ),
        (damaged(READ), "DAMAGED  1 sub-frame(s): wrong frame check s/n 3"),
        ([SpyAlarmFound(SPY, b"\x12\x34")], "ALARM  pattern 1234 in the pause of a slot"),
        ([SpySynchroFound(SPY)], "slot found: the modem hears the line"),
        ([SpySearchSynchro()], "no slot: the modem searches for the line"),
    ],
)
def test_one_line_an_event(messages: list[SpyMessage], text: str) -> None:
    assert as_text(event_of(messages)) == f"00:00:03.250  {text}"


def test_json_holds_every_layer() -> None:
    found = json.loads(json.dumps(as_object(event_of(told(REPORT)))))
    assert found["at"] == "2026-11-21T00:00:03.250+00:00"
    assert (found["kind"], found["source"], found["destination"]) == ("frame", 0xFFE, 0xC00)
    assert (found["initial_credit"], found["current_credit"], found["hop_distance"]) == (3, 2, 1)
    assert found["signal"]["noise_mark"] == 35
    assert [each["layer"] for each in found["layers"]] == [
        "PLC MAC frame",
        "PLC LLC",
        "CIASE DiscoverReport",
    ]
    assert found["layers"][2]["system_titles"] == ["53454C0A0B0C"]
    assert found["what"] == "DiscoverReport 53454C0A0B0C alarm 01"


def test_json_of_what_is_no_good_frame() -> None:
    found = as_object(event_of(damaged(READ)))
    assert (found["kind"], found["reason"]) == ("damaged", "wrong frame check")
    assert "layers" not in found
    found = as_object(event_of([SpyAlarmFound(SPY, b"\x12\x34")]))
    assert (found["kind"], found["pattern"]) == ("alarm", "1234")
    found = as_object(event_of([SpySearchSynchro()]))
    assert found == {"at": "2026-11-21T00:00:03.250+00:00", "kind": "searching"}


@pytest.mark.parametrize("cut", range(40))
def test_a_password_is_shown_in_no_form_not_even_cut_short(cut: int) -> None:
    """SEC-2: what is on the screen may be pasted into a ticket."""
    l_sdu = AARQ.m_sdu[3 : len(AARQ.m_sdu) - cut]
    if cut % 2:
        l_sdu = l_sdu[:3] + b"\x8f" + l_sdu[4:]  # a length that makes no sense
    event = event_of(told(frame_of(l_sdu)))
    shown = as_text(event) + json.dumps(as_object(event))
    assert "ECRET" not in shown
    assert b"ECRET".hex().upper() not in shown
    event = event_of(damaged(frame_of(l_sdu[:20])))
    assert l_sdu[:8].hex().upper() not in as_text(event) + json.dumps(as_object(event))


def test_a_capture_file_is_read_by_scapy_with_the_layers(tmp_path: Path) -> None:
    """PLC-3, PLC-6: frames, damaged frames and alarms, each with signal and noise."""
    long = frame_of(b"\x05" + bytes(80))
    messages = [
        *told(REPORT),
        *damaged(READ),
        SpyAlarmFound(SPY, b"\x12\x34"),
        SpySynchroFound(SPY),
        *told(long, WEAK),
    ]
    with PcapFile(tmp_path / "line.pcap", LINK_TYPE) as pcap:
        for event in events_of(messages):
            packet = as_packet(event, Packing.MODEL_A)
            if packet is not None:
                pcap.write(packet, event.at_s)
    report, broken, alarm, whole = rdpcap(str(tmp_path / "line.pcap"))
    assert all(isinstance(each, PlcCapture) for each in (report, broken, alarm, whole))
    assert float(report.time) == AT_S
    assert report[CiaseDiscoverReport].system_titles == [bytes.fromhex("53454C0A0B0C")]
    assert bytes(report[PlcMacFrame]) == REPORT.encode(Packing.MODEL_A)
    assert (report.signal_space, report.noise_mark, report.packing) == (3000, 35, b"A")
    assert (broken.kind, broken.subframes, broken.signal_space) == (1, 1, 300)
    assert bytes(broken.payload) == damaged(READ)[0].p_sdu  # type: ignore[union-attr]
    assert (alarm.kind, alarm.subframes, bytes(alarm.payload)) == (2, 0, b"\x12\x34")
    assert (whole.subframes, bytes(whole.payload)) == (3, long.encode(Packing.MODEL_A))
    assert [each.summary() for each in (report, broken, alarm)] == [
        "PlcCapture / PlcMacFrame / PlcLlc / DiscoverReport 53454C0A0B0C alarm 01",
        "damaged frame / Raw",
        "alarm / Raw",
    ]


def test_the_other_packing_is_kept_in_the_capture() -> None:
    octets = REPORT.encode(Packing.MODEL_B)
    listener = LineListener(Packing.MODEL_B)
    (p_sdu,) = split_frame(octets, Packing.MODEL_B)
    (event,) = listener.take(SpySubframe(SPY, p_sdu), AT_S)
    packet = as_packet(event, Packing.MODEL_B)
    assert packet is not None
    capture = PlcCapture(packet)
    assert (capture.packing, capture[PlcMacFrame].packing) == (b"B", "B")
    assert bytes(capture[PlcMacFrame]) == octets
    assert "DiscoverReport 53454C0A0B0C" in as_text(event)


def test_a_capture_file_is_its_owner_s_alone_and_whole_after_each_packet(tmp_path: Path) -> None:
    """SEC-4: it may hold passwords. A process that dies leaves a file that can be read."""
    path = tmp_path / "line.pcap"
    packet = as_packet(event_of(told(READ)), Packing.MODEL_A)
    assert packet is not None
    with PcapFile(path, LINK_TYPE) as pcap:
        assert path.stat().st_mode & 0o777 == 0o600
        for count in range(1, 4):
            pcap.write(packet, AT_S)
            assert len(rdpcap(str(path))) == count
    octets = path.read_bytes()
    assert octets[:4] == bytes.fromhex("D4C3B2A1")  # little-endian, microseconds
    assert octets[20:24] == (147).to_bytes(4, "little")
