"""The server's side: what a node answers, whom it believes, when it becomes NEW."""

import random

import pytest

from drivers.errors import LocalUseError
from drivers.plc import llc
from drivers.plc.ciase import (
    CiasePdu,
    ClearAlarm,
    ClearAlarmChoice,
    Discover,
    DiscoverReport,
    PingRequest,
    PingResponse,
    Register,
    RegisterEntry,
    decode_ciase,
)
from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import (
    ALL_CONFIGURED,
    ALL_PHYSICAL,
    INITIATOR,
    NEW,
    MacFrame,
    Packing,
)
from drivers.plc.node import Delivered, NodeState, PlcNode, Received, Reply
from tests.drivers.vector_file import octets_of

METER_C = bytes.fromhex("53454C0A0B0C")
METER_D = bytes.fromhex("53454C0A0B0D")
CLIENT = bytes.fromhex("53454C000001")
NEIGHBOUR = bytes.fromhex("53454C000002")
HOURS = 3600.0
READ = bytes.fromhex("0501022008")
VALUE = bytes.fromhex("0C0100060001E240")


def _frame(
    l_sdu: bytes,
    *,
    destination: int = ALL_PHYSICAL,
    source: int = INITIATOR,
    lsaps: tuple[int, int] = (llc.CIASE, llc.INITIATOR),
    hops: int = 0,
) -> MacFrame:
    pdu = LlcPdu(destination_lsap=lsaps[0], source_lsap=lsaps[1], l_sdu=l_sdu)
    return MacFrame(
        initial_credit=4,
        current_credit=4 - hops,
        delta_credit=0,
        source=source,
        destination=destination,
        m_sdu=pdu.encode(),
    )


def _node() -> PlcNode:
    return PlcNode(system_title=METER_C)


def _give(node: PlcNode, frame: MacFrame, now: float = 0.0, seed: int = 1) -> Received:
    return node.receive(frame, now, random.Random(seed))


def _tell(node: PlcNode, pdu: CiasePdu, now: float = 0.0, source: int = INITIATOR) -> Received:
    return _give(node, _frame(pdu.encode(), source=source), now)


def _register(mac: int = 5, title: bytes = METER_C, client: bytes = CLIENT) -> Register:
    entry = RegisterEntry(system_title=title, mac=mac)
    return Register(initiator_system_title=client, entries=(entry,))


def _registered(now: float = 0.0) -> PlcNode:
    node = _node()
    assert _tell(node, _register(), now) is None
    return node


def _alarmed() -> PlcNode:
    node = _registered()
    node.alarm_descriptor = 0x82
    return node


def _ask(probability: int = 100, slots: int = 20) -> Discover:
    return Discover(
        response_probability=probability, allowed_time_slots=slots, report_initial_credit=3
    )


def test_a_new_node_reports_in_one_of_the_windows() -> None:
    """INV-1; the frame is vector mac_discover_report_ic3_first."""
    reply = _tell(_node(), _ask())
    assert isinstance(reply, Reply)
    assert reply.frame.encode(Packing.MODEL_A) == octets_of("mac_discover_report_ic3_first")
    assert reply.after_slots % 4 == 0
    assert 0 <= reply.after_slots < 20 * 4


def test_windows_are_chosen_at_random_over_all_that_are_offered() -> None:
    frame = _frame(_ask(slots=5).encode())
    rng = random.Random(3)
    replies = [_node().receive(frame, 0.0, rng) for _ in range(200)]
    windows = {reply.after_slots // 4 for reply in replies if isinstance(reply, Reply)}
    assert windows == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(("probability", "low", "high"), [(0, 0, 0), (30, 40, 80), (100, 200, 200)])
def test_it_answers_with_the_probability_asked_for(probability: int, low: int, high: int) -> None:
    frame = _frame(_ask(probability).encode())
    rng = random.Random(4)
    answers = sum(_node().receive(frame, 0.0, rng) is not None for _ in range(200))
    assert low <= answers <= high


def test_no_window_no_answer() -> None:
    assert _tell(_node(), _ask(slots=0)) is None


def test_the_report_takes_the_discovers_credit_when_told_so() -> None:
    discover = Discover(
        response_probability=100,
        allowed_time_slots=3,
        report_initial_credit=0,
        ic_equal_credit=True,
    )
    reply = _give(_node(), _frame(discover.encode(), hops=2))
    assert isinstance(reply, Reply)
    assert (reply.frame.initial_credit, reply.frame.current_credit) == (4, 4)
    assert reply.frame.delta_credit == 2
    assert reply.after_slots % 5 == 0


def test_registration_gives_an_address_and_a_client() -> None:
    """INV-1: a registered node keeps silent at the next Discover."""
    node = _node()
    assert node.state is NodeState.NEW
    assert not node.synchronised(0.0)
    _tell(node, _register())
    assert (node.state, node.mac, node.initiator_mac) == (NodeState.REGISTERED, 5, INITIATOR)
    assert node.initiator_system_title == CLIENT
    assert node.locked
    assert node.synchronised(1.0)
    assert not node.synchronised(60.0)
    assert _tell(node, _ask()) is None


@pytest.mark.parametrize("mac", [0x000, 0xC00, 0xFFF])
def test_an_address_that_is_not_for_servers_is_not_taken(mac: int) -> None:
    node = _node()
    _tell(node, _register(mac=mac))
    assert node.state is NodeState.NEW


def test_the_registration_of_others_changes_nothing() -> None:
    node = _registered()
    _tell(node, _register(mac=6, title=METER_D))
    assert node.mac == 5


def test_its_own_client_may_give_it_another_address() -> None:
    node = _registered()
    _tell(node, _register(mac=9))
    assert (node.mac, node.times_become_new) == (9, 0)


def test_it_becomes_new_when_its_address_goes_to_another() -> None:
    """INV-3: a MAC address given to another meter later never mixes data."""
    node = _registered()
    _tell(node, _register(mac=5, title=METER_D))
    assert (node.state, node.times_become_new) == (NodeState.NEW, 1)


def test_a_neighbours_registration_is_not_believed() -> None:
    """INV-7: the neighbour has the same MAC address as our client, but another title."""
    node = _registered()
    _tell(node, _register(mac=7, client=NEIGHBOUR))
    _tell(node, _register(mac=5, title=METER_D, client=NEIGHBOUR))
    assert (node.mac, node.initiator_system_title) == (5, CLIENT)


def test_another_client_is_not_heard_while_locked() -> None:
    """INV-7."""
    node = _registered()
    apdu = _frame(READ, destination=5, source=0xC07, lsaps=(0x01, 0x10))
    assert _give(node, apdu) is None
    assert _tell(node, _register(mac=7), source=0xC07) is None
    assert (node.mac, node.foreign_count) == (5, 2)


@pytest.mark.parametrize("source", [0x006, 0xBFF, 0xE00, NEW])
def test_only_clients_are_heard(source: int) -> None:
    assert _tell(_node(), _ask(), source=source) is None


def test_ping_is_answered_by_the_node_named_only() -> None:
    node = _registered()
    reply = _give(node, _frame(PingRequest(system_title=METER_C).encode(), destination=5, hops=1))
    assert isinstance(reply, Reply)
    pdu = LlcPdu.decode(reply.frame.m_sdu)
    assert decode_ciase(pdu.l_sdu) == PingResponse(system_title=METER_C)
    assert (pdu.destination_lsap, pdu.source_lsap) == (0x01, 0x00)
    assert (reply.frame.source, reply.frame.destination) == (5, INITIATOR)
    assert (reply.frame.initial_credit, reply.frame.delta_credit, reply.after_slots) == (4, 1, 0)
    other = _frame(PingRequest(system_title=METER_D).encode(), destination=5)
    assert _give(node, other) is None


def test_an_apdu_goes_to_the_application_and_its_answer_back() -> None:
    node = _registered()
    given = _give(node, _frame(READ, destination=5, lsaps=(0x01, 0x10), hops=4))
    assert isinstance(given, Delivered)
    assert given.answerable
    assert given.pdu.l_sdu == READ
    answer = node.answer(VALUE, given)
    assert (answer.source, answer.destination) == (5, INITIATOR)
    assert (answer.initial_credit, answer.current_credit, answer.delta_credit) == (4, 4, 3)
    pdu = LlcPdu.decode(answer.m_sdu)
    assert (pdu.destination_lsap, pdu.source_lsap, pdu.l_sdu) == (0x10, 0x01, VALUE)


@pytest.mark.parametrize("destination", [ALL_PHYSICAL, ALL_CONFIGURED, 0xE01])
def test_a_broadcast_is_delivered_and_never_answered(destination: int) -> None:
    """TIM-1: the time comes by broadcast, and 200 meters must not answer it."""
    node = _registered()
    node.groups = frozenset({0xE01})
    given = _give(node, _frame(READ, destination=destination, lsaps=(0xFF, 0x01), hops=3))
    assert isinstance(given, Delivered)
    assert not given.answerable
    assert given.frame.hop_distance == 3
    with pytest.raises(LocalUseError):
        node.answer(VALUE, given)


@pytest.mark.parametrize("destination", [6, ALL_CONFIGURED, NEW, 0xE01])
def test_what_is_for_others_is_not_delivered(destination: int) -> None:
    registered = destination != ALL_CONFIGURED
    node = _registered() if registered else _node()
    assert _give(node, _frame(READ, destination=destination, lsaps=(0x01, 0x10))) is None


def test_a_new_node_hears_what_is_for_all_new_ones_and_does_not_answer() -> None:
    given = _give(_node(), _frame(READ, destination=NEW, lsaps=(0x01, 0x10)))
    assert isinstance(given, Delivered)
    assert not given.answerable


def test_six_hours_without_being_addressed_make_it_new() -> None:
    """INV-5: broadcasts do not count, a frame to its own address does."""
    node = _registered(now=0.0)
    _give(node, _frame(READ, destination=5, lsaps=(0x01, 0x10)), now=1 * HOURS)
    _give(node, _frame(READ, destination=ALL_CONFIGURED, lsaps=(0xFF, 0x01)), now=5 * HOURS)
    assert node.deadline() == 7 * HOURS
    assert not node.tick(7 * HOURS - 1)
    assert node.tick(7 * HOURS)
    assert (node.state, node.mac, node.locked) == (NodeState.NEW, NEW, False)
    assert (node.deadline(), node.times_become_new) == (None, 1)
    assert not node.tick(99 * HOURS)


def test_after_the_time_out_whichever_client_comes_next_gets_it() -> None:
    """INV-5: a feeder switched to another transformer."""
    node = _registered()
    node.tick(6 * HOURS)
    assert isinstance(_tell(node, _ask(), 6 * HOURS, source=0xC07), Reply)
    register = _register(mac=2, client=NEIGHBOUR)
    _tell(node, register, 6 * HOURS, source=0xC07)
    assert (node.mac, node.initiator_mac) == (2, 0xC07)
    assert node.deadline() == 12 * HOURS


def test_a_registered_node_with_an_alarm_reports_until_it_is_cleared() -> None:
    """PLC-6."""
    node = _alarmed()
    reply = _tell(node, _ask())
    assert isinstance(reply, Reply)
    assert reply.frame.source == 5
    report = decode_ciase(LlcPdu.decode(reply.frame.m_sdu).l_sdu)
    assert report == DiscoverReport(system_titles=(METER_C,), alarm_descriptor=0x82)
    _tell(node, ClearAlarm(alarm_descriptors=(0x82,)))
    assert node.alarm_descriptor is None
    assert _tell(node, _ask()) is None


@pytest.mark.parametrize(
    ("choice", "alarms", "servers", "cleared"),
    [
        (ClearAlarmChoice.ONE_ALARM, (0x81,), (), False),
        (ClearAlarmChoice.ALARMS, (0x81, 0x82), (), True),
        (ClearAlarmChoice.ALARMS_OF_SERVERS, (0x82,), (METER_D,), False),
        (ClearAlarmChoice.ALARMS_OF_SERVERS, (0x82,), (METER_D, METER_C), True),
        (ClearAlarmChoice.ALARM_OF_EACH_SERVER, (0x82, 0x81), (METER_D, METER_C), False),
        (ClearAlarmChoice.ALARM_OF_EACH_SERVER, (0x81, 0x82), (METER_D, METER_C), True),
    ],
)
def test_only_what_is_named_is_cleared(
    choice: ClearAlarmChoice, alarms: tuple[int, ...], servers: tuple[bytes, ...], *, cleared: bool
) -> None:
    node = _alarmed()
    _tell(node, ClearAlarm(choice=choice, alarm_descriptors=alarms, servers=servers))
    assert (node.alarm_descriptor is None) is cleared


def _searching(window_s: float = 30.0) -> PlcNode:
    return PlcNode(system_title=METER_C, search_initiator_s=window_s)


def _asked(node: PlcNode, now: float, source: int, level_dbuv: float) -> Received:
    frame = _frame(_ask().encode(), source=source)
    return node.receive(frame, now, random.Random(1), level_dbuv)


def test_a_node_that_searches_answers_its_nearest_client_only() -> None:
    """INV-7: the neighbour asks first, and again when the window is over."""
    node = _searching()
    assert _asked(node, 0.0, 0xC07, 50.0) is None
    assert _asked(node, 10.0, INITIATOR, 80.0) is None
    assert node.search.is_open
    assert _asked(node, 30.0, 0xC07, 50.0) is None
    assert isinstance(_asked(node, 31.0, INITIATOR, 80.0), Reply)


def test_a_node_that_searches_is_not_registered_by_another_client() -> None:
    """INV-7: nor before it has chosen; its own client's word counts once it has."""
    node = _searching()
    _tell(node, _register(client=NEIGHBOUR), 0.0, source=0xC07)
    assert node.state is NodeState.NEW
    _asked(node, 1.0, INITIATOR, 80.0)
    _tell(node, _register(client=NEIGHBOUR), 40.0, source=0xC07)
    assert node.state is NodeState.NEW
    _tell(node, _register(), 41.0)
    assert (node.state, node.initiator_mac) == (NodeState.REGISTERED, INITIATOR)


def test_a_registered_node_does_not_search() -> None:
    """Whatever is loud: a registered node is locked on its client."""
    node = _searching()
    _asked(node, 0.0, INITIATOR, 40.0)
    _tell(node, _register(), 30.0)
    assert _asked(node, 31.0, 0xC07, 99.0) is None
    assert node.foreign_count == 1
    node.alarm_descriptor = 0x82
    assert isinstance(_asked(node, 32.0, INITIATOR, 40.0), Reply)


def test_a_node_that_becomes_new_searches_anew() -> None:
    """INV-5: a feeder switched to another transformer: the loudest is another one now."""
    node = _searching()
    _asked(node, 0.0, INITIATOR, 80.0)
    _tell(node, _register(), 30.0)
    node.tick(30.0 + 6 * HOURS)
    again_s = 30.0 + 6 * HOURS
    assert _asked(node, again_s, INITIATOR, 40.0) is None
    assert _asked(node, again_s + 5.0, 0xC07, 80.0) is None
    assert _asked(node, again_s + 30.0, INITIATOR, 40.0) is None
    assert isinstance(_asked(node, again_s + 31.0, 0xC07, 80.0), Reply)


def test_a_client_out_of_reach_of_the_search_is_no_sign_of_synchrony() -> None:
    node = _searching()
    _asked(node, 0.0, 0xC07, 80.0)
    assert not node.synchronised(1.0)
    assert isinstance(_asked(node, 30.0, 0xC07, 80.0), Reply)
    assert node.synchronised(31.0)


@pytest.mark.parametrize("octets", [b"", b"\x90", b"\x91\x00\x01\x1d", b"\x90\x00\x01\x77"])
def test_nonsense_is_passed_over(octets: bytes) -> None:
    frame = MacFrame(
        initial_credit=0,
        current_credit=0,
        delta_credit=0,
        source=INITIATOR,
        destination=ALL_PHYSICAL,
        m_sdu=octets,
    )
    assert _give(_node(), frame) is None
