"""What is odd about a row: it is marked, and never dropped [ACQ-7]."""

from collections import Counter
from collections.abc import Sequence
from enum import IntFlag
from itertools import pairwise
from operator import le, lt
from typing import Final

from drivers.dlms.profile_rows import ProfileRow

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
    rows: Sequence[ProfileRow],
    before: tuple[int, ...] | None,
    growing: tuple[int, ...],
    received_at_s: int,
) -> list[int]:
    """Return the mark of each row, in order; SECOND_OF_SAME_TIME is set elsewhere.

    Args:
        rows: in the order in which the meter captured them.
        before: the values of the row captured before the first of them, when it is known.
        growing: which columns are totals.
        received_at_s: UTC.
    """
    marks = [MARK_OF_CLOCK_STATUS[row[1] & CLOCK_STATUS] for row in rows]
    if max(row[0] for row in rows) > received_at_s + FUTURE_TOLERANCE_S:
        for at, row in enumerate(rows):
            if row[0] > received_at_s + FUTURE_TOLERANCE_S:
                marks[at] |= Mark.FUTURE
    for column in growing:
        _mark_totals(marks, rows, before, column)
    return marks


def _mark_totals(
    marks: list[int], rows: Sequence[ProfileRow], before: tuple[int, ...] | None, column: int
) -> None:
    try:
        totals = [row[3][column] for row in rows]
    except IndexError:  # shorter rows than described: kept as they are
        return
    if min(totals) < 0:
        for at, total in enumerate(totals):
            if total < 0:
                marks[at] |= Mark.NEGATIVE
    start = totals[0]
    if before is not None and column < len(before):
        start = before[column]
    if start <= totals[0] and all(map(le, totals, totals[1:])):
        return
    for at, (earlier, later) in enumerate(pairwise([start, *totals])):
        if later < earlier:
            marks[at] |= Mark.NON_MONOTONIC


def all_times_differ(rows: Sequence[ProfileRow]) -> bool:
    """Return whether no captured_at occurs twice; quick for rows in order of time."""
    times = [row[0] for row in rows]
    return all(map(lt, times, times[1:])) or max(Counter(times).values()) == 1
