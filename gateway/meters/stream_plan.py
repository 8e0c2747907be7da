"""Decide what to ask a buffer for next, from what was read completely so far [ACQ-2, ACQ-3]."""

import math
from dataclasses import dataclass, replace
from typing import Final

from drivers.dlms.companion import BUFFER_ROWS_MAX, Entity
from gateway.meters.airtime_price import ANSWER_OVERHEAD_OCTETS
from gateway.meters.buffer_found import BufferFound
from gateway.meters.latest import LATEST_S
from gateway.meters.patience import rest_after_failures_s
from gateway.store.intervals import IntervalSet

GUARD_S: Final = 3
"""A row or event this fresh may still get company with the same time: it is left for later."""

FIRST_LOOK_BACK_S: Final = 86_400
"""The oldest row of a ring is not always its earliest: a clock may have been set back behind it."""

SPAN_FACTOR_MAX: Final = 16
"""An empty answer doubles the span of the next question, up to this: long outages cost little.

A question may hit the end of the outage, and is then answered by as many rows as its span holds.
"""

AHEAD_S: Final = 86_400
"""A question with which a place is learnt looks so far ahead of the meter's time, for rows that a
clock which was ahead has captured: they lie at places before those of rows still to come."""

AHEAD_PERIODS: Final = 8
"""Or as many capture periods, if that is further."""
EVENTS_SPAN_MAX_S: Final = 400 * 86_400

EVENTS_SPAN_MIN_S: Final = 3_600
"""An answer with the events of so short a time is hardly ever too long to come through."""

VAIN_REST_MAX_S: Final = 21_600.0
"""A buffer that again and again has nothing new is asked this often at least."""

_CLOCK_AND_STATUS_OCTETS: Final = 2 + 14 + 3
_VALUE_OCTETS: Final = 5
_DAY_S: Final = 86_400
_DAY_TOLERANCE_S: Final = 5_400  # a local day may be an hour longer or shorter


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSettings:
    """How eager collection is.

    Attributes:
        pdu_octets_max: longest answer, so the rows that one question should ask for.
        history_s: nothing older is fetched from a meter that is met for the first time.
        row_age_max_s: a row is fetched at this age even if an answer could carry more.
        read_delay_s: wait after a row is due.
        events_period_s, retry_after_s: see [collection].
        slave_late_s: a slave's rows may appear in the master so long after their time.
    """

    pdu_octets_max: int
    history_s: float
    row_age_max_s: float
    read_delay_s: float
    events_period_s: float
    retry_after_s: float
    slave_late_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeAsked:
    """A question for all rows with from_s <= captured_at <= to_s.

    Attributes:
        with_place: also how many rows the buffer holds, so that the next question may be by place.
    """

    from_s: int
    to_s: int
    with_place: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesAsked:
    """A question for the rows at these places of the ring, counted from 1.

    Attributes:
        after_s: captured_at of the row before them: the answer must begin one period later.
    """

    first: int
    last: int
    after_s: int

    @property
    def rows(self) -> int:
        """Return how many rows are asked for."""
        return self.last - self.first + 1


@dataclass(slots=True)
class StreamState:
    """One buffered entity of one meter, and how far reading it has come.

    Attributes:
        stream_id: its number in the store.
        usn: whose readings these are; a slave's own for a slave.
        buffer: where the master meter holds them.
        newest_s: captured_at of the newest row seen, None while there was none.
        opened_at_s: UTC second at which the stream came to be known to this process.
        oldest_s: captured_at of the first row in the meter, while nothing was read yet.
        asked_at_s: UTC second of the last question that was answered.
        progressing: the last answer brought rows or closed a hole; more may be had at once.
        hurried: rows or events are said to wait, or their meter may vanish again: the next turn
            comes soon.
        span_factor: by how much the next question is wider than one answer.
        known_to_s: captured_at of the latest row ever handed over; what is missing before it was
            told.
        place_of_newest: place in the ring of the row of `newest_s`; None while it is not known.
        clear_to_s: rows up to this time can only lie at places behind the newest one.
        ahead_to_s: captured_at of the last row seen that is ahead of its time.
        gives_by_place: rows may be asked for by their place; False once the meter has refused.
        guessed_at_s: when its place was last guessed; UTC second.
        events_span_s: events of so long a time are asked for at once; None: of all time. Halved
            when the answer does not come, for nobody knows how many there are.
        vain_in_a_row: answers without anything new since the last that had something.
        refusals_in_a_row: answers of no use since the last good one.
        retry_at_s: before it, a buffer that was refused is left alone; UTC second.
        failed_at_s: UTC second of the last failure; of two streams that may be asked at the same
            time, the one that failed longer ago goes first.
    """

    stream_id: int
    usn: str
    buffer: BufferFound
    newest_s: int | None = None
    opened_at_s: float = 0.0
    oldest_s: int | None = None
    asked_at_s: float | None = None
    progressing: bool = True
    hurried: bool = False
    span_factor: int = 1
    known_to_s: int | None = None
    place_of_newest: int | None = None
    clear_to_s: int = 0
    ahead_to_s: int = 0
    gives_by_place: bool = True
    guessed_at_s: float = 0.0
    events_span_s: int | None = None
    vain_in_a_row: int = 0
    refusals_in_a_row: int = 0
    retry_at_s: float = 0.0
    failed_at_s: float = 0.0

    @property
    def entity(self) -> Entity:
        """What the stream holds."""
        return self.buffer.entity

    @property
    def period_s(self) -> int:
        """Capture period; 0 for buffers that events fill."""
        return self.buffer.capture_period_s

    @property
    def row_octets(self) -> int:
        """Return the length of a row in an answer, as seen or as its columns let expect."""
        told = self.buffer.row_octets
        if told is not None:
            return told
        return _CLOCK_AND_STATUS_OCTETS + _VALUE_OCTETS * len(self.buffer.columns)

    def failed(self, now_s: float, *, silent: bool) -> None:
        """Note that a question failed; a buffer that is refused rests longer each time."""
        self.failed_at_s = now_s
        if not silent:
            self.refusals_in_a_row += 1
            self.retry_at_s = now_s + rest_after_failures_s(self.refusals_in_a_row)

    def reads_again(self, from_s: int, now_s: int) -> None:
        """Note that the meter's clock was set back to `from_s`: what it captures is due again."""
        if self.newest_s is not None:
            self.newest_s = min(self.newest_s, from_s)
        if self.known_to_s is not None:
            self.known_to_s = min(self.known_to_s, max(from_s, now_s))
        self.oldest_s = None
        self.place_of_newest = None
        self.progressing = True

    def saw_rows(self, rows: int, octets: int) -> None:
        """Note how long an array of rows was; whoever awaits a shorter one misses the answer."""
        if rows:
            longest = max(-(-octets // rows), self.buffer.row_octets or 0)
            self.buffer = replace(self.buffer, row_octets=longest)

    def satisfied(self) -> None:
        """Note that a question was answered."""
        self.refusals_in_a_row = 0
        self.retry_at_s = 0.0

    def brought(self, *, something: bool) -> None:
        """Note whether an answer had anything new."""
        self.progressing = something
        self.vain_in_a_row = 0 if something else self.vain_in_a_row + 1

    def widen_events_span(self, *, answered_s: int) -> None:
        """Note that events of so long a time came in one answer."""
        if self.events_span_s is not None:
            wider_s = 2 * max(self.events_span_s, answered_s)
            self.events_span_s = None if wider_s >= EVENTS_SPAN_MAX_S else wider_s

    def rows_per_answer(self, settings: PlanSettings) -> int:
        """Return how many rows one answer carries."""
        return max(1, (settings.pdu_octets_max - ANSWER_OVERHEAD_OCTETS) // self.row_octets)

    def place_is_known(self) -> bool:
        """Return whether the next row may be asked for by its place."""
        if self.place_of_newest is None or self.newest_s is None:
            return False
        return self.clear_to_s >= self.newest_s + self.period_s + _tolerance_s(self.period_s)

    def rows_waiting(self, meter_now_s: float, settings: PlanSettings) -> int:
        """Return how many rows the meter should have captured since the newest one read."""
        if self.newest_s is None or not self.period_s:
            return 0
        return max(0, int((meter_now_s - settings.read_delay_s - self.newest_s) // self.period_s))


def due_at_s(
    state: StreamState,
    coverage: IntervalSet,
    settings: PlanSettings,
    *,
    deviation_s: float = 0.0,
    company: int = 1,
) -> float:
    """Return the UTC second from which the stream is worth its airtime.

    A stream with a backlog is due since its last turn.

    Args:
        state: the stream.
        coverage: what was read of it completely.
        settings: how eager collection is.
        deviation_s: the meter's clock less ours; rows arise by the meter's.
        company: so many rows are worth waiting for.
    """
    if state.asked_at_s is None:
        return state.opened_at_s
    last_turn_s = state.asked_at_s
    if state.period_s == 0:
        return last_turn_s + (GUARD_S if state.hurried else settings.events_period_s)
    if not state.progressing and not state.hurried:
        last_turn_s += _rest_after_vain_s(state, settings)
    elif len(coverage) != 1:
        return last_turn_s
    if state.newest_s is None:
        return last_turn_s
    rows = 1 if state.hurried else company
    oldest_waits_s = min((rows - 1) * state.period_s, settings.row_age_max_s)
    first_row_s = state.newest_s + state.period_s
    return max(last_turn_s, first_row_s + oldest_waits_s + settings.read_delay_s - deviation_s)


def first_range(
    state: StreamState,
    oldest_s: int,
    now_s: float,
    meter_now_s: float,
    settings: PlanSettings,
    rows_max: int,
) -> RangeAsked:
    """Return the first range to ask a buffer for.

    Args:
        state: the stream.
        oldest_s: captured_at of the first row in the meter.
        now_s: UTC.
        meter_now_s: what the meter's clock shows.
        settings: how much of its past is wanted.
        rows_max: more rows are not asked for at once.
    """
    floor_s = math.floor(min(now_s, meter_now_s) - settings.history_s)
    if oldest_s > meter_now_s:
        # Captured by a clock that was ahead and has been set back; what came behind is wanted.
        oldest_s = floor_s
    span_s = state.period_s * rows_max
    to_s = min(max(oldest_s, floor_s) + span_s - 1, LATEST_S)
    return RangeAsked(from_s=max(oldest_s - FIRST_LOOK_BACK_S, floor_s), to_s=to_s)


def next_question(
    state: StreamState,
    coverage: IntervalSet,
    meter_now_s: float,
    settings: PlanSettings,
    rows_max: int,
) -> RangeAsked | EntriesAsked | None:
    """Return what to ask a buffer with a period for next; None when nothing is open.

    A row's place costs less to ask by than its time, but proves less: it is used only behind a
    newest row whose place is known, with nothing missing before it, and as far ahead as the ring
    was seen to hold nothing yet.
    """
    present_s = math.floor(meter_now_s) - GUARD_S
    oldest_s = coverage.first()
    holes = coverage.holes(0 if oldest_s is None else oldest_s, LATEST_S)
    if not holes or holes[0][0] > present_s:
        return None
    if len(holes) == 1:
        by_place = _by_place(state, meter_now_s, settings, rows_max)
        if by_place is not None:
            return by_place
    from_s, to_s = holes[0]
    span_s = state.period_s * rows_max * state.span_factor
    asked_to_s = min(to_s, from_s + span_s - 1)
    if asked_to_s < present_s:
        return RangeAsked(from_s=from_s, to_s=asked_to_s)
    if not state.gives_by_place or present_s < state.ahead_to_s:
        return RangeAsked(from_s=from_s, to_s=present_s)
    ahead_to_s = present_s + look_ahead_s(state)
    return RangeAsked(from_s=from_s, to_s=min(to_s, ahead_to_s), with_place=True)


def look_ahead_s(state: StreamState) -> int:
    """Return how far ahead of the meter's time the ring is seen to hold nothing yet."""
    return max(AHEAD_S, AHEAD_PERIODS * state.period_s)


def follows(state: StreamState, asked: EntriesAsked, times: list[int]) -> bool:
    """Return whether rows read by place follow the one before them without a gap."""
    step_s, before_s = state.period_s, asked.after_s
    tolerance_s = _tolerance_s(state.period_s)
    for time_s in times:
        if abs(time_s - before_s - step_s) > tolerance_s:
            return False
        before_s = time_s
    return bool(times)


def covered_until(
    state: StreamState,
    asked_to_s: int,
    newest_row_s: int | None,
    meter_now_s: float,
    settings: PlanSettings,
) -> int:
    """Return up to where the answer to a range is known to be all there is.

    Up to the newest row, for rows are captured in order; beyond it only what is long past. Never
    beyond the meter's present: rows from a clock that was ahead would hide those to come.
    """
    present_s = math.floor(meter_now_s) - GUARD_S
    late_s = settings.slave_late_s if state.entity is Entity.SLAVE else float(state.period_s)
    until_s = min(asked_to_s, math.floor(present_s - late_s))
    if newest_row_s is not None:
        until_s = max(until_s, min(newest_row_s, present_s))
    return until_s


def widen_or_narrow(state: StreamState, *, empty: bool) -> None:
    """Learn from an answer how wide to ask next."""
    state.span_factor = min(2 * state.span_factor, SPAN_FACTOR_MAX) if empty else 1


def _by_place(
    state: StreamState, meter_now_s: float, settings: PlanSettings, rows_max: int
) -> EntriesAsked | None:
    """Return the question for rows behind the newest one; None when they must be asked by time."""
    waiting = state.rows_waiting(meter_now_s, settings)
    if not waiting or state.newest_s is None or not state.place_of_newest:
        return None
    clear = (state.clear_to_s - state.newest_s - _tolerance_s(state.period_s)) // state.period_s
    before = min(state.place_of_newest, BUFFER_ROWS_MAX[state.entity] - waiting)
    rows = min(waiting, rows_max, clear)
    if rows < 1 or before < 1:
        return None
    return EntriesAsked(first=before + 1, last=before + rows, after_s=state.newest_s)


def _tolerance_s(period_s: int) -> int:
    return _DAY_TOLERANCE_S if period_s >= _DAY_S else 0


def _rest_after_vain_s(state: StreamState, settings: PlanSettings) -> float:
    """Return how long a buffer rests that had nothing new; longer each time."""
    first_s = min(settings.retry_after_s, float(state.period_s))
    doublings = min(max(0, state.vain_in_a_row - 1), 20)
    return max(first_s, min(math.ldexp(first_s, doublings), VAIN_REST_MAX_S))
