"""The household: life from a seed."""

import pytest

from hil.household import HOUR_S, make_household
from tests.hil.line_helpers import START_S


def test_the_same_seed_lives_the_same_life() -> None:
    """HIL-2: nothing depends on who asked before."""
    one, other = make_household(5), make_household(5)
    other.import_wh(START_S - 86_400, START_S)
    assert one.import_wh(START_S + 17, START_S + 5_000) == other.import_wh(
        START_S + 17, START_S + 5_000
    )
    assert make_household(6).import_wh(START_S, START_S + 60) != one.import_wh(
        START_S, START_S + 60
    )


def test_parts_add_up_to_the_whole() -> None:
    """HIL-1: energy over an hour is the same, asked at once or in pieces."""
    home = make_household(8)
    begin = START_S // HOUR_S * HOUR_S - 900
    pieces = sum(home.import_wh(begin + 7 * k, begin + 7 * (k + 1)) for k in range(1_000))
    assert pieces == pytest.approx(home.import_wh(begin, begin + 7_000))


def test_a_day_looks_like_a_day() -> None:
    """HIL-1: more in the evening than before dawn, the sun only by day, never negative."""
    homes = [make_household(seed) for seed in range(40)]
    midnight = START_S // 86_400 * 86_400 - HOUR_S  # local midnight

    def mean_w(local_hour: int) -> float:
        at = midnight + local_hour * HOUR_S
        return sum(home.import_wh(at, at + HOUR_S) for home in homes) / len(homes)

    assert mean_w(19) > 2 * mean_w(3) > 0
    roofs = [home for home in homes if home.sun]
    assert 3 < len(roofs) < 20
    assert all(home.export_wh(midnight, midnight + 4 * HOUR_S) == 0 for home in roofs)
    assert all(home.export_wh(midnight + 10 * HOUR_S, midnight + 14 * HOUR_S) > 0 for home in roofs)
    assert all(home.watts(midnight + 60 * minute) > 0 for home in homes for minute in range(30))
