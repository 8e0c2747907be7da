"""How long what has failed is left alone."""

import math

import pytest

from gateway.meters.patience import (
    FORGOTTEN_AFTER_S,
    FORGOTTEN_POLL_S,
    POLL_FIRST_S,
    POLL_MAX_S,
    POLLED_SHARE_MAX,
    RETRY_MAX_S,
    rest_after_failures_s,
    rest_before_poll_s,
)

POLL_S = 2.7  # eighteen slots at 2400 bit/s


def test_who_refuses_is_asked_half_as_often_each_time() -> None:
    """PLC-7."""
    rests = [rest_after_failures_s(failures) for failures in (1, 2, 3, 4, 5, 9, 10, 1000)]
    assert rests == [2, 4, 8, 16, 32, 512, RETRY_MAX_S, RETRY_MAX_S]


def test_a_node_that_has_just_fallen_silent_is_asked_soon_and_then_once_a_minute() -> None:
    """INV-4: one alone on a line that has time."""
    rests = [rest_before_poll_s(failures, 0.0, 1, POLL_S) for failures in range(1, 8)]
    assert rests == [POLL_FIRST_S, 20.0, 40.0, POLL_MAX_S, POLL_MAX_S, POLL_MAX_S, POLL_MAX_S]
    assert rest_before_poll_s(10_000, FORGOTTEN_AFTER_S - 1, 1, POLL_S) == POLL_MAX_S


@pytest.mark.parametrize("silent", [1, 5, 20, 100, 200])
def test_silent_nodes_together_leave_the_line_to_the_others(silent: int) -> None:
    """PLC-7: when a feeder fails, those who still answer are read."""
    rest_s = rest_before_poll_s(20, 3600.0, silent, POLL_S)
    assert silent * POLL_S / (rest_s + POLL_S) <= POLLED_SHARE_MAX + 0.01
    assert rest_s <= RETRY_MAX_S


def test_a_whole_street_without_mains_is_still_asked_each_quarter_of_an_hour() -> None:
    """INV-4: however slow the line; it would take it all otherwise."""
    assert rest_before_poll_s(20, 3600.0, 3000, 21.6) == RETRY_MAX_S


def test_who_was_not_heard_for_a_month_is_asked_once_an_hour() -> None:
    assert rest_before_poll_s(99, FORGOTTEN_AFTER_S, 1, POLL_S) == FORGOTTEN_POLL_S
    assert rest_before_poll_s(1, math.inf, 200, POLL_S) == FORGOTTEN_POLL_S
