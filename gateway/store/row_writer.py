"""Turn what was read into stored rows: which are new, their numbers and marks.

Runs in the store's thread, inside one transaction per group of handovers. What it knows of each
stream (last number, newest time) changes only after the commit, so a rolled-back transaction
leaves it as it was.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from drivers.dlms.profile_rows import ProfileRow
from gateway.store.intervals import Interval
from gateway.store.marks import CLOCK_STATUS, Mark, all_times_differ, marks_of
from gateway.store.stream import COLUMNS_MAX

Content = tuple[int, int, tuple[int, ...]]
"""Status, clock status, values: rows of one time that agree in these are the same row."""

FIXED_FIELDS: Final = 7
"""Fields of a stored row before its values."""

TimedContent = tuple[int, Content]
"""A captured_at and what was captured."""

RECENT_ROWS: Final = 32
"""Rows of a stream kept in memory; more than one answer of a power-line meter holds."""

_INSERT: Final = tuple(
    "INSERT INTO reading (stream_id, seq, captured_at_s, occurrence, status, mark, received_at_s"  # noqa: S608  (constants)
    + "".join(f", v{column + 1}" for column in range(width))
    + f") VALUES ({', '.join('?' * (FIXED_FIELDS + width))})"
    for width in range(COLUMNS_MAX + 1)
)
"""One statement per number of values: what a row has not stays NULL without being bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """One answer of a meter, on its way to the disk.

    Attributes:
        rows: in the meter's order.
        known: intervals of captured_at in which rows may be stored already.
        received_at_s: UTC.
    """

    stream_id: int
    rows: Sequence[ProfileRow]
    known: tuple[Interval, ...]
    received_at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTail:
    """Where a stream ends.

    Attributes:
        growing: columns that are totals.
        last_seq: number of its last row; 0 for none.
        edge_s: newest captured_at.
        edge_id: first reading of that time.
        recent: all rows of recent_from_s and later, in order of arrival; None when they were
            not looked up yet. Most comparisons are with them, and need no look at the disk.
    """

    growing: tuple[int, ...]
    last_seq: int = 0
    edge_s: int | None = None
    edge_id: int | None = None
    recent: tuple[TimedContent, ...] | None = None
    recent_from_s: int = 0


class RowWriter:
    """The store thread's knowledge of streams, and how rows are added to them."""

    def __init__(self) -> None:
        self._tails: dict[int, StreamTail] = {}
        self._changed: dict[int, StreamTail] = {}

    def know(self, stream_id: int, tail: StreamTail) -> None:
        """Take over a stream as it was loaded or made."""
        self._tails[stream_id] = tail

    def describe(self, stream_id: int, growing: tuple[int, ...]) -> None:
        """Let other columns be totals from now on."""
        self._tails[stream_id] = replace(self._tails[stream_id], growing=growing)

    def tail(self, stream_id: int) -> StreamTail:
        """Return where the committed rows of a stream end."""
        return self._tails[stream_id]

    def write(self, connection: sqlite3.Connection, handovers: Iterable[Handover]) -> int:
        """Store what is new in `handovers`, in their order; return how many rows that is."""
        self._changed = {}
        count = 0
        for handover in handovers:
            count += self._write_one(connection, handover)
        connection.executemany(
            "UPDATE stream SET last_seq = ?, edge_s = ?, edge_id = ? WHERE id = ?",
            [(tail.last_seq, tail.edge_s, tail.edge_id, at) for at, tail in self._changed.items()],
        )
        return count

    def committed(self) -> None:
        """Believe what was written."""
        self._tails.update(self._changed)
        self._changed = {}

    def _write_one(self, connection: sqlite3.Connection, handover: Handover) -> int:
        stream_id = handover.stream_id
        tail = self._changed.get(stream_id) or self._tails[stream_id]
        if tail.recent is None:
            tail = _looked_up(connection, stream_id, tail)
        rows = handover.rows
        stored: dict[int, list[Content]] = {}
        if handover.known:
            stored = self._stored(connection, handover, tail)
            rows = _new_rows(rows, stored, handover.known, _forgotten_before_s(connection))
        if not rows:
            self._changed[stream_id] = tail
            return 0
        records = _records(handover, rows, stored, tail)
        connection.executemany(_INSERT[len(records[0]) - FIXED_FIELDS], records)
        (last_id,) = connection.execute("SELECT last_insert_rowid()").fetchone()
        self._changed[stream_id] = _moved(tail, rows, last_id - len(rows) + 1)
        return len(rows)

    def _stored(
        self, connection: sqlite3.Connection, handover: Handover, tail: StreamTail
    ) -> dict[int, list[Content]]:
        """Return what is stored in the known intervals, by time."""
        if tail.edge_s is None:
            return {}
        if handover.known[0][0] >= tail.recent_from_s:
            return _by_time(tail.recent or ())
        return _scan(connection, handover.stream_id, handover.known)


def _new_rows(
    rows: Sequence[ProfileRow],
    stored: dict[int, list[Content]],
    known: Sequence[Interval],
    forgotten_before_s: int,
) -> list[ProfileRow]:
    """Leave out what is stored: of k equal rows here and m there, k - m are new.

    So old that stored rows may have been deleted, what was known once is taken for the same.
    """
    left = {time: Counter(contents) for time, contents in stored.items()}
    new = []
    for row in rows:
        time, content = row[0], _content(row)
        there = left.get(time)
        if there is not None and there[content] > 0:
            there[content] -= 1
        elif time >= forgotten_before_s or not _inside(time, known):
            new.append(row)
    return new


def _forgotten_before_s(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT value FROM meta WHERE key = 'forgotten_before_s'").fetchone()
    return 0 if row is None else int(row[0])


def _inside(time: int, intervals: Sequence[Interval]) -> bool:
    return any(first <= time <= last for first, last in intervals)


def _records(
    handover: Handover,
    rows: Sequence[ProfileRow],
    stored: dict[int, list[Content]],
    tail: StreamTail,
) -> list[tuple[int, ...]]:
    before = None
    if tail.recent and tail.edge_s is not None and rows[0][0] >= tail.edge_s:
        before = tail.recent[-1][1][2]
    marks = marks_of(rows, before, tail.growing, handover.received_at_s)
    stream_id, now_s, seq = handover.stream_id, handover.received_at_s, tail.last_seq + 1
    if not stored and all_times_differ(rows):
        return [
            (stream_id, number, row[0], 1, row[2], mark, now_s, *row[3])
            for number, (row, mark) in enumerate(zip(rows, marks, strict=True), seq)
        ]
    seen: defaultdict[int, int] = defaultdict(int)
    seen.update({time: len(contents) for time, contents in stored.items()})
    records = []
    for number, (row, mark) in enumerate(zip(rows, marks, strict=True), seq):
        seen[row[0]] += 1
        occurrence = seen[row[0]]
        if occurrence > 1:
            mark |= Mark.SECOND_OF_SAME_TIME  # noqa: PLW2901  (the mark of this row, completed)
        records.append((stream_id, number, row[0], occurrence, row[2], mark, now_s, *row[3]))
    return records


def _moved(tail: StreamTail, rows: Sequence[ProfileRow], first_id: int) -> StreamTail:
    """Return where the stream ends when `rows` were added."""
    times = [row[0] for row in rows]
    edge_s, edge_id = max(times), tail.edge_id
    if tail.edge_s is not None and edge_s <= tail.edge_s:
        edge_s = tail.edge_s
    else:
        edge_id = first_id + times.index(edge_s)
    old = tail.recent or ()
    recent_from_s = tail.recent_from_s
    latest = sorted([time for time, _ in old] + times)[-RECENT_ROWS:]
    if len(latest) == RECENT_ROWS:
        recent_from_s = max(recent_from_s, latest[0])
    recent = [item for item in old if item[0] >= recent_from_s]
    recent += [(row[0], _content(row)) for row in rows if row[0] >= recent_from_s]
    return replace(
        tail,
        last_seq=tail.last_seq + len(rows),
        edge_s=edge_s,
        edge_id=edge_id,
        recent=tuple(recent),
        recent_from_s=recent_from_s,
    )


_STORED_CONTENT: Final = "captured_at_s, status, mark & 255, v1, v2, v3, v4"


def _looked_up(connection: sqlite3.Connection, stream_id: int, tail: StreamTail) -> StreamTail:
    """Find the rows of the newest time; all of them came with or after `edge_id`."""
    if tail.edge_s is None:
        return replace(tail, recent=())
    found = connection.execute(
        f"SELECT {_STORED_CONTENT} FROM reading"  # noqa: S608  (a constant)
        " WHERE id >= ? AND stream_id = ? AND captured_at_s = ? ORDER BY id",
        (tail.edge_id, stream_id, tail.edge_s),
    )
    recent = tuple(_stored_content(row) for row in found)
    return replace(tail, recent=recent, recent_from_s=tail.edge_s)


def _scan(
    connection: sqlite3.Connection, stream_id: int, known: Sequence[Interval]
) -> dict[int, list[Content]]:
    """Look through all readings: there is no index by time, and this is needed rarely."""
    found = connection.execute(
        f"SELECT {_STORED_CONTENT} FROM reading"  # noqa: S608  (a constant)
        " WHERE stream_id = ? AND captured_at_s BETWEEN ? AND ? ORDER BY id",
        (stream_id, known[0][0], known[-1][1]),
    )
    return _by_time(_stored_content(row) for row in found)


def _by_time(items: Iterable[TimedContent]) -> dict[int, list[Content]]:
    contents: dict[int, list[Content]] = {}
    for time, content in items:
        contents.setdefault(time, []).append(content)
    return contents


def _content(row: ProfileRow) -> Content:
    return row[2], row[1] & CLOCK_STATUS, row[3]


def _stored_content(row: tuple[int | None, ...]) -> TimedContent:
    time, status, clock_status, *values = row
    assert time is not None
    assert status is not None
    assert clock_status is not None
    return time, (status, clock_status, tuple(value for value in values if value is not None))
