"""When what concerns all nodes is due."""

import itertools
import math

import pytest

from drivers.plc.airtime import LineTiming
from gateway.meters.airtime_price import AirtimePrice
from gateway.meters.look_rhythm import LookOutcome
from gateway.meters.network_rhythm import (
    FOUND_WORTH,
    LOOK_WORTH,
    SETTLES_S,
    NetworkRhythm,
    RhythmSettings,
)
from gateway.meters.turn import Task, Turn

T = 1_790_000_000.0
PRICE = AirtimePrice(timing=LineTiming(bit_rate_bps=2400))
SETTINGS = RhythmSettings(
    look_period_s=3600.0, look_again_s=60.0, broadcast_period_s=7200.0, repeater_call_period_s=900.0
)
WITHOUT_CALLS = RhythmSettings(
    look_period_s=3600.0, look_again_s=60.0, broadcast_period_s=7200.0, repeater_call_period_s=0.0
)


def _rhythm(settings: RhythmSettings = SETTINGS) -> NetworkRhythm:
    return NetworkRhythm(settings, PRICE, T)


def _turns(rhythm: NetworkRhythm, *, has_meters: bool = True) -> dict[Task, Turn]:
    return {turn.task: turn for turn in rhythm.turns(has_meters=has_meters)}


def _due(rhythm: NetworkRhythm, task: Task) -> float:
    turn = _turns(rhythm).get(task)
    return math.inf if turn is None else turn.due_at_s


def _outcome(now_s: float, news: int = 0, *, more: bool = False) -> LookOutcome:
    return LookOutcome(ended_at_s=now_s, news=news, damaged=0, expects_more=more, likely_more=more)


def test_an_unknown_line_is_looked_at_at_once_and_told_nothing() -> None:
    """INV-1: with nobody registered nobody hears the time."""
    (turn,) = _rhythm().turns(has_meters=False)
    assert (turn.task, turn.due_at_s, turn.worth) == (Task.LOOK_FOR_METERS, T, FOUND_WORTH)


def test_a_look_that_fails_is_tried_again_soon() -> None:
    """REL-1: the modem went down in the middle."""
    rhythm = _rhythm()
    rhythm.looks(T)
    assert _due(rhythm, Task.LOOK_FOR_METERS) == T + 60


def test_looks_follow_what_they_bring() -> None:
    """INV-2: the rest is in look_rhythm."""
    rhythm = _rhythm()
    rhythm.looks(T)
    rhythm.looked(_outcome(T + 4))
    turn = _turns(rhythm)[Task.LOOK_FOR_METERS]
    assert (turn.due_at_s, turn.worth) == (T + 4 + 3600, LOOK_WORTH)
    rhythm.looks(T + 3604)
    rhythm.looked(_outcome(T + 3610, 3, more=True))
    turn = _turns(rhythm)[Task.LOOK_FOR_METERS]
    assert (turn.due_at_s, turn.worth) == (0.0, FOUND_WORTH)


def test_an_alarm_leads_to_a_look() -> None:
    """PLC-6: somebody has something to report."""
    rhythm = _rhythm()
    rhythm.looked(_outcome(T + 4))
    rhythm.look_now(T + 100)
    turn = _turns(rhythm)[Task.LOOK_FOR_METERS]
    assert (turn.due_at_s, turn.worth) == (T + 100, FOUND_WORTH)


def _looks_in(rhythm: NetworkRhythm, seconds: int, alarm_each_s: int) -> list[float]:
    """Return when looks are had while alarms come again and again."""
    looks = []
    for second in range(0, seconds, 5):
        now_s = T + 4000 + second
        if second % alarm_each_s == 0:
            rhythm.look_now(now_s)
        if _due(rhythm, Task.LOOK_FOR_METERS) <= now_s:
            rhythm.looks(now_s)
            rhythm.looked(_outcome(now_s + 4))
            looks.append(now_s)
    return looks


def test_an_alarm_that_nobody_reports_does_not_take_the_line() -> None:
    """PLC-6, PLC-7: noise in the pauses, or a meter out of reach: half as often each time."""
    rhythm = _rhythm()
    rhythm.looked(_outcome(T + 3000))
    looks = _looks_in(rhythm, 86_400, 5)
    assert looks[0] == T + 4000
    assert looks[1] - looks[0] >= SETTINGS.look_again_s
    assert len(looks) < 24 + 8


def test_an_alarm_once_in_a_while_is_looked_for_at_once_each_time() -> None:
    """PLC-6."""
    rhythm = _rhythm()
    rhythm.looked(_outcome(T + 3000))
    looks = set(_looks_in(rhythm, 86_400, 7200))
    assert {T + 4000 + second for second in range(0, 86_400, 7200)} <= looks


def test_the_time_is_told_in_its_period() -> None:
    """TIM-1: first as soon as there is a meter."""
    rhythm = _rhythm()
    assert _due(rhythm, Task.BROADCAST_TIME) == T
    rhythm.told_the_time(T + 50)
    assert _due(rhythm, Task.BROADCAST_TIME) == T + 50 + 7200


def test_a_network_that_does_not_change_is_left_as_it_is() -> None:
    """PLC-7: a repeater call takes the line from all others."""
    assert Task.CALL_REPEATERS not in _turns(_rhythm())


def test_a_change_is_settled_once_it_is_quiet() -> None:
    """Those who come in company are called together: the first of them says when."""
    rhythm = _rhythm()
    rhythm.network_changed(T)
    rhythm.network_changed(T + 100)
    assert _due(rhythm, Task.CALL_REPEATERS) == T + SETTLES_S
    assert Task.CALL_REPEATERS not in _turns(rhythm, has_meters=False)
    rhythm.called(T + 130)
    assert Task.CALL_REPEATERS not in _turns(rhythm)


def test_repeaters_are_not_called_more_often_than_their_period() -> None:
    """PLC-7: a node that comes and goes all day long is no reason."""
    rhythm = _rhythm()
    calls = []
    for second in range(0, 7200, 10):
        now_s = T + second
        rhythm.network_changed(now_s)
        if _due(rhythm, Task.CALL_REPEATERS) <= now_s:
            rhythm.called(now_s)
            calls.append(now_s)
    assert calls[0] == T + SETTLES_S
    pauses = [later - earlier for earlier, later in itertools.pairwise(calls)]
    assert min(pauses) == SETTINGS.repeater_call_period_s
    assert len(calls) == 8


def test_without_a_period_nobody_is_called() -> None:
    rhythm = _rhythm(WITHOUT_CALLS)
    rhythm.network_changed(T)
    assert Task.CALL_REPEATERS not in _turns(rhythm)


@pytest.mark.parametrize("step_s", [-31_536_000.0, -3600.0, 3600.0, 31_536_000.0])
def test_after_a_step_of_the_clock_nothing_rests_for_it(step_s: float) -> None:
    """TIM-3: looks and broadcasts begin anew, and a call that was due stays so."""
    rhythm = _rhythm()
    rhythm.looked(_outcome(T))
    rhythm.told_the_time(T)
    rhythm.called(T)
    rhythm.network_changed(T)
    now_s = T + step_s
    rhythm.wall_clock_stepped(now_s)
    assert _due(rhythm, Task.LOOK_FOR_METERS) == _due(rhythm, Task.BROADCAST_TIME) == now_s
    assert _due(rhythm, Task.CALL_REPEATERS) == now_s + SETTLES_S
    rhythm.called(now_s + SETTLES_S)
    rhythm.network_changed(now_s + 200)
    wait_s = _due(rhythm, Task.CALL_REPEATERS) - now_s - SETTLES_S
    assert wait_s == SETTINGS.repeater_call_period_s


def test_a_call_noted_before_the_clock_was_set_back_holds_up_none() -> None:
    """TIM-3: nothing was due then; the next change is settled as soon as any."""
    rhythm = _rhythm()
    rhythm.called(T)
    rhythm.wall_clock_stepped(T - 31_536_000.0)
    rhythm.network_changed(T - 31_536_000.0)
    wait_s = _due(rhythm, Task.CALL_REPEATERS) - T + 31_536_000.0
    assert wait_s <= SETTINGS.repeater_call_period_s


def test_prices_are_those_of_full_credit() -> None:
    """PLC-7: a look sends eight slots and hears as many, if not more."""
    turns = _turns(_rhythm())
    assert turns[Task.LOOK_FOR_METERS].price_s == pytest.approx(16 * 0.15)
    assert turns[Task.BROADCAST_TIME].price_s == pytest.approx(8 * 0.15)
