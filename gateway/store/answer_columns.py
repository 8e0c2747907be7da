"""The rows of one answer as columns, so that checks run over whole columns at C speed."""

from collections.abc import Sequence
from typing import Final, NamedTuple

COLUMNS_MAX: Final = 4
"""The table has a place for so many values; the meters' profiles hold no more."""

INTEGER_END: Final = 1 << 63
"""SQLite's integers are signed, of 64 bits."""


class AnswerColumns(NamedTuple):
    """The rows of one answer, turned by a quarter: checks run over whole columns at C speed.

    Attributes:
        times: captured_at, UTC seconds.
        clock_statuses, statuses: as the meter gave them.
        rows_values: one tuple for each row.
        values: the same numbers, one tuple for each register.
    """

    times: tuple[int, ...]
    clock_statuses: tuple[int, ...]
    statuses: tuple[int, ...]
    rows_values: tuple[tuple[int, ...], ...]
    values: tuple[tuple[int, ...], ...]


NOTHING: Final = AnswerColumns((), (), (), (), ())
"""An answer without rows; it may prove that there are none."""


def chosen(answer: AnswerColumns, places: Sequence[int]) -> AnswerColumns:
    """Return the rows at these places of an answer."""
    return AnswerColumns(
        tuple([answer.times[place] for place in places]),
        tuple([answer.clock_statuses[place] for place in places]),
        tuple([answer.statuses[place] for place in places]),
        tuple([answer.rows_values[place] for place in places]),
        tuple(tuple([column[place] for place in places]) for column in answer.values),
    )


def wrapped(answer: AnswerColumns) -> AnswerColumns:
    """Return numbers that fit: one of 2**63 or more is stored less 2**64, the same bits."""
    rows_values = tuple(tuple(map(_wrap, values)) for values in answer.rows_values)
    return AnswerColumns(
        tuple(map(_wrap, answer.times)),
        answer.clock_statuses,
        answer.statuses,
        rows_values,
        tuple(zip(*rows_values, strict=True)),
    )


def _wrap(value: int) -> int:
    return (value + INTEGER_END) % (2 * INTEGER_END) - INTEGER_END
