"""Date and time of COSEM: fields that may be left open, the distance to UTC, the clock's state."""

import struct
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntFlag

from drivers.errors import LocalUseError, MalformedFrame

ANY = 0xFF  # in any one-octet field: not specified
YEAR_ANY = 0xFFFF
DEVIATION_UNSPECIFIED = -0x8000
DEVIATION_MAX_MIN = 840  # local time is at most 14 hours from UTC
DATE_TIME_OCTETS = 12
DATE_OCTETS = 5
TIME_OCTETS = 4
CLOCK_STATUS_UNSPECIFIED = 0xFF

_DATE_TIME = struct.Struct(">HBBBBBBBhB")
_DATE = struct.Struct(">HBBB")
_TIME = struct.Struct(">BBBB")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()


class ClockStatus(IntFlag):
    """What a clock says of itself.

    The last two are marks of ours, above the octet on the wire: what the clock did not say.

    Source: IEC 62056-62.
    """

    INVALID = 0x01
    DOUBTFUL = 0x02
    DIFFERENT_BASE = 0x04
    INVALID_STATUS = 0x08
    DST = 0x80
    DEVIATION_NOT_STATED = 0x100
    STATUS_NOT_STATED = 0x200


@dataclass(frozen=True, slots=True, kw_only=True)
class CosemDate:
    """A date; 255 (year: 65535) leaves a field open. Any five octets are one."""

    year: int = YEAR_ANY
    month: int = ANY
    day: int = ANY
    weekday: int = ANY

    @classmethod
    def decode(cls, octets: bytes) -> "CosemDate":
        """Read five octets."""
        _check_length(octets, DATE_OCTETS)
        year, month, day, weekday = _DATE.unpack(octets)
        return cls(year=year, month=month, day=day, weekday=weekday)

    def encode(self) -> bytes:
        """Return five octets."""
        return _pack(_DATE, self.year, self.month, self.day, self.weekday)


@dataclass(frozen=True, slots=True, kw_only=True)
class CosemTime:
    """A time of day; 255 leaves a field open. Any four octets are one."""

    hour: int = ANY
    minute: int = ANY
    second: int = ANY
    hundredths: int = ANY

    @classmethod
    def decode(cls, octets: bytes) -> "CosemTime":
        """Read four octets."""
        _check_length(octets, TIME_OCTETS)
        hour, minute, second, hundredths = octets
        return cls(hour=hour, minute=minute, second=second, hundredths=hundredths)

    def encode(self) -> bytes:
        """Return four octets."""
        return _pack(_TIME, self.hour, self.minute, self.second, self.hundredths)


@dataclass(frozen=True, slots=True, kw_only=True)
class CosemDateTime:
    """A moment, as far as it is stated. Any twelve octets are one, and come back as they were.

    Attributes:
        weekday: 1 is Monday, 7 is Sunday.
        deviation_min: minutes from local time to UTC (central European time: -60).
        clock_status: bits of ClockStatus; 255 when the sender does not say.

    Source: IEC 62056-62; docs/plc.md 6.5.
    """

    year: int = YEAR_ANY
    month: int = ANY
    day: int = ANY
    weekday: int = ANY
    hour: int = ANY
    minute: int = ANY
    second: int = ANY
    hundredths: int = ANY
    deviation_min: int = DEVIATION_UNSPECIFIED
    clock_status: int = 0

    @classmethod
    def decode(cls, octets: bytes) -> "CosemDateTime":
        """Read twelve octets.

        Raises:
            MalformedFrame: they are not twelve.
        """
        _check_length(octets, DATE_TIME_OCTETS)
        fields = _DATE_TIME.unpack(octets)
        year, month, day, weekday, hour, minute, second, hundredths, deviation, status = fields
        return cls(
            year=year,
            month=month,
            day=day,
            weekday=weekday,
            hour=hour,
            minute=minute,
            second=second,
            hundredths=hundredths,
            deviation_min=deviation,
            clock_status=status,
        )

    @classmethod
    def from_utc(
        cls, utc_s: float, deviation_min: int = 0, clock_status: int = 0
    ) -> "CosemDateTime":
        """Return the moment `utc_s` (seconds since 1970) on a clock of that deviation.

        Raises:
            LocalUseError: the year has not four digits.
        """
        hundredths = round(utc_s * 100) - deviation_min * 6000
        try:
            local = _EPOCH + timedelta(seconds=hundredths // 100)
        except OverflowError:
            raise LocalUseError(f"no date has {utc_s} seconds since 1970") from None
        return cls(
            year=local.year,
            month=local.month,
            day=local.day,
            weekday=local.isoweekday(),
            hour=local.hour,
            minute=local.minute,
            second=local.second,
            hundredths=hundredths % 100,
            deviation_min=deviation_min,
            clock_status=clock_status,
        )

    def encode(self) -> bytes:
        """Return twelve octets.

        Raises:
            LocalUseError: a field does not fit its octets.
        """
        return _pack(
            _DATE_TIME,
            self.year,
            self.month,
            self.day,
            self.weekday,
            self.hour,
            self.minute,
            self.second,
            self.hundredths,
            self.deviation_min,
            self.clock_status,
        )

    def utc_s(self) -> float | None:
        """Return seconds since 1970, or None when a field of the date is open or impossible.

        An unspecified deviation is taken for UTC (see `marks`); open hundredths, or more than
        99 of them, are zero.
        """
        day_s = day_start_s(self.year, self.month, self.day)
        deviation_s = deviation_to_utc_s(self.deviation_min)
        if day_s is None or deviation_s is None:
            return None
        if self.hour > 23 or self.minute > 59 or self.second > 59:
            return None
        hundredths = self.hundredths if self.hundredths < 100 else 0
        whole_s = day_s + self.hour * 3600 + self.minute * 60 + self.second + deviation_s
        return whole_s + hundredths / 100

    def marks(self) -> ClockStatus:
        """Return the clock's status and what it left unsaid."""
        return clock_marks(self.deviation_min, self.clock_status)


def day_start_s(year: int, month: int, day: int) -> int | None:
    """Return where a day begins, in seconds since 1970 of its own clock; None for no real day."""
    try:
        return (date(year, month, day).toordinal() - _EPOCH_DAY) * 86_400
    except ValueError:
        return None


def deviation_to_utc_s(deviation_min: int) -> int | None:
    """Return what to add to local time to get UTC; None for an impossible deviation."""
    if deviation_min == DEVIATION_UNSPECIFIED:
        return 0
    return deviation_min * 60 if abs(deviation_min) <= DEVIATION_MAX_MIN else None


def clock_marks(deviation_min: int, clock_status: int) -> ClockStatus:
    """Return a clock status octet as flags, with our marks for what was left unsaid."""
    unsaid = ClockStatus(0)
    if deviation_min == DEVIATION_UNSPECIFIED:
        unsaid |= ClockStatus.DEVIATION_NOT_STATED
    if clock_status == CLOCK_STATUS_UNSPECIFIED:
        return unsaid | ClockStatus.STATUS_NOT_STATED
    return unsaid | ClockStatus(clock_status)


def _check_length(octets: bytes, expected: int) -> None:
    if len(octets) != expected:
        raise MalformedFrame(f"{expected} octets make this, not {len(octets)}", octets)


def _pack(form: struct.Struct, *fields: int) -> bytes:
    try:
        return form.pack(*fields)
    except struct.error as error:
        raise LocalUseError(f"a field of a date or time is out of range: {error}") from error
