"""What becomes of plans when our own clock is set."""

import pytest

from gateway.meters.wall_steps import follow_step
from tests.gateway.meters.test_schedule import make_meter
from tests.gateway.meters.test_stream_plan import T, make_stream

YEAR_S = 365 * 86_400.0


@pytest.mark.parametrize("step_s", [-YEAR_S, 3600.0, YEAR_S])
def test_nothing_waits_longer_than_before(step_s: float) -> None:
    """TIM-3: all that was planned or noted moves with the clock."""
    stream = make_stream()
    stream.asked_at_s, stream.retry_at_s = T - 10.0, T + 5.0
    meter = make_meter(1, stream)
    meter.identify_at_s, meter.clock_to_set_at_s = T + 1000.0, T + 30.0
    meter.link.retry_at_s, meter.link.silent_since_s = T + 7.0, T - 20.0
    now_s = T + step_s
    follow_step(step_s, now_s, [meter.link], [meter], None)
    assert stream.asked_at_s == now_s - 10
    assert stream.retry_at_s == now_s + 5
    assert meter.identify_at_s == now_s + 1000
    assert meter.clock_to_set_at_s == now_s
    assert meter.link.retry_at_s == now_s + 7
    assert meter.link.silent_since_s == now_s - 20


def test_what_was_noted_behind_the_step_does_not_come_to_lie_ahead() -> None:
    """TIM-3: the clock was set by a year in the middle of a turn."""
    stream = make_stream()
    now_s = T + YEAR_S
    stream.asked_at_s = now_s - 1
    meter = make_meter(1, stream)
    meter.identify_at_s = now_s + 86_400
    meter.link.heard_at_s = now_s - 1
    follow_step(YEAR_S, now_s, [meter.link], [meter], None)
    assert stream.asked_at_s == now_s
    assert meter.link.heard_at_s == now_s
    assert meter.identify_at_s == now_s + 86_400


def test_a_meters_deviation_is_by_our_new_clock() -> None:
    """ADR 9: otherwise each meter would seem to be set back, and all be read again."""
    meter, sampled = make_meter(1, make_stream()), make_meter(2, make_stream())
    for each in (meter, sampled):
        each.deviation_s, each.contact_at_s = 0.5, T - 60.0
    follow_step(100.0, T + 100.0, [], [meter, sampled], sampled)
    assert (meter.deviation_s, meter.contact_at_s) == (-99.5, T + 40.0)
    assert (sampled.deviation_s, sampled.contact_at_s) == (0.5, T - 60.0)
