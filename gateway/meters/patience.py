"""How long what has failed is left alone."""

import math
from typing import Final

RETRY_FIRST_S: Final = 2.0
RETRY_MAX_S: Final = 900.0


def rest_after_failures_s(failures_in_a_row: int) -> float:
    """Return the rest after so many failures, 1 or more; twice as long each time."""
    doublings = min(failures_in_a_row - 1, 30)
    return min(math.ldexp(RETRY_FIRST_S, doublings), RETRY_MAX_S)
