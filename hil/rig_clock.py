"""True time of an emulation: UTC seconds that follow the event loop's monotonic clock."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RigClock:
    """Turns loop time into UTC; the wall clock is looked at once, by whoever makes this.

    Attributes:
        utc_at_zero_s: UTC when the loop's clock showed 0.
    """

    utc_at_zero_s: float

    def utc_s(self, loop_time: float) -> float:
        """Return true time, in UTC seconds, at a loop time."""
        return self.utc_at_zero_s + loop_time

    def loop_time(self, utc_s: float) -> float:
        """Return the loop time of a true time."""
        return utc_s - self.utc_at_zero_s
