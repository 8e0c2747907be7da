"""Who is given an address, and who is not."""

from collections.abc import Callable
from typing import Any

import pytest

from drivers.plc.airtime import LineTiming
from drivers.plc.broadcast import Broadcast
from drivers.plc.ciase import (
    CiasePdu,
    ClearAlarm,
    ClearAlarmChoice,
    Discover,
    Register,
    RepeaterCall,
    decode_ciase,
)
from drivers.plc.discovery import DiscoverRound, HeardReport, Registration
from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import ALL_PHYSICAL, CREDIT_MAX, INITIATOR, NEW, MacFrame
from drivers.plc.slot_choice import SlotChoice
from gateway.meters.discovery import Discovery, DiscoverySettings
from gateway.meters.node_link import NodeLink
from gateway.meters.plc_segment import PlcSegment
from gateway.store.errors import NoAddressFree
from hal.errors import ModemReset
from tests.gateway.core.jumping_loop import jumping

TIMING = LineTiming(bit_rate_bps=2400)
NOW_S = 1_790_000_000.0


def report(title: bytes, source_mac: int = NEW, alarm: int | None = None) -> HeardReport:
    return HeardReport(
        system_title=title,
        source_mac=source_mac,
        alarm_descriptor=alarm,
        hop_distance=2,
        initial_credit=3,
    )


def _told(exchange: Any) -> CiasePdu:
    """Return what a frame on its way to all nodes says."""
    exchange.start(0.0)
    frame = MacFrame.from_host(exchange.octets_to_send())
    assert (frame.initial_credit, frame.destination) == (CREDIT_MAX, ALL_PHYSICAL)
    return decode_ciase(LlcPdu.decode(frame.m_sdu).l_sdu)


class Line(PlcSegment):
    """Answers a Discover with what a test wants, without a modem.

    Attributes:
        offers, registers, cleared, calls: what the nodes were told.
        patterns_s: for how long each repeater call had the line.
    """

    def __init__(self, *reports: HeardReport) -> None:
        self.reports = reports
        self.offers: list[Discover] = []
        self.registers: list[Register] = []
        self.cleared: list[ClearAlarm] = []
        self.calls: list[RepeaterCall] = []
        self.patterns_s: list[float] = []

    @property
    def registered(self) -> int:
        return len(self.registers)

    async def exchange(self, make: Callable[[], Any], priority: object) -> Any:
        del priority
        exchange = make()
        told = _told(exchange)
        if isinstance(exchange, DiscoverRound):
            assert isinstance(told, Discover)
            self.offers.append(told)
            return self.reports
        if isinstance(exchange, Registration):
            assert isinstance(told, Register)
            self.registers.append(told)
            return None
        assert isinstance(exchange, Broadcast)
        assert isinstance(told, ClearAlarm)
        self.cleared.append(told)
        return None

    async def call_repeaters(self, make: Callable[[], Any], pattern_s: float) -> None:
        told = _told(make())
        assert isinstance(told, RepeaterCall)
        self.calls.append(told)
        self.patterns_s.append(pattern_s)


class Book:
    """A short address list; implements NodeBook."""

    def __init__(self, addresses: int = 100) -> None:
        self.known: dict[bytes, NodeLink] = {}
        self.alarms: list[tuple[bytes, int]] = []
        self._left = addresses

    def link_of(self, system_title: bytes) -> NodeLink | None:
        return self.known.get(system_title)

    async def give_address(self, system_title: bytes) -> NodeLink:
        if not self._left:
            raise NoAddressFree("all 3071 addresses of the line are in use")
        self._left -= 1
        link = NodeLink(system_title=system_title, mac=len(self.known) + 1)
        self.known[system_title] = link
        return link

    async def alarm(self, system_title: bytes, descriptor: int) -> None:
        self.alarms.append((system_title, descriptor))


def _discovery(line: Line, book: Book, expected: int = 0) -> Discovery:
    slots = SlotChoice()
    slots.expect(expected)
    return Discovery(
        line,
        book,
        slots,
        DiscoverySettings(
            initiator=INITIATOR,
            system_title=b"GG0001",
            timing=TIMING,
            repeater_threshold_dbuv=116,
        ),
        lambda: NOW_S,
    )


async def _no_collisions() -> int:
    return 0


@jumping
async def test_new_nodes_get_addresses_and_are_told_together() -> None:
    """INV-1: their credit begins where they were heard."""
    line, book = Line(report(b"NODE01"), report(b"NODE02")), Book()
    links = await _discovery(line, book).look(_no_collisions)
    assert [link.system_title for link in links] == [b"NODE01", b"NODE02"]
    assert links[0].credit.credit == 2
    (register,) = line.registers
    assert register.initiator_system_title == b"GG0001"
    assert [(entry.system_title, entry.mac) for entry in register.entries] == [
        (b"NODE01", 1),
        (b"NODE02", 2),
    ]


@jumping
async def test_more_nodes_than_one_frame_names() -> None:
    """INV-1: several Registers."""
    line = Line(*[report(f"NODE{at:02}".encode()) for at in range(40)])
    assert len(await _discovery(line, Book()).look(_no_collisions)) == 40
    assert line.registered == 2


@jumping
async def test_a_node_with_another_masters_address_is_left_to_it() -> None:
    """INV-7: cross-talk; it reports an alarm to whoever listens."""
    line, book = Line(report(b"NODE01", 0x123, alarm=4)), Book()
    assert await _discovery(line, book).look(_no_collisions) == []
    assert (line.registered, line.cleared, book.alarms) == (0, [], [])


@jumping
async def test_an_alarm_of_our_own_node_is_noted_and_ended() -> None:
    """PLC-6: it is on disk first; the node keeps its address."""
    line, book = Line(report(b"NODE01")), Book()
    discovery = _discovery(line, book)
    await discovery.look(_no_collisions)
    line.reports = (report(b"NODE01", 1, alarm=4),)
    assert await discovery.look(_no_collisions) == []
    assert book.alarms == [(b"NODE01", 4)]
    (cleared,) = line.cleared
    assert cleared == ClearAlarm(
        choice=ClearAlarmChoice.ALARM_OF_EACH_SERVER,
        servers=(b"NODE01",),
        alarm_descriptors=(4,),
    )
    line.reports = (report(b"NODE01"),)  # it fell back to NEW
    assert len(await discovery.look(_no_collisions)) == 1


@jumping
async def test_a_line_with_more_nodes_than_addresses_goes_on() -> None:
    """INV-1: those that fit are registered, the others are said to be left out."""
    line = Line(*[report(f"NODE{at:02}".encode()) for at in range(5)])
    assert len(await _discovery(line, Book(addresses=3)).look(_no_collisions)) == 3
    assert line.registered == 1


@jumping
async def test_the_offer_follows_what_was_heard() -> None:
    """INV-2: a crowd that collides keeps the look open, an empty line closes it."""
    line = Line()
    discovery = _discovery(line, Book())
    damaged = iter(range(0, 1000, 4))

    async def collisions() -> int:
        return next(damaged)

    await discovery.look(collisions)
    await discovery.look(collisions)
    assert (discovery.expects_more, discovery.likely_more) == (True, True)
    for _ in range(12):
        await discovery.look(_no_collisions)
    assert (discovery.expects_more, discovery.likely_more) == (False, False)
    last = line.offers[-1]
    assert last.allowed_time_slots == 1
    assert [offer.response_probability for offer in line.offers[-6:]].count(100) == 4
    assert last.report_initial_credit == CREDIT_MAX


@jumping
async def test_a_modem_whose_counters_begin_anew_is_no_crowd() -> None:
    """INV-2: fewer damaged frames than before."""
    line = Line()
    discovery = _discovery(line, Book())
    for _ in range(8):
        await discovery.look(_no_collisions)
    counts = iter((70_000, 3))

    async def collisions() -> int:
        return next(counts)

    await discovery.look(collisions)
    assert not discovery.expects_more


@jumping
async def test_a_crowd_is_granted_the_repetitions_that_it_needs() -> None:
    """INV-2: as many as the reports heard before; a window is longer with each."""
    line = Line(*[report(f"NODE{at:02}".encode()) for at in range(40)])
    discovery = _discovery(line, Book(), expected=150)
    await discovery.look(_no_collisions)
    await discovery.look(_no_collisions)
    assert [offer.allowed_time_slots for offer in line.offers] == [60, 60]
    assert [offer.report_initial_credit for offer in line.offers] == [CREDIT_MAX, 2]


@jumping
async def test_a_node_that_only_reports_its_alarm_is_nobody_new() -> None:
    """INV-2: it answers each Discover until its alarm is cleared, and asks for no room."""
    line, book = Line(report(b"NODE01")), Book()
    discovery = _discovery(line, book)
    await discovery.look(_no_collisions)
    line.reports = (report(b"NODE01", 1, alarm=4),)
    for _ in range(40):
        await discovery.look(_no_collisions)
    assert not discovery.expects_more
    assert [offer.allowed_time_slots for offer in line.offers[-30:]].count(1) >= 28


@jumping
async def test_a_modem_failure_is_passed_on() -> None:
    """REL-1: the line master waits and goes on."""

    async def fails() -> int:
        raise ModemReset("gone")

    with pytest.raises(ModemReset):
        await _discovery(Line(), Book()).look(fails)


@jumping
async def test_addresses_are_told_again_without_a_discover() -> None:
    """INV-5: a Register names whom it is for; those who may have become NEW hear it together."""
    line, book = Line(*[report(f"NODE{at:02}".encode()) for at in range(30)]), Book()
    discovery = _discovery(line, book)
    links = await discovery.look(_no_collisions)
    line.registers.clear()
    line.offers.clear()
    await discovery.tell_again(links[:3])
    (register,) = line.registers
    assert [(entry.system_title, entry.mac) for entry in register.entries] == [
        (link.system_title, link.mac) for link in links[:3]
    ]
    assert line.offers == []
    assert [link.told_at_s for link in links[:3]] == [NOW_S] * 3
    assert links[3].told_at_s == 0.0
    await discovery.tell_again(links)
    assert [len(each.entries) for each in line.registers] == [3, 28, 2]


@jumping
async def test_nobody_to_tell_costs_nothing() -> None:
    line = Line()
    await _discovery(line, Book()).tell_again([])
    assert line.registers == []


@pytest.mark.parametrize(
    ("last_mac", "slots"), [(0, 2), (20, 2), (21, 3), (41, 3), (42, 4), (200, 11)]
)
@jumping
async def test_repeaters_are_called_up_to_the_last_address(last_mac: int, slots: int) -> None:
    """Docs/plc.md 3.1: 21 places in a slot, the client's own first, and a slot for new nodes."""
    line = Line()
    await _discovery(line, Book()).call_repeaters(last_mac)
    assert line.calls == [RepeaterCall(max_mac=last_mac, new_slots=1, reception_threshold_dbuv=116)]
    assert line.patterns_s == [pytest.approx(slots * TIMING.slot_s)]
