"""Wall time, and how far it may be trusted; the only reader of it in the daemon."""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

EARLIEST_PLAUSIBLE_S: Final = 1_704_067_200.0
"""2024-01-01T00:00:00Z. A board without a battery wakes up before it: nobody has set that clock."""

STEP_NOTICED_S: Final = 0.5
"""Wall time may differ from the monotonic clock by this much, between looks, without a step."""


class ClockTrust(StrEnum):
    """Who vouches for the wall clock, as the configuration says it."""

    SYSTEM = "system"
    NONE = "none"


class ClockQuality(StrEnum):
    """How good the wall time is right now [TIM-3].

    HOLDOVER is for sources that can be lost (head-end, NTP); trust "system" never shows it.
    """

    SYNCHRONISED = "synchronised"
    HOLDOVER = "holdover"
    UNKNOWN = "unknown"


class Clock:
    """UTC with its quality.

    Args:
        trust: who vouches for `wall`.
        wall: seconds since 1970-01-01T00:00:00Z.
        monotonic: seconds of a clock that nobody sets; reveals steps of `wall`.
    """

    def __init__(
        self,
        trust: ClockTrust,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trust = trust
        self._wall = wall
        self._monotonic = monotonic
        self._last_offset_s = wall() - monotonic()

    def now_s(self) -> float:
        """Return seconds since 1970-01-01T00:00:00Z, whatever their quality."""
        return self._wall()

    def quality(self) -> ClockQuality:
        """Return how good `now_s` is."""
        if self._trust is ClockTrust.NONE or self._wall() < EARLIEST_PLAUSIBLE_S:
            return ClockQuality.UNKNOWN
        return ClockQuality.SYNCHRONISED

    def is_trusted(self) -> bool:
        """Return whether this time may be broadcast to meters [TIM-3]."""
        return self.quality() is not ClockQuality.UNKNOWN

    def step_since_last_look_s(self) -> float:
        """Return by how much somebody set the clock since this was last asked; 0.0 for not at all.

        Positive is forward. Ask often (every minute or so): slewing over a longer time adds up
        and would look like a step.
        """
        offset_s = self._wall() - self._monotonic()
        step_s = offset_s - self._last_offset_s
        self._last_offset_s = offset_s
        return step_s if abs(step_s) >= STEP_NOTICED_S else 0.0
