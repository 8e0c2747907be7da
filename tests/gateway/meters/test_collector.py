"""Rows from one meter into the store: complete, once, and what is missing is told."""

from pathlib import Path

import pytest

from drivers.dlms.axdr import Data
from drivers.dlms.companion import PERIODIC_PROFILE, Entity, StandardEvent
from drivers.dlms.date_time import CosemDateTime
from drivers.errors import MalformedFrame
from gateway.meters.stream_plan import due_at_s
from gateway.store.journal import JournalKind
from tests.gateway.core.jumping_loop import jumping
from tests.gateway.meters.meter_lab import PLAN, Lab, LabMeter, open_lab, stream_of
from tests.gateway.meters.odd_meters import asks_for
from tests.gateway.meters.virtual_rig import START_S


def _held(lab: Lab, entity: Entity) -> list[int]:
    return [row.captured_at_s for row in lab.meter.module.rings[entity]]


async def _gaps(lab: Lab) -> list[dict[str, object]]:
    entries = await lab.journal.newest(100)
    return [entry.body for entry in entries if entry.kind == JournalKind.DEFINITE_GAP]


@jumping
async def test_a_whole_ring_comes_home(tmp_path: Path) -> None:
    """ACQ-1, ACQ-2: history first, then what arises; nothing twice."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        for entity in (Entity.PERIODIC, Entity.DAILY):
            stream = stream_of(meter, entity)
            meter.deviation_s = 0.0
            await lab.collect(meter, stream)
            assert [time for time, _ in await lab.rows(stream)] == _held(lab, entity)
        lab.meter.pass_s(3 * 3600)
        stream = stream_of(meter, Entity.PERIODIC)
        await lab.collect(meter, stream)
        times = [time for time, _ in await lab.rows(stream)]
        assert times == sorted(set(_held(lab, Entity.PERIODIC)))
        assert await _gaps(lab) == []


@jumping
async def test_a_ring_without_rows_is_left_alone(tmp_path: Path) -> None:
    """PLC-7: one question, then a rest; later its first row is found."""
    async with open_lab(tmp_path) as lab:
        lab.meter.module.rings[Entity.PERIODIC]._rows.clear()
        meter = await lab.identify()
        stream = stream_of(meter, Entity.PERIODIC)
        await lab.collect(meter, stream)
        assert not stream.progressing
        lab.meter.pass_s(900 * 4)
        meter.deviation_s = 0.0
        stream.progressing = True
        await lab.collect(meter, stream)
        assert [time for time, _ in await lab.rows(stream)] == _held(lab, Entity.PERIODIC)


@jumping
async def test_a_profile_that_stopped_is_not_asked_over_and_over(tmp_path: Path) -> None:
    """PLC-7: each second a little more of it is known to be empty; that is no progress."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        meter.deviation_s = 0.0
        stream = stream_of(meter, Entity.PERIODIC)
        await lab.collect(meter, stream)
        lab.meter.module.stop_capture(lab.meter.now_s)
        lab.meter.pass_s(5000)
        await lab.collect(meter, stream)
        for _ in range(3):
            lab.meter.pass_s(2)
            await lab.ask(meter, stream)
            assert not stream.progressing


@pytest.mark.parametrize("has_rows", [True, False])
@jumping
async def test_a_hurried_buffer_with_nothing_new_is_asked_once(
    tmp_path: Path, *, has_rows: bool
) -> None:
    """PLC-7: or its turn would be due over and over, for ever."""
    async with open_lab(tmp_path) as lab:
        if not has_rows:
            lab.meter.module.rings[Entity.PERIODIC]._rows.clear()
        meter = await lab.identify()
        meter.deviation_s = 0.0
        stream = stream_of(meter, Entity.PERIODIC)
        await lab.collect(meter, stream)
        for passed_s in (0, 2, 20):
            lab.meter.pass_s(passed_s)
            stream.hurried = True
            await lab.ask(meter, stream)
            assert not stream.hurried
            coverage = lab.buffer.coverage(stream.stream_id)
            assert due_at_s(stream, coverage, PLAN) > lab.meter.now_s


@jumping
async def test_a_meter_whose_time_is_unknown_may_be_behind(tmp_path: Path) -> None:
    """ADR 9: what looks empty may fill yet, so nothing beyond its newest row is believed."""
    async with open_lab(tmp_path) as lab:
        lab.meter.module.clock.offset_s = -7200.0
        lab.meter.module.begin(START_S)
        meter = await lab.identify()
        assert meter.deviation_s is None
        stream = stream_of(meter, Entity.PERIODIC)
        await lab.collect(meter, stream)
        lab.meter.pass_s(3600)
        await lab.collect(meter, stream)
        assert {time for time, _ in await lab.rows(stream)} == set(_held(lab, Entity.PERIODIC))


@jumping
async def test_an_outage_is_told_once_as_a_definite_gap(tmp_path: Path) -> None:
    """ACQ-3: what was not captured; and not again when it is read again after a doubt."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        meter.deviation_s = 0.0
        stream = stream_of(meter, Entity.PERIODIC)
        await lab.collect(meter, stream)
        last_s = _held(lab, Entity.PERIODIC)[-1]
        lab.meter.module.power_off(lab.meter.now_s)
        lab.meter.pass_s(10 * 900)
        lab.meter.module.power_on(lab.meter.now_s)
        lab.meter.pass_s(2 * 900)
        await lab.collect(meter, stream)
        first_s = next(time for time in _held(lab, Entity.PERIODIC) if time > last_s)
        (gap,) = await _gaps(lab)
        assert (gap["stream"], gap["from_s"]) == ("periodic", last_s + 900)
        assert (gap["to_s"], gap["rows"]) == (first_s - 900, (first_s - last_s) // 900 - 1)
        await lab.book.doubt_after([stream.stream_id], last_s - 5000)
        stream.reads_again(last_s - 5000, int(lab.meter.now_s))
        await lab.collect(meter, stream)
        assert len(await _gaps(lab)) == 1
        assert len(await lab.rows(stream)) == len(_held(lab, Entity.PERIODIC))


@jumping
async def test_what_a_ring_lost_is_told_after_a_restart(tmp_path: Path) -> None:
    """ACQ-3: the gap lies between the store's last row and the ring's first one."""
    lab_meter = LabMeter()
    async with open_lab(tmp_path, lab_meter) as lab:
        meter = await lab.identify()
        meter.deviation_s = 0.0
        await lab.collect(meter, stream_of(meter, Entity.PERIODIC))
        last_s = _held(lab, Entity.PERIODIC)[-1]
    lab_meter.pass_s(2200 * 900)
    async with open_lab(tmp_path, lab_meter) as lab:
        (meter,) = lab.book.meters.values()
        lab_meter.associate()
        meter.deviation_s = 0.0
        stream = stream_of(meter, Entity.PERIODIC)
        await lab.collect(meter, stream, times=400)
        held = _held(lab, Entity.PERIODIC)
        assert len(held) == 2160
        assert {time for time, _ in await lab.rows(stream)} >= set(held)
        (gap,) = await _gaps(lab)
        assert (gap["from_s"], gap["to_s"]) == (last_s + 900, held[0] - 900)
        longest = max(len(apdu) for apdu in lab_meter.asked)
        assert longest < 100


@jumping
async def test_another_ones_rows_are_not_taken(tmp_path: Path) -> None:
    """INV-3: replies carry no number; rows outside the question are another question's."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        meter.deviation_s = 0.0
        stream = stream_of(meter, Entity.PERIODIC)
        is_periodic = asks_for(lab.meter.module, PERIODIC_PROFILE)
        await lab.ask(meter, stream)
        late: list[bytes] = []

        def answer_of_the_one_before(apdu: bytes, answer: bytes) -> bytes:
            if not is_periodic(apdu):
                return answer
            late.append(answer)
            return late[-2] if len(late) > 1 else answer

        lab.meter.change = answer_of_the_one_before
        await lab.ask(meter, stream)
        with pytest.raises(MalformedFrame, match="outside the range"):
            await lab.ask(meter, stream)
        lab.meter.change = lambda _, answer: answer
        await lab.collect(meter, stream)
        assert [time for time, _ in await lab.rows(stream)] == _held(lab, Entity.PERIODIC)


@jumping
async def test_rows_that_the_store_cannot_hold_are_the_meters_fault(tmp_path: Path) -> None:
    """ACQ-1: a status beyond 63 bits must not end the daemon."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        meter.deviation_s = 0.0
        stream = stream_of(meter, Entity.PERIODIC)
        now = int(START_S) - 900
        clock = bytes.fromhex("090c07ea0b14050b2d0000000000")
        columns = len(stream.buffer.columns)
        row = b"\x02" + bytes([2 + columns]) + clock + b"\x15" + b"\xff" * 8
        row += b"\x06\0\0\0\1" * columns
        lab.meter.change = lambda apdu, answer: (
            b"\x0c\x01\x00\x01\x01" + row if apdu[0] == 0x05 else answer
        )
        stream.oldest_s = now
        with pytest.raises(MalformedFrame, match="63 bits"):
            await lab.ask(meter, stream)
        assert not lab.buffer.coverage(stream.stream_id)


@jumping
async def test_events_come_with_the_clock(tmp_path: Path) -> None:
    """ACQ-1, TIM-1: one question for all logs and the time."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        log = stream_of(meter, Entity.STANDARD_EVENTS)
        before = len(lab.meter.asked)
        await lab.collect(meter, log)
        assert lab.meter.asked[before][:2] == b"\x05\x03"
        assert meter.deviation_s is not None
        lab.meter.pass_s(10)
        lab.meter.module.log(StandardEvent.UNDERVOLTAGE_L1, lab.meter.now_s)
        lab.meter.pass_s(10)
        await lab.collect(meter, log)
        times = [time for time, _ in await lab.rows(log)]
        assert times == _held(lab, Entity.STANDARD_EVENTS)


@jumping
async def test_a_refused_log_does_not_keep_the_clock_from_being_read(tmp_path: Path) -> None:
    """TIM-1: the other log and the time are taken; the refusal is said."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        log = stream_of(meter, Entity.STANDARD_EVENTS)
        other = stream_of(meter, Entity.DISCONNECTER_EVENTS)

        def refuse_first_log(apdu: bytes, answer: bytes) -> bytes:
            if apdu[:2] != b"\x05\x03":
                return answer
            shown = Data.clock_string(CosemDateTime.from_utc(lab.meter.now_s)).encode()
            return b"\x0c\x03\x00" + shown + b"\x01\x03" + b"\x00\x01\x00"

        lab.meter.change = refuse_first_log
        await lab.collect(meter, log)
        assert meter.deviation_s is not None
        assert log.asked_at_s == other.asked_at_s == lab.meter.now_s
        assert not lab.buffer.coverage(log.stream_id)
        assert lab.buffer.coverage(other.stream_id)


@jumping
async def test_a_status_that_hints_at_an_event_brings_it_soon(tmp_path: Path) -> None:
    """ACQ-1: POWER_FAIL in a row, so the logs are read before their hour."""
    async with open_lab(tmp_path) as lab:
        meter = await lab.identify()
        log = stream_of(meter, Entity.STANDARD_EVENTS)
        stream = stream_of(meter, Entity.PERIODIC)
        await lab.collect(meter, log)
        await lab.collect(meter, stream)
        assert not log.hurried
        lab.meter.module.power_off(lab.meter.now_s)
        lab.meter.pass_s(60)
        lab.meter.module.power_on(lab.meter.now_s)
        lab.meter.pass_s(1000)
        await lab.collect(meter, stream)
        assert log.hurried
