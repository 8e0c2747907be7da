"""Read the next part of one buffer and hand its rows to the store [ACQ-1..4]."""

import logging
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from drivers.dlms.association import AssociationRejected
from drivers.dlms.axdr import Data
from drivers.dlms.companion import CLOCK, Entity, RowStatus
from drivers.dlms.conversations import (
    Conversation,
    by_entry,
    by_range,
    read,
    read_profile_entries,
    read_profile_range,
)
from drivers.dlms.cosem_objects import attribute_name
from drivers.dlms.date_time import CosemDateTime
from drivers.dlms.profile_rows import ProfileRow, decode_rows
from drivers.dlms.variable_access import ParameterizedName
from drivers.errors import MalformedFrame, ServiceRefused
from gateway.core.clock import Clock
from gateway.meters.airtime_price import rows_octets
from gateway.meters.answers import ARRAY_OCTETS, data_of, first_row
from gateway.meters.definite_gaps import gaps_after
from gateway.meters.latest import LATEST_S
from gateway.meters.meter_kind import ENTRIES_IN_USE, VALUE
from gateway.meters.meter_state import MeterState
from gateway.meters.plc_segment import Priority
from gateway.meters.stream_plan import (
    GUARD_S,
    EntriesAsked,
    PlanSettings,
    RangeAsked,
    StreamState,
    covered_until,
    first_range,
    follows,
    next_question,
    widen_or_narrow,
)
from gateway.store.errors import RowNotStorable
from gateway.store.journal import Body, Journal, JournalKind
from gateway.store.reading_buffer import ReadingBuffer

if TYPE_CHECKING:
    from gateway.meters.meter_access import Answered, MeterAccess

_LOG = logging.getLogger(__name__)

_DISTURBED: Final = RowStatus.POWER_FAIL | RowStatus.CLOCK_ADJUSTED | RowStatus.CLOCK_LOST
"""With one of these in a row, what lies between rows is asked for by time."""

CLOCK_SET_KNOWN_S: Final = 7 * 86_400.0
"""Rows older than this tell of nothing that is not long known."""

_TOLD_IN_EVENTS: Final = RowStatus(0x01FF) & ~RowStatus.DST & ~RowStatus.SLAVE_UNREACHABLE
"""A status bit other than these comes with an entry in the event log."""

_PRIORITY: Final = {Entity.DAILY: Priority.BILLING}


class ClockSampler(Protocol):
    """Who looks after the meters' clocks."""

    async def sample(
        self, meter: MeterState, shown: CosemDateTime, answered: "Answered[Any]"
    ) -> float | None:
        """Take a meter's time; return its deviation in seconds, None for no time."""


class Collector:
    """Asks buffers for what is missing."""

    def __init__(
        self,
        access: "MeterAccess",
        buffer: ReadingBuffer,
        timekeeper: ClockSampler,
        clock: Clock,
        settings: PlanSettings,
        journal: Journal,
    ) -> None:
        self._access = access
        self._buffer = buffer
        self._timekeeper = timekeeper
        self._clock = clock
        self._settings = settings
        self._journal = journal

    async def collect(self, meter: MeterState, stream: StreamState, rows_max: int) -> None:
        """Ask one question and store what came.

        Args:
            meter: whom to ask.
            stream: for which buffer.
            rows_max: more rows are not asked for at once; a log of events is read whole.

        Raises:
            PeerError: the meter was silent, refused or answered nonsense; nothing was stored.
            HalError: the modem failed.
            StoreError: nothing was stored, and nothing is counted as read.
        """
        if stream.period_s == 0:
            await self._collect_events(meter)
            return
        if not self._buffer.coverage(stream.stream_id):
            await self._collect_first(meter, stream)
        else:
            await self._collect_rows(meter, stream, rows_max)
        stream.asked_at_s = self._clock.now_s()

    async def _collect_first(self, meter: MeterState, stream: StreamState) -> None:
        if stream.oldest_s is None:
            await self._find_oldest(meter)
        if stream.oldest_s is None:
            stream.hurried = False
            stream.brought(something=False)
            return
        now_s = self._clock.now_s()
        present_s = meter.present_s(now_s)
        asked = first_range(stream, stream.oldest_s, now_s, present_s, self._settings)
        stream.oldest_s = None  # should this answer settle nothing, it is looked up again
        await self._ask_for_range(meter, stream, asked, present_s)

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
            rows = first_row(answer)[0]
            stream.oldest_s = rows[0][0] if rows else None

    async def _collect_rows(self, meter: MeterState, stream: StreamState, rows_max: int) -> None:
        present_s = meter.present_s(self._clock.now_s())
        coverage = self._buffer.coverage(stream.stream_id)
        asked = next_question(stream, coverage, present_s, self._settings, rows_max)
        if asked is None:
            stream.hurried = False
            stream.brought(something=False)
        elif isinstance(asked, RangeAsked):
            await self._ask_for_range(meter, stream, asked, present_s)
        elif not await self._ask_for_entries(meter, stream, asked):
            stream.place_of_newest = None  # by time, then
            asked = next_question(stream, coverage, present_s, self._settings, rows_max)
            assert isinstance(asked, RangeAsked)
            await self._ask_for_range(meter, stream, asked, present_s)

    async def _ask_for_entries(
        self, meter: MeterState, stream: StreamState, asked: EntriesAsked
    ) -> bool:
        """Ask for rows by their place; return False when they do not follow what is known."""
        rows = await self._read_entries(meter, stream, asked)
        self._note_statuses(meter, rows)
        await self._notice_a_clock_set(meter, stream, rows, asked.after_s)
        width = len(stream.buffer.columns)
        times = [row[0] for row in rows]
        disturbed = any(row[2] & _DISTURBED or len(row[3]) != width for row in rows)
        if disturbed or not follows(stream, asked, times):
            return False
        self._store(stream, rows, asked.after_s + 1, times[-1])
        stream.known_to_s = max(times[-1], stream.known_to_s or times[-1])
        stream.place_of_newest = asked.first + len(rows) - 1
        stream.hurried = False
        stream.brought(something=True)
        return True

    async def _read_entries(
        self, meter: MeterState, stream: StreamState, asked: EntriesAsked
    ) -> Sequence[ProfileRow]:
        """Return the rows at some places; none when the meter does not give them so."""
        name = attribute_name(stream.buffer.base_name, VALUE)
        try:
            answered = await self._access.converse(
                meter.link,
                lambda: read_profile_entries(name, asked.first, asked.last),
                _priority(stream),
                answer_octets_max=rows_octets(asked.rows, stream.row_octets),
            )
        except AssociationRejected:
            raise
        except ServiceRefused:
            stream.gives_by_place = False
            return ()
        except MalformedFrame:
            return ()
        return answered.result

    async def _ask_for_range(
        self, meter: MeterState, stream: StreamState, asked: RangeAsked, present_s: float
    ) -> None:
        # The present is that of the question: our own clock may be set before the answer comes.
        place, rows = await self._read_range(meter, stream, asked)
        _check(stream, asked, rows)
        newest_s = max((row[0] for row in rows), default=None)
        if meter.deviation_s is None:  # its clock may be behind: what is empty may fill yet
            until_s = asked.from_s - 1 if newest_s is None else min(newest_s, math.floor(present_s))
        else:
            until_s = covered_until(stream, asked.to_s, newest_s, present_s, self._settings)
        self._note_statuses(meter, rows)
        await self._notice_a_clock_set(meter, stream, rows, asked.from_s - 1)
        await self._tell_gaps(stream, [row[0] for row in rows if row[0] <= until_s])
        self._store(stream, rows, asked.from_s, until_s)
        # The place is that of the newest row of all: of one that came, or of one known before.
        is_newest = newest_s is None or newest_s == stream.newest_s
        stream.place_of_newest = place if is_newest else None
        stream.clear_to_s = asked.to_s
        if newest_s is not None and not is_newest:
            stream.ahead_to_s = newest_s
        stream.hurried = False
        # A buffer that has nothing new must rest, though a few more seconds of it are known empty.
        has_rows = newest_s is not None and until_s >= asked.from_s
        stream.brought(something=has_rows or until_s >= asked.to_s)
        widen_or_narrow(stream, empty=not rows)

    async def _read_range(
        self, meter: MeterState, stream: StreamState, asked: RangeAsked
    ) -> tuple[int | None, Sequence[ProfileRow]]:
        """Return the rows of a range, and the place of the newest row if it was asked for."""
        base, priority = stream.buffer.base_name, _priority(stream)
        name = attribute_name(base, VALUE)
        if not asked.with_place:
            answered = await self._access.converse(
                meter.link,
                lambda: read_profile_range(name, CLOCK, asked.from_s, asked.to_s),
                priority,
            )
            return None, answered.result
        in_use = attribute_name(base, ENTRIES_IN_USE)
        both = await self._access.converse(
            meter.link,
            lambda: read([in_use, by_range(name, CLOCK, asked.from_s, asked.to_s)]),
            priority,
        )
        place, shown = both.result
        octets = data_of(shown).encode()
        rows = decode_rows(octets)
        stream.saw_rows(len(rows), len(octets) - ARRAY_OCTETS)
        return place.integer() if isinstance(place, Data) else None, rows

    def _note_statuses(self, meter: MeterState, rows: Sequence[ProfileRow]) -> None:
        told = [row[0] for row in rows if row[2] & _TOLD_IN_EVENTS]
        if told:
            _read_events_soon(meter, max(told))

    async def _notice_a_clock_set(
        self, meter: MeterState, stream: StreamState, rows: Sequence[ProfileRow], after_s: int
    ) -> None:
        """Have read again what was captured again, though nobody saw the clock while it was wrong.

        The first row behind the new time says that it was set, and the event stands at that time.
        Rows that are no later than those read before were captured a second time [ADR 9].
        """
        present_s = meter.present_s(self._clock.now_s())
        adjusted = [row[0] for row in rows if row[2] & RowStatus.CLOCK_ADJUSTED]
        first_s = min(adjusted, default=math.floor(present_s))
        if not adjusted or first_s < present_s - CLOCK_SET_KNOWN_S:
            return
        from_s = first_s - stream.period_s
        for each in meter.streams:
            if each.period_s and first_s > after_s:
                continue
            await self._buffer.uncover(each.stream_id, from_s, LATEST_S)
            each.reads_again(from_s, math.floor(self._clock.now_s()))
            each.hurried = each.hurried or not each.period_s

    async def _tell_gaps(self, stream: StreamState, times: Sequence[int]) -> None:
        """Write down what is missing between rows, before they are handed over [ACQ-3].

        So a crash in between tells a gap twice, and never not at all.
        """
        gaps = gaps_after(stream.known_to_s, times, stream.period_s)
        entries: list[tuple[JournalKind, str | None, Body]] = [
            (JournalKind.DEFINITE_GAP, stream.usn, gap.body(stream.entity)) for gap in gaps
        ]
        if entries:
            await self._journal.write_with(lambda _: None, entries)
        if times:
            newest_s = max(times)
            stream.known_to_s = max(newest_s, stream.known_to_s or newest_s)

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
            _check(log, part, rows or ())
        deviation_s = await self._timekeeper.sample(meter, meter_time, answered)
        for log, part, rows in zip(logs, asked, contents, strict=True):
            log.hurried = False
            log.asked_at_s = now_s
            log.brought(something=bool(rows))
            if rows is None:
                _LOG.warning(
                    "meter refused an event log",
                    extra={"METER": meter.usn, "STREAM": log.entity.value},
                )
                continue
            until_s = part.from_s - 1  # a meter without a time: nothing is certain yet
            if deviation_s is not None:
                until_s = min(part.to_s, math.floor(now_s + deviation_s) - GUARD_S)
            self._store(log, rows, part.from_s, until_s)

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
        try:
            if inside or covered is not None:
                self._buffer.add(stream.stream_id, inside, covered)
            if beyond:
                self._buffer.add(stream.stream_id, beyond, None)
        except RowNotStorable as error:
            raise MalformedFrame(str(error)) from error
        if inside:
            newest_s = max(row[0] for row in inside)
            stream.newest_s = max(newest_s, stream.newest_s or newest_s)


def _read_clock_and_rows(
    clock_name: int, ranges: Sequence[ParameterizedName]
) -> Conversation[tuple[CosemDateTime, list[list[ProfileRow] | None]]]:
    """Read time and logs; a log that is refused is None, and keeps nothing else from being read."""
    time, *contents = yield from read([clock_name, *ranges])
    return data_of(time).moment(), [
        decode_rows(rows.encode()) if isinstance(rows, Data) else None for rows in contents
    ]


def _read_events_soon(meter: MeterState, happened_s: float) -> None:
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
