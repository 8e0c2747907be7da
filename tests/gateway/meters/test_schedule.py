"""Which turns a node could make use of, when, and what they are worth."""

import pytest

from drivers.dlms.companion import Entity
from drivers.dlms.cosem_objects import ObjectList
from drivers.plc.airtime import LineTiming
from gateway.meters.airtime_price import AirtimePrice
from gateway.meters.meter_kind import MeterKind
from gateway.meters.meter_state import MeterState
from gateway.meters.node_link import NodeLink
from gateway.meters.schedule import (
    CLOCK_WORTH,
    METER_WORTH,
    SHAKY_ROWS_MAX,
    Schedule,
    ScheduleSettings,
)
from gateway.meters.stream_plan import StreamState
from gateway.meters.turn import Task, Turn
from gateway.store.intervals import IntervalSet
from tests.gateway.meters.test_stream_plan import DAY_S, SETTINGS, T, make_stream

KIND = MeterKind(config_id="C", firmware_module="F", objects=ObjectList([]))
PRICE = AirtimePrice(timing=LineTiming(bit_rate_bps=2400))
COVERED = IntervalSet([(0, T)])
PING_WITHIN_S = 18_000.0


def make_meter(number: int, *streams: StreamState) -> MeterState:
    link = NodeLink(system_title=bytes([number] * 6), mac=number, heard_at_s=float(T))
    meter = MeterState(link=link, usn=f"U{number}", kind=KIND, streams=list(streams))
    for at, stream in enumerate(streams):
        stream.stream_id = 10 * number + at
    return meter


def make_schedule(covered: IntervalSet = COVERED) -> Schedule:
    settings = ScheduleSettings(plan=SETTINGS, address_within_s=PING_WITHIN_S)
    return Schedule(settings, PRICE, lambda _: covered)


def turns_of(meter: MeterState, now_s: float = T, covered: IntervalSet = COVERED) -> list[Turn]:
    return list(make_schedule(covered).turns_of(meter.link, meter, now_s))


def turn_for(task: Task, meter: MeterState, now_s: float = T) -> Turn:
    (found,) = [turn for turn in turns_of(meter, now_s) if turn.task is task]
    return found


def read_up_to_now(entity: Entity = Entity.PERIODIC, period_s: int = 900) -> StreamState:
    stream = make_stream(entity, period_s)
    stream.asked_at_s, stream.newest_s = float(T), T
    return stream


def best(turns: list[Turn], now_s: float) -> Turn:
    return max((turn for turn in turns if turn.due_at_s <= now_s), key=lambda t: t.value(now_s))


def test_a_node_nobody_knows_is_asked_who_it_is() -> None:
    """INV-3: as soon as it was told its address, and nothing else before."""
    link = NodeLink(system_title=b"NODE01", mac=1, told_at_s=T + 3.0)
    (turn,) = make_schedule().turns_of(link, None, T)
    assert (turn.task, turn.due_at_s, turn.worth) == (Task.IDENTIFY, T + 3, METER_WORTH)
    link.retry_at_s = T + 60.0
    (turn,) = make_schedule().turns_of(link, None, T)
    assert turn.due_at_s == T + 60


def test_every_stream_of_a_meter_has_its_turn() -> None:
    """ACQ-1."""
    streams = read_up_to_now(), read_up_to_now(Entity.DAILY, DAY_S)
    meter = make_meter(1, *streams)
    collects = [turn for turn in turns_of(meter) if turn.task is Task.COLLECT]
    assert [turn.stream for turn in collects] == list(streams)
    assert all(turn.meter is meter and turn.link is meter.link for turn in collects)


def test_rows_wait_for_as_much_company_as_an_answer_carries() -> None:
    """PLC-7: eight quarters of an hour on a clean line, fewer on a bad one."""
    stream = read_up_to_now()
    meter = make_meter(1, stream)
    schedule = make_schedule()
    assert schedule.company(meter.link, stream) == 8
    assert turn_for(Task.COLLECT, meter).due_at_s == T + 8 * 900 + 30
    for _ in range(50):
        meter.link.frames.exchanged(1, 7, 1, answered=False)
        meter.link.frames.exchanged(1, 1, 1, answered=True)
    few = schedule.company(meter.link, stream)
    assert 1 <= few <= 3
    assert turn_for(Task.COLLECT, meter).due_at_s == T + few * 900 + 30


def test_a_full_answer_is_worth_more_than_a_row_or_two() -> None:
    """PLC-7: rows that come together cost less line time each."""
    old, full = make_stream(period_s=7200), make_stream()
    old.asked_at_s = full.asked_at_s = T - 70_000.0
    old.newest_s, full.newest_s = T - 29_000, T - 9000
    turns = turns_of(make_meter(1, old)) + turns_of(make_meter(2, full))
    first = best(turns, T)
    assert first.stream is full
    assert first.due_at_s > T - 29_000 + 7200


def test_a_bill_is_worth_more_than_a_quarter_of_an_hour() -> None:
    """ACQ-1: and is fetched before it, when the line has time for one of them."""
    periodic, daily = read_up_to_now(), read_up_to_now(Entity.DAILY, DAY_S)
    periodic.newest_s, daily.newest_s = T - 1000, T - DAY_S - 100
    periodic.asked_at_s = daily.asked_at_s = T - 1000.0
    meter = make_meter(1, periodic, daily)
    quarter, bill = (turn for turn in turns_of(meter) if turn.task is Task.COLLECT)
    assert bill.stream is daily
    assert bill.value(T) > 3 * quarter.value(T)


def test_a_backlog_of_one_meter_keeps_nobody_out() -> None:
    """PLC-7: two rows of another one grow in worth with waiting; what was just asked does not."""
    backlog, waits = make_stream(), make_stream(period_s=21_600)
    backlog.newest_s, waits.newest_s = T - 90 * DAY_S, T - 43_230
    waits.asked_at_s = waits.newest_s
    hole = IntervalSet([(0, T - 90 * DAY_S)])
    others = turns_of(make_meter(2, waits))
    assert best(turns_of(make_meter(1, backlog), T, hole) + others, T).stream is backlog
    for now_s in range(T, T + DAY_S, 60):
        backlog.asked_at_s = now_s - 10.0
        turn = best(turns_of(make_meter(1, backlog), now_s, hole) + others, now_s)
        if turn.stream is waits:
            break
    assert T + 3600 < now_s < T + 5 * 3600


def test_a_bad_link_does_not_hold_up_the_good_ones() -> None:
    """PLC-7: the same rows over more repetitions, or with less hope, come later."""
    near, far, noisy = (make_meter(number, read_up_to_now()) for number in (1, 2, 3))
    near.link.credit.start(0)
    far.link.credit.start(5)
    noisy.link.credit.start(0)
    for _ in range(60):
        noisy.link.frames.exchanged(1, 7, 1, answered=False)
        noisy.link.frames.exchanged(1, 7, 1, answered=True)
    now_s = T + 20_000.0
    near_turn, far_turn, noisy_turn = (
        turn_for(Task.COLLECT, meter, now_s) for meter in (near, far, noisy)
    )
    assert near_turn.price_s < far_turn.price_s
    assert near_turn.value(now_s) > noisy_turn.value(now_s) > 0
    assert near_turn.value(now_s) > far_turn.value(now_s) > 0


def test_a_question_by_place_is_cheaper() -> None:
    """PLC-7: one sub-frame less."""
    stream = read_up_to_now()
    meter = make_meter(1, stream)
    meter.link.credit.start(0)
    by_time = turn_for(Task.COLLECT, meter).price_s
    stream.place_of_newest = 60
    assert turn_for(Task.COLLECT, meter).price_s == pytest.approx(by_time - 0.15)


def test_nobody_who_is_left_alone_is_asked() -> None:
    """PLC-1: a meter that failed rests, and so does a buffer that was refused."""
    stream, other = make_stream(), make_stream(Entity.DAILY, DAY_S)
    meter = make_meter(1, stream, other)
    meter.link.retry_at_s = T + 50.0
    assert min(turn.due_at_s for turn in turns_of(meter)) == T + 50
    stream.retry_at_s = T + 60.0
    due = [(turn.stream, turn.due_at_s) for turn in turns_of(meter) if turn.stream]
    assert due == [(stream, T + 60), (other, T + 50)]


def test_of_streams_that_wait_for_their_meter_the_one_that_failed_last_goes_last() -> None:
    """ACQ-1: the question that a meter never answers does not keep the others out."""
    first, second = make_stream(), make_stream()
    meter = make_meter(1, first, second)
    first.failed(T, silent=True)
    assert best(turns_of(meter), T).stream is second
    second.failed(T + 1, silent=True)
    assert best(turns_of(meter), T).stream is first


def test_a_silent_node_is_only_polled() -> None:
    """INV-4: briefly, with all the credit there is."""
    meter = make_meter(1, make_stream())
    meter.link.was_silent(float(T))
    meter.link.retry_at_s = T + 5.0
    (turn,) = turns_of(meter)
    assert (turn.task, turn.due_at_s, turn.meter) == (Task.POLL, T + 5, meter)
    assert turn.price_s == pytest.approx(18 * 0.15)
    unknown = NodeLink(system_title=b"NODE01", mac=1)
    unknown.was_silent(float(T))
    (turn,) = make_schedule().turns_of(unknown, None, T)
    assert turn.task is Task.POLL


def test_a_poll_is_worth_what_waits_there_and_less_each_time() -> None:
    """INV-4, PLC-7: whoever never comes back costs less and less; but is never given up."""

    def worth(rows: int, failures: int) -> float:
        stream = make_stream()
        stream.newest_s = T - rows * 900 - 31
        meter = make_meter(1, stream)
        for _ in range(failures):
            meter.link.was_silent(float(T))
        (turn,) = turns_of(meter)
        return turn.worth

    assert worth(1, 1) < worth(20, 1)
    assert worth(20, 3) == worth(20, 1) / 4
    assert worth(1000, 1) == METER_WORTH / 2, "a month of rows is no reason for hours of polls"
    assert worth(20, 50) == worth(20, 500) > 0


def test_a_quiet_meter_is_pinged_while_it_still_has_its_address() -> None:
    """INV-5: nothing was heard of it for so long that it would soon become NEW."""
    turn = turn_for(Task.PING, make_meter(1, read_up_to_now(Entity.DAILY, DAY_S)))
    assert (turn.due_at_s, turn.worth) == (T + PING_WITHIN_S, METER_WORTH)


def test_a_ping_goes_before_whatever_rows_wait() -> None:
    """INV-5: an address lost costs more than rows that come a minute later."""
    meter = make_meter(1, read_up_to_now())
    meter.link.credit.start(3)
    now_s = T + PING_WITHIN_S
    assert best(turns_of(meter, now_s), now_s).task is Task.PING


@pytest.mark.parametrize("wait_s", [0.0, 40.0])
def test_a_known_meter_is_asked_again_who_it_is(wait_s: float) -> None:
    """INV-8: slaves come and go."""
    meter = make_meter(1, read_up_to_now())
    meter.identify_at_s = T + wait_s
    turn = turn_for(Task.IDENTIFY, meter)
    assert (turn.due_at_s, turn.meter, turn.worth) == (T + wait_s, meter, CLOCK_WORTH)


def test_a_wrong_clock_is_set_when_its_turn_comes() -> None:
    """TIM-1."""
    meter = make_meter(1, read_up_to_now())
    assert Task.SET_CLOCK not in {turn.task for turn in turns_of(meter)}
    meter.clock_to_set_at_s = T - 1.0
    assert turn_for(Task.SET_CLOCK, meter).due_at_s == T - 1
    assert best(turns_of(meter), T).task is Task.SET_CLOCK


def test_of_a_node_that_comes_and_goes_few_rows_are_waited_for() -> None:
    """ACQ-1: it is read while it is there, and before the others."""
    stream = read_up_to_now()
    shaky, steady = make_meter(1, stream), make_meter(2, read_up_to_now())
    shaky.link.was_silent(T - 100.0)
    shaky.link.answered(float(T))
    assert shaky.link.is_shaky(T)
    turn = turn_for(Task.COLLECT, shaky)
    assert turn.due_at_s == T + SHAKY_ROWS_MAX * 900 + 30
    now_s = T + 9000.0
    shaky_turn, steady_turn = (turn_for(Task.COLLECT, each, now_s) for each in (shaky, steady))
    assert shaky_turn.worth == pytest.approx(2 * steady_turn.worth)


def test_events_that_are_said_to_wait_are_worth_more() -> None:
    """ACQ-1."""
    log = make_stream(Entity.STANDARD_EVENTS, 0)
    log.asked_at_s = T - DAY_S * 1.0
    meter = make_meter(1, log)
    idle = turn_for(Task.COLLECT, meter)
    log.hurried = True
    hurried = turn_for(Task.COLLECT, meter)
    assert hurried.worth == 4 * idle.worth
    assert hurried.price_s == idle.price_s
