"""Turn what was read into stored rows: which are new, their numbers and marks.

Runs in the store's thread, inside one transaction per group of handovers. What it knows of each
stream (last number, newest time) changes only after the commit, so a rolled-back transaction
leaves it as it was.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Final, NamedTuple

from gateway.store.answer_columns import COLUMNS_MAX, AnswerColumns, chosen
from gateway.store.coverage import CoverageTexts
from gateway.store.intervals import Interval
from gateway.store.marks import CLOCK_STATUS, Mark, all_differ, marks_of
from gateway.store.stream_tail import Content, StreamTail, TimedContent

_time_of = itemgetter(0)

RECENT_ROWS: Final = 32
"""Rows of a stream kept in memory; more than one answer of a power-line meter holds."""

_PLAIN: Final = ("stream_id", "seq", "captured_at_s", "status", "received_at_s")
_MARKED: Final = (*_PLAIN, "occurrence", "mark")


BLOCK_ROWS: Final = 50
"""Rows that one INSERT takes; it costs half as much for each row as an INSERT of its own."""


class _Insert(NamedTuple):
    """How rows of one shape are put into the table."""

    fields: int
    one: str
    block: str


def _insert(*fields: str) -> _Insert:
    head = f"INSERT INTO reading ({', '.join(fields)}) VALUES "  # noqa: S608  (constants)
    row = f"({', '.join('?' * len(fields))})"
    return _Insert(len(fields), head + row, head + ", ".join([row] * BLOCK_ROWS))


_INSERT: Final = {
    (fields, width): _insert(*fields, *("v1", "v2", "v3", "v4")[:width])
    for fields in (_PLAIN, _MARKED)
    for width in range(COLUMNS_MAX + 1)
}
"""What is as its default is not bound: occurrence and mark nearly always, values not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """One answer of a meter, on its way to the disk.

    Attributes:
        answer: its rows, in the meter's order.
        known: intervals of captured_at in which rows may be stored already.
        received_at_s: UTC.
    """

    stream_id: int
    answer: AnswerColumns
    known: tuple[Interval, ...]
    received_at_s: int


class RowWriter:
    """The store thread's knowledge of streams, and how rows are added to them."""

    def __init__(self) -> None:
        self._tails: dict[int, StreamTail] = {}
        self._changed: dict[int, StreamTail] = {}
        self._next_id = self._next_id_then = 1

    def load(self, connection: sqlite3.Connection) -> None:
        """Find out which ids are taken."""
        (last_id,) = connection.execute("SELECT MAX(id) FROM reading").fetchone()
        self._next_id = 1 + (last_id or 0)

    def know(self, stream_id: int, tail: StreamTail) -> None:
        """Take over a stream as it was loaded or made."""
        self._tails[stream_id] = tail

    def describe(self, stream_id: int, growing: tuple[int, ...]) -> None:
        """Let other columns be totals from now on."""
        tail = self._tails[stream_id]
        self._tails[stream_id] = replace(tail, growing=growing, described_after_seq=tail.last_seq)

    def tail(self, stream_id: int) -> StreamTail:
        """Return where the committed rows of a stream end."""
        return self._tails[stream_id]

    def write(
        self,
        connection: sqlite3.Connection,
        handovers: Iterable[Handover],
        coverage: Mapping[int, CoverageTexts],
    ) -> None:
        """Store what is new in `handovers`, in their order, and what is covered thereby.

        Raises:
            OverflowError: an integer needs more than 64 bits.
        """
        self._changed = {}
        run = _InsertRun(connection, self._next_id)
        for handover in handovers:
            self._write_one(run, handover)
        run.insert()
        self._next_id_then = run.next_id
        ends = ((stream_id, self._tail(stream_id)) for stream_id in coverage)
        connection.executemany(
            "UPDATE stream SET last_seq = ?, edge_s = ?, edge_id = ?, covered = ?, doubted = ?"
            " WHERE id = ?",
            [
                (tail.last_seq, tail.edge_s, tail.edge_id, *coverage[stream_id], stream_id)
                for stream_id, tail in ends
            ],
        )

    def _tail(self, stream_id: int) -> StreamTail:
        return self._changed.get(stream_id) or self._tails[stream_id]

    def committed(self) -> None:
        """Believe what was written."""
        self._tails.update(self._changed)
        self._next_id = self._next_id_then
        self._changed = {}

    def _write_one(self, run: "_InsertRun", handover: Handover) -> None:
        answer = handover.answer
        if not answer.times:
            return
        tail = self._tail(handover.stream_id)
        if tail.recent is None:
            tail = _looked_up(run.connection, handover.stream_id, tail)
        stored: dict[int, list[Content]] = {}
        if handover.known:
            run.insert()  # the look into the store must see what came before
            stored = self._stored(run.connection, handover, tail)
            answer = _only_new(answer, stored, handover.known, _forgotten_before_s(run.connection))
        if answer.times:
            tail = run.add(handover, answer, stored, tail)
        self._changed[handover.stream_id] = tail

    def _stored(
        self, connection: sqlite3.Connection, handover: Handover, tail: StreamTail
    ) -> dict[int, list[Content]]:
        """Return what is stored in the known intervals, by time."""
        if tail.edge_s is None:
            return {}
        if handover.known[0][0] >= tail.recent_from_s:
            return _by_time(tail.recent or ())
        return _scan(connection, handover.stream_id, handover.known)


def _only_new(
    answer: AnswerColumns,
    stored: dict[int, list[Content]],
    known: Sequence[Interval],
    forgotten_before_s: int,
) -> AnswerColumns:
    """Leave out what is stored: of k equal rows here and m there, k - m are new.

    So old that stored rows may have been deleted, what was known once is taken for the same.
    """
    left = {time: Counter(contents) for time, contents in stored.items()}
    new = []
    for place, time in enumerate(answer.times):
        there = left.get(time)
        if there is not None and there[content := _content(answer, place)] > 0:
            there[content] -= 1
        elif time >= forgotten_before_s or not _inside(time, known):
            new.append(place)
    return answer if len(new) == len(answer.times) else chosen(answer, new)


def _forgotten_before_s(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT value FROM meta WHERE key = 'forgotten_before_s'").fetchone()
    return 0 if row is None else int(row[0])


def _inside(time: int, intervals: Sequence[Interval]) -> bool:
    return any(first <= time <= last for first, last in intervals)


class _InsertRun:
    """Rows of one shape that go into the table together; their ids are known before."""

    def __init__(self, connection: sqlite3.Connection, next_id: int) -> None:
        self.connection = connection
        self.next_id = next_id
        self._statement: _Insert | None = None
        self._numbers: list[int] = []

    def add(
        self,
        handover: Handover,
        answer: AnswerColumns,
        stored: dict[int, list[Content]],
        tail: StreamTail,
    ) -> StreamTail:
        """Take new rows in; return where the stream ends then."""
        count = len(answer.times)
        before = None
        if _follows(answer, tail):
            before = tail.recent[-1][1][2] if tail.recent else None
        marks = marks_of(answer, before, tail.growing, handover.received_at_s)
        occurrences: list[int] | None = None
        if stored or not all_differ(answer.times):
            occurrences = _occurrences(answer.times, stored)
            marks = marks or [0] * count
            for at, occurrence in enumerate(occurrences):
                if occurrence > 1:
                    marks[at] |= Mark.SECOND_OF_SAME_TIME
        marked = () if marks is None else (occurrences or [1] * count, marks)
        statement = _INSERT[_MARKED if marked else _PLAIN, len(answer.values)]
        if statement != self._statement:
            self.insert()
            self._statement = statement
        self._numbers += _row_by_row(
            [handover.stream_id] * count,
            range(tail.last_seq + 1, tail.last_seq + 1 + count),
            answer.times,
            answer.statuses,
            [handover.received_at_s] * count,
            *marked,
            *answer.values,
        )
        self.next_id += count
        return _moved(tail, answer, self.next_id - count)

    def insert(self) -> None:
        """Put what was taken into the table."""
        if self._statement is None or not self._numbers:
            return
        width, one, block = self._statement
        numbers, self._numbers = self._numbers, []
        step = BLOCK_ROWS * width
        odd = len(numbers) - len(numbers) % step
        for at in range(0, odd, step):
            self.connection.execute(block, numbers[at : at + step])
        self.connection.executemany(
            one, [numbers[at : at + width] for at in range(odd, len(numbers), width)]
        )


def _row_by_row(*columns: Sequence[int]) -> list[int]:
    """Return the numbers of all rows, one row after the other; slices are quicker than zip."""
    numbers = [0] * (len(columns) * len(columns[0]))
    for place, column in enumerate(columns):
        numbers[place :: len(columns)] = column
    return numbers


def _follows(answer: AnswerColumns, tail: StreamTail) -> bool:
    """Return whether the first row came after the newest, and means the same."""
    in_time = tail.edge_s is not None and answer.times[0] >= tail.edge_s
    return in_time and tail.last_seq > tail.described_after_seq


def _occurrences(times: Sequence[int], stored: dict[int, list[Content]]) -> list[int]:
    seen = Counter({time: len(contents) for time, contents in stored.items()})
    occurrences = []
    for time in times:
        seen[time] += 1
        occurrences.append(seen[time])
    return occurrences


def _moved(tail: StreamTail, answer: AnswerColumns, first_id: int) -> StreamTail:
    """Return where the stream ends when the rows of `answer` were added."""
    times = answer.times
    edge_s, edge_id = times[-1], tail.edge_id
    first_recent = max(0, len(times) - RECENT_ROWS)
    if tuple(sorted(times)) != times or times[first_recent - 1] == times[first_recent]:
        edge_s, first_recent = max(times), 0  # any of them may be among the latest
    places = range(first_recent, len(times))
    if tail.edge_s is not None and edge_s <= tail.edge_s:
        edge_s = tail.edge_s
    else:
        edge_id = first_id + times.index(edge_s)
    recent = list(tail.recent or ())
    recent += [
        (times[place], _content(answer, place))
        for place in places
        if times[place] >= tail.recent_from_s
    ]
    recent_from_s = tail.recent_from_s
    if len(recent) > 2 * RECENT_ROWS:  # cut back by half at a time
        recent_from_s = max(recent_from_s, sorted(map(_time_of, recent))[-RECENT_ROWS])
        recent = [item for item in recent if item[0] >= recent_from_s]
    elif len(places) < len(times):
        recent_from_s = max(recent_from_s, times[places[0]])
        recent = [item for item in recent if item[0] >= recent_from_s]
    return replace(
        tail,
        last_seq=tail.last_seq + len(times),
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


def _content(answer: AnswerColumns, place: int) -> Content:
    return (
        answer.statuses[place],
        answer.clock_statuses[place] & CLOCK_STATUS,
        answer.rows_values[place],
    )


def _stored_content(row: tuple[int | None, ...]) -> TimedContent:
    time, status, clock_status, *values = row
    assert time is not None
    assert status is not None
    assert clock_status is not None
    return time, (status, clock_status, tuple(value for value in values if value is not None))
