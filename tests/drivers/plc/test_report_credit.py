"""INV-2: reports are granted the repetitions that nearly all of them need, and now and then all."""

from collections.abc import Sequence

import pytest

from drivers.plc.mac_frame import CREDIT_MAX
from drivers.plc.report_credit import UNKNOWN_LINE_CREDIT, ReportCredit
from drivers.plc.slot_choice import FEW_SLOTS

MANY = FEW_SLOTS + 1


def _after(*needs: Sequence[int]) -> ReportCredit:
    credit = ReportCredit()
    for of_a_look in needs:
        credit.round_over(of_a_look)
    return credit


def test_few_windows_reach_everybody() -> None:
    """At rest, at the first look and at the last: a spare repetition costs little there."""
    credit = _after([0] * 30)
    assert {credit.for_windows(slots) for slots in range(1, FEW_SLOTS + 1)} == {CREDIT_MAX}


@pytest.mark.parametrize(
    ("needs", "granted"),
    [
        ([0] * 20, 0),
        ([0] * 11 + [1] * 6 + [2] * 2 + [3], 3),
        ([0] * 22 + [1] * 9 + [7], 1),  # one far away is not worth seven times the time
        ([4, 5, 4, 5, 5, 4, 3, 5], 5),
        ([99, -3] * 4, CREDIT_MAX),
        ([0, 0], UNKNOWN_LINE_CREDIT),  # two prove nothing
        ([5, 0], 5),
    ],
)
def test_many_windows_are_as_long_as_nearly_all_need(needs: list[int], granted: int) -> None:
    assert _after(needs).for_windows(MANY) == granted


def test_a_look_that_brought_nobody_is_followed_by_one_for_those_far_away() -> None:
    """They are not even noticed: their last repetition ends before it is here."""
    credit = _after([1] * 20, [])
    assert credit.for_windows(MANY) == CREDIT_MAX
    credit.round_over([6] * 10)
    assert credit.for_windows(MANY) == 6


def test_what_was_needed_long_ago_is_forgotten() -> None:
    assert _after([6] * 10, [1] * 32).for_windows(MANY) == 1
