"""The rows of one answer as columns, and whether the table has a place for them."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from drivers.dlms.profile_rows import ProfileRow
from gateway.store.errors import RowNotStorable
from gateway.store.stream import COLUMNS_MAX

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


def as_columns(rows: Sequence[ProfileRow]) -> AnswerColumns:
    """Return the same rows as columns.

    Raises:
        RowNotStorable: they differ in width, or are wider than the table.
    """
    if not rows:
        return NOTHING
    times, clock_statuses, statuses, rows_values = zip(*rows, strict=True)
    try:
        values = tuple(zip(*rows_values, strict=True))
    except ValueError as error:
        raise RowNotStorable("rows of different width in one answer") from error
    if len(values) > COLUMNS_MAX:
        raise RowNotStorable(f"{len(values)} values in a row, {COLUMNS_MAX} at most")
    return AnswerColumns(times, clock_statuses, statuses, rows_values, values)


def check_fits(answer: AnswerColumns, columns: int) -> None:
    """Check that rows are what their stream says, and their status words what may be told on.

    Raises:
        RowNotStorable: another number of values than `columns`, or a status beyond 63 bits.
    """
    if len(answer.values) != columns:
        raise RowNotStorable(f"rows of {len(answer.values)} values in a stream of {columns}")
    if min(answer.statuses) < 0 or max(answer.statuses) >= INTEGER_END:
        raise RowNotStorable("a status word that is negative or longer than 63 bits")


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
