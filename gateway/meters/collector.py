"""Read the next part of one buffer and hand its rows to the store [ACQ-1..4]."""

import logging
import math
from collections.abc import Sequence
from typing import Final

from drivers.dlms.companion import CLOCK, Entity
from drivers.dlms.conversations import (
    read_first_entry_and_count,
    read_profile_range,
    read_range_with_clock,
)
from drivers.dlms.cosem_objects import attribute_name
from drivers.dlms.profile_rows import ProfileRow
from drivers.errors import MalformedFrame
from gateway.core.clock import Clock
from gateway.meters.meter_access import MeterAccess
from gateway.meters.meter_kind import VALUE
from gateway.meters.meter_state import MeterState
from gateway.meters.plc_segment import Priority
from gateway.meters.stream_plan import (
    FIRST_LOOK_BACK_S,
    GUARD_S,
    PlanSettings,
    RangeAsked,
    StreamState,
    covered_until,
    next_range,
    widen_or_narrow,
)
from gateway.meters.timekeeper import Timekeeper
from gateway.store.reading_buffer import ReadingBuffer

_LOG = logging.getLogger(__name__)

_PRIORITY: Final = {Entity.DAILY: Priority.BILLING}


class Collector:
    """Asks buffers for what is missing."""

    def __init__(
        self,
        access: MeterAccess,
        buffer: ReadingBuffer,
        timekeeper: Timekeeper,
        clock: Clock,
        settings: PlanSettings,
    ) -> None:
        self._access = access
        self._buffer = buffer
        self._timekeeper = timekeeper
        self._clock = clock
        self._settings = settings

    async def collect(self, meter: MeterState, stream: StreamState) -> None:
        """Ask one question and store what came.

        Raises:
            PeerError: the meter was silent, refused or answered nonsense; nothing was stored.
            HalError: the modem failed.
        """
        if stream.period_s == 0:
            await self._collect_events(meter, stream)
        elif not self._buffer.coverage(stream.stream_id):
            await self._collect_first(meter, stream)
        else:
            await self._collect_rows(meter, stream)
        stream.asked_at_s = self._clock.now_s()

    async def _collect_first(self, meter: MeterState, stream: StreamState) -> None:
        base = stream.buffer.base_name
        answered = await self._access.converse(
            meter.link, lambda: read_first_entry_and_count(base), _priority(stream)
        )
        _count, first_row = answered.result
        stream.progressing = first_row is not None
        if first_row is None:
            return
        now_s = self._clock.now_s()
        floor_s = max(
            first_row[0] - FIRST_LOOK_BACK_S, math.floor(now_s - self._settings.history_s)
        )
        span_s = stream.period_s * stream.rows_per_answer(self._settings)
        first_s = max(first_row[0], floor_s)
        await self._ask(meter, stream, RangeAsked(from_s=floor_s, to_s=first_s + span_s - 1))

    async def _collect_rows(self, meter: MeterState, stream: StreamState) -> None:
        asked = next_range(
            stream,
            self._buffer.coverage(stream.stream_id),
            meter.present_s(self._clock.now_s()),
            self._settings,
        )
        if asked is None:
            stream.progressing = False
            return
        await self._ask(meter, stream, asked)

    async def _ask(self, meter: MeterState, stream: StreamState, asked: RangeAsked) -> None:
        name = attribute_name(stream.buffer.base_name, VALUE)
        answered = await self._access.converse(
            meter.link,
            lambda: read_profile_range(name, CLOCK, asked.from_s, asked.to_s),
            _priority(stream),
        )
        rows = answered.result
        _check(stream, asked, rows)
        newest_s = max((row[0] for row in rows), default=None)
        present_s = meter.present_s(self._clock.now_s())
        until_s = covered_until(stream, asked, newest_s, present_s, self._settings)
        self._store(stream, rows, asked.from_s, until_s)
        stream.progressing = bool(rows) or until_s >= asked.from_s
        widen_or_narrow(stream, empty=not rows)

    async def _collect_events(self, meter: MeterState, stream: StreamState) -> None:
        clock_name = meter.kind.clock_time_name()
        if clock_name is None:
            raise MalformedFrame("the object list names no clock")
        now_s = self._clock.now_s()
        asked = self._events_range(stream, meter.present_s(now_s))
        name = attribute_name(stream.buffer.base_name, VALUE)
        answered = await self._access.converse(
            meter.link,
            lambda: read_range_with_clock(clock_name, name, asked.from_s, asked.to_s),
            _priority(stream),
        )
        meter_time, rows = answered.result
        _check(stream, asked, rows)
        deviation_s = await self._timekeeper.sample(meter, meter_time, answered)
        if deviation_s is None:
            until_s = asked.from_s - 1  # a meter without a time: nothing is certain yet
        else:
            present_s = math.floor(now_s + deviation_s)
            until_s = min(asked.to_s, present_s - GUARD_S)
        self._store(stream, rows, asked.from_s, until_s)
        stream.progressing = True

    def _events_range(self, stream: StreamState, present_s: float) -> RangeAsked:
        oldest_s = math.floor(self._clock.now_s() - self._settings.history_s)
        to_s = max(math.floor(present_s), oldest_s)
        coverage = self._buffer.coverage(stream.stream_id)
        first_s = coverage.first()
        holes = coverage.holes(oldest_s if first_s is None else first_s, to_s)
        return RangeAsked(from_s=holes[0][0] if holes else to_s, to_s=to_s)

    def _store(
        self, stream: StreamState, rows: Sequence[ProfileRow], from_s: int, until_s: int
    ) -> None:
        covered = (from_s, until_s) if until_s >= from_s else None
        inside = [row for row in rows if row[0] <= until_s]
        beyond = [row for row in rows if row[0] > until_s]
        if inside or covered is not None:
            self._buffer.add(stream.stream_id, inside, covered)
        if beyond:
            self._buffer.add(stream.stream_id, beyond, None)
        if inside:
            newest_s = max(row[0] for row in inside)
            stream.newest_s = max(newest_s, stream.newest_s or newest_s)


def _priority(stream: StreamState) -> Priority:
    return _PRIORITY.get(stream.entity, Priority.PROFILE)


def _check(stream: StreamState, asked: RangeAsked, rows: Sequence[ProfileRow]) -> None:
    # Replies carry no number. What does not fit the question is the answer to another one.
    width = len(stream.buffer.columns)
    for row in rows:
        if not asked.from_s <= row[0] <= asked.to_s:
            raise MalformedFrame(f"a row outside the range asked for ({stream.entity})")
        if len(row[3]) != width:
            raise MalformedFrame(f"a row of {len(row[3])} values, not {width} ({stream.entity})")
