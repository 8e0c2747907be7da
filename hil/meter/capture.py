"""When a profile takes its next row, in the meter's own time."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from drivers.dlms.companion import RowStatus
from hil.meter.rows import RowRing
from hil.meter.zone import LocalZone

DAY_S = 86_400
NOTHING_PENDING = RowStatus(0)


class Schedule(Protocol):
    """The boundaries at which a profile captures."""

    @property
    def capture_period_s(self) -> int:
        """Return what attribute 4 of the profile says; 0 where the steps are uneven."""

    def after(self, time_s: float) -> int:
        """Return the first boundary after a time."""

    def before(self, time_s: float) -> int:
        """Return the last boundary at or before a time."""


@dataclass(frozen=True, slots=True)
class EvenPeriod:
    """Every so many seconds, in step with the full hour."""

    capture_period_s: int

    def after(self, time_s: float) -> int:
        """Return the first boundary after a time."""
        return (int(time_s // self.capture_period_s) + 1) * self.capture_period_s

    def before(self, time_s: float) -> int:
        """Return the last boundary at or before a time."""
        return int(time_s // self.capture_period_s) * self.capture_period_s


@dataclass(frozen=True, slots=True)
class EveryMidnight:
    """Every local midnight, whatever the length of the day."""

    zone: LocalZone
    capture_period_s: int = DAY_S

    def after(self, time_s: float) -> int:
        """Return the first boundary after a time."""
        return self.zone.next_midnight_s(time_s)

    def before(self, time_s: float) -> int:
        """Return the last boundary at or before a time."""
        found = self.after(time_s - 26 * 3600)  # no day is that long
        while self.after(found) <= time_s:
            found = self.after(found)
        return found


@dataclass(frozen=True, slots=True)
class EveryMonth:
    """Every first of the month, local midnight."""

    zone: LocalZone
    capture_period_s: int = 0

    def after(self, time_s: float) -> int:
        """Return the first boundary after a time."""
        return self.zone.next_month_s(time_s)

    def before(self, time_s: float) -> int:
        """Return the last boundary at or before a time."""
        found = self.after(time_s - 32 * DAY_S)
        while self.after(found) <= time_s:
            found = self.after(found)
        return found


@dataclass(slots=True, kw_only=True)
class CaptureProfile:
    """A profile that captures by the clock.

    Attributes:
        next_capture_s: meter time of the next row.
        pending: status bits that the next row must carry besides the meter's own.
        registers: gives the values to capture at a true time.
    """

    ring: RowRing
    schedule: Schedule
    next_capture_s: int
    registers: Callable[[float], tuple[int, ...]]
    status_octets: int = 1
    pending: RowStatus = NOTHING_PENDING

    def start_with_history(self, time_s: float, rows: int) -> None:
        """Set the next capture so that `rows` boundaries up to a time are still to come."""
        self.next_capture_s = self.schedule.after(time_s)
        for _ in range(rows):
            self.next_capture_s = self.schedule.before(self.next_capture_s - 1)

    def capture(self, *, true_s: float, zone: LocalZone, status: RowStatus, clock: int) -> None:
        """Take the row that is due and look forward to the next."""
        at_s = self.next_capture_s
        mask = (1 << 8 * self.status_octets) - 1
        self.ring.add(
            captured_at_s=at_s,
            deviation_min=zone.deviation_min(at_s),
            clock_status=clock,
            status=int(status | self.pending) & mask,
            values=self.registers(true_s),
        )
        self.pending = NOTHING_PENDING
        self.next_capture_s = self.schedule.after(at_s)
