from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dlms.date_time import (
    DEVIATION_UNSPECIFIED,
    ClockStatus,
    CosemDate,
    CosemDateTime,
    CosemTime,
)
from drivers.errors import LocalUseError, MalformedFrame

FRIDAY = bytes.fromhex(
    "07EA0B14050A0F1E00FFC400"
)  # 2026-11-20 10:15:30.00, CET, of docs/plc.md 6.5
FRIDAY_S = datetime(2026, 11, 20, 9, 15, 30, tzinfo=UTC).timestamp()


def test_deviation_is_added_to_local_time() -> None:
    """TIM-4: 10:15:30 in central European winter is 09:15:30 UTC."""
    assert CosemDateTime.decode(FRIDAY).utc_s() == FRIDAY_S
    assert CosemDateTime.from_utc(FRIDAY_S, deviation_min=-60).encode() == FRIDAY


def test_west_of_greenwich() -> None:
    moment = CosemDateTime.from_utc(FRIDAY_S, deviation_min=300)
    assert (moment.hour, moment.minute) == (4, 15)
    assert moment.utc_s() == FRIDAY_S


def test_unspecified_deviation_is_utc_and_marked() -> None:
    octets = FRIDAY[:9] + b"\x80\x00\x81"
    moment = CosemDateTime.decode(octets)
    assert moment.deviation_min == DEVIATION_UNSPECIFIED
    assert moment.utc_s() == FRIDAY_S + 3600
    assert (
        moment.marks() == ClockStatus.INVALID | ClockStatus.DST | ClockStatus.DEVIATION_NOT_STATED
    )
    assert moment.encode() == octets


def test_unspecified_status_sets_no_false_bits() -> None:
    moment = CosemDateTime.decode(FRIDAY[:11] + b"\xff")
    assert moment.marks() == ClockStatus.STATUS_NOT_STATED


@pytest.mark.parametrize(
    "octets",
    [
        "FFFF0B14050A0F1E00FFC400",  # any year
        "07EAFF14050A0F1E00FFC400",  # any month
        "07EA02FE050A0F1E00FFC400",  # the last day of a month
        "07EA021E050A0F1E00FFC400",  # 30 February
        "07EA0B1405180F1E00FFC400",  # hour 24
        "07EA0B14050A3C1E00FFC400",  # minute 60
        "07EA0B14050A0FFF00FFC400",  # any second
        "07EA0B14050A0F1E007FFF00",  # 22 days from UTC
    ],
)
def test_no_real_moment_has_no_utc_but_comes_back_as_it_was(octets: str) -> None:
    moment = CosemDateTime.decode(bytes.fromhex(octets))
    assert moment.utc_s() is None
    assert moment.encode() == bytes.fromhex(octets)


def test_open_hundredths_are_zero_and_stated_ones_count() -> None:
    assert CosemDateTime.decode(FRIDAY[:8] + b"\xff" + FRIDAY[9:]).utc_s() == FRIDAY_S
    assert CosemDateTime.from_utc(FRIDAY_S + 0.29).hundredths == 29
    assert CosemDateTime.from_utc(FRIDAY_S + 0.999).utc_s() == FRIDAY_S + 1


@given(st.integers(0, 250_000_000_000), st.integers(-840, 840), st.integers(0, 254))
def test_every_moment_comes_back(hundredths: int, deviation_min: int, status: int) -> None:
    moment = CosemDateTime.from_utc(hundredths / 100, deviation_min, status)
    assert CosemDateTime.decode(moment.encode()) == moment
    utc_s = moment.utc_s()
    assert utc_s is not None
    assert round(utc_s * 100) == hundredths
    expected = datetime.fromtimestamp(hundredths // 100 - deviation_min * 60, UTC)
    assert moment.weekday == expected.isoweekday()


@given(st.binary(min_size=12, max_size=12))
def test_any_twelve_octets_come_back(octets: bytes) -> None:
    moment = CosemDateTime.decode(octets)
    assert moment.encode() == octets
    moment.utc_s()
    moment.marks()


def test_date_and_time_alone() -> None:
    assert CosemDate.decode(b"\x07\xea\x0b\x14\xff") == CosemDate(year=2026, month=11, day=20)
    assert CosemDate(year=2026, month=11, day=20).encode() == b"\x07\xea\x0b\x14\xff"
    assert CosemTime.decode(b"\x0a\x0f\x1e\xff") == CosemTime(hour=10, minute=15, second=30)
    assert CosemTime(hour=10, minute=15, second=30).encode() == b"\x0a\x0f\x1e\xff"


def test_wrong_lengths_and_numbers_are_refused() -> None:
    for cut in (0, 11):
        with pytest.raises(MalformedFrame):
            CosemDateTime.decode(FRIDAY[:cut])
    with pytest.raises(LocalUseError):
        CosemDateTime(hour=256).encode()
    with pytest.raises(LocalUseError):
        CosemDateTime.from_utc(1e12)
