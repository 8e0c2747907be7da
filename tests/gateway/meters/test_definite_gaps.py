"""Which rows are missing for good."""

import pytest

from gateway.meters.definite_gaps import REASON, DefiniteGap, gaps_after

DAY_S = 86_400


def _gap(from_s: int, to_s: int, rows: int) -> DefiniteGap:
    return DefiniteGap(from_s=from_s, to_s=to_s, rows=rows)


@pytest.mark.parametrize(
    ("known_to_s", "times", "period_s", "expected"),
    [
        (None, [100, 110], 10, []),  # what a meter held no more when it was met is no gap
        (90, [100, 110], 10, []),
        (90, [104, 110], 10, []),  # a row that came late
        (90, [106, 116], 10, [_gap(100, 100, 1)]),
        (90, [120], 10, [_gap(100, 110, 2)]),
        (None, [100, 130, 110], 10, [_gap(120, 120, 1)]),  # in any order
        (200, [100, 150], 10, []),  # read again: what is missing there was told
        (200, [100, 230], 10, [_gap(210, 220, 2)]),
        (90, [100, 100, 110], 10, []),  # captured twice
        (0, [DAY_S + 3600], DAY_S, []),  # a local day of 25 hours
        (0, [DAY_S - 3600], DAY_S, []),
        (0, [2 * DAY_S + 3600], DAY_S, [_gap(DAY_S, DAY_S, 1)]),
        (0, [26 * 3600], DAY_S, [_gap(DAY_S, DAY_S, 1)]),
        (0, [], 10, []),
    ],
)
def test_gaps(
    known_to_s: int | None, times: list[int], period_s: int, expected: list[DefiniteGap]
) -> None:
    """ACQ-3: more than one and a half periods between two rows, and a local day's hour is none."""
    assert gaps_after(known_to_s, times, period_s) == expected


def test_what_the_head_end_is_told() -> None:
    """ACQ-3: the body that docs/head_end_interface.md describes."""
    assert _gap(100, 110, 2).body("periodic") == {
        "stream": "periodic",
        "from_s": 100,
        "to_s": 110,
        "rows": 2,
        "reason": REASON,
    }
