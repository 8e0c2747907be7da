"""What is asked of a buffer next, and when."""

import dataclasses

import pytest

from drivers.dlms.companion import CLOCK, Entity
from drivers.dlms.conversations import by_range
from gateway.meters.buffer_found import BufferFound
from gateway.meters.latest import LATEST_S
from gateway.meters.stream_plan import (
    SPAN_FACTOR_MAX,
    VAIN_REST_MAX_S,
    EntriesAsked,
    PlanSettings,
    RangeAsked,
    StreamState,
    covered_until,
    due_at_s,
    first_range,
    follows,
    next_question,
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


def test_an_empty_ring_rests_longer_each_time() -> None:
    """PLC-7: nothing covered, nothing found: due again after a rest, and not at once."""
    stream = make_stream()
    rests = []
    for _ in range(8):
        stream.asked_at_s = T + 5.0
        stream.brought(something=False)
        rests.append(due_at_s(stream, IntervalSet(), SETTINGS) - T - 5)
    assert rests[:4] == [600, 1200, 2400, 4800]
    assert rests[-1] == VAIN_REST_MAX_S
    stream.brought(something=True)
    assert stream.vain_in_a_row == 0
    assert due_at_s(stream, IntervalSet(), SETTINGS) == T + 5


def test_a_buffer_with_a_short_period_rests_for_one_of_them() -> None:
    """ACQ-1: what was not there yet is there a period later."""
    stream = make_stream(period_s=60)
    stream.asked_at_s = float(T)
    stream.brought(something=False)
    assert due_at_s(stream, IntervalSet(), SETTINGS) == T + 60


def test_rows_wait_for_company_unless_they_grow_old() -> None:
    """PLC-7: eight quarters of an hour; but six hours at most."""
    stream = make_stream()
    stream.asked_at_s = stream.newest_s = T
    covered = IntervalSet([(0, T)])
    assert due_at_s(stream, covered, SETTINGS) == T + 900 + 30
    assert due_at_s(stream, covered, SETTINGS, company=8) == T + 900 + 7 * 900 + 30
    hourly = make_stream(period_s=3600)
    hourly.asked_at_s = hourly.newest_s = T
    assert due_at_s(hourly, covered, SETTINGS, company=8) == T + 3600 + 21_600 + 30


def test_rows_of_a_meter_that_may_vanish_wait_for_nobody() -> None:
    """ACQ-1: one that has just come back is read while it is there."""
    stream = make_stream()
    stream.asked_at_s = stream.newest_s = T
    stream.hurried = True
    assert due_at_s(stream, IntervalSet([(0, T)]), SETTINGS, company=8) == T + 900 + 30


def test_a_buffer_that_had_nothing_new_for_long_is_asked_when_its_meter_is_back() -> None:
    """ACQ-1: what it would not give for hours is not waited for when it may vanish again."""
    stream = make_stream()
    stream.asked_at_s, stream.newest_s = float(T), T - 50_000
    for _ in range(10):
        stream.brought(something=False)
    covered = IntervalSet([(0, T - 1000)])
    assert due_at_s(stream, covered, SETTINGS, company=8) == T + VAIN_REST_MAX_S
    stream.hurried = True
    assert due_at_s(stream, covered, SETTINGS, company=8) == T


@pytest.mark.parametrize("deviation_s", [-400.0, 0.0, 31_536_000.0])
def test_rows_are_due_by_the_meters_clock(deviation_s: float) -> None:
    """ACQ-1: a meter a year ahead, that cannot be set, is not left alone for a year."""
    stream = make_stream()
    stream.asked_at_s = T
    stream.newest_s = T + round(deviation_s)
    covered = IntervalSet([(0, stream.newest_s)])
    due_s = due_at_s(stream, covered, SETTINGS, deviation_s=deviation_s, company=8)
    assert due_s == T + 900 + 7 * 900 + 30


def test_a_daily_row_is_due_a_day_after_the_last() -> None:
    """ACQ-1: alone; where the clock springs back, the night is an hour longer and it waits."""
    stream = make_stream(Entity.DAILY, DAY_S)
    stream.asked_at_s = stream.newest_s = T
    covered = IntervalSet([(0, T)])
    assert due_at_s(stream, covered, SETTINGS) == T + DAY_S + 30
    stream.asked_at_s = T + DAY_S + 30
    stream.brought(something=False)
    assert due_at_s(stream, covered, SETTINGS) == T + DAY_S + 30 + 600


def test_events_are_looked_at_once_in_a_period_or_when_they_are_said_to_wait() -> None:
    """ACQ-1."""
    log = make_stream(Entity.STANDARD_EVENTS, 0)
    log.asked_at_s = float(T)
    assert due_at_s(log, IntervalSet(), SETTINGS) == T + 3600
    log.hurried = True
    assert due_at_s(log, IntervalSet(), SETTINGS) == T + 3


def test_a_hole_is_due_at_once() -> None:
    """ACQ-3."""
    stream = make_stream()
    stream.asked_at_s = stream.newest_s = T
    assert due_at_s(stream, IntervalSet([(0, T - 100), (T - 50, T)]), SETTINGS) == T


def test_the_oldest_hole_is_asked_first() -> None:
    """ACQ-2: holes are known second by second, and shrink from their beginning."""
    covered = IntervalSet([(T - 90_000, T - 80_000), (T - 7200, T)])
    asked = next_question(make_stream(), covered, T + 10.0, SETTINGS, 8)
    assert asked == RangeAsked(from_s=T - 79_999, to_s=T - 79_999 + 8 * 900 - 1)


def test_no_more_rows_are_asked_for_at_once_than_wanted() -> None:
    """PLC-2: on a bad line short answers get through."""
    covered = IntervalSet([(T - 90_000, T - 80_000), (T - 7200, T)])
    asked = next_question(make_stream(), covered, T + 10.0, SETTINGS, 2)
    assert asked == RangeAsked(from_s=T - 79_999, to_s=T - 79_999 + 2 * 900 - 1)


def test_nothing_is_asked_of_the_future() -> None:
    """ACQ-1."""
    assert next_question(make_stream(), IntervalSet([(0, T)]), T + 3.9, SETTINGS, 8) is None
    everything = IntervalSet([(0, LATEST_S)])
    assert next_question(make_stream(), everything, float(LATEST_S), SETTINGS, 8) is None


def test_a_question_up_to_the_present_also_asks_for_the_place() -> None:
    """PLC-7: the next one may be by place, which is half as long; one into the past may not."""
    stream = make_stream()
    near = next_question(stream, IntervalSet([(0, T - 1000)]), float(T), SETTINGS, 8)
    far = next_question(stream, IntervalSet([(0, T - 90_000)]), float(T), SETTINGS, 8)
    assert isinstance(near, RangeAsked)
    assert isinstance(far, RangeAsked)
    assert (near.with_place, far.with_place) == (True, False)
    stream.gives_by_place = False
    near = next_question(stream, IntervalSet([(0, T - 1000)]), float(T), SETTINGS, 8)
    assert isinstance(near, RangeAsked)
    assert not near.with_place


def _known(place: int, newest_s: int = T, entity: Entity = Entity.PERIODIC) -> StreamState:
    """Return a stream with nothing missing, the place of whose newest row is known."""
    stream = make_stream(entity, DAY_S if entity is Entity.DAILY else 900)
    stream.newest_s, stream.place_of_newest = newest_s, place
    stream.clear_to_s = newest_s + 30 * DAY_S
    return stream


def _asked_by_place(stream: StreamState, now_s: float, rows_max: int = 8) -> EntriesAsked:
    newest_s = stream.newest_s
    assert newest_s is not None
    asked = next_question(stream, IntervalSet([(0, newest_s)]), now_s, SETTINGS, rows_max)
    assert isinstance(asked, EntriesAsked)
    return asked


def test_behind_a_known_place_rows_are_asked_for_by_place() -> None:
    """PLC-7."""
    asked = _asked_by_place(_known(60), T + 3 * 900 + 31.0)
    assert asked == EntriesAsked(first=61, last=63, after_s=T)
    assert asked.rows == 3
    assert _asked_by_place(_known(60), T + 30 * 900.0) == EntriesAsked(first=61, last=68, after_s=T)
    assert _asked_by_place(_known(60), T + 30 * 900.0, 2).rows == 2


@pytest.mark.parametrize(
    ("place", "first"),
    [
        (2150, 2151),  # room for three more
        (2157, 2158),  # just room
        (2158, 2158),  # one was pushed out
        (2160, 2158),  # full before: whatever comes pushes out as much
    ],
)
def test_in_a_full_ring_places_move_down(place: int, first: int) -> None:
    """ACQ-1: of 2160 rows; three have been captured since."""
    asked = _asked_by_place(_known(place), T + 3 * 900 + 31.0)
    assert (asked.first, asked.last) == (first, first + 2)


def test_by_place_a_ring_is_walked_through_bit_by_bit() -> None:
    """ACQ-1: a full ring, more rows waiting than are asked for at once; none twice, none missed."""
    captured = [T + at * 900 for at in range(31)]
    ring = [T - at * 900 for at in range(2160)][::-1] + captured[1:]
    ring = ring[-2160:]
    stream = _known(2160)
    now_s = captured[-1] + 31.0
    seen: list[int] = []
    while (waiting := stream.rows_waiting(now_s, SETTINGS)) > 0:
        asked = _asked_by_place(stream, now_s, 7)
        times = ring[asked.first - 1 : asked.last]
        assert follows(stream, asked, times)
        seen += times
        stream.newest_s, stream.place_of_newest = times[-1], asked.last
        assert stream.rows_waiting(now_s, SETTINGS) == waiting - len(times)
    assert seen == captured[1:]


@pytest.mark.parametrize(("clear_s", "rows"), [(8 * 900, 8), (3 * 900, 3), (900, 1)])
def test_by_place_nobody_asks_further_than_the_ring_was_seen_to_be_clear(
    clear_s: int, rows: int
) -> None:
    """ADR 9: beyond it rows of a clock that was ahead may lie at places before."""
    stream = _known(60)
    stream.clear_to_s = T + clear_s
    assert _asked_by_place(stream, T + 20 * 900.0) == EntriesAsked(
        first=61, last=60 + rows, after_s=T
    )


def test_where_the_ring_was_not_seen_to_be_clear_it_is_looked_at_a_day_ahead() -> None:
    """ADR 9: together with the place; rows that are ahead come with those that are due."""
    stream = _known(60)
    stream.clear_to_s = T + 899
    now_s = T + 2000.0
    asked = next_question(stream, IntervalSet([(0, T)]), now_s, SETTINGS, 8)
    assert asked == RangeAsked(from_s=T + 1, to_s=int(now_s) - 3 + DAY_S, with_place=True)
    daily = _known(60, entity=Entity.DAILY)
    daily.clear_to_s = T + DAY_S + 5399  # a day may be an hour longer, and a row half an hour late
    now_s = T + DAY_S + 100.0
    asked = next_question(daily, IntervalSet([(0, T)]), now_s, SETTINGS, 8)
    assert asked == RangeAsked(from_s=T + 1, to_s=int(now_s) - 3 + 8 * DAY_S, with_place=True)


def test_rows_seen_ahead_of_their_time_are_not_fetched_with_each_question() -> None:
    """PLC-7: by time, and no further than the present, until their time has come."""
    stream = make_stream()
    stream.newest_s, stream.ahead_to_s = T, T + 50_000
    asked = next_question(stream, IntervalSet([(0, T)]), T + 1000.0, SETTINGS, 8)
    assert asked == RangeAsked(from_s=T + 1, to_s=T + 997)
    asked = next_question(stream, IntervalSet([(0, T + 49_000)]), T + 50_003.0, SETTINGS, 8)
    assert isinstance(asked, RangeAsked)
    assert asked.with_place


def test_rows_that_push_out_the_newest_known_one_are_asked_for_by_time() -> None:
    """ACQ-3: nothing in the ring is known then."""
    stream = _known(2160)
    asked = next_question(stream, IntervalSet([(0, T)]), T + 2161 * 900.0, SETTINGS, 8)
    assert isinstance(asked, RangeAsked)


@pytest.mark.parametrize(
    ("covered", "place"),
    [
        ([(0, T - 100), (T - 50, T)], 60),  # something is missing before it
        ([(0, T)], None),
        ([(0, T)], 0),
    ],
)
def test_without_a_known_place_or_with_a_hole_rows_are_asked_for_by_time(
    covered: list[tuple[int, int]], place: int | None
) -> None:
    """ACQ-3: a place proves nothing of what lies before it."""
    stream = _known(60)
    stream.place_of_newest = place
    asked = next_question(stream, IntervalSet(covered), T + 1000.0, SETTINGS, 8)
    assert isinstance(asked, RangeAsked)


def test_a_row_that_may_not_be_there_yet_is_not_asked_for_by_place() -> None:
    """ACQ-1: it is due read_delay_s after its time; before, what there is is asked by time."""
    stream = _known(60)
    asked = next_question(stream, IntervalSet([(0, T)]), T + 900 + 29.0, SETTINGS, 8)
    assert isinstance(asked, RangeAsked)


@pytest.mark.parametrize(
    ("times", "right"),
    [
        ([T + 900, T + 1800, T + 2700], True),
        ([T + 900], True),  # fewer than asked: the others are not there yet
        ([], False),
        ([T, T + 900], False),  # places moved down by more than thought
        ([T + 1800, T + 2700], False),  # or by less
        ([T + 900, T + 2700], False),  # one is missing
        ([T + 900, T + 900], False),  # captured twice, for the clock went back
        ([T + 901], False),
        ([T + 900, T], False),
        ([T + 900 - 365 * DAY_S], False),  # somebody else's
    ],
)
def test_rows_by_place_must_follow_the_one_before(times: list[int], *, right: bool) -> None:
    """ACQ-3: or they are not believed, and asked for by time."""
    asked = EntriesAsked(first=61, last=63, after_s=T)
    assert follows(_known(60), asked, times) is right


@pytest.mark.parametrize(
    ("shift_s", "right"), [(0, True), (3600, True), (-3600, True), (7200, False)]
)
def test_daily_rows_may_follow_after_a_long_or_short_day(shift_s: int, *, right: bool) -> None:
    """ACQ-1: local midnights are 23 to 25 hours apart."""
    stream = _known(60, entity=Entity.DAILY)
    asked = EntriesAsked(first=61, last=62, after_s=T)
    times = [T + DAY_S + shift_s, T + 2 * DAY_S + shift_s]
    assert follows(stream, asked, times) is right


@pytest.mark.parametrize("period_s", [1, 900, 31 * DAY_S])
def test_no_question_goes_beyond_what_a_date_holds(period_s: int) -> None:
    """ACQ-1: a meter whose clock shows the year 9999 must not end the daemon."""
    stream = make_stream(period_s=period_s)
    stream.span_factor = SPAN_FACTOR_MAX
    asked = next_question(stream, IntervalSet([(0, LATEST_S - 10)]), float(LATEST_S), SETTINGS, 60)
    assert isinstance(asked, RangeAsked)
    by_range(0x1008, CLOCK, asked.from_s, asked.to_s)
    first = first_range(stream, LATEST_S, T, float(LATEST_S), SETTINGS, 8)
    by_range(0x1008, CLOCK, first.from_s, first.to_s)
    assert first.from_s <= first.to_s <= LATEST_S


def test_the_first_look_reaches_behind_the_oldest_row() -> None:
    """ACQ-2: a clock may have been set back behind it; and no further back than wanted."""
    asked = first_range(make_stream(), T - 5 * DAY_S, T, T, SETTINGS, 8)
    assert asked == RangeAsked(from_s=T - 6 * DAY_S, to_s=T - 5 * DAY_S + 7199)
    old = first_range(make_stream(), T - 400 * DAY_S, T, T, SETTINGS, 8)
    assert old == RangeAsked(from_s=T - 40 * DAY_S, to_s=T - 40 * DAY_S + 7199)


def test_a_ring_that_begins_in_the_future_is_read_from_the_past() -> None:
    """ADR 9: its clock was years ahead; what it captures since it was set right is wanted."""
    asked = first_range(make_stream(), T + 10 * DAY_S, T, T, SETTINGS, 8)
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
    assert covered_until(make_stream(), T + 10_000, newest_s, T - 1000, SETTINGS) == expected


def test_a_slaves_rows_may_come_late() -> None:
    """ACQ-1: a master fetches them once a day."""
    stream = make_stream(Entity.SLAVE, 3600)
    assert covered_until(stream, T, None, T, SETTINGS) == T - 3 - 90_000


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
    stream.place_of_newest = 60
    stream.brought(something=False)
    stream.reads_again(T - 100, T)
    assert (stream.newest_s, stream.known_to_s) == (T - 100, T)
    assert {stream.oldest_s, stream.place_of_newest} == {None}
    assert stream.progressing


@pytest.mark.parametrize(
    ("newest_s", "meter_now_s", "waiting"),
    [
        (None, T + 5000.0, 0),
        (T, T + 929.0, 0),
        (T, T + 930.0, 1),
        (T, T + 8 * 900 + 30.0, 8),
        (T + 99_999, T + 0.0, 0),  # its clock was ahead
    ],
)
def test_how_many_rows_should_wait(newest_s: int | None, meter_now_s: float, waiting: int) -> None:
    """PLC-7."""
    stream = make_stream()
    stream.newest_s = newest_s
    assert stream.rows_waiting(meter_now_s, SETTINGS) == waiting
    assert make_stream(Entity.STANDARD_EVENTS, 0).rows_waiting(meter_now_s, SETTINGS) == 0


def test_rows_are_as_long_as_they_were_seen() -> None:
    """PLC-2: a time-out for shorter answers would come before them."""
    stream = make_stream()
    assert stream.row_octets == 29
    stream.saw_rows(0, 0)
    assert stream.row_octets == 29
    stream.saw_rows(3, 3 * 41)
    assert stream.row_octets == 41
    stream.saw_rows(2, 2 * 37)
    assert stream.row_octets == 41, "the longest counts"
