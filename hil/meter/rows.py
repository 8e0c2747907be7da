"""The rings in which a meter keeps its rows: the oldest is overwritten when one is full."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from drivers.dlms.companion import Entity


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row as the meter itself knows it, before any encoding.

    Attributes:
        captured_at_s: the meter's own time, UTC seconds.
        occurrence: 1, or more for a further row of the same time (the clock was set back).
        deviation_min: local to UTC, for the date-time of the row.
        clock_status: status octet of that date-time.
        status: the row's status word.
        values: registers, or the event number.
    """

    captured_at_s: int
    occurrence: int
    deviation_min: int
    clock_status: int
    status: int
    values: tuple[int, ...]


class RowObserver(Protocol):
    """Somebody who keeps the truth about what meters hold."""

    def row_added(self, usn: str, entity: "Entity", row: Row) -> None:
        """Take note of a row at the moment it arises."""

    def row_dropped(self, usn: str, entity: "Entity", row: Row, overwritten_by: Row) -> None:
        """Take note of a row whose place was taken by another one."""


class RowRing:
    """Rows of one entity, oldest first."""

    def __init__(
        self, *, usn: str, entity: "Entity", depth: int, observer: RowObserver | None
    ) -> None:
        """Make an empty ring of `depth` rows; the observer sees every change."""
        self.usn = usn
        self.entity = entity
        self.depth = depth
        self._observer = observer
        self._rows: deque[Row] = deque()
        self._occurrences: dict[int, int] = {}

    def add(
        self,
        *,
        captured_at_s: int,
        deviation_min: int,
        clock_status: int,
        status: int,
        values: tuple[int, ...],
    ) -> Row:
        """Append a row, overwriting the oldest of a full ring."""
        occurrence = self._occurrences.get(captured_at_s, 0) + 1
        self._occurrences[captured_at_s] = occurrence
        row = Row(
            captured_at_s=captured_at_s,
            occurrence=occurrence,
            deviation_min=deviation_min,
            clock_status=clock_status,
            status=status,
            values=values,
        )
        self._rows.append(row)
        if self._observer:
            self._observer.row_added(self.usn, self.entity, row)
        if len(self._rows) > self.depth:
            self._drop_oldest(row)
        return row

    def in_range(self, from_s: float | None, to_s: float | None) -> list[Row]:
        """Return rows captured in a closed range, in ring order; None leaves an end open."""
        low = float("-inf") if from_s is None else from_s
        high = float("inf") if to_s is None else to_s
        return [row for row in self._rows if low <= row.captured_at_s <= high]

    def entries(self, first: int, last: int) -> list[Row]:
        """Return rows by place, 1 being the oldest; last 0 means the newest."""
        last = last or len(self._rows)
        return [self._rows[index] for index in range(max(first, 1) - 1, min(last, len(self)))]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def _drop_oldest(self, newest: Row) -> None:
        row = self._rows.popleft()
        if self._occurrences[row.captured_at_s] == row.occurrence:
            del self._occurrences[row.captured_at_s]
        if self._observer:
            self._observer.row_dropped(self.usn, self.entity, row, newest)


def total_rows(rings: Iterable[RowRing]) -> int:
    """Return how many rows several rings hold."""
    return sum(len(ring) for ring in rings)
