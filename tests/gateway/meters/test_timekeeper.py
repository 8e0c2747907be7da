"""Samples, shifts and broadcasts of meters' clocks."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from drivers.dlms.axdr import Data
from drivers.dlms.companion import CLOCK, InterfaceClass
from drivers.dlms.conversations import Conversation
from drivers.dlms.cosem_objects import ObjectList, ObjectListEntry
from drivers.dlms.date_time import CosemDateTime
from drivers.dlms.obis import Obis
from drivers.plc.airtime import LineTiming
from gateway.core.clock import Clock, ClockTrust
from gateway.meters.meter_access import Answered, MeterAccess
from gateway.meters.meter_kind import MeterKind
from gateway.meters.plc_segment import PlcSegment
from gateway.meters.timekeeper import NOTED_EVERY_S, Timekeeper
from tests.gateway.core.jumping_loop import jumping
from tests.gateway.meters.test_schedule import make_meter
from tests.gateway.meters.test_stream_plan import T, make_stream

YEAR_S = 365 * 86_400
WILDCARDS = CosemDateTime()


def make_kind(config_id: str, *objects: tuple[int, int, str]) -> MeterKind:
    entries = [
        ObjectListEntry(base_name=base, class_id=class_id, version=0, logical_name=Obis.parse(obis))
        for base, class_id, obis in objects
    ]
    return MeterKind(config_id=config_id, firmware_module="F", objects=ObjectList(entries))


CLOCK_AT_2000 = (0x2000, int(InterfaceClass.CLOCK), str(CLOCK))


class Book:
    """Remembers what it was told; implements ClockBook."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []

    async def note_deviation(self, usn: str, deviation_s: float, contact_at_s: float) -> None:
        self.events.append(("noted", usn, round(deviation_s), round(contact_at_s)))

    async def doubt_after(self, stream_ids: Sequence[int], from_s: int) -> None:
        self.events.append(("doubted", tuple(stream_ids), from_s))


class Segment(PlcSegment):
    """Keeps broadcasts, without a modem."""

    def __init__(self) -> None:
        self.broadcasts: list[Any] = []

    async def exchange(self, make: Callable[[], Any], priority: object) -> Any:
        del priority
        self.broadcasts.append(make())


class MeterClock:
    """A meter's clock as MeterAccess would show it; in its place."""

    def __init__(self, bench: "Bench", ahead_s: float) -> None:
        self.bench = bench
        self.ahead_s = ahead_s
        self.takes_time = True

    async def converse(self, link: object, make: Callable[[], Conversation[Any]], _: object) -> Any:
        del link
        conversation = make()
        next(conversation)
        shown = CosemDateTime.from_utc(self.bench.now_s + self.ahead_s)
        try:
            conversation.send(b"\x0c\x01\x00" + Data.clock_string(shown).encode())
        except StopIteration as ended:
            return self.bench.answered(ended.value)

    async def converse_once(
        self, link: object, make: Callable[[], Conversation[Any]], _: object
    ) -> None:
        del link
        conversation = make()
        next(conversation)
        self.bench.book.events.append(("written",))
        if self.takes_time:
            self.ahead_s = 0.0
        with pytest.raises(StopIteration):
            conversation.send(bytes.fromhex("0d0100"))


class Bench:
    """A timekeeper and one meter."""

    def __init__(self, trust: ClockTrust = ClockTrust.SYSTEM) -> None:
        self.now_s = float(T)
        self.time = asyncio.get_running_loop().time
        self.book = Book()
        self.segment = Segment()
        self.access = MeterClock(self, 0.0)
        self.meter = make_meter(1, make_stream())
        self.meter.kind = make_kind("C", CLOCK_AT_2000)
        self.keeper = Timekeeper(
            access=cast("MeterAccess", self.access),
            segment=self.segment,
            book=self.book,
            clock=Clock(trust, wall=lambda: self.now_s, monotonic=lambda: 0.0),
            timing=LineTiming(bit_rate_bps=2400),
            initiator=0xC00,
            set_above_s=10.0,
            time=self.time,
        )

    def answered(self, result: Any) -> Answered[Any]:
        return Answered(result=result, stamped_at_s=self.time(), uncertainty_s=0.5)

    async def sample(self, ahead_s: float) -> float | None:
        shown = CosemDateTime.from_utc(self.now_s + ahead_s)
        return await self.keeper.sample(self.meter, shown, self.answered(shown))


@jumping
async def test_the_first_sample_is_written_down() -> None:
    """ADR 9: on disk before anything is set."""
    bench = Bench()
    assert await bench.sample(90.0) == 90.0
    assert bench.book.events == [("noted", "U1", 90, T)]


@jumping
async def test_a_clock_that_went_back_is_read_again_from_the_last_contact() -> None:
    """ADR 9: doubted on disk first; the stream is due again by the new time."""
    bench = Bench()
    await bench.sample(90.0)
    (stream,) = bench.meter.streams
    stream.newest_s = T + 80
    bench.now_s += 600
    await bench.sample(0.0)
    assert bench.book.events[1:] == [("doubted", (10,), T - 1), ("noted", "U1", 0, T + 600)]
    assert stream.newest_s == T - 1


@jumping
async def test_small_differences_are_no_shift() -> None:
    """TIM-2: a sample is off by the way it travelled."""
    bench = Bench()
    await bench.sample(0.0)
    bench.now_s += 600
    await bench.sample(-2.4)
    assert [event[0] for event in bench.book.events] == ["noted", "noted"]


@jumping
async def test_a_sample_on_disk_grows_no_older_than_a_day() -> None:
    """ADR 9: a clock set back while the daemon is down would else cost months of reading."""
    bench = Bench()
    await bench.sample(0.0)
    bench.now_s += 3600
    await bench.sample(0.0)
    assert len(bench.book.events) == 1
    bench.now_s += NOTED_EVERY_S
    await bench.sample(0.0)
    assert bench.book.events[1] == ("noted", "U1", 0, round(bench.now_s))


@jumping
async def test_a_clock_without_a_time_waits_to_be_set() -> None:
    """TIM-1: wildcards are no time; what it showed before is kept, for rows may repeat."""
    bench = Bench()
    await bench.sample(3.0)
    assert await bench.keeper.sample(bench.meter, WILDCARDS, bench.answered(WILDCARDS)) is None
    assert bench.meter.deviation_s == 3.0
    assert bench.meter.clock_to_set_at_s == T
    untrusted = Bench(ClockTrust.NONE)
    shown = untrusted.answered(WILDCARDS)
    assert await untrusted.keeper.sample(untrusted.meter, WILDCARDS, shown) is None
    assert untrusted.meter.clock_to_set_at_s is None


@jumping
async def test_a_clock_far_off_is_set_once_and_compared() -> None:
    """TIM-1: the deviation is on disk before the clock moves."""
    bench = Bench()
    bench.access.ahead_s = 60.0
    await bench.keeper.keep(bench.meter)
    kinds = [event[0] for event in bench.book.events]
    assert kinds == ["noted", "noted", "written", "doubted", "noted"]
    assert bench.meter.deviation_s == pytest.approx(0.0, abs=0.02)


@jumping
async def test_a_clock_nearly_right_is_left_to_the_broadcast() -> None:
    """TIM-2: below [clock] set_above_s; and an untrusted time is written to nobody (TIM-3)."""
    bench = Bench()
    bench.access.ahead_s = 9.0
    await bench.keeper.keep(bench.meter)
    untrusted = Bench(ClockTrust.NONE)
    untrusted.access.ahead_s = 5000.0
    await untrusted.keeper.keep(untrusted.meter)
    for each in (bench, untrusted):
        assert ("written",) not in each.book.events


@jumping
async def test_clocks_of_centuries_are_numbers_like_others() -> None:
    """TIM-1: the years 1 and 9999."""
    bench = Bench()
    bench.access.ahead_s = 7_970.0 * YEAR_S
    await bench.keeper.keep(bench.meter)
    assert bench.meter.deviation_s == pytest.approx(0.0, abs=0.02)
    await bench.sample(-2_000.0 * YEAR_S)
    assert bench.meter.present_s(T) < 0


@jumping
async def test_the_time_is_broadcast_once_for_each_name() -> None:
    """TIM-1: under the short names that no other kind uses for something else."""
    bench = Bench()
    kinds = [
        make_kind("A", CLOCK_AT_2000),
        make_kind("B", (0x3000, 8, str(CLOCK)), (0x1000, 1, "1-0:0.0.0.255")),
    ]
    assert await bench.keeper.broadcast(kinds)
    assert len(bench.segment.broadcasts) == 2
    kinds.append(make_kind("D", (0x2FF8, 3, "1-0:1.8.0.255")))  # its value would be overwritten
    bench.segment.broadcasts.clear()
    await bench.keeper.broadcast(kinds)
    assert len(bench.segment.broadcasts) == 1


@jumping
async def test_an_untrusted_time_is_not_broadcast() -> None:
    """TIM-3."""
    bench = Bench(ClockTrust.NONE)
    assert not await bench.keeper.broadcast([bench.meter.kind])
    assert bench.segment.broadcasts == []
