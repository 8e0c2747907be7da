"""Rows asked for by their place in the ring: cheaper, and never believed when they do not follow.

Whatever happens in between, what counts as read completely is compared with all that the meter
ever captured.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from drivers.dlms.companion import (
    BUFFER_ROWS_MAX,
    DAILY_PROFILE,
    PERIODIC_PROFILE,
    Entity,
)
from drivers.errors import MalformedFrame
from gateway.meters.company import NAMES_MAX, Amount
from gateway.meters.meter_state import MeterState
from gateway.meters.stream_plan import StreamState
from gateway.store.journal import JournalKind
from hil.meter.module import MeterSettings
from hil.meter.rows import Row, RowRing
from tests.gateway.core.jumping_loop import jumping
from tests.gateway.meters.meter_lab import PLAN, Lab, LabMeter, open_lab, stream_of
from tests.gateway.meters.odd_meters import asks_for

PERIOD_S = 900
BY_RANGE, BY_ENTRY = 1, 2
Answer = Callable[[bytes, bytes], bytes]


@dataclass
class Truth:
    """All rows that a ring ever held; implements RowObserver."""

    rows: set[tuple[int, int]] = field(default_factory=set)

    def row_added(self, usn: str, entity: Entity, row: Row) -> None:
        del usn, entity
        self.rows.add((row.captured_at_s, row.occurrence))

    def row_dropped(self, usn: str, entity: Entity, row: Row, overwritten_by: Row) -> None:
        pass


@dataclass
class Case:
    """A meter of which everything was read, and the place of the newest row is known."""

    lab: Lab
    meter: MeterState
    stream: StreamState
    truth: Truth

    @property
    def ring(self) -> RowRing:
        return self.lab.meter.module.rings[self.stream.entity]

    def selectors(self, asked_before: int) -> list[int]:
        """Return how rows of the stream were asked for since then."""
        obis = {Entity.PERIODIC: PERIODIC_PROFILE, Entity.DAILY: DAILY_PROFILE}
        is_asked = asks_for(self.lab.meter.module, obis[self.stream.entity])
        name = b"\x04" + (self.stream.buffer.base_name + 8).to_bytes(2, "big")
        asked = [apdu for apdu in self.lab.meter.asked[asked_before:] if is_asked(apdu)]
        return [apdu[apdu.index(name) + len(name)] for apdu in asked]

    async def ask(self) -> list[int]:
        """Ask once; return how: by range, by entry, or one after the other."""
        before = len(self.lab.meter.asked)
        try:
            await self.lab.ask(self.meter, self.stream)
        finally:
            await self.lab.buffer.flush()
        return self.selectors(before)

    async def assert_coverage_is_true(self) -> set[tuple[int, int]]:
        """Whatever was captured within what counts as read is stored, and nothing twice."""
        stored = await self.lab.rows(self.stream)
        assert len(stored) == len(set(stored))
        covered = self.lab.buffer.coverage(self.stream.stream_id)
        read = {row for row in self.truth.rows if covered.covers(row[0], row[0])}
        assert read <= set(stored) <= self.truth.rows
        return set(stored)

    async def assert_all_is_stored(self) -> None:
        """Everything that was ever captured is stored, but what is too fresh to be asked for."""
        stored = await self.assert_coverage_is_true()
        assert stored == self.truth.rows


@asynccontextmanager
async def steady(
    folder: Path,
    entity: Entity = Entity.PERIODIC,
    settings: MeterSettings | None = None,
    lab_meter: LabMeter | None = None,
) -> AsyncIterator[Case]:
    """Open a lab with a meter whose clock is known, and of which all was read."""
    async with open_lab(folder, lab_meter or LabMeter(settings=settings)) as lab:
        meter = await lab.identify()
        stream = stream_of(meter, entity)
        ring = lab.meter.module.rings[entity]
        truth = Truth({(row.captured_at_s, row.occurrence) for row in ring})
        ring._observer = truth
        lab.meter.pass_s(60)
        meter.deviation_s = 0.0
        await lab.collect(meter, stream)
        case = Case(lab, meter, stream, truth)
        assert stream.place_of_newest == len(ring)
        await case.assert_all_is_stored()
        yield case


async def _gaps(lab: Lab) -> list[dict[str, object]]:
    entries = await lab.journal.newest(100)
    return [entry.body for entry in entries if entry.kind == JournalKind.DEFINITE_GAP]


@jumping
async def test_rows_behind_a_known_one_are_asked_for_by_place(tmp_path: Path) -> None:
    """ACQ-1, PLC-7: one short question each time, and every row comes."""
    async with steady(tmp_path) as case:
        for rows in (1, 8, 3, 1, 8, 8, 2):
            case.lab.meter.pass_s(rows * PERIOD_S)
            assert await case.ask() == [BY_ENTRY]
            assert case.stream.place_of_newest == len(case.ring)
            assert case.stream.progressing
            await case.assert_all_is_stored()
        newest_s = case.ring._rows[-1].captured_at_s
        assert case.stream.newest_s == case.stream.known_to_s == newest_s
        assert case.lab.buffer.coverage(case.stream.stream_id).last() == newest_s
        assert await _gaps(case.lab) == []


@jumping
async def test_more_rows_than_one_answer_carries_come_one_answer_after_the_other(
    tmp_path: Path,
) -> None:
    """ACQ-2: three hours of silence."""
    async with steady(tmp_path) as case:
        case.lab.meter.pass_s(30 * PERIOD_S)
        while case.stream.rows_waiting(case.lab.meter.now_s, PLAN):
            assert await case.ask() == [BY_ENTRY]
            await case.assert_coverage_is_true()
        await case.assert_all_is_stored()


@jumping
async def test_no_more_rows_are_asked_for_than_the_line_bears(tmp_path: Path) -> None:
    """PLC-2."""
    async with steady(tmp_path) as case:
        case.lab.meter.pass_s(6 * PERIOD_S)
        before = len(await case.lab.rows(case.stream))
        amount = Amount(rows=2, values=NAMES_MAX)
        await case.lab.collector.collect(case.meter, case.stream, amount)
        await case.lab.buffer.flush()
        assert len(await case.lab.rows(case.stream)) == before + 2
        await case.assert_coverage_is_true()


@jumping
async def test_daily_rows_too(tmp_path: Path) -> None:
    """ACQ-1: one a day, each by its place, over weeks."""
    async with steady(tmp_path, Entity.DAILY) as case:
        selectors = []
        for _ in range(20):
            case.lab.meter.pass_s(86_400)
            selectors += await case.ask()
            await case.assert_all_is_stored()
        assert len(selectors) == 20
        assert selectors.count(BY_RANGE) <= 3
        assert case.stream.place_of_newest == len(case.ring)


@jumping
async def test_where_nights_are_longer_or_shorter_daily_rows_come_all_the_same(
    tmp_path: Path,
) -> None:
    """ACQ-1: local midnights of a whole year, 23 to 25 hours apart."""
    settings = MeterSettings(periodic_period_s=86_400, slave_period_s=86_400)
    async with steady(tmp_path, Entity.DAILY, settings) as case:
        for _ in range(40):
            case.lab.meter.pass_s(9.25 * 86_400)
            for _ in range(3):
                await case.ask()
        await case.assert_all_is_stored()
        assert await _gaps(case.lab) == []


@jumping
async def test_a_full_ring_pushes_places_down(tmp_path: Path) -> None:
    """ACQ-1: as many as came in; each question is by place, and nothing is missed."""
    depth = BUFFER_ROWS_MAX[Entity.PERIODIC]
    settings = MeterSettings(periodic_history_rows=depth - 5)
    async with open_lab(tmp_path, LabMeter(settings=settings)) as lab:
        meter = await lab.identify()
        stream = stream_of(meter, Entity.PERIODIC)
        ring = lab.meter.module.rings[Entity.PERIODIC]
        lab.meter.pass_s(60)
        meter.deviation_s = 0.0
        # All but the last rows came home long ago.
        known_s = ring._rows[-4].captured_at_s
        lab.buffer.add(stream.stream_id, [], (0, known_s))
        stream.newest_s = stream.known_to_s = known_s
        truth = Truth({(row.captured_at_s, row.occurrence) for row in list(ring)[-3:]})
        ring._observer = truth
        case = Case(lab, meter, stream, truth)
        assert await case.ask() == [BY_RANGE]
        assert stream.place_of_newest == len(ring) == depth - 5
        for rows in (3, 1, 4, 8, 8, 1):
            lab.meter.pass_s(rows * PERIOD_S)
            assert await case.ask() == [BY_ENTRY]
            assert stream.place_of_newest == len(ring)
            await case.assert_all_is_stored()
        assert len(ring) == depth
        lab.meter.pass_s(30 * PERIOD_S)  # more than one answer carries
        while stream.rows_waiting(lab.meter.now_s, PLAN):
            assert await case.ask() == [BY_ENTRY]
        await case.assert_all_is_stored()


@jumping
async def test_a_ring_that_is_smaller_than_others_is_read_by_time_once_it_is_full(
    tmp_path: Path,
) -> None:
    """ACQ-1: places do not move down as they are thought to; no row is lost by it."""
    async with steady(tmp_path) as case:
        case.ring.depth = len(case.ring) + 2
        for _ in range(6):
            case.lab.meter.pass_s(3 * PERIOD_S)
            assert await case.ask() in ([BY_ENTRY], [BY_ENTRY, BY_RANGE])
            await case.assert_all_is_stored()
        assert await _gaps(case.lab) == []


@pytest.mark.parametrize("off_by", [-60, -5, -1, 1, 2, 500])
@jumping
async def test_a_row_more_or_less_than_expected(tmp_path: Path, off_by: int) -> None:
    """ACQ-3: what comes does not follow, or nothing comes: all is asked for by time at once."""
    async with steady(tmp_path) as case:
        assert case.stream.place_of_newest is not None
        case.lab.meter.pass_s(4 * PERIOD_S)
        case.stream.place_of_newest += off_by
        if case.stream.place_of_newest > 0:
            assert await case.ask() == [BY_ENTRY, BY_RANGE]
        else:
            assert await case.ask() == [BY_RANGE]
        assert case.stream.place_of_newest == len(case.ring)
        await case.assert_all_is_stored()
        case.lab.meter.pass_s(PERIOD_S)
        assert await case.ask() == [BY_ENTRY]
        await case.assert_all_is_stored()


@pytest.mark.parametrize("outage_s", [300, 3 * PERIOD_S, 30 * PERIOD_S])
@jumping
async def test_a_power_failure_in_between(tmp_path: Path, outage_s: int) -> None:
    """ACQ-3: the row behind it says so, so by its place it is not believed; gaps are told."""
    async with steady(tmp_path) as case:
        module = case.lab.meter.module
        case.lab.meter.pass_s(PERIOD_S + 400)
        module.power_off(case.lab.meter.now_s)
        case.lab.meter.pass_s(outage_s)
        module.power_on(case.lab.meter.now_s)
        case.lab.meter.pass_s(3 * PERIOD_S)
        missing = (outage_s + 400) // PERIOD_S
        asked = [selector for _ in range(6) for selector in await case.ask()]
        assert asked[:2] == [BY_ENTRY, BY_RANGE]
        await case.assert_all_is_stored()
        gaps = await _gaps(case.lab)
        assert [gap["rows"] for gap in gaps] == ([missing] if missing else [])
        case.lab.meter.pass_s(2 * PERIOD_S)
        assert (await case.ask())[-1] == BY_ENTRY
        await case.assert_all_is_stored()


@pytest.mark.parametrize("shift_s", [-5000, -1000, 1000, 5000, -86_400, 86_400])
@jumping
async def test_a_clock_that_was_set_in_between(tmp_path: Path, shift_s: int) -> None:
    """ADR 9: what is captured a second time is read once the shift is noticed, and no row later."""
    async with steady(tmp_path) as case:
        lab, module = case.lab, case.lab.meter.module
        log = stream_of(case.meter, Entity.STANDARD_EVENTS)
        log.asked_at_s = lab.meter.now_s - 60
        lab.meter.pass_s(2 * PERIOD_S)
        module.set_clock(lab.meter.now_s + shift_s, lab.meter.now_s)
        lab.meter.pass_s(3 * PERIOD_S + 60)
        await case.ask()
        stored = set(await lab.rows(case.stream))
        assert stored <= case.truth.rows
        assert len(stored) == len(await lab.rows(case.stream))
        # Somebody samples the clock by and by, as gateway.meters.timekeeper does.
        case.meter.deviation_s = float(shift_s)
        if shift_s < 0:
            from_s = int(lab.meter.now_s) - 5 * PERIOD_S + shift_s
            await lab.book.doubt_after([case.stream.stream_id], from_s)
            case.stream.reads_again(from_s, int(lab.meter.now_s))
        await lab.collect(case.meter, case.stream)
        await case.assert_all_is_stored()
        lab.meter.pass_s(2 * PERIOD_S)
        await lab.collect(case.meter, case.stream)
        await case.assert_all_is_stored()


@pytest.mark.parametrize("back_s", [15, 2000, 20_000])
@jumping
async def test_a_clock_set_back_and_right_again_before_anybody_saw_it(
    tmp_path: Path, back_s: int
) -> None:
    """ADR 9: by a broadcast, say. A row at an unexpected place says so, and what stands at times
    long read is read again, events as well."""
    async with steady(tmp_path) as case:
        lab, module = case.lab, case.lab.meter.module
        log = stream_of(case.meter, Entity.STANDARD_EVENTS)
        lab.meter.pass_s(600)
        await lab.collect(case.meter, log)
        module.set_clock(lab.meter.now_s - back_s, lab.meter.now_s)
        lab.meter.pass_s(2 * PERIOD_S)
        module.set_clock(lab.meter.now_s, lab.meter.now_s)
        lab.meter.pass_s(2 * PERIOD_S)
        await case.ask()
        assert log.hurried
        await lab.collect(case.meter, log)
        for _ in range(10):
            await case.ask()
        await case.assert_all_is_stored()
        events = {(row.captured_at_s, row.occurrence) for row in module.rings[log.entity]}
        assert set(await lab.rows(log)) == events


@jumping
async def test_what_told_long_ago_of_a_clock_that_was_set_has_nothing_read_again(
    tmp_path: Path,
) -> None:
    """PLC-7: history of a meter that is met for the first time."""
    lab_meter = LabMeter()
    module = lab_meter.module
    module.set_clock(lab_meter.now_s - 3000, lab_meter.now_s)
    lab_meter.pass_s(2 * PERIOD_S)
    module.set_clock(lab_meter.now_s, lab_meter.now_s)
    lab_meter.pass_s(10 * 86_400)
    async with open_lab(tmp_path, lab_meter) as lab:
        meter = await lab.identify()
        await lab.collect(meter, stream_of(meter, Entity.STANDARD_EVENTS))
        stream = stream_of(meter, Entity.PERIODIC)
        before = len(lab_meter.asked)
        await lab.collect(meter, stream, times=300)
        rows = len(module.rings[Entity.PERIODIC])
        assert len(await lab.rows(stream)) == rows
        assert len(lab_meter.asked) - before <= rows / 6 + 20


@pytest.mark.parametrize("is_noticed", [True, False])
@pytest.mark.parametrize("ahead_s", [1000, 5000, 80_000, 300_000])
@jumping
async def test_rows_of_a_clock_that_was_ahead_are_not_hidden(
    tmp_path: Path, ahead_s: int, *, is_noticed: bool
) -> None:
    """ADR 9: they lie in the ring before those that are captured when their time has come.

    Whether or not anybody has sampled the clock while it was ahead.
    """
    async with steady(tmp_path) as case:
        lab, module = case.lab, case.lab.meter.module
        lab.meter.pass_s(2 * PERIOD_S)
        await lab.collect(case.meter, case.stream)
        module.set_clock(lab.meter.now_s + ahead_s, lab.meter.now_s)
        lab.meter.pass_s(2 * PERIOD_S)
        module.set_clock(lab.meter.now_s, lab.meter.now_s)
        if is_noticed:
            from_s = int(lab.meter.now_s) - 3 * PERIOD_S
            await lab.book.doubt_after([case.stream.stream_id], from_s)
            case.stream.reads_again(from_s, int(lab.meter.now_s))
        for _ in range((ahead_s + 4 * PERIOD_S) // (4 * PERIOD_S) + 2):
            lab.meter.pass_s(4 * PERIOD_S)
            await case.ask()
        await case.assert_all_is_stored()


@jumping
async def test_rows_ahead_of_their_time_are_not_read_over_and_over(tmp_path: Path) -> None:
    """PLC-7: once they are seen, and once more when their time has come."""
    async with steady(tmp_path) as case:
        lab, module = case.lab, case.lab.meter.module
        module.set_clock(lab.meter.now_s + 40 * PERIOD_S, lab.meter.now_s)
        lab.meter.pass_s(8 * PERIOD_S)
        module.set_clock(lab.meter.now_s, lab.meter.now_s)
        rows_given = []
        for _ in range(70):
            lab.meter.pass_s(PERIOD_S)
            lab.meter.moment.rows_given = 0
            await case.ask()
            rows_given.append(lab.meter.moment.rows_given)
        assert sum(rows_given) <= 70 + 4 * 8
        await case.assert_all_is_stored()
        assert await case.ask() in ([], [BY_RANGE], [BY_ENTRY])


@jumping
async def test_what_lies_ahead_is_looked_for_once_a_day(tmp_path: Path) -> None:
    """PLC-7: one question by time, and all others by place."""
    async with steady(tmp_path) as case:
        selectors = []
        for _ in range(3 * 24):
            case.lab.meter.pass_s(4 * PERIOD_S)
            selectors += await case.ask()
        assert 2 <= selectors.count(BY_RANGE) <= 3
        assert len(selectors) == 3 * 24
        await case.assert_all_is_stored()


@jumping
async def test_a_late_answer_is_not_taken_for_the_rows_asked_for(tmp_path: Path) -> None:
    """INV-3: replies carry no number; the answer to the question before comes a second time."""
    async with steady(tmp_path) as case:
        given: list[bytes] = []
        by_entry = _by_entry(case)

        def one_behind(apdu: bytes, answer: bytes) -> bytes:
            if not by_entry(apdu):
                return answer
            given.append(answer)
            return given[-2] if len(given) > 1 else answer

        case.lab.meter.change = one_behind
        for _ in range(4):
            case.lab.meter.pass_s(2 * PERIOD_S)
            assert await case.ask() in ([BY_ENTRY], [BY_ENTRY, BY_RANGE])
            await case.assert_all_is_stored()
        assert len(given) > 2


@jumping
async def test_rows_of_another_buffer_are_not_taken(tmp_path: Path) -> None:
    """INV-3: as many values do not make them the rows asked for; and other values do not either."""
    async with steady(tmp_path) as case:
        daily = stream_of(case.meter, Entity.DAILY)
        await case.lab.collect(case.meter, daily)
        by_entry = _by_entry(case)
        foreign: list[bytes] = []

        def foreign_rows(apdu: bytes, answer: bytes) -> bytes:
            return foreign[0] if by_entry(apdu) else answer

        def keep(apdu: bytes, answer: bytes) -> bytes:
            del apdu
            foreign.append(answer)
            return answer

        case.lab.meter.change = keep
        case.lab.meter.pass_s(86_400)
        await case.lab.ask(case.meter, daily)
        case.lab.meter.change = foreign_rows
        while case.stream.rows_waiting(case.lab.meter.now_s, PLAN):
            assert (await case.ask())[-1] == BY_RANGE
        await case.assert_all_is_stored()


@pytest.mark.parametrize(
    "refusal", [bytes.fromhex("0c010103"), bytes.fromhex("0e060203")], ids=["access", "service"]
)
@jumping
async def test_a_meter_that_gives_no_rows_by_place_is_not_asked_so_again(
    tmp_path: Path, refusal: bytes
) -> None:
    """ACQ-1: all comes by time, and the refusal costs one question."""
    async with steady(tmp_path) as case:
        by_entry = _by_entry(case)
        case.lab.meter.change = lambda apdu, answer: refusal if by_entry(apdu) else answer
        selectors = []
        for _ in range(4):
            case.lab.meter.pass_s(3 * PERIOD_S)
            selectors.append(await case.ask())
            await case.assert_all_is_stored()
        assert selectors == [[BY_ENTRY, BY_RANGE], [BY_RANGE], [BY_RANGE], [BY_RANGE]]
        assert case.stream.refusals_in_a_row == 0


@jumping
async def test_nonsense_in_place_of_rows_is_asked_for_by_time(tmp_path: Path) -> None:
    """ACQ-1: and nonsense there is told, and nothing counts as read."""
    async with steady(tmp_path) as case:
        by_entry = _by_entry(case)
        case.lab.meter.change = lambda apdu, answer: answer[:-3] if by_entry(apdu) else answer
        case.lab.meter.pass_s(3 * PERIOD_S)
        assert await case.ask() == [BY_ENTRY, BY_RANGE]
        await case.assert_all_is_stored()
        case.lab.meter.change = lambda _, answer: answer[:-3]
        case.lab.meter.pass_s(3 * PERIOD_S)
        with pytest.raises(MalformedFrame):
            await case.ask()
        await case.assert_coverage_is_true()


@jumping
async def test_an_answer_is_awaited_as_long_as_its_rows_take(tmp_path: Path) -> None:
    """PLC-2: rows may be longer than columns let expect; a time-out for shorter ones is silence.

    The lab's meter is asked with the length that is awaited, and gives nothing longer.
    """
    async with steady(tmp_path) as case:
        case.stream.buffer = replace(case.stream.buffer, row_octets=20)
        case.stream.place_of_newest = None
        case.lab.meter.pass_s(2 * PERIOD_S)
        assert await case.ask() == [BY_RANGE]
        true_octets = case.stream.buffer.row_octets
        assert true_octets is not None
        assert true_octets > 20
        case.lab.meter.pass_s(3 * PERIOD_S)
        assert await case.ask() == [BY_ENTRY]
        await case.assert_all_is_stored()


@jumping
async def test_after_a_restart_the_place_is_learnt_anew(tmp_path: Path) -> None:
    """ACQ-1: what the disk does not say is asked for, with the first rows by time."""
    meter = LabMeter()
    async with steady(tmp_path, lab_meter=meter) as case:
        truth = case.truth
    async with open_lab(tmp_path, meter) as lab:
        (resumed,) = lab.book.meters.values()
        meter.associate()
        resumed.deviation_s = 0.0
        stream = stream_of(resumed, Entity.PERIODIC)
        assert stream.place_of_newest is None
        case = Case(lab, resumed, stream, truth)
        selectors = []
        for _ in range(3):
            meter.pass_s(2 * PERIOD_S)
            selectors.append(await case.ask())
            await case.assert_all_is_stored()
        assert selectors == [[BY_RANGE], [BY_ENTRY], [BY_ENTRY]]


SHORT = Amount(rows=2, values=4)
"""What is asked for at once on a bad line."""


async def _ask_shortly(case: Case) -> list[int]:
    before = len(case.lab.meter.asked)
    await case.lab.collector.collect(case.meter, case.stream, SHORT)
    await case.lab.buffer.flush()
    return case.selectors(before)


@asynccontextmanager
async def restarted(folder: Path, meanwhile: Callable[[LabMeter], None]) -> AsyncIterator[Case]:
    """Open the lab again after the daemon was down, and something has happened meanwhile."""
    meter = LabMeter()
    async with steady(folder, lab_meter=meter) as case:
        truth = case.truth
    meanwhile(meter)
    async with open_lab(folder, meter) as lab:
        (resumed,) = lab.book.meters.values()
        meter.associate()
        resumed.deviation_s = 0.0
        yield Case(lab, resumed, stream_of(resumed, Entity.PERIODIC), truth)


@jumping
async def test_on_a_bad_line_a_place_is_guessed_and_seen_to_be_right(tmp_path: Path) -> None:
    """PLC-2: from how many rows there are; three short questions in place of a long one."""
    async with restarted(tmp_path, lambda meter: meter.pass_s(5 * PERIOD_S)) as case:
        assert await _ask_shortly(case) == [BY_ENTRY, BY_ENTRY]
        assert [await _ask_shortly(case) for _ in range(2)] == [[BY_ENTRY], [BY_ENTRY]]
        await case.assert_all_is_stored()
        assert case.stream.place_of_newest == len(case.ring)


def _outage(meter: LabMeter) -> None:
    meter.pass_s(2 * PERIOD_S)
    meter.module.power_off(meter.now_s)
    meter.pass_s(4 * PERIOD_S)
    meter.module.power_on(meter.now_s)
    meter.pass_s(3 * PERIOD_S)


def _clock_ahead(meter: LabMeter) -> None:
    meter.pass_s(PERIOD_S)
    meter.module.set_clock(meter.now_s + 10 * PERIOD_S, meter.now_s)
    meter.pass_s(2 * PERIOD_S)
    meter.module.set_clock(meter.now_s, meter.now_s)
    meter.pass_s(3 * PERIOD_S)


@pytest.mark.parametrize("meanwhile", [_outage, _clock_ahead])
@jumping
async def test_a_place_that_was_guessed_wrong_hides_nothing(
    tmp_path: Path, meanwhile: Callable[[LabMeter], None]
) -> None:
    """ACQ-3, ADR 9: there are more rows than those on time, or less: all comes by time."""
    async with restarted(tmp_path, meanwhile) as case:
        assert (await _ask_shortly(case))[-1] == BY_RANGE
        for _ in range(16):
            case.lab.meter.pass_s(PERIOD_S)
            for _ in range(3):
                await _ask_shortly(case)
        await case.assert_all_is_stored()


@jumping
async def test_a_guess_that_was_wrong_is_not_made_with_each_question(tmp_path: Path) -> None:
    """PLC-7."""
    async with restarted(tmp_path, _outage) as case:
        case.stream.newest_s = (case.stream.newest_s or 0) + 1  # no row has this time
        asked = len(case.lab.meter.asked)
        for _ in range(4):
            case.lab.meter.pass_s(60)
            await _ask_shortly(case)
        by_entry = _by_entry(case)
        assert sum(by_entry(apdu) for apdu in case.lab.meter.asked[asked:]) <= 1


@jumping
async def test_on_a_bad_line_a_ring_is_read_from_its_first_place_on(tmp_path: Path) -> None:
    """PLC-2, ACQ-2: history without one question by time."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        stream = stream_of(meter, Entity.PERIODIC)
        ring = lab.meter.module.rings[Entity.PERIODIC]
        truth = Truth({(row.captured_at_s, row.occurrence) for row in ring})
        ring._observer = truth
        lab.meter.pass_s(60)
        meter.deviation_s = 0.0
        case = Case(lab, meter, stream, truth)
        selectors: list[int] = []
        while len(selectors) < 2 or stream.rows_waiting(lab.meter.now_s, PLAN):
            selectors += await _ask_shortly(case)
            await case.assert_coverage_is_true()
        assert set(selectors) == {BY_ENTRY}
        assert len(selectors) <= len(ring) / SHORT.rows + 2
        await case.assert_all_is_stored()


def _by_entry(case: Case) -> Callable[[bytes], bool]:
    """Return whether an APDU asks for rows of the case's stream by their place."""
    name = b"\x04" + (case.stream.buffer.base_name + 8).to_bytes(2, "big")
    return lambda apdu: name + bytes([BY_ENTRY]) in apdu
