"""Interval sets against the plainest model there is: a set of integers."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.store.intervals import IntervalSet

SECONDS = st.integers(min_value=0, max_value=40)
SPANS = st.tuples(SECONDS, SECONDS)
STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove"]), SPANS), max_size=30)


def played(steps: list[tuple[str, tuple[int, int]]]) -> tuple[IntervalSet, set[int]]:
    ours, model = IntervalSet(), set[int]()
    for verb, (first, last) in steps:
        if verb == "add":
            ours.add(first, last)
            model |= set(range(first, last + 1))
        else:
            ours.remove(first, last)
            model -= set(range(first, last + 1))
    return ours, model


def members(intervals: list[tuple[int, int]]) -> set[int]:
    return {second for first, last in intervals for second in range(first, last + 1)}


@given(STEPS)
def test_holds_what_a_set_would_hold_in_as_few_intervals_as_possible(
    steps: list[tuple[str, tuple[int, int]]],
) -> None:
    """ACQ-2: what was read is known second by second."""
    ours, model = played(steps)
    pieces = list(ours)
    assert members(pieces) == model
    assert all(before[1] + 1 < after[0] for before, after in pairwise(pieces))
    assert len(ours) == len(pieces)
    assert ours.first() == min(model, default=None)
    assert ours.last() == max(model, default=None)


@given(STEPS, SPANS)
def test_answers_questions_about_a_range(
    steps: list[tuple[str, tuple[int, int]]], span: tuple[int, int]
) -> None:
    ours, model = played(steps)
    first, last = span
    asked = set(range(first, last + 1))
    assert members(ours.within(first, last)) == asked & model
    assert members(ours.holes(first, last)) == asked - model
    assert ours.covers(first, last) == (asked <= model)
    if asked:
        assert ours.overlaps(first, last) == bool(asked & model)
    assert (first in ours) == (first in model)


def test_copies_are_their_own() -> None:
    one = IntervalSet([(1, 5), (6, 9)])
    two = one.copy()
    assert one == two
    two.add(20, 21)
    assert list(one) == [(1, 9)]
    assert one != two
    assert repr(one) == "IntervalSet([(1, 9)])"
    assert one != "IntervalSet([(1, 9)])"
