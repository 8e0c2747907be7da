"""What is asked of a buffer next, and when."""

import dataclasses

import pytest

from drivers.dlms.companion import CLOCK, Entity
from drivers.dlms.conversations import by_range
from gateway.meters.buffer_found import BufferFound
from gateway.meters.latest import LATEST_S
from gateway.meters.stream_plan import (
    SPAN_FACTOR_MAX,
    PlanSettings,
    RangeAsked,
    StreamState,
    covered_until,
    due_at_s,
    fills_answer,
    first_range,
    next_range,
    widen_or_narrow,
)
from gateway.store.intervals import IntervalSet
from gateway.store.stream import Column

T = 1_790_000_000
DAY_S = 86_400
SETTINGS = PlanSettings(
    pdu_octets_max=239,
    history_s=40.0 * DAY_S,
    row_age_max_s=21_600.0,
    read_delay_s=30.0,
    events_period_s=3600.0,
    daily_check_period_s=1800.0,
    retry_after_s=600.0,
    slave_late_s=90_000.0,
)


def make_stream(entity: Entity = Entity.PERIODIC, period_s: int = 900) -> StreamState:
    columns = (Column(obis="1-0:1.8.0.255", unit=30, scaler=0),) * 2
    buffer = BufferFound(
        entity=entity, base_name=0x1000, capture_period_s=period_s, columns=columns
    )
    return StreamState(stream_id=1, usn="U1", buffer=buffer, opened_at_s=T)


def test_as_many_rows_are_asked_as_one_answer_carries() -> None:
    """PLC-7: of 29 octets, 8 fit into an APDU of 239."""
    assert make_stream().rows_per_answer(SETTINGS) == 8
    wide = make_stream()
    wide.buffer = dataclasses.replace(wide.buffer, row_octets=500)
    assert wide.rows_per_answer(SETTINGS) == 1


def test_a_stream_that_was_never_asked_is_due() -> None:
    """ACQ-1."""
    assert due_at_s(make_stream(), IntervalSet(), SETTINGS) == T


def test_an_empty_ring_rests() -> None:
    """PLC-7: nothing covered, nothing found: due again after a rest, not at once."""
    stream = make_stream()
    stream.asked_at_s, stream.progressing = T + 5.0, False
    assert due_at_s(stream, IntervalSet(), SETTINGS) == T + 5 + 600
    daily = make_stream(Entity.DAILY, DAY_S)
    daily.asked_at_s, daily.progressing = T + 5.0, False
    assert due_at_s(daily, IntervalSet(), SETTINGS) == T + 5 + 1800


def test_rows_wait_for_a_full_answer_unless_they_grow_old() -> None:
    """PLC-7: eight quarters of an hour; but six hours at most."""
    stream = make_stream()
    stream.asked_at_s = stream.newest_s = T
    covered = IntervalSet([(0, T)])
    assert due_at_s(stream, covered, SETTINGS) == T + 900 + 7 * 900 + 30
    hourly = make_stream(period_s=3600)
    hourly.asked_at_s = hourly.newest_s = T
    assert due_at_s(hourly, covered, SETTINGS) == T + 3600 + 21_600 + 30
    assert not fills_answer(stream, T + 8 * 900 + 29, SETTINGS)
    assert fills_answer(stream, T + 8 * 900 + 30, SETTINGS)


@pytest.mark.parametrize("deviation_s", [-400.0, 0.0, 31_536_000.0])
def test_rows_are_due_by_the_meters_clock(deviation_s: float) -> None:
    """ACQ-1: a meter a year ahead, that cannot be set, is not left alone for a year."""
    stream = make_stream()
    stream.asked_at_s = T
    stream.newest_s = T + round(deviation_s)
    covered = IntervalSet([(0, stream.newest_s)])
    assert due_at_s(stream, covered, SETTINGS, deviation_s) == T + 900 + 7 * 900 + 30


def test_a_daily_row_is_looked_for_before_a_short_day_ends() -> None:
    """ACQ-1: where the clock springs forward the next midnight is after 23 hours."""
    stream = make_stream(Entity.DAILY, DAY_S)
    stream.asked_at_s = stream.newest_s = T
    assert due_at_s(stream, IntervalSet([(0, T)]), SETTINGS) == T + 23 * 3600 + 30


def test_a_hole_is_due_at_once() -> None:
    """ACQ-3."""
    stream = make_stream()
    stream.asked_at_s = stream.newest_s = T
    assert due_at_s(stream, IntervalSet([(0, T - 100), (T - 50, T)]), SETTINGS) == T


def test_the_oldest_hole_is_asked_first() -> None:
    """ACQ-2: holes are known second by second, and shrink from their beginning."""
    covered = IntervalSet([(T - 90_000, T - 80_000), (T - 7200, T)])
    asked = next_range(make_stream(), covered, T + 10.0, SETTINGS)
    assert asked == RangeAsked(from_s=T - 79_999, to_s=T - 79_999 + 8 * 900 - 1)


def test_nothing_is_asked_of_the_future() -> None:
    """ACQ-1."""
    assert next_range(make_stream(), IntervalSet([(0, T)]), T + 3.9, SETTINGS) is None
    everything = IntervalSet([(0, LATEST_S)])
    assert next_range(make_stream(), everything, float(LATEST_S), SETTINGS) is None


@pytest.mark.parametrize("period_s", [1, 900, 31 * DAY_S])
def test_no_question_goes_beyond_what_a_date_holds(period_s: int) -> None:
    """ACQ-1: a meter whose clock shows the year 9999 must not end the daemon."""
    stream = make_stream(period_s=period_s)
    stream.span_factor = SPAN_FACTOR_MAX
    asked = next_range(stream, IntervalSet([(0, LATEST_S - 10)]), float(LATEST_S), SETTINGS)
    assert asked is not None
    by_range(0x1008, CLOCK, asked.from_s, asked.to_s)
    first = first_range(stream, LATEST_S, T, float(LATEST_S), SETTINGS)
    by_range(0x1008, CLOCK, first.from_s, first.to_s)
    assert first.from_s <= first.to_s <= LATEST_S


def test_the_first_look_reaches_behind_the_oldest_row() -> None:
    """ACQ-2: a clock may have been set back behind it; and no further back than wanted."""
    asked = first_range(make_stream(), T - 5 * DAY_S, T, T, SETTINGS)
    assert asked == RangeAsked(from_s=T - 6 * DAY_S, to_s=T - 5 * DAY_S + 7199)
    old = first_range(make_stream(), T - 400 * DAY_S, T, T, SETTINGS)
    assert old == RangeAsked(from_s=T - 40 * DAY_S, to_s=T - 40 * DAY_S + 7199)


def test_a_ring_that_begins_in_the_future_is_read_from_the_past() -> None:
    """ADR 9: its clock was years ahead; what it captures since it was set right is wanted."""
    asked = first_range(make_stream(), T + 10 * DAY_S, T, T, SETTINGS)
    assert asked.from_s == T - 40 * DAY_S


@pytest.mark.parametrize(
    ("newest_s", "expected"),
    [
        (None, T - 1000 - 3 - 900),  # what is long past is empty for good
        (T - 1500, T - 1500),  # rows come in order
        (T - 1001, T - 1003),  # one as fresh as this may get company
        (T + 5000, T - 1003),  # never beyond the meter's own present
    ],
)
def test_how_far_an_answer_is_believed(newest_s: int | None, expected: int) -> None:
    """ADR 9: coverage is what was read completely."""
    asked = RangeAsked(from_s=T - 10_000, to_s=T + 10_000)
    assert covered_until(make_stream(), asked, newest_s, T - 1000, SETTINGS) == expected


def test_a_slaves_rows_may_come_late() -> None:
    """ACQ-1: a master fetches them once a day."""
    stream = make_stream(Entity.SLAVE, 3600)
    asked = RangeAsked(from_s=T - 200_000, to_s=T)
    assert covered_until(stream, asked, None, T, SETTINGS) == T - 3 - 90_000


def test_empty_answers_widen_the_question_within_reason() -> None:
    """ACQ-3: a long outage costs little, and its end is not answered by hundreds of blocks."""
    stream = make_stream()
    for _ in range(20):
        widen_or_narrow(stream, empty=True)
    assert stream.span_factor == SPAN_FACTOR_MAX
    assert SPAN_FACTOR_MAX * stream.rows_per_answer(SETTINGS) <= 200
    widen_or_narrow(stream, empty=False)
    assert stream.span_factor == 1


def test_a_refused_buffer_rests_longer_each_time() -> None:
    """PLC-7."""
    stream = make_stream()
    rests = []
    for _ in range(12):
        stream.failed(T, silent=False)
        rests.append(stream.retry_at_s - T)
    assert rests[:4] == [2, 4, 8, 16]
    assert rests[-1] == 900
    stream.satisfied()
    assert stream.retry_at_s == 0


def test_a_clock_set_back_makes_its_rows_due_again() -> None:
    """ADR 9: without this they would be due when the clock has come to the old time again."""
    stream = make_stream()
    stream.newest_s = stream.known_to_s = T + 10 * 365 * DAY_S
    stream.reads_again(T - 100, T)
    assert stream.newest_s == T - 100
    assert stream.known_to_s == T
    assert stream.oldest_s is None
