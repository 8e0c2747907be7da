"""Which turn the line takes next."""

import pytest

from drivers.dlms.companion import Entity
from drivers.dlms.cosem_objects import ObjectList
from gateway.meters.meter_kind import MeterKind
from gateway.meters.meter_state import MeterState
from gateway.meters.node_link import NodeLink
from gateway.meters.schedule import Schedule, Task, Turn
from gateway.meters.stream_plan import StreamState
from gateway.store.intervals import IntervalSet
from tests.gateway.meters.test_stream_plan import DAY_S, SETTINGS, T, make_stream

KIND = MeterKind(config_id="C", firmware_module="F", objects=ObjectList([]))
COVERED = IntervalSet([(0, T)])


class Now:
    def __init__(self) -> None:
        self.now_s = float(T)

    def __call__(self) -> float:
        return self.now_s


def make_meter(number: int, *streams: StreamState) -> MeterState:
    link = NodeLink(system_title=bytes([number] * 6), mac=number, heard_at_s=float(T))
    meter = MeterState(link=link, usn=f"U{number}", kind=KIND, streams=list(streams))
    for at, stream in enumerate(streams):
        stream.stream_id = 10 * number + at
    return meter


def make_schedule(now: Now) -> Schedule:
    schedule = Schedule(SETTINGS, 3600.0, now)
    schedule.look_at_s = schedule.broadcast_at_s = T + DAY_S
    return schedule


def next_turn(schedule: Schedule, *meters: MeterState, covered: IntervalSet = COVERED) -> Turn:
    links = [meter.link for meter in meters]
    by_title = {meter.link.system_title: meter for meter in meters}
    return schedule.next_turn(links, by_title, lambda _: covered)


def test_an_unknown_line_is_looked_at_first() -> None:
    """INV-1."""
    turn = Schedule(SETTINGS, 3600.0, Now()).next_turn([], {}, lambda _: COVERED)
    assert (turn.task, turn.due_at_s) == (Task.LOOK_FOR_METERS, T)


def test_who_waits_longest_goes_first() -> None:
    """PLC-7: a backlog of one meter keeps nobody out."""
    one, other = make_stream(), make_stream()
    one.asked_at_s, other.asked_at_s = T - 10.0, T - 20.0
    meters = make_meter(1, one), make_meter(2, other)
    schedule = make_schedule(Now())
    turn = next_turn(schedule, *meters)
    assert turn.stream is other
    other.asked_at_s = float(T)
    assert next_turn(schedule, *meters).stream is one


def test_a_full_answer_goes_before_a_row_or_two() -> None:
    """PLC-7: while the line is short."""
    old, full = make_stream(period_s=7200), make_stream()
    old.asked_at_s = full.asked_at_s = T - 70_000.0
    old.newest_s, full.newest_s = T - 29_000, T - 9000
    now = Now()
    meters = make_meter(1, old), make_meter(2, full)
    turn = next_turn(make_schedule(now), *meters)
    assert turn.stream is full
    assert turn.due_at_s > T - 29_000 + 7200


def test_nobody_who_is_left_alone_is_asked() -> None:
    """PLC-1: a silent meter rests, and so does a buffer that was refused."""
    stream, other = make_stream(), make_stream(Entity.DAILY, DAY_S)
    meter = make_meter(1, stream, other)
    meter.link.retry_at_s = T + 50.0
    schedule = make_schedule(Now())
    assert next_turn(schedule, meter).due_at_s == T + 50
    stream.retry_at_s = T + 60.0
    assert next_turn(schedule, meter).stream is other


def test_of_streams_that_wait_for_their_meter_the_one_that_failed_last_goes_last() -> None:
    """ACQ-1: the question that a meter never answers does not keep the others out."""
    first, second = make_stream(), make_stream(Entity.DAILY, DAY_S)
    meter = make_meter(1, first, second)
    meter.link.retry_at_s = T + 2.0
    schedule = make_schedule(Now())
    first.failed(T, silent=True)
    assert next_turn(schedule, meter).stream is second
    second.failed(T + 1, silent=True)
    assert next_turn(schedule, meter).stream is first


def test_a_lost_node_is_only_pinged() -> None:
    """INV-4."""
    meter = make_meter(1, make_stream())
    meter.link.is_lost = True
    meter.link.ping_at_s = T + 5.0
    turn = next_turn(make_schedule(Now()), meter)
    assert (turn.task, turn.due_at_s) == (Task.PING, T + 5)


def test_a_quiet_meter_is_pinged() -> None:
    """INV-4: nothing was heard of it for node_silent_ping_s."""
    stream = make_stream(Entity.DAILY, DAY_S)
    stream.asked_at_s, stream.newest_s = float(T), T
    turn = next_turn(make_schedule(Now()), make_meter(1, stream))
    assert (turn.task, turn.due_at_s) == (Task.PING, T + 3600)


@pytest.mark.parametrize("wait_s", [0.0, 40.0])
def test_a_known_meter_is_asked_again_who_it_is(wait_s: float) -> None:
    """INV-8: slaves come and go."""
    stream = make_stream(Entity.DAILY, DAY_S)
    stream.asked_at_s, stream.newest_s = float(T), T
    meter = make_meter(1, stream)
    meter.identify_at_s = T + wait_s
    turn = next_turn(make_schedule(Now()), meter)
    assert (turn.task, turn.due_at_s, turn.meter) == (Task.IDENTIFY, T + wait_s, meter)


def test_a_wrong_clock_is_set_when_its_turn_comes() -> None:
    """TIM-1."""
    stream = make_stream(Entity.DAILY, DAY_S)
    stream.asked_at_s, stream.newest_s = float(T), T
    meter = make_meter(1, stream)
    meter.clock_to_set_at_s = T - 1.0
    assert next_turn(make_schedule(Now()), meter).task is Task.SET_CLOCK
