"""What a turn of the line does, whatever it is for; with whom it works stands aside."""

import math
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from drivers.dlms.companion import Entity
from drivers.errors import MalformedFrame, NoAnswer
from drivers.plc.airtime import LineTiming
from drivers.plc.mac_frame import CREDIT_MAX
from gateway.core.clock import Clock, ClockTrust
from gateway.meters.airtime_price import AirtimePrice
from gateway.meters.company import Amount
from gateway.meters.line_work import (
    CLOCK_RESERVE_S,
    CLOCK_RETRY_S,
    IDENTIFY_RETRY_S,
    KIND_DOUBTED_AFTER,
    TELL_AGAIN_S,
    TOLD_IN_VAIN_MAX,
    LineWork,
    Questions,
)
from gateway.meters.meter_kind import MeterKind
from gateway.meters.meter_state import MeterState
from gateway.meters.network_rhythm import NetworkRhythm, RhythmSettings
from gateway.meters.node_link import NodeLink
from gateway.meters.patience import RETRY_MAX_S
from gateway.meters.plc_segment import Priority
from gateway.meters.stream_plan import StreamState
from gateway.meters.turn import Task, Turn
from hal.errors import ModemReset
from tests.gateway.core.jumping_loop import jumping
from tests.gateway.meters.test_schedule import KIND, make_meter
from tests.gateway.meters.test_stream_plan import T, make_stream

FORGETS_AFTER_S = 21_600.0
TIMING = LineTiming(bit_rate_bps=2400)


def _log() -> StreamState:
    return make_stream(Entity.STANDARD_EVENTS, 0)


@dataclass
class Answering:
    """Nodes that answer what a test wants; in the place of MeterAccess.

    Attributes:
        says: the result of each kind of conversation; an error is raised.
        done: everything asked, in order.
    """

    done: list[str]
    says: dict[str, Any] = field(default_factory=dict)
    pings: list[tuple[bytes, Priority, int | None, int]] = field(default_factory=list)

    async def converse(
        self, link: NodeLink, conversation: Callable[[], Generator[Any, Any, Any]], priority: Any
    ) -> Any:
        del link, priority
        what = next(conversation())
        self.done.append(what)
        said = self.says[what]
        if isinstance(said, Exception):
            raise said
        return _Answered(said)

    async def ping(
        self, link: NodeLink, priority: Priority, credit: int | None = None, tries: int = 2
    ) -> None:
        self.done.append("ping")
        self.pings.append((link.system_title, priority, credit, tries))
        if "ping" in self.says:
            raise self.says["ping"]


@dataclass
class _Answered:
    result: Any


@dataclass
class Network:
    """Finds and tells nodes; implements Finder."""

    done: list[str]
    found: list[NodeLink] = field(default_factory=list)
    damaged: int = 0
    expects_more: bool = False
    likely_more: bool = False
    told: list[list[NodeLink]] = field(default_factory=list)
    called: list[int] = field(default_factory=list)
    error: Exception | None = None

    async def look(self, collisions: Callable[[], Awaitable[int]]) -> list[NodeLink]:
        await collisions()
        if self.error is not None:
            raise self.error
        return self.found

    async def tell_again(self, links: list[NodeLink]) -> None:
        self.done.append("tell again")
        self.told.append(links)
        for link in links:
            link.told_at_s = NOW.now_s

    async def call_repeaters(self, last_mac: int) -> None:
        if self.error is not None:
            raise self.error
        self.called.append(last_mac)


@dataclass
class Reading:
    """Reads buffers; implements Reader."""

    done: list[str]
    asked: list[tuple[str, Entity, Amount]] = field(default_factory=list)
    deviation_s: float | None = None

    async def collect(self, meter: MeterState, stream: StreamState, amount: Amount) -> None:
        self.done.append("collect")
        self.asked.append((meter.usn, stream.entity, amount))
        if self.deviation_s is not None:
            meter.deviation_s = self.deviation_s


@dataclass
class Clocks:
    """Keeps clocks; implements ClockKeeper."""

    done: list[str]
    broadcasts: list[tuple[list[MeterKind], int]] = field(default_factory=list)
    sets_right: bool = True

    async def keep(self, meter: MeterState) -> None:
        self.done.append("keep")
        if self.sets_right:
            meter.deviation_s = 0.0

    def should_set(self, deviation_s: float | None) -> bool:
        return deviation_s is None or abs(deviation_s) > 10.0

    async def broadcast(self, kinds: Iterable[MeterKind], credit: int) -> bool:
        self.broadcasts.append((list(kinds), credit))
        return True


class Memory:
    """Remembers nodes and meters; implements Book."""

    def __init__(self, done: list[str], *meters: MeterState) -> None:
        self.done = done
        self.meters = {meter.link.system_title: meter for meter in meters}
        self.all_links = [meter.link for meter in meters]
        self.aside: dict[bytes, MeterState] = {}
        self.kinds_asked: list[tuple[str, str]] = []

    def known_kind(self, config_id: str, firmware_module: str) -> MeterKind | None:
        self.kinds_asked.append((config_id, firmware_module))
        return KIND

    def links(self) -> Iterator[NodeLink]:
        return iter(self.all_links)

    async def doubt(self, link: NodeLink) -> None:
        self.done.append("doubt")
        link.is_confirmed = False
        meter = self.meters.pop(link.system_title, None)
        if meter is not None:
            self.aside[link.system_title] = meter

    def put_aside(self, link: NodeLink) -> MeterState | None:
        return self.aside.get(link.system_title)

    async def confirmed(self, link: NodeLink, meter: MeterState) -> None:
        self.done.append("confirmed")
        self.meters[link.system_title] = self.aside.pop(link.system_title, meter)

    async def identified(self, link: NodeLink, identity: Any) -> MeterState:
        self.done.append("identified")
        meter = cast("MeterState", identity)
        self.meters[link.system_title] = meter
        return meter

    async def registered(self, link: NodeLink) -> None:
        self.done.append("registered")
        link.is_confirmed = True

    async def found_again(self, link: NodeLink) -> None:
        self.done.append("found again")
        link.is_lost = False


class Sizes:
    """Five rows, and four values; implements Sizes."""

    def company(self, link: NodeLink, stream: StreamState) -> int:
        del link, stream
        return 5

    def names(self, link: NodeLink) -> int:
        del link
        return 4


AMOUNT = Amount(rows=5, values=4)


Asking = Generator[str, Any, Any]


class _Now:
    now_s = float(T)


NOW = _Now()


def _identify(known_kind: Callable[[str, str], object], names_max: int) -> Asking:
    known_kind("C", "F")
    assert names_max == AMOUNT.values
    return (yield "identify")


def _who(kind: MeterKind) -> Asking:
    del kind
    return (yield "who")


class Bench:
    """The work, and all with whom it works."""

    def __init__(self, *meters: MeterState) -> None:
        NOW.now_s = float(T)
        self.done: list[str] = []
        self.access = Answering(self.done)
        self.network = Network(self.done)
        self.reading = Reading(self.done)
        self.clocks = Clocks(self.done)
        self.book = Memory(self.done, *meters)
        settings = RhythmSettings(
            look_period_s=3600.0,
            look_again_s=60.0,
            broadcast_period_s=3600.0,
            repeater_call_period_s=900.0,
        )
        self.rhythm = NetworkRhythm(settings, AirtimePrice(timing=TIMING), T)
        self.work = LineWork(
            access=cast("Any", self.access),
            questions=Questions(identify=cast("Any", _identify), who=cast("Any", _who)),
            discovery=self.network,
            collector=self.reading,
            timekeeper=self.clocks,
            book=self.book,
            rhythm=self.rhythm,
            sizes=Sizes(),
            clock=Clock(ClockTrust.SYSTEM, wall=lambda: NOW.now_s, monotonic=lambda: 0.0),
            damaged_frames=self._no_damage,
            forgets_after_s=FORGETS_AFTER_S,
        )

    async def _no_damage(self) -> int:
        return 0

    async def do(
        self,
        task: Task,
        meter: MeterState | None = None,
        stream: StreamState | None = None,
        link: NodeLink | None = None,
    ) -> None:
        of = meter.link if link is None and meter is not None else link
        await self.work.do(Turn(task=task, due_at_s=T, link=of, meter=meter, stream=stream))

    def silent(self, meter: MeterState, for_s: float) -> MeterState:
        """Let a meter not have been heard for so long."""
        meter.link.is_confirmed = True
        meter.link.heard_at_s = NOW.now_s - for_s
        meter.link.told_at_s = NOW.now_s - for_s - 1000.0
        meter.link.was_silent(NOW.now_s - for_s)
        return meter


# -- all nodes ----------------------------------------------------------------------------------


@jumping
async def test_a_look_that_finds_somebody_calls_for_another_and_for_repeaters() -> None:
    """INV-2: the street that comes in settles who repeats once it is quiet."""
    bench = Bench()
    bench.network.found = [NodeLink(system_title=b"NODE01", mac=1)]
    bench.network.likely_more = bench.network.expects_more = True
    await bench.do(Task.LOOK_FOR_METERS)
    assert bench.rhythm.look_at_s == 0.0, "at once"
    assert bench.rhythm.call_at_s == T + 120


@jumping
async def test_whoever_was_told_in_vain_again_and_again_is_no_news() -> None:
    """PLC-7: he reports in each look, and never answers at his address."""
    bench = Bench()
    link = NodeLink(system_title=b"NODE01", mac=1, told_in_vain=TOLD_IN_VAIN_MAX)
    bench.network.found = [link]
    await bench.do(Task.LOOK_FOR_METERS)
    assert bench.rhythm.look_at_s == T + 3600


@jumping
async def test_a_look_that_finds_nobody_changes_no_network() -> None:
    """PLC-7."""
    bench = Bench()
    await bench.do(Task.LOOK_FOR_METERS)
    assert (bench.rhythm.look_at_s, bench.rhythm.call_at_s) == (T + 3600, None)


@jumping
async def test_a_look_that_fails_is_tried_again_soon() -> None:
    """REL-1."""
    bench = Bench()
    bench.network.error = ModemReset("gone")
    with pytest.raises(ModemReset):
        await bench.do(Task.LOOK_FOR_METERS)
    assert bench.rhythm.look_at_s == T + 60


@jumping
async def test_the_time_is_told_with_the_credit_that_reaches_all_who_are_there() -> None:
    """TIM-1, PLC-1: once for each kind; whoever is silent does not make it longer."""
    near, far, gone = make_meter(1), make_meter(2), make_meter(3)
    for meter, credit in ((near, 1), (far, 3), (gone, 6)):
        meter.link.credit.start(credit)
    bench = Bench(near, far, gone)
    bench.silent(gone, 60.0)
    await bench.do(Task.BROADCAST_TIME)
    assert bench.clocks.broadcasts == [([KIND], 3)]
    assert bench.rhythm.broadcast_at_s == T + 3600


@jumping
async def test_repeaters_are_called_up_to_the_last_address_in_use() -> None:
    bench = Bench(make_meter(4), make_meter(17), make_meter(9))
    bench.rhythm.network_changed(T)
    await bench.do(Task.CALL_REPEATERS)
    assert bench.network.called == [17]
    assert bench.rhythm.call_at_s is None


@jumping
async def test_a_repeater_call_that_fails_is_made_again() -> None:
    """REL-1: the nodes are as they were; but not over and over."""
    bench = Bench(make_meter(4))
    bench.rhythm.network_changed(T)
    bench.network.error = ModemReset("gone")
    with pytest.raises(ModemReset):
        await bench.do(Task.CALL_REPEATERS)
    assert bench.rhythm.call_at_s == T + 900


# -- who it is ----------------------------------------------------------------------------------


@jumping
async def test_a_new_node_is_asked_who_it_is_and_greeted() -> None:
    """INV-3: its clock is compared, with its events, before anything else is believed."""
    bench = Bench()
    meter = make_meter(1, make_stream(), _log())
    bench.access.says["identify"] = meter
    bench.reading.deviation_s = 1.0
    await bench.do(Task.IDENTIFY, link=meter.link)
    assert bench.done == ["identify", "registered", "identified", "collect"]
    assert bench.reading.asked == [("U1", Entity.STANDARD_EVENTS, AMOUNT)]


@jumping
async def test_a_new_meter_with_a_wrong_clock_is_set_at_once() -> None:
    """INV-3, TIM-1: also one without a log, whose clock nothing else brings."""
    for streams, deviation_s in (((_log(),), 90.0), ((make_stream(),), None)):
        bench = Bench()
        meter = make_meter(1, *streams)
        bench.access.says["identify"] = meter
        bench.reading.deviation_s = deviation_s
        await bench.do(Task.IDENTIFY, link=meter.link)
        assert bench.done[-1] == "keep"


@jumping
async def test_a_known_meter_that_does_not_say_who_it_is_is_asked_again_later() -> None:
    """INV-8: not at once; its rows are read meanwhile."""
    meter = make_meter(1)
    meter.link.is_confirmed = True
    bench = Bench(meter)
    bench.access.says["identify"] = MalformedFrame("nonsense")
    with pytest.raises(MalformedFrame):
        await bench.do(Task.IDENTIFY, meter)
    assert meter.identify_at_s == T + IDENTIFY_RETRY_S


async def _doubted(bench: Bench, meter: MeterState) -> None:
    await bench.book.doubt(meter.link)
    bench.done.clear()


@jumping
async def test_of_a_doubted_meter_only_its_number_is_read() -> None:
    """INV-3, PLC-7: it is the same: its streams are read on at once, and soon."""
    meter = make_meter(1, make_stream(), _log())
    meter.contact_at_s = T - 3600.0
    bench = Bench(meter)
    await _doubted(bench, meter)
    bench.access.says["who"] = "U1"
    await bench.do(Task.IDENTIFY, link=meter.link)
    assert bench.done == ["who", "registered", "confirmed"]
    assert all(stream.hurried for stream in meter.streams)


@pytest.mark.parametrize("contact_at_s", [None, T - CLOCK_RESERVE_S])
@jumping
async def test_a_meter_that_may_have_lost_its_time_is_greeted_again(
    contact_at_s: float | None,
) -> None:
    """TIM-1: after a week without mains; rows of a clock that was lost are marked so."""
    meter = make_meter(1, make_stream(), _log())
    meter.contact_at_s = contact_at_s
    bench = Bench(meter)
    await _doubted(bench, meter)
    bench.access.says["who"] = "U1"
    bench.reading.deviation_s = -5000.0
    await bench.do(Task.IDENTIFY, link=meter.link)
    assert bench.done == ["who", "registered", "confirmed", "collect", "keep"]


@jumping
async def test_another_number_than_before_has_all_of_it_read() -> None:
    """INV-3, INV-5: nothing of the old meter is believed of the new one."""
    before, after = make_meter(1, _log()), make_meter(2, _log())
    bench = Bench(before)
    await _doubted(bench, before)
    bench.access.says |= {"who": "U2", "identify": after}
    await bench.do(Task.IDENTIFY, link=before.link)
    assert bench.done[:4] == ["who", "identify", "registered", "identified"]
    assert bench.book.kinds_asked == [("C", "F")]


@jumping
async def test_a_meter_of_another_kind_that_has_no_such_number_is_read_in_full() -> None:
    """INV-3: the name of the number was that of the old kind; some refusals tell."""
    meter = make_meter(1, _log())
    bench = Bench(meter)
    await _doubted(bench, meter)
    bench.access.says |= {"who": MalformedFrame("refused"), "identify": make_meter(2)}
    for _ in range(KIND_DOUBTED_AFTER):
        with pytest.raises(MalformedFrame):
            await bench.do(Task.IDENTIFY, link=meter.link)
        meter.link.refused(NOW.now_s)
    await bench.do(Task.IDENTIFY, link=meter.link)
    assert bench.done[KIND_DOUBTED_AFTER:][:1] == ["identify"]
    assert bench.book.kinds_asked == [], "nor is the remembered object list believed"


# -- clocks, pings, rows ------------------------------------------------------------------------


@jumping
async def test_a_clock_that_cannot_be_set_is_tried_again_later_each_time() -> None:
    """TIM-1, PLC-7: refused, or taken and not followed; its rows are worth more meanwhile."""
    meter = make_meter(1)
    meter.deviation_s, meter.clock_to_set_at_s = 90.0, T - 1.0
    bench = Bench(meter)
    bench.clocks.sets_right = False
    rests_s = []
    for _ in range(8):
        await bench.do(Task.SET_CLOCK, meter)
        assert meter.clock_to_set_at_s is not None
        rests_s.append(meter.clock_to_set_at_s - NOW.now_s)
    assert rests_s[:4] == [CLOCK_RETRY_S, 64, 128, 256]
    assert rests_s[-1] == RETRY_MAX_S
    bench.clocks.sets_right = True
    await bench.do(Task.SET_CLOCK, meter)
    assert meter.clock_tries_in_a_row == 0
    assert {meter.clock_to_set_at_s} == {None}


@jumping
async def test_a_quiet_meter_is_pinged_with_what_it_needs() -> None:
    """INV-5."""
    meter = make_meter(1)
    bench = Bench(meter)
    await bench.do(Task.PING, meter)
    assert bench.access.pings == [(meter.link.system_title, Priority.SUPERVISION, None, 2)]


@jumping
async def test_rows_are_asked_for_in_company_and_a_wrong_clock_waits_for_its_turn() -> None:
    """PLC-7, TIM-1: events bring the time; a turn of its own sets it."""
    stream = _log()
    meter = make_meter(1, stream)
    bench = Bench(meter)
    bench.reading.deviation_s = 0.5
    await bench.do(Task.COLLECT, meter, stream)
    assert bench.reading.asked == [("U1", Entity.STANDARD_EVENTS, AMOUNT)]
    to_set_at_s = [meter.clock_to_set_at_s]
    bench.reading.deviation_s = 60.0
    for _ in range(2):
        await bench.do(Task.COLLECT, meter, stream)
        to_set_at_s.append(meter.clock_to_set_at_s)
        NOW.now_s += 30.0
    assert to_set_at_s == [None, T, T], "the second time it has waited since the first"


# -- polls of silent nodes ----------------------------------------------------------------------


@jumping
async def test_a_silent_node_is_polled_once_and_briefly() -> None:
    """INV-4: with all the credit there is; nothing is told while it must still have its address."""
    meter = make_meter(1, make_stream(), _log())
    bench = Bench(meter)
    bench.silent(meter, FORGETS_AFTER_S - 1.0)
    await bench.do(Task.POLL, meter)
    assert bench.access.pings == [(meter.link.system_title, Priority.SUPERVISION, CREDIT_MAX, 1)]
    assert bench.done == ["ping"]
    assert all(stream.hurried for stream in meter.streams), "it may vanish again"


@jumping
async def test_who_may_have_become_new_is_told_its_address_before_it_is_polled() -> None:
    """INV-5: no Discover is needed, and who it is is read before anything of it is stored."""
    meter = make_meter(1, make_stream())
    meter.link.terms = cast("Any", object())
    bench = Bench(meter)
    bench.silent(meter, FORGETS_AFTER_S)
    await bench.do(Task.POLL, meter)
    assert bench.done == ["tell again", "ping", "doubt"]
    (link,) = bench.book.links()
    assert link.terms is None, "a node that was NEW has forgotten its associations"
    assert bench.book.meters == {}


@jumping
async def test_all_who_may_have_become_new_are_told_together_and_not_too_often() -> None:
    """PLC-7: one Register for a street that was without mains."""
    gone = [make_meter(number) for number in range(1, 5)]
    there, just_silent = make_meter(10), make_meter(11)
    bench = Bench(*gone, there, just_silent)
    for meter in gone:
        bench.silent(meter, FORGETS_AFTER_S + 100.0)
    bench.silent(just_silent, 60.0)
    bench.access.says["ping"] = NoAnswer("silence")
    for second in range(0, 400, 10):
        NOW.now_s = T + second
        with pytest.raises(NoAnswer):
            await bench.do(Task.POLL, gone[second // 10 % 4])
    assert [len(links) for links in bench.network.told] == [4] * math.ceil(400 / TELL_AGAIN_S)
    assert bench.network.told[0] == [meter.link for meter in gone]
    assert "doubt" not in bench.done


@jumping
async def test_a_node_that_never_answered_at_its_address_is_told_it_again() -> None:
    """INV-1: it may not have heard its Register; a Discover would come an hour later."""
    bench = Bench()
    link = NodeLink(system_title=b"NODE01", mac=1, told_at_s=T - TELL_AGAIN_S, heard_at_s=T - 5.0)
    link.was_silent(T - 5.0)
    bench.book.all_links = [link]
    bench.access.says["ping"] = NoAnswer("silence")
    with pytest.raises(NoAnswer):
        await bench.do(Task.POLL, link=link)
    assert bench.network.told == [[link]]


@jumping
async def test_a_lost_node_that_answers_is_found_again() -> None:
    """INV-4: it is told, and its return may need other repeaters."""
    meter = make_meter(1)
    bench = Bench(meter)
    bench.silent(meter, 3600.0)
    meter.link.is_lost = True
    await bench.do(Task.POLL, meter)
    assert bench.done == ["ping", "found again"]
    assert bench.rhythm.call_at_s == T + 120
    bench.done.clear()
    bench.silent(meter, 3600.0)
    await bench.do(Task.POLL, meter)
    assert bench.done == ["ping"]


@jumping
async def test_a_lost_node_that_stays_silent_stays_lost() -> None:
    """INV-4."""
    meter = make_meter(1)
    bench = Bench(meter)
    bench.silent(meter, 10 * FORGETS_AFTER_S)
    meter.link.is_lost = True
    bench.access.says["ping"] = NoAnswer("silence")
    with pytest.raises(NoAnswer):
        await bench.do(Task.POLL, meter)
    assert meter.link.is_lost
    assert bench.done == ["tell again", "ping"]
    assert bench.rhythm.call_at_s is None
