"""Check that the table has a place for the rows of an answer."""

from collections.abc import Sequence

from drivers.dlms.profile_rows import ProfileRow
from gateway.store.answer_columns import COLUMNS_MAX, INTEGER_END, NOTHING, AnswerColumns
from gateway.store.errors import RowNotStorable


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
