"""Discover, Register, Ping and broadcasts, on the client's side."""

from dataclasses import replace

import pytest

from drivers.errors import LocalUseError, NoAnswer
from drivers.plc import llc
from drivers.plc.airtime import LineTiming
from drivers.plc.broadcast import Broadcast
from drivers.plc.ciase import (
    Discover,
    DiscoverReport,
    PingResponse,
    RegisterEntry,
    RepeaterCall,
    decode_ciase,
)
from drivers.plc.discovery import DiscoverRound, HeardReport, PingExchange, Registration
from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import ALL_PHYSICAL, INITIATOR, NEW, MacFrame
from tests.drivers.vector_file import octets_of

TIMING = LineTiming(bit_rate_bps=2400, host_latency_s=0.25)
METER_C = bytes.fromhex("53454C0A0B0C")
METER_D = bytes.fromhex("53454C0A0B0D")
CLIENT = bytes.fromhex("53454C000001")
QUESTION = Discover(response_probability=100, allowed_time_slots=20, report_initial_credit=3)


def _frame(pdu: LlcPdu, source: int = NEW, destination: int = INITIATOR) -> MacFrame:
    return MacFrame(
        initial_credit=3,
        current_credit=2,
        delta_credit=0,
        source=source,
        destination=destination,
        m_sdu=pdu.encode(),
    )


def _report(title: bytes, alarm: int | None = 1, source: int = NEW) -> MacFrame:
    l_sdu = DiscoverReport(system_titles=(title,), alarm_descriptor=alarm).encode()
    pdu = LlcPdu(destination_lsap=llc.REPORT, source_lsap=llc.CIASE, l_sdu=l_sdu)
    return _frame(pdu, source)


def _round(initial_credit: int = 0, discover: Discover = QUESTION) -> DiscoverRound:
    return DiscoverRound(
        initiator=INITIATOR, discover=discover, initial_credit=initial_credit, timing=TIMING
    )


def test_the_discover_is_the_frame_of_the_vector() -> None:
    exchange = _round()
    exchange.start(0.0)
    frame = MacFrame.from_host(exchange.octets_to_send())
    assert frame.encode(TIMING.packing) == octets_of("mac_discover_ic0")
    assert exchange.octets_to_send() == b""


def test_all_who_answer_are_reported_once() -> None:
    """INV-1: new nodes answer in the windows, one with an alarm has an address already."""
    exchange = _round()
    exchange.start(0.0)
    exchange.receive(_report(METER_C).to_host(), 1.0)
    exchange.receive(_report(METER_D, alarm=0x82, source=0x012).to_host(), 2.0)
    exchange.receive(_report(METER_C).to_host(), 3.0)
    assert exchange.outcome() is None
    due = exchange.deadline()
    assert due is not None
    exchange.tick(due - 0.01)
    assert exchange.outcome() is None
    exchange.tick(due)
    assert exchange.outcome() == (
        HeardReport(
            system_title=METER_C,
            source_mac=NEW,
            alarm_descriptor=1,
            hop_distance=1,
            initial_credit=3,
        ),
        HeardReport(
            system_title=METER_D,
            source_mac=0x012,
            alarm_descriptor=0x82,
            hop_distance=1,
            initial_credit=3,
        ),
    )


def test_nobody_is_a_good_result_too() -> None:
    exchange = _round()
    exchange.start(0.0)
    exchange.tick(exchange.deadline() or 0)
    assert exchange.outcome() == ()
    assert exchange.deadline() is None


def test_the_round_lasts_until_the_last_window_is_over() -> None:
    exchange = _round(initial_credit=2)
    exchange.start(100.0)
    discover_s = 3 * TIMING.slot_s
    windows_s = 20 * 4 * TIMING.slot_s
    due = exchange.deadline()
    assert due is not None
    assert due - 100.0 == pytest.approx(discover_s + windows_s + 3 * TIMING.slot_s + 0.25)


def test_reports_with_the_discovers_own_credit_have_windows_of_that_length() -> None:
    equal = replace(QUESTION, ic_equal_credit=True)
    exchange = _round(initial_credit=7, discover=equal)
    plain = _round(initial_credit=7)
    exchange.start(0.0)
    plain.start(0.0)
    longer_s = (exchange.deadline() or 0) - (plain.deadline() or 0)
    assert longer_s == pytest.approx(20 * 4 * TIMING.slot_s)


@pytest.mark.parametrize(
    "octets",
    [
        replace(_report(METER_C), destination=0xC01).to_host(),
        _report(METER_C, source=0xC05).to_host(),
        _report(METER_C, source=0xFFC).to_host(),
        _frame(LlcPdu(destination_lsap=0x10, source_lsap=0x01, l_sdu=b"\x0c\x00")).to_host(),
        _frame(LlcPdu(destination_lsap=0xFD, source_lsap=0x00, l_sdu=b"\x1a123456")).to_host(),
        _frame(LlcPdu(destination_lsap=0xFD, source_lsap=0x00, l_sdu=b"\x1e\x01123")).to_host(),
        _frame(
            LlcPdu(
                destination_lsap=0xFD,
                source_lsap=0x00,
                l_sdu=DiscoverReport(system_titles=(METER_C, METER_D)).encode(),
            )
        ).to_host(),
        b"\x00",
    ],
)
def test_what_is_no_report_to_us_is_passed_over(octets: bytes) -> None:
    """INV-7: a report to a neighbour's concentrator registers nobody here."""
    exchange = _round()
    exchange.start(0.0)
    exchange.receive(octets, 1.0)
    exchange.tick(exchange.deadline() or 0)
    assert exchange.outcome() == ()
    assert exchange.ignored_count == 1


def _registration(*macs: int) -> Registration:
    return Registration(
        initiator=INITIATOR,
        initiator_system_title=CLIENT,
        entries=tuple(RegisterEntry(system_title=METER_C, mac=mac) for mac in macs),
        initial_credit=1,
        timing=TIMING,
    )


def test_registration_is_a_broadcast_that_ends_with_its_last_repetition() -> None:
    exchange = _registration(5)
    assert exchange.outcome() is None
    exchange.start(0.0)
    frame = MacFrame.from_host(exchange.octets_to_send())
    assert (frame.source, frame.destination) == (INITIATOR, ALL_PHYSICAL)
    pdu = LlcPdu.decode(frame.m_sdu)
    assert (pdu.destination_lsap, pdu.source_lsap) == (0x00, 0x01)
    assert pdu.l_sdu.hex().upper() == "1C53454C0000010153454C0A0B0C0005"
    exchange.receive(b"anything", 0.1)
    exchange.tick(0.2)
    assert exchange.outcome() is None
    exchange.tick(exchange.deadline() or 0)
    sent = exchange.outcome()
    assert sent is not None
    assert sent.sent_octets == 19
    assert sent.airtime_s == pytest.approx(0.3)


@pytest.mark.parametrize("macs", [(), (0,), (0xC00,), (NEW,), tuple(range(1, 30))])
def test_an_impossible_registration_is_our_bug(macs: tuple[int, ...]) -> None:
    with pytest.raises(LocalUseError):
        _registration(*macs)


def test_any_ciase_pdu_can_be_broadcast() -> None:
    call = RepeaterCall(max_mac=99, new_slots=0)
    exchange = Broadcast(
        initiator=INITIATOR,
        destination=ALL_PHYSICAL,
        destination_lsap=llc.CIASE,
        source_lsap=llc.INITIATOR,
        l_sdu=call.encode(),
        initial_credit=7,
        timing=TIMING,
    )
    exchange.start(0.0)
    frame = MacFrame.from_host(exchange.octets_to_send())
    assert decode_ciase(LlcPdu.decode(frame.m_sdu).l_sdu) == call


def _ping(tries: int = 2) -> PingExchange:
    return PingExchange(
        initiator=INITIATOR,
        node=0x005,
        system_title=METER_C,
        initial_credit=1,
        timing=TIMING,
        tries=tries,
    )


def _pong(title: bytes, lsaps: tuple[int, int] = (0x01, 0x00)) -> bytes:
    l_sdu = PingResponse(system_title=title).encode()
    pdu = LlcPdu(destination_lsap=lsaps[0], source_lsap=lsaps[1], l_sdu=l_sdu)
    return _frame(pdu, source=0x005).to_host()


@pytest.mark.parametrize("lsaps", [(0x01, 0x00), (0xFD, 0x00)])
def test_a_ping_is_answered_between_either_access_points(lsaps: tuple[int, int]) -> None:
    """Source: docs/plc.md 4: the response's L-SAPs are inferred, both are accepted."""
    exchange = _ping()
    exchange.start(0.0)
    frame = MacFrame.from_host(exchange.octets_to_send())
    assert LlcPdu.decode(frame.m_sdu).l_sdu == octets_of("ciase_ping_request")
    exchange.receive(_pong(METER_C, lsaps), 0.5)
    heard = exchange.outcome()
    assert heard is not None
    assert (heard.system_title, heard.need, heard.tries_used) == (METER_C, 1, 1)


@pytest.mark.parametrize(
    "octets", [_pong(METER_D), _pong(METER_C, (0x10, 0x01)), _report(METER_C).to_host()]
)
def test_another_node_at_the_address_is_not_the_one_asked(octets: bytes) -> None:
    """INV-3, INV-7: a MAC address given to another meter is never taken for the old one."""
    exchange = _ping(tries=1)
    exchange.start(0.0)
    exchange.receive(octets, 0.5)
    exchange.tick(exchange.deadline() or 0)
    with pytest.raises(NoAnswer):
        exchange.outcome()
    assert exchange.ignored_count == 1
