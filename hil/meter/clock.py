"""A meter's clock: an offset from true time, and what happens when somebody sets it."""

from collections import deque
from dataclasses import dataclass, field

from hil.meter.zone import LocalZone

SYNC_LIMIT_S = 10.0
SMALL_SHIFT_WINDOW_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange:
    """What setting the clock did.

    Attributes:
        shift_s: how far the clock was asked to go; positive is forward.
        accepted: False when the shift was one of too many small ones in one direction.
        registered: True when it must show in event log and profiles.
    """

    shift_s: float
    accepted: bool
    registered: bool


@dataclass(slots=True, kw_only=True)
class MeterClock:
    """Time of one meter. True time is an argument throughout, in UTC seconds.

    Attributes:
        offset_s: this clock minus true time.
        sync_limit_s: a larger shift is an event and marks the period; a smaller one leaves no mark.
        lost: the clock ran out of reserve and has not been set since.
    """

    offset_s: float = 0.0
    sync_limit_s: float = SYNC_LIMIT_S
    zone: LocalZone = field(default_factory=LocalZone)
    lost: bool = False
    _small_shifts: deque[tuple[float, float]] = field(default_factory=deque)

    def time_s(self, true_s: float) -> float:
        """Return what this clock shows."""
        return true_s + self.offset_s

    def true_s(self, time_s: float) -> float:
        """Return the true time at which this clock shows, or showed, a time."""
        return time_s - self.offset_s

    def set_time(self, time_s: float, true_s: float) -> ClockChange:
        """Set the clock.

        Small shifts of one day may add up to sync_limit and no further: otherwise a clock could
        be walked anywhere without one event (TIM-2).
        """
        shift_s = time_s - self.time_s(true_s)
        if self.lost or abs(shift_s) > self.sync_limit_s:
            self._small_shifts.clear()
            self.lost = False
            self.offset_s += shift_s
            return ClockChange(shift_s=shift_s, accepted=True, registered=True)
        accepted = self._accept_small(shift_s, true_s)
        if accepted:
            self.offset_s += shift_s
        return ClockChange(shift_s=shift_s, accepted=accepted, registered=False)

    def _accept_small(self, shift_s: float, true_s: float) -> bool:
        while self._small_shifts and self._small_shifts[0][0] < true_s - SMALL_SHIFT_WINDOW_S:
            self._small_shifts.popleft()
        before_s = sum(shift for _, shift in self._small_shifts)
        after_s = before_s + shift_s
        if abs(after_s) > self.sync_limit_s and abs(after_s) > abs(before_s):
            return False
        self._small_shifts.append((true_s, shift_s))
        return True
