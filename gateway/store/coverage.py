"""What of a stream was read completely, and where a second look must be compared with the first."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from drivers.dlms.profile_rows import ProfileRow
from gateway.store.intervals import Interval, IntervalSet

_COVERED: Final = 0
_DOUBTED: Final = 1

IntervalRow = tuple[int, int, int]
"""Doubted or not, first second, last second: one row of the table, less the stream."""


class CoverageBook:
    """Two sets of captured_at that never overlap.

    Attributes:
        covered: read completely; nothing is asked for there again.
        doubted: rows may be stored there, but more may exist: times that were uncovered, and
            rows that came without a proof that they were all.
    """

    __slots__ = ("covered", "doubted")

    def __init__(self) -> None:
        self.covered = IntervalSet()
        self.doubted = IntervalSet()

    def note_answer(
        self, rows: Sequence[ProfileRow], covered: Interval | None
    ) -> tuple[Interval, ...]:
        """Enter an answer; return where its rows must be compared with stored ones.

        Args:
            rows: of the answer.
            covered: the captured_at range of which the answer holds every row; None: of none.
        """
        known = self._known(rows)
        if covered is not None:
            self.covered.add(*covered)
            self.doubted.remove(*covered)
        for row in rows:
            if covered is not None and covered[0] <= row[0] <= covered[1]:
                continue
            if row[0] not in self.covered:
                self.doubted.add(row[0], row[0])
        return known

    def uncover(self, first_s: int, last_s: int) -> None:
        """Let these times be read again."""
        for interval in self.covered.within(first_s, last_s):
            self.doubted.add(*interval)
        self.covered.remove(first_s, last_s)

    def as_rows(self) -> set[IntervalRow]:
        """Return the book as it stands in the store."""
        return {(_COVERED, *interval) for interval in self.covered} | {
            (_DOUBTED, *interval) for interval in self.doubted
        }

    def _known(self, rows: Sequence[ProfileRow]) -> tuple[Interval, ...]:
        if not rows:
            return ()
        times = [row[0] for row in rows]
        first_s, last_s = min(times), max(times)
        return tuple(
            sorted(self.covered.within(first_s, last_s) + self.doubted.within(first_s, last_s))
        )


def load_coverage(connection: sqlite3.Connection) -> dict[int, CoverageBook]:
    """Return the books of all streams, by stream id."""
    books: dict[int, CoverageBook] = {}
    for stream_id, doubted, from_s, to_s in connection.execute(
        "SELECT stream_id, doubted, from_s, to_s FROM interval"
    ):
        book = books.setdefault(stream_id, CoverageBook())
        (book.doubted if doubted else book.covered).add(from_s, to_s)
    return books


def save_coverage(
    connection: sqlite3.Connection,
    stream_id: int,
    before: set[IntervalRow],
    after: set[IntervalRow],
) -> None:
    """Write what changed in one book."""
    connection.executemany(
        "DELETE FROM interval WHERE stream_id = ? AND doubted = ? AND from_s = ?",
        [(stream_id, doubted, from_s) for doubted, from_s, _ in before - after],
    )
    connection.executemany(
        "INSERT INTO interval (stream_id, doubted, from_s, to_s) VALUES (?, ?, ?, ?)",
        [(stream_id, *interval) for interval in after - before],
    )
