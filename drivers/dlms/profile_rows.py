"""Profile rows straight from octets, because they are nearly all that a meter ever sends.

Rows of one shape are checked by comparing whole columns of tags at once and then unpacked by one
struct; hours already met are looked up, not computed. A row is (captured_at_s, clock_status,
status, values): UTC seconds since 1970, bits of ClockStatus, the status word, the registers.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from drivers.dlms.axdr_primitives import encode_length, read_count
from drivers.dlms.data_types import DataTag
from drivers.dlms.date_time import (
    CosemDateTime,
    clock_marks,
    day_start_s,
    deviation_to_utc_s,
)
from drivers.errors import LocalUseError, MalformedFrame
from drivers.octets import OctetReader

ProfileRow: TypeAlias = tuple[int, int, int, tuple[int, ...]]

COLUMNS_MAX = 64  # four registers are usual
_SHAPES_MAX = 64
_HOURS_MAX = 20_000  # over two years of hours
_ZONES_MAX = 1_000

_NUMBER_FORMS = {
    DataTag.ENUM: "B",
    DataTag.INTEGER: "b",
    DataTag.LONG: "h",
    DataTag.DOUBLE_LONG: "i",
    DataTag.LONG64: "q",
    DataTag.UNSIGNED: "B",
    DataTag.LONG_UNSIGNED: "H",
    DataTag.DOUBLE_LONG_UNSIGNED: "I",
    DataTag.LONG64_UNSIGNED: "Q",
}
_FORM_BY_OCTET = {int(tag): form for tag, form in _NUMBER_FORMS.items()}
_CLOCK_HEADS = {DataTag.OCTET_STRING: b"\x09\x0c", DataTag.DATE_TIME: b"\x19"}
_CLOCK_FORM = "6sHx3s"  # year to hour; minute and second; hundredths left out; zone and status


class _HourStarts(dict[bytes, int]):
    """Local seconds since 1970 of each hour met, by the six octets from year to hour."""

    def __missing__(self, octets: bytes) -> int:
        year, month, day, _weekday, hour = struct.unpack(">HBBBB", octets)
        day_s = day_start_s(year, month, day)
        if day_s is None or hour > 23:
            raise MalformedFrame("a row without a real date", octets)
        if len(self) >= _HOURS_MAX:
            self.clear()
        hour_s: int = day_s + hour * 3600
        self[octets] = hour_s
        return hour_s


class _SecondsInHour(dict[int, int]):
    """Seconds since the full hour, by the two octets of minute and second."""

    def __missing__(self, number: int) -> int:
        raise MalformedFrame("a row without a real time", number.to_bytes(2, "big"))


class _Zones(dict[bytes, int]):
    """Seconds from local time to UTC, by the octets of deviation and clock status."""

    def __missing__(self, octets: bytes) -> int:
        deviation_min, _status = struct.unpack(">hB", octets)
        deviation_s = deviation_to_utc_s(deviation_min)
        if deviation_s is None:
            raise MalformedFrame("a row with an impossible deviation", octets)
        if len(self) >= _ZONES_MAX:
            self.clear()
        self[octets] = deviation_s
        return deviation_s


class _Marks(dict[bytes, int]):
    """Bits of ClockStatus, by the octets of deviation and clock status."""

    def __missing__(self, octets: bytes) -> int:
        deviation_min, status = struct.unpack(">hB", octets)
        if len(self) >= _ZONES_MAX:
            self.clear()
        self[octets] = marks = int(clock_marks(deviation_min, status))
        return marks


# What follows from the octets alone may be remembered for ever; each is bounded.
_HOUR_S = _HourStarts()
_IN_HOUR_S = _SecondsInHour(
    {minute << 8 | second: minute * 60 + second for minute in range(60) for second in range(60)}
)
_ZONE_S = _Zones()
_MARKS = _Marks()


class _Shape:
    """How a row is laid out: its length, where which tag stands, how to unpack it."""

    __slots__ = ("form", "tags")

    def __init__(self, clock_head: bytes, number_tags: bytes) -> None:
        head = bytes([DataTag.STRUCTURE, len(number_tags) + 1]) + clock_head
        self.tags = [(offset, head[offset : offset + 1]) for offset in range(len(head))]
        form = f">{len(head)}x{_CLOCK_FORM}"
        for tag in number_tags:
            self.tags.append((struct.calcsize(form), bytes([tag])))
            form += "x" + _FORM_BY_OCTET[tag]
        self.form = struct.Struct(form)

    def fits(self, octets: bytes, start: int, count: int) -> bool:
        """Whether `count` rows of this shape fill all that follows `start`."""
        stride = self.form.size
        if start + stride * count != len(octets):
            return False
        for offset, tag in self.tags:  # noqa: SIM110  (a generator costs more than the check)
            if octets[start + offset :: stride] != tag * count:
                return False
        return True


_shapes_met: dict[tuple[int, int], _Shape] = {}


def decode_rows(octets: bytes, position: int = 0) -> list[ProfileRow]:
    """Return the rows of a profile's buffer.

    Args:
        octets: COSEM data, an array of structures {clock, status, registers...}; the clock is an
            octet-string or date-time, the others are whole numbers.
        position: where the array begins; it ends where the octets end.

    Raises:
        MalformedFrame: it is no such array, or a row has no real date (a null one included).
    """
    reader = OctetReader(octets, position)
    if reader.u8() != DataTag.ARRAY:
        raise MalformedFrame("a profile buffer that is no array", octets)
    count = read_count(reader)
    start = reader.position
    if count == 0:
        reader.end()
        return []
    stride = (len(octets) - start) // count
    columns = octets[start + 1] if stride > 1 else 0
    shape = _shapes_met.get((stride, columns))
    if shape is None or not shape.fits(octets, start, count):
        shape = _shape_at(octets, start)
        _remember(shape)
        if not shape.fits(octets, start, count):
            return _decode_one_by_one(octets, start, count)
    return [
        (_HOUR_S[row[0]] + _IN_HOUR_S[row[1]] + _ZONE_S[row[2]], _MARKS[row[2]], row[3], row[4:])
        for row in shape.form.iter_unpack(octets[start:])
    ]


def _remember(shape: _Shape) -> None:
    if len(_shapes_met) >= _SHAPES_MAX:
        _shapes_met.clear()
    _shapes_met[shape.form.size, shape.tags[1][1][0]] = shape


def _shape_at(octets: bytes, position: int) -> _Shape:
    """Return the shape of the row that begins at `position`."""
    reader = OctetReader(octets, position)
    if reader.u8() != DataTag.STRUCTURE:
        raise MalformedFrame("a profile row that is no structure", octets)
    columns = reader.u8()
    if not 2 <= columns <= COLUMNS_MAX:
        raise MalformedFrame(f"a profile row of {columns} columns", octets)
    for clock_head in _CLOCK_HEADS.values():
        if octets.startswith(clock_head, reader.position):
            break
    else:
        raise MalformedFrame("a profile row that does not begin with a clock", octets)
    reader.take(len(clock_head) + 12)
    tags = bytearray()
    for _ in range(columns - 1):
        tag = reader.u8()
        form = _FORM_BY_OCTET.get(tag)
        if form is None:
            raise MalformedFrame(f"a profile column of type {tag:02X}", octets)
        reader.take(struct.calcsize(form))
        tags.append(tag)
    return _Shape(clock_head, bytes(tags))


def _decode_one_by_one(octets: bytes, start: int, count: int) -> list[ProfileRow]:
    """Return rows whose shapes differ; several times slower."""
    rows = []
    for _ in range(count):
        shape = _shape_at(octets, start)
        hour, in_hour, zone, status, *values = shape.form.unpack_from(octets, start)
        captured_at_s = _HOUR_S[hour] + _IN_HOUR_S[in_hour] + _ZONE_S[zone]
        rows.append((captured_at_s, _MARKS[zone], status, tuple(values)))
        start += shape.form.size
    if start != len(octets):
        raise MalformedFrame(f"{len(octets) - start} octets behind the last row", octets)
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLayout:
    """Types of a profile's columns behind the clock, on the meter's side.

    Attributes:
        status: type of the status word.
        values: types of the registers.
        deviation_min: of the meter's clock, minutes from local time to UTC.
    """

    status: DataTag
    values: tuple[DataTag, ...]
    deviation_min: int = 0


def encode_rows(rows: Sequence[ProfileRow], layout: RowLayout) -> bytes:
    """Return the octets of the attribute buffer of a profile.

    Raises:
        LocalUseError: a row does not fit the layout.
    """
    tags = (layout.status, *layout.values)
    numbers = struct.Struct(">" + "".join(["B" + _NUMBER_FORMS[tag] for tag in tags]))
    head = bytes([DataTag.STRUCTURE, len(tags) + 1]) + _CLOCK_HEADS[DataTag.OCTET_STRING]
    encoded = [bytes([DataTag.ARRAY]) + encode_length(len(rows))]
    for captured_at_s, clock_status, status, values in rows:
        moment = CosemDateTime.from_utc(captured_at_s, layout.deviation_min, clock_status & 0xFF)
        try:
            tagged = chain.from_iterable(zip(tags, (status, *values), strict=True))
            encoded.append(head + moment.encode() + numbers.pack(*tagged))
        except (ValueError, struct.error) as error:
            raise LocalUseError(f"a row that does not fit its layout: {error}") from error
    return b"".join(encoded)
