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
from drivers.errors import MalformedFrame, NoAnswer, ServiceRefused
from gateway.core.clock import Clock
from gateway.meters.airtime_price import rows_octets
from gateway.meters.answers import ARRAY_OCTETS, check_rows, data_of, first_row
from gateway.meters.company import Amount
from gateway.meters.definite_gaps import gaps_after
from gateway.meters.latest import LATEST_S
from gateway.meters.meter_kind import ENTRIES_IN_USE, VALUE
from gateway.meters.meter_state import MeterState
from gateway.meters.plc_segment import Priority
from gateway.meters.row_signs import note_statuses, notice_a_clock_set
from gateway.meters.stream_plan import (
    EVENTS_SPAN_MIN_S,
    GUARD_S,
    EntriesAsked,
    PlanSettings,
    RangeAsked,
    StreamState,
    covered_until,
    first_range,
    follows,
    look_ahead_s,
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

_PRIORITY: Final = {Entity.DAILY: Priority.BILLING}


GUESS_AGAIN_S: Final = 3_600.0
"""A guess at the place of a row that was wrong is not repeated sooner."""
VALUE_ANSWER_OCTETS: Final = 16


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

    async def collect(self, meter: MeterState, stream: StreamState, amount: Amount) -> None:
        """Ask one question and store what came.

        Args:
            meter: whom to ask.
            stream: for which buffer.
            amount: more is not asked for at once; of how many events there are nothing is known.

        Raises:
            PeerError: the meter was silent, refused or answered nonsense; nothing was stored.
            HalError: the modem failed.
            StoreError: nothing was stored, and nothing is counted as read.
        """
        if stream.period_s == 0:
            await self._collect_events(meter, stream, amount)
            return
        if not self._buffer.coverage(stream.stream_id):
            await self._collect_first(meter, stream, amount)
        else:
            if amount.is_short:
                await self._guess_place(meter, stream)
            await self._collect_rows(meter, stream, amount.rows)
        stream.asked_at_s = self._clock.now_s()

    async def _collect_first(self, meter: MeterState, stream: StreamState, amount: Amount) -> None:
        if stream.oldest_s is None:
            await self._find_oldest(meter, stream, amount.first_rows)
        if stream.oldest_s is None:
            stream.hurried = False
            stream.brought(something=False)
            return
        now_s = self._clock.now_s()
        present_s = meter.present_s(now_s)
        asked = first_range(stream, stream.oldest_s, now_s, present_s, self._settings, amount.rows)
        oldest_s, stream.oldest_s = stream.oldest_s, None
        # Should this answer settle nothing, the oldest row is looked up again.
        if amount.is_short and asked.from_s <= oldest_s <= asked.to_s:
            before_s = oldest_s - stream.period_s
            by_place = EntriesAsked(first=1, last=amount.rows, after_s=before_s)
            if await self._ask_for_entries(meter, stream, by_place):
                stream.clear_to_s = LATEST_S  # all that lies before is read as well
                return
        await self._ask_for_range(meter, stream, asked, present_s)

    async def _find_oldest(self, meter: MeterState, wanted: StreamState, buffers_max: int) -> None:
        """Read the first row of this buffer, and of others never read, in one question."""
        others = [
            stream
            for stream in meter.streams
            if stream is not wanted
            and stream.period_s
            and not self._buffer.coverage(stream.stream_id)
        ]
        unread = [wanted, *others][:buffers_max]
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

    async def _guess_place(self, meter: MeterState, stream: StreamState) -> None:
        """Guess the place of the newest row known from how many there are, and see whether it is.

        All behind it were captured on time then, and nothing else was.
        """
        now_s = self._clock.now_s()
        newest_s = stream.newest_s
        if newest_s is None or stream.place_is_known() or not stream.gives_by_place:
            return
        if now_s - stream.guessed_at_s < GUESS_AGAIN_S:
            return
        stream.guessed_at_s = now_s
        in_use = attribute_name(stream.buffer.base_name, ENTRIES_IN_USE)
        answered = await self._access.converse(
            meter.link, lambda: read([in_use]), _priority(stream), VALUE_ANSWER_OCTETS
        )
        (rows,) = answered.result
        present_s = meter.present_s(now_s)
        place = rows.integer() if isinstance(rows, Data) else 0
        place -= stream.rows_waiting(present_s, self._settings)
        if place < 1:
            return
        guess = EntriesAsked(first=place, last=place, after_s=newest_s - stream.period_s)
        if [row[0] for row in await self._read_entries(meter, stream, guess)] == [newest_s]:
            stream.place_of_newest = place
            stream.clear_to_s = math.floor(present_s) + look_ahead_s(stream)

    async def _ask_for_entries(
        self, meter: MeterState, stream: StreamState, asked: EntriesAsked
    ) -> bool:
        """Ask for rows by their place; return False when they do not follow what is known."""
        rows = await self._read_entries(meter, stream, asked)
        await self._read_signs(meter, stream, rows, asked.after_s)
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
        check_rows(stream, asked, rows)
        newest_s = max((row[0] for row in rows), default=None)
        if meter.deviation_s is None:  # its clock may be behind: what is empty may fill yet
            until_s = asked.from_s - 1 if newest_s is None else min(newest_s, math.floor(present_s))
        else:
            until_s = covered_until(stream, asked.to_s, newest_s, present_s, self._settings)
        await self._read_signs(meter, stream, rows, asked.from_s - 1)
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

    async def _read_signs(
        self, meter: MeterState, stream: StreamState, rows: Sequence[ProfileRow], after_s: int
    ) -> None:
        note_statuses(meter, rows)
        now_s = self._clock.now_s()
        await notice_a_clock_set(self._buffer, meter, stream, rows, after_s=after_s, now_s=now_s)

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

    async def _collect_events(self, meter: MeterState, wanted: StreamState, amount: Amount) -> None:
        """Read a meter's clock, this event log, and its others if they fit, in one question."""
        clock_name = meter.kind.clock_time_name()
        if clock_name is None:
            raise MalformedFrame("the object list names no clock")
        never_read = not self._buffer.coverage(wanted.stream_id)
        if amount.is_short and never_read and wanted.oldest_s is None:
            await self._find_oldest(meter, wanted, 1)  # what lies before it needs no question
        now_s = self._clock.now_s()
        others = [log for log in meter.streams if log.period_s == 0 and log is not wanted]
        logs = [wanted, *others][: amount.ranges]
        asked = [self._events_range(stream, meter.present_s(now_s)) for stream in logs]
        ranges = [
            by_range(attribute_name(log.buffer.base_name, VALUE), CLOCK, part.from_s, part.to_s)
            for log, part in zip(logs, asked, strict=True)
        ]
        try:
            answered = await self._access.converse(
                meter.link, lambda: _read_clock_and_rows(clock_name, ranges), Priority.PROFILE
            )
        except NoAnswer:
            for log, part in zip(logs, asked, strict=True):
                log.events_span_s = max(EVENTS_SPAN_MIN_S, (part.to_s - part.from_s) // 2)
            raise
        meter_time, contents = answered.result
        for log, part, rows in zip(logs, asked, contents, strict=True):
            check_rows(log, part, rows or ())
        deviation_s = await self._timekeeper.sample(meter, meter_time, answered)
        for log, part, rows in zip(logs, asked, contents, strict=True):
            log.hurried = part.to_s < math.floor(meter.present_s(now_s))  # more is to come
            log.asked_at_s = now_s
            log.widen_events_span(answered_s=part.to_s - part.from_s)
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
        if stream.oldest_s is not None:
            oldest_s = max(oldest_s, min(stream.oldest_s, math.floor(present_s)))
        to_s = max(math.floor(present_s), oldest_s)
        coverage = self._buffer.coverage(stream.stream_id)
        first_s = coverage.first()
        holes = coverage.holes(oldest_s if first_s is None else first_s, to_s)
        from_s = holes[0][0] if holes else to_s
        if stream.events_span_s is not None:
            to_s = min(to_s, from_s + stream.events_span_s)
        return RangeAsked(from_s=from_s, to_s=to_s)

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


def _priority(stream: StreamState) -> Priority:
    return _PRIORITY.get(stream.entity, Priority.PROFILE)
