"""Local time of a meter: a fixed deviation and, if enabled, the European summer-time rule."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_DST_SHIFT_MIN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalZone:
    """Where a meter stands.

    Attributes:
        standard_deviation_min: minutes from local standard time to UTC (CET is -60).
        dst: summer time from the last Sunday of March to the last of October, 01:00 UTC each.
    """

    standard_deviation_min: int = -60
    dst: bool = True

    def is_dst(self, utc_s: float) -> bool:
        """Tell whether summer time is in force."""
        if not self.dst:
            return False
        begin_s, end_s = _summer(datetime.fromtimestamp(utc_s, UTC).year)
        return begin_s <= utc_s < end_s

    def deviation_min(self, utc_s: float) -> int:
        """Return the minutes from local time to UTC that a date-time must carry."""
        return self.standard_deviation_min - (_DST_SHIFT_MIN if self.is_dst(utc_s) else 0)

    def local(self, utc_s: float) -> datetime:
        """Return local wall time, without a zone of its own."""
        wall_s = utc_s - self.deviation_min(utc_s) * 60
        return datetime.fromtimestamp(wall_s, UTC).replace(tzinfo=None)

    def utc_s(self, local: datetime) -> int:
        """Return the UTC second of a local wall time that is not in a changing hour."""
        wall_s = int(local.replace(tzinfo=UTC).timestamp())
        guess_s = wall_s + self.standard_deviation_min * 60
        return wall_s + self.deviation_min(guess_s) * 60

    def next_midnight_s(self, utc_s: float) -> int:
        """Return the first local midnight after a time."""
        local = self.local(utc_s)
        return self.utc_s(datetime(local.year, local.month, local.day) + timedelta(days=1))  # noqa: DTZ001  (local wall time)

    def next_month_s(self, utc_s: float) -> int:
        """Return the first local midnight of a month after a time."""
        local = self.local(utc_s)
        year, month = divmod(local.year * 12 + local.month, 12)
        return self.utc_s(datetime(year, month + 1, 1))  # noqa: DTZ001  (local wall time)


@lru_cache(maxsize=64)
def _summer(year: int) -> tuple[float, float]:
    return _last_sunday(year, 3), _last_sunday(year, 10)


def _last_sunday(year: int, month: int) -> float:
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return (last - timedelta(days=last.isoweekday() % 7)).timestamp()
