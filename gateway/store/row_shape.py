"""Make what a meter sent fit the table, whatever it sent."""

from collections.abc import Sequence
from typing import Final

from drivers.dlms.profile_rows import ProfileRow
from gateway.store.errors import RowNotStorable
from gateway.store.stream import COLUMNS_MAX

INTEGER_END: Final = 1 << 63
"""SQLite's integers are signed, of 64 bits."""


def storable(rows: Sequence[ProfileRow]) -> Sequence[ProfileRow]:
    """Return rows of one width whose integers fit; nearly always `rows` itself.

    An unsigned integer of 2**63 or more is stored less 2**64: the same 64 bits. Docs say so.

    Raises:
        RowNotStorable: a row has more than four values, or an integer of more than 64 bits.
    """
    widths = {len(row[3]) for row in rows}
    if max(widths) > COLUMNS_MAX:
        raise RowNotStorable(f"{max(widths)} values in a row, {COLUMNS_MAX} at most")
    if len(widths) > 1:
        raise RowNotStorable(f"rows of {sorted(widths)} values in one answer")
    if _all_fit(rows, widths):
        return rows
    return [
        (_wrapped(time), clock_status, _wrapped(status), tuple(map(_wrapped, values)))
        for time, clock_status, status, values in rows
    ]


def _all_fit(rows: Sequence[ProfileRow], widths: set[int]) -> bool:
    statuses = [row[2] for row in rows]
    values = [row[3] for row in rows] if widths != {0} else [(0,)]
    least, greatest = min(map(min, values)), max(map(max, values))
    return (
        greatest < INTEGER_END
        and least >= -INTEGER_END
        and max(statuses) < INTEGER_END
        and min(statuses) >= -INTEGER_END
    )


def _wrapped(value: int) -> int:
    if not -INTEGER_END <= value < 2 * INTEGER_END:
        raise RowNotStorable("an integer of more than 64 bits")
    return value - 2 * INTEGER_END if value >= INTEGER_END else value
