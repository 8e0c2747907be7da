"""Read the next part of one buffer and hand its rows to the store [ACQ-1..4]."""

import logging
import math
from collections.abc import Sequence
from typing import Any, Final, Protocol

from drivers.dlms.axdr import Data
from drivers.dlms.companion import CLOCK, Entity, RowStatus
from drivers.dlms.conversations import (
    Conversation,
    by_entry,
    by_range,
    read,
    read_profile_range,
)
from drivers.dlms.cosem_objects import attribute_name
from drivers.dlms.date_time import CosemDateTime
from drivers.dlms.profile_rows import ProfileRow, decode_rows
from drivers.dlms.variable_access import ParameterizedName
from drivers.errors import MalformedFrame
from gateway.core.clock import Clock
from gateway.meters.identification import data_of
from gateway.meters.meter_access import Answered, MeterAccess
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
from gateway.store.reading_buffer import ReadingBuffer

_LOG = logging.getLogger(__name__)

_TOLD_IN_EVENTS: Final = RowStatus(0x01FF) & ~RowStatus.DST & ~RowStatus.SLAVE_UNREACHABLE
"""A status bit other than these comes with an entry in the event log."""

_PRIORITY: Final = {Entity.DAILY: Priority.BILLING}


class ClockSampler(Protocol):
    """Who looks after the meters' clocks."""

    async def sample(
        self, meter: MeterState, shown: CosemDateTime, answered: Answered[Any]
    ) -> float | None:
        """Take a meter's time; return its deviation in seconds, None for no time."""


class Collector:
    """Asks buffers for what is missing."""

    def __init__(
        self,
        access: MeterAccess,
        buffer: ReadingBuffer,
        timekeeper: ClockSampler,
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
            await self._collect_events(meter)
            return
        if not self._buffer.coverage(stream.stream_id):
            await self._collect_first(meter, stream)
        else:
            await self._collect_rows(meter, stream)
        stream.asked_at_s = self._clock.now_s()

    async def _collect_first(self, meter: MeterState, stream: StreamState) -> None:
        if stream.oldest_s is None:
            await self._find_oldest(meter)
        stream.progressing = stream.oldest_s is not None
        if stream.oldest_s is None:
            return
        now_s = self._clock.now_s()
        floor_s = math.floor(now_s - self._settings.history_s)
        from_s = max(stream.oldest_s - FIRST_LOOK_BACK_S, floor_s)
        span_s = stream.period_s * stream.rows_per_answer(self._settings)
        to_s = max(stream.oldest_s, floor_s) + span_s - 1
        await self._ask(meter, stream, RangeAsked(from_s=from_s, to_s=to_s))

    async def _find_oldest(self, meter: MeterState) -> None:
        """Read the first row of every buffer of a meter that was never read, in one question."""
        unread = [
            stream
            for stream in meter.streams
            if stream.period_s and not self._buffer.coverage(stream.stream_id)
        ]
        first_entries = [
            by_entry(attribute_name(stream.buffer.base_name, VALUE), 1, 1) for stream in unread
        ]
        answered = await self._access.converse(
            meter.link, lambda: read(first_entries), Priority.PROFILE
        )
        for stream, answer in zip(unread, answered.result, strict=True):
            rows = decode_rows(answer.encode()) if isinstance(answer, Data) else []
            stream.oldest_s = rows[0][0] if rows else None

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
        told = [row[0] for row in rows if row[2] & _TOLD_IN_EVENTS]
        if told:
            _read_events_soon(meter, max(told))
        self._store(stream, rows, asked.from_s, until_s)
        stream.progressing = bool(rows) or until_s >= asked.from_s
        widen_or_narrow(stream, empty=not rows)

    async def _collect_events(self, meter: MeterState) -> None:
        """Read all event logs of a meter and its clock in one question."""
        clock_name = meter.kind.clock_time_name()
        if clock_name is None:
            raise MalformedFrame("the object list names no clock")
        now_s = self._clock.now_s()
        logs = [stream for stream in meter.streams if stream.period_s == 0]
        asked = [self._events_range(stream, meter.present_s(now_s)) for stream in logs]
        ranges = [
            by_range(attribute_name(log.buffer.base_name, VALUE), CLOCK, part.from_s, part.to_s)
            for log, part in zip(logs, asked, strict=True)
        ]
        answered = await self._access.converse(
            meter.link, lambda: _read_clock_and_rows(clock_name, ranges), Priority.PROFILE
        )
        meter_time, contents = answered.result
        for log, part, rows in zip(logs, asked, contents, strict=True):
            _check(log, part, rows)
        deviation_s = await self._timekeeper.sample(meter, meter_time, answered)
        for log, part, rows in zip(logs, asked, contents, strict=True):
            until_s = part.from_s - 1  # a meter without a time: nothing is certain yet
            if deviation_s is not None:
                until_s = min(part.to_s, math.floor(now_s + deviation_s) - GUARD_S)
            self._store(log, rows, part.from_s, until_s)
            log.progressing, log.hurried = True, False
            log.asked_at_s = now_s

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


def _read_clock_and_rows(
    clock_name: int, ranges: Sequence[ParameterizedName]
) -> Conversation[tuple[CosemDateTime, list[list[ProfileRow]]]]:
    time, *contents = yield from read([clock_name, *ranges])
    return data_of(time).moment(), [decode_rows(data_of(rows).encode()) for rows in contents]


def _read_events_soon(meter: MeterState, happened_s: int) -> None:
    """Let event logs be read soon that were last read before something happened."""
    for stream in meter.streams:
        if stream.period_s == 0 and stream.asked_at_s is not None:
            stream.hurried = stream.hurried or stream.asked_at_s < happened_s


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
