"""What is known of the way to a node: signs of life, silence, refusals."""

import pytest

from gateway.meters.node_link import OUTAGE_KEPT_S, NodeLink


def _link() -> NodeLink:
    return NodeLink(system_title=b"ABCDEF", mac=1)


def test_silence_is_forgiven_by_an_answer() -> None:
    """PLC-1."""
    link = _link()
    link.was_silent(100.0)
    link.retry_at_s = 110.0
    link.was_silent(110.0)
    assert (link.failures_in_a_row, link.silent_since_s) == (2, 100.0)
    link.answered(120.0)
    assert (link.failures_in_a_row, link.silent_since_s, link.retry_at_s) == (0, None, 0.0)
    assert link.heard_at_s == 120.0
    link.was_silent(130.0)
    assert (link.failures_in_a_row, link.silent_since_s) == (1, 130.0)


def test_useless_answers_are_forgiven_by_a_good_turn_only() -> None:
    """PLC-7: who answers each request, and each with nonsense, is asked less and less."""
    link = _link()
    for rest_s in (2, 4, 8, 16):
        link.answered(100.0)
        link.refused(100.0)
        assert link.retry_at_s == 100.0 + rest_s
    assert link.silent_since_s is None
    link.satisfied()
    link.refused(100.0)
    assert link.retry_at_s == 102.0


def test_a_node_that_has_just_fallen_silent_may_vanish_again() -> None:
    """ACQ-1: it is read before much waits there; after a quiet day or so like any other."""
    link = _link()
    assert not link.is_shaky(0.0)
    link.was_silent(1000.0)
    assert link.is_shaky(1000.0)
    link.answered(1010.0)
    assert link.is_shaky(1010.0)
    assert link.is_shaky(1000.0 + 0.7 * OUTAGE_KEPT_S)
    assert not link.is_shaky(1000.0 + 0.8 * OUTAGE_KEPT_S)


def test_one_long_outage_is_one_however_often_it_is_asked_meanwhile() -> None:
    link = _link()
    for at in range(100):
        link.was_silent(1000.0 + 60 * at)
    assert not link.is_shaky(1000.0 + OUTAGE_KEPT_S)


@pytest.mark.parametrize(("outages", "days"), [(1, 0.8), (4, 2.7), (16, 4.7)])
def test_the_more_outages_the_longer_they_are_remembered(outages: int, days: float) -> None:
    link = _link()
    for at in range(outages):
        link.was_silent(1000.0 + at)
        link.answered(1000.5 + at)
    assert link.is_shaky(1000.0 + (days - 0.3) * OUTAGE_KEPT_S)
    assert not link.is_shaky(1000.0 + (days + 0.1) * OUTAGE_KEPT_S)


def test_a_clock_set_back_makes_no_outage_heavier() -> None:
    """TIM-3: what lies ahead of us weighs as if it were now."""
    link = _link()
    link.was_silent(1_000_000.0)
    link.answered(1_000_001.0)
    assert link.is_shaky(0.0)
    link.was_silent(10.0)
    link.answered(11.0)
    assert not link.is_shaky(10.0 + 2 * OUTAGE_KEPT_S)
