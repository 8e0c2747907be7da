"""What is odd about a row: it is marked, and never dropped [ACQ-7]."""

from collections.abc import Sequence
from enum import IntFlag
from itertools import pairwise
from typing import Final

from gateway.store.answer_columns import AnswerColumns

FUTURE_TOLERANCE_S: Final = 120
"""A row may be captured this much after it was received: meters' clocks are a little wrong."""


class Mark(IntFlag):
    """The low octet is the row's own clock status as the meter gave it; the rest are our marks."""

    CLOCK_INVALID = 0x01
    CLOCK_DOUBTFUL = 0x02
    CLOCK_OTHER_BASE = 0x04
    CLOCK_STATUS_INVALID = 0x08
    DST = 0x80
    SECOND_OF_SAME_TIME = 0x0100  # another row of this captured_at came before
    NON_MONOTONIC = 0x0200  # a total is smaller than in the row before
    NEGATIVE = 0x0400  # a total below zero
    FUTURE = 0x0800  # captured after it was received
    CLOCK_LOST = 0x1000  # the meter itself does not trust its time


CLOCK_STATUS: Final = 0xFF
"""The part of a mark that the meter said; two rows that differ in it are different rows."""


_UNTRUSTED = Mark.CLOCK_INVALID | Mark.CLOCK_DOUBTFUL | Mark.CLOCK_STATUS_INVALID

MARK_OF_CLOCK_STATUS: Final = tuple(
    int(status | (Mark.CLOCK_LOST if status & _UNTRUSTED else 0)) for status in range(256)
)


def marks_of(
    answer: AnswerColumns,
    before: tuple[int, ...] | None,
    growing: tuple[int, ...],
    received_at_s: int,
) -> list[int] | None:
    """Return the mark of each row, in order; None when there is none, as nearly always.

    SECOND_OF_SAME_TIME is not set here: it takes what is stored.

    Args:
        answer: in the order in which the meter captured the rows.
        before: the values of the row captured before the first of them, when it is known.
        growing: which values are totals.
        received_at_s: UTC.
    """
    marks: list[int] | None = None
    if any(answer.clock_statuses):
        marks = [MARK_OF_CLOCK_STATUS[status & CLOCK_STATUS] for status in answer.clock_statuses]
    latest_s = received_at_s + FUTURE_TOLERANCE_S
    if max(answer.times) > latest_s:
        marks = marks or [0] * len(answer.times)
        for at, time in enumerate(answer.times):
            if time > latest_s:
                marks[at] |= Mark.FUTURE
    for column in growing:
        if column < len(answer.values):
            totals = answer.values[column]
            first = before[column] if before is not None and column < len(before) else totals[0]
            if first > totals[0] or not _only_grow(totals):
                marks = marks or [0] * len(answer.times)
                _mark_totals(marks, totals, first)
    return marks


def _only_grow(totals: tuple[int, ...]) -> bool:
    return totals[0] >= 0 and tuple(sorted(totals)) == totals  # sorting the sorted is quickest


def _mark_totals(marks: list[int], totals: tuple[int, ...], before: int) -> None:
    for at, (earlier, later) in enumerate(pairwise((before, *totals))):
        if later < earlier:
            marks[at] |= Mark.NON_MONOTONIC
        if later < 0:
            marks[at] |= Mark.NEGATIVE


def all_differ(times: Sequence[int]) -> bool:
    """Return whether no time occurs twice."""
    return len(set(times)) == len(times)
