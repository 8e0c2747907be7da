"""How long what has failed is left alone."""

import math
from typing import Final

RETRY_FIRST_S: Final = 2.0
RETRY_MAX_S: Final = 900.0

LINE_HOLDS_S: Final = 60.0
"""For so long a line is taken to be as the last answer found it."""

POLL_FIRST_S: Final = 10.0
"""A node that has just fallen silent may be back at once: a door was shut, a lamp went out."""

POLL_MAX_S: Final = 60.0
"""A silent node is asked this often as long as the line has time for it."""

POLLED_SHARE_MAX: Final = 0.7
"""Silent nodes together take no more of the line than this."""

FORGOTTEN_AFTER_S: Final = 30 * 86_400.0
"""A node silent for so long is asked once an hour only."""

FORGOTTEN_POLL_S: Final = 3_600.0


def rest_after_failures_s(failures_in_a_row: int) -> float:
    """Return the rest after so many failures, 1 or more; twice as long each time."""
    doublings = min(failures_in_a_row - 1, 30)
    return min(math.ldexp(RETRY_FIRST_S, doublings), RETRY_MAX_S)


def rest_after_breaking_off_s(turns_in_a_row: int) -> float:
    """Return the rest after so many turns, 1 or more, in which a node was heard and lost again."""
    return min(rest_after_failures_s(turns_in_a_row), POLL_MAX_S)


def rest_before_poll_s(
    failures_in_a_row: int, silent_s: float, silent_nodes: int, poll_s: float
) -> float:
    """Return how long a silent node is left alone.

    Args:
        failures_in_a_row: how often it was asked in vain, 1 or more.
        silent_s: for how long it has been silent.
        silent_nodes: how many nodes are silent now, this one included.
        poll_s: line time of one poll.
    """
    if silent_s >= FORGOTTEN_AFTER_S:
        return FORGOTTEN_POLL_S
    at_first_s = math.ldexp(POLL_FIRST_S, min(failures_in_a_row - 1, 10))
    together_s = silent_nodes * poll_s / POLLED_SHARE_MAX
    return max(min(at_first_s, POLL_MAX_S), min(together_s, RETRY_MAX_S))
