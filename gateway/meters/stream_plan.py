"""Decide what to ask a buffer for next, from what was read completely so far [ACQ-2, ACQ-3]."""

import math
from dataclasses import dataclass
from typing import Final

from drivers.dlms.companion import Entity
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

_ANSWER_OVERHEAD_OCTETS: Final = 5  # tag, one result, data, array, count
_CLOCK_AND_STATUS_OCTETS: Final = 2 + 14 + 3
_VALUE_OCTETS: Final = 5
_DAY_S: Final = 86_400
_DST_S: Final = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanSettings:
    """How eager collection is.

    Attributes:
        pdu_octets_max: longest answer, so the rows that one question should ask for.
        history_s: nothing older is fetched from a meter that is met for the first time.
        row_age_max_s: a row is fetched at this age even if an answer could carry more.
        read_delay_s: wait after a row is due.
        events_period_s, daily_check_period_s, retry_after_s: see [collection].
        slave_late_s: a slave's rows may appear in the master so long after their time.
    """

    pdu_octets_max: int
    history_s: float
    row_age_max_s: float
    read_delay_s: float
    events_period_s: float
    daily_check_period_s: float
    retry_after_s: float
    slave_late_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeAsked:
    """A question for all rows with from_s <= captured_at <= to_s."""

    from_s: int
    to_s: int


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
        hurried: events are said to wait, so the next turn comes soon.
        span_factor: by how much the next question is wider than one answer.
        known_to_s: captured_at of the latest row ever handed over; what is missing before it was
            told.
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
        self.progressing = True

    def satisfied(self) -> None:
        """Note that a question was answered."""
        self.refusals_in_a_row = 0
        self.retry_at_s = 0.0

    def rows_per_answer(self, settings: PlanSettings) -> int:
        """Return how many rows one answer carries."""
        row_octets = self.buffer.row_octets
        if row_octets is None:
            row_octets = _CLOCK_AND_STATUS_OCTETS + _VALUE_OCTETS * len(self.buffer.columns)
        return max(1, (settings.pdu_octets_max - _ANSWER_OVERHEAD_OCTETS) // row_octets)


def due_at_s(
    state: StreamState, coverage: IntervalSet, settings: PlanSettings, deviation_s: float = 0.0
) -> float:
    """Return the UTC second from which the stream is worth its airtime.

    A stream with a backlog is due since its last turn: everybody waits in one queue, so nobody
    starves behind a long history.

    Args:
        state: the stream.
        coverage: what was read of it completely.
        settings: how eager collection is.
        deviation_s: the meter's clock less ours; rows arise by the meter's.
    """
    if state.asked_at_s is None:
        return state.opened_at_s
    last_turn_s = state.asked_at_s
    if not state.progressing:
        return last_turn_s + _rest_after_a_question(state, settings)
    if state.period_s == 0:
        return last_turn_s + (GUARD_S if state.hurried else settings.events_period_s)
    if len(coverage) != 1 or state.newest_s is None:
        return last_turn_s
    return max(last_turn_s, _next_rows_due_s(state, state.newest_s, settings) - deviation_s)


def fills_answer(state: StreamState, meter_now_s: float, settings: PlanSettings) -> bool:
    """Return whether a whole answer waits, as far as can be told; a long period never waits."""
    if state.newest_s is None or state.period_s in (0, _DAY_S):
        return True
    waiting_s = state.period_s * state.rows_per_answer(settings) + settings.read_delay_s
    return meter_now_s >= state.newest_s + waiting_s


def _next_rows_due_s(state: StreamState, newest_s: int, settings: PlanSettings) -> float:
    first_row_s = newest_s + state.period_s
    if state.period_s >= _DAY_S:
        return first_row_s - _DST_S + settings.read_delay_s  # a local day may be an hour shorter
    full_answer_s = state.period_s * (state.rows_per_answer(settings) - 1)
    return first_row_s + min(full_answer_s, settings.row_age_max_s) + settings.read_delay_s


def first_range(
    state: StreamState, oldest_s: int, now_s: float, meter_now_s: float, settings: PlanSettings
) -> RangeAsked:
    """Return the first range to ask a buffer for.

    Args:
        state: the stream.
        oldest_s: captured_at of the first row in the meter.
        now_s: UTC.
        meter_now_s: what the meter's clock shows.
        settings: how much of its past is wanted.
    """
    floor_s = math.floor(min(now_s, meter_now_s) - settings.history_s)
    if oldest_s > meter_now_s:
        # Captured by a clock that was ahead and has been set back; what came behind is wanted.
        oldest_s = floor_s
    span_s = state.period_s * state.rows_per_answer(settings)
    to_s = min(max(oldest_s, floor_s) + span_s - 1, LATEST_S)
    return RangeAsked(from_s=max(oldest_s - FIRST_LOOK_BACK_S, floor_s), to_s=to_s)


def next_range(
    state: StreamState, coverage: IntervalSet, meter_now_s: float, settings: PlanSettings
) -> RangeAsked | None:
    """Return the next range to ask a buffer with a period for; None when nothing is open."""
    present_s = math.floor(meter_now_s) - GUARD_S
    oldest_s = coverage.first()
    holes = coverage.holes(0 if oldest_s is None else oldest_s, LATEST_S)
    if not holes or holes[0][0] > present_s:
        return None
    from_s, to_s = holes[0]
    span_s = state.period_s * state.rows_per_answer(settings) * state.span_factor
    return RangeAsked(from_s=from_s, to_s=min(to_s, from_s + span_s - 1))


def covered_until(
    state: StreamState,
    asked: RangeAsked,
    newest_row_s: int | None,
    meter_now_s: float,
    settings: PlanSettings,
) -> int:
    """Return up to where the answer to `asked` is known to be all there is.

    Up to the newest row, for rows are captured in order; beyond it only what is long past. Never
    beyond the meter's present: rows from a clock that was ahead would hide those to come.
    """
    present_s = math.floor(meter_now_s) - GUARD_S
    late_s = settings.slave_late_s if state.entity is Entity.SLAVE else float(state.period_s)
    until_s = min(asked.to_s, math.floor(present_s - late_s))
    if newest_row_s is not None:
        until_s = max(until_s, min(newest_row_s, present_s))
    return until_s


def widen_or_narrow(state: StreamState, *, empty: bool) -> None:
    """Learn from an answer how wide to ask next."""
    state.span_factor = min(2 * state.span_factor, SPAN_FACTOR_MAX) if empty else 1


def _rest_after_a_question(state: StreamState, settings: PlanSettings) -> float:
    if state.period_s >= _DAY_S:
        return settings.daily_check_period_s
    return min(settings.retry_after_s, float(state.period_s))
