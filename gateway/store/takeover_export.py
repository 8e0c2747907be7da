"""Say what a store leaves to the next one, of one moment of it.

What the head-end does not have yet is left out of the coverage, so that the next box reads it
from the meters again: better twice at the head-end than never.
"""

import json
import math
import sqlite3
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.errors import TakeoverRefused
from gateway.store.coverage import CoverageBook
from gateway.store.intervals import Interval, IntervalSet
from gateway.store.stream_table import KnownStream, load_streams
from gateway.store.takeover_document import (
    KindLeft,
    MeterLeft,
    NodeLeft,
    TakeoverContent,
    made_of,
)

KNOWN_S: Final = 2 * 86_400
"""Rows captured so long before the last look at their meter's clock are told, to be compared with:
a clock that is found to have gone back lets them be read again. Looks are a day apart at most."""

_EVER_S: Final = 2**40

# Beyond the watermark, batches may be committed already while one before them is not.
_AHEAD: Final = (
    "EXISTS (SELECT 1 FROM batch b WHERE b.committed_at_s IS NOT NULL"
    " AND r.id BETWEEN b.first_reading_id AND b.last_reading_id)"
)
_COMMITTED: Final = f"(r.id <= :mark OR {_AHEAD})"
_OPEN: Final = f"r.id > :mark AND NOT {_AHEAD}"
_ENTRY_OPEN: Final = (
    "j.seq > :mark AND NOT EXISTS (SELECT 1 FROM batch b WHERE b.committed_at_s IS NOT NULL"
    " AND j.seq BETWEEN b.first_journal AND b.last_journal)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What the store itself does not know of the box.

    Attributes:
        made_at_s: UTC.
        made_by: the program and its version.
        settings: of the box, without what belongs to the machine.
    """

    made_at_s: int
    made_by: str
    settings: Mapping[str, Mapping[str, Any]]


@dataclass(slots=True)
class _Left:
    """A stream on its way into the document."""

    stream: KnownStream
    book: CoverageBook
    newest_s: int | None
    known_from_s: int = 0


def leave(connection: sqlite3.Connection, origin: Origin) -> TakeoverContent:
    """Return what is left to the next box.

    Args:
        connection: inside one transaction; nothing is changed.
        origin: of the document.

    Raises:
        TakeoverRefused: the store holds what no store should.
    """
    try:
        return made_of(json.dumps(_content(connection, origin)))
    except (TakeoverRefused, ValueError, TypeError) as error:
        raise TakeoverRefused(f"the store is damaged: {error}") from error


def _content(connection: sqlite3.Connection, origin: Origin) -> dict[str, Any]:
    meta = dict(connection.execute("SELECT key, value FROM meta"))
    mark = int(meta.get("committed_reading_id", 0))
    forgotten_before_s = int(meta.get("forgotten_before_s", 0))
    open_times = _open_times(connection, mark)
    meters = _records(connection, "meter", MeterLeft)
    streams = _streams(connection, open_times, mark, forgotten_before_s)
    _know_from(streams, meters, origin.made_at_s)
    return {
        "made_at_s": origin.made_at_s,
        "made_by": origin.made_by,
        "epoch": meta.get("epoch", ""),
        "committed": {
            name: int(meta.get(f"committed_{name}", 0)) for name in ("batch", "rows", "journal")
        },
        "rows_open": sum(map(len, open_times.values())),
        "forgotten_before_s": forgotten_before_s,
        "settings": origin.settings,
        "nodes": _records(connection, "node", NodeLeft),
        "meters": meters,
        "kinds": _records(connection, "kind", KindLeft),
        "streams": _told(connection, streams, mark),
        "journal": _entries(connection, int(meta.get("committed_journal", 0))),
    }


def runs_between(
    open_times: Sequence[int], committed_times: Sequence[int], whole_from_s: int
) -> list[Interval]:
    """Return as few intervals as hold all open times and no other row.

    Args:
        open_times: captured_at of rows to be read again, ascending.
        committed_times: of rows that are not, ascending.
        whole_from_s: before it rows may have been deleted, so that nothing is known of between.
    """
    runs: list[Interval] = []
    for time in open_times:
        if runs and runs[-1][1] >= whole_from_s:
            next_at = bisect_right(committed_times, runs[-1][1])
            if next_at == len(committed_times) or committed_times[next_at] >= time:
                runs[-1] = (runs[-1][0], time)
                continue
        runs.append((time, time))
    return runs


def uncovered(book: CoverageBook, runs: Sequence[Interval], both: Sequence[int]) -> CoverageBook:
    """Return a book in which `runs` were never read.

    Args:
        book: stays as it is.
        runs: where rows are to be read again.
        both: times in them of which there are rows at the head-end as well.
    """
    left = CoverageBook(book.as_texts())
    first_s = book.covered.first()
    for first, last in runs:
        left.covered.remove(first, last)
        left.doubted.remove(first, last)
    for time in both:
        left.doubted.add(time, time)
    if first_s is not None and first_s not in left.covered:
        # Nothing is ever read before the first second covered: without it, the rows behind it
        # would not be looked for.
        left.covered.add(first_s - 1, first_s - 1)
        left.doubted.remove(first_s - 1, first_s - 1)
    return left


def _open_times(connection: sqlite3.Connection, mark: int) -> dict[int, list[int]]:
    found: defaultdict[int, list[int]] = defaultdict(list)
    rows = connection.execute(
        f"SELECT stream_id, captured_at_s FROM reading r WHERE {_OPEN}",  # noqa: S608  (a constant)
        {"mark": mark},
    )
    for stream_id, time in rows:
        found[stream_id].append(time)
    return {stream_id: sorted(times) for stream_id, times in found.items()}


def _streams(
    connection: sqlite3.Connection,
    open_times: Mapping[int, Sequence[int]],
    mark: int,
    forgotten_before_s: int,
) -> dict[int, _Left]:
    committed = _committed_beside(connection, open_times, mark)
    newest = _newest_committed(connection, mark) if open_times else {}
    streams = {}
    for stream in load_streams(connection):
        book = CoverageBook(stream.coverage)
        left = _Left(stream=stream, book=book, newest_s=stream.tail.edge_s)
        times = open_times.get(stream.stream_id)
        if times:
            beside = committed.get(stream.stream_id, [])
            runs = runs_between(times, beside, forgotten_before_s)
            both = sorted(set(times) & set(beside))
            # Where rows may have been deleted, what is doubted and not found is taken for them.
            left.book = uncovered(book, runs, [time for time in both if time >= forgotten_before_s])
            left.newest_s = newest.get(stream.stream_id)
            if left.newest_s is None:
                left.newest_s = IntervalSet(book.covered.within(-_EVER_S, times[0] - 1)).last()
        streams[stream.stream_id] = left
    return streams


def _committed_beside(
    connection: sqlite3.Connection, open_times: Mapping[int, Sequence[int]], mark: int
) -> dict[int, list[int]]:
    """Return the times of committed rows between the first and the last open row of a stream."""
    if not open_times:
        return {}
    span = {"from_s": min(t[0] for t in open_times.values())}
    span["to_s"] = max(t[-1] for t in open_times.values())
    found: defaultdict[int, list[int]] = defaultdict(list)
    rows = connection.execute(
        f"SELECT stream_id, captured_at_s FROM reading r WHERE {_COMMITTED}"  # noqa: S608  (a constant)
        " AND captured_at_s BETWEEN :from_s AND :to_s",
        {"mark": mark, **span},
    )
    for stream_id, time in rows:
        times = open_times.get(stream_id)
        if times and times[0] <= time <= times[-1]:
            found[stream_id].append(time)
    return {stream_id: sorted(times) for stream_id, times in found.items()}


def _newest_committed(connection: sqlite3.Connection, mark: int) -> dict[int, int]:
    found = connection.execute(
        "SELECT stream_id, MAX(captured_at_s) FROM reading r"  # noqa: S608  (a constant)
        f" WHERE {_COMMITTED} GROUP BY stream_id",
        {"mark": mark},
    )
    return dict(found.fetchall())


def _know_from(
    streams: Mapping[int, _Left], meters: Sequence[Mapping[str, Any]], made_at_s: int
) -> None:
    """Find out from when on rows must be told: what may be read again, for whatever reason."""
    contacts = {meter["usn"]: meter["clock_contact_at_s"] for meter in meters}
    parents = {meter["usn"]: meter["parent_usn"] for meter in meters}
    for left in streams.values():
        usn = left.stream.description.usn
        contact_at_s = contacts.get(parents.get(usn) or usn)
        seen_s = [made_at_s if contact_at_s is None else min(math.floor(contact_at_s), made_at_s)]
        seen_s += [] if left.newest_s is None else [left.newest_s]
        from_s = [min(seen_s) - KNOWN_S]
        first_s, doubted_s = left.book.covered.first(), left.book.doubted.first()
        if first_s is not None:
            from_s += [hole[0] for hole in left.book.covered.holes(first_s, _EVER_S)[:1]]
        if doubted_s is not None:
            from_s.append(doubted_s)
        left.known_from_s = min(from_s)


def _told(
    connection: sqlite3.Connection, streams: Mapping[int, _Left], mark: int
) -> list[dict[str, Any]]:
    known: defaultdict[int, list[list[int | None]]] = defaultdict(list)
    rows = connection.execute(
        "SELECT stream_id, captured_at_s, occurrence, status, mark, received_at_s, v1, v2, v3, v4"  # noqa: S608  (a constant)
        f" FROM reading r WHERE {_COMMITTED} AND captured_at_s >= :from_s ORDER BY id",
        {"mark": mark, "from_s": min((s.known_from_s for s in streams.values()), default=0)},
    )
    for stream_id, *cells in rows:
        if stream_id in streams and cells[0] >= streams[stream_id].known_from_s:
            while cells[-1] is None:  # values that the stream has not
                cells.pop()
            known[stream_id].append(cells)
    counts = dict(connection.execute("SELECT id, committed_seq FROM stream"))
    return [
        _told_stream(left, known.get(stream_id, []), counts[stream_id])
        for stream_id, left in sorted(streams.items())
    ]


def _told_stream(left: _Left, known: list[list[int | None]], committed: int) -> dict[str, Any]:
    description = left.stream.description
    return {
        "usn": description.usn,
        "stream": description.entity.value,
        "parent_usn": description.parent_usn,
        "capture_period_s": description.capture_period_s,
        "columns": json.loads(description.columns_as_json()),
        "covered": list(left.book.covered),
        "doubted": list(left.book.doubted),
        "newest_s": left.newest_s,
        "rows_stored": left.stream.tail.last_seq,
        "rows_committed": committed,
        "known": known,
    }


def _entries(connection: sqlite3.Connection, mark: int) -> list[dict[str, Any]]:
    found = connection.execute(
        f"SELECT at_s, kind, usn, body FROM journal j WHERE {_ENTRY_OPEN} ORDER BY seq",  # noqa: S608  (a constant)
        {"mark": mark},
    )
    return [
        {"at_s": at_s, "kind": kind, "usn": usn, "body": json.loads(body)}
        for at_s, kind, usn, body in found
    ]


def _records(
    connection: sqlite3.Connection, table: str, part: type[NodeLeft | MeterLeft | KindLeft]
) -> list[dict[str, Any]]:
    names = list(part.model_fields)
    columns = ", ".join(names)
    found = connection.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}")  # noqa: S608  (constants)
    return [dict(zip(names, row, strict=True)) for row in found]
