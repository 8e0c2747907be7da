"""Questions about stored readings: the newest ones, and the times for which there are none."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from gateway.store.database import Database, StoreFile
from gateway.store.intervals import Interval, IntervalSet
from gateway.store.stream import Column, columns_from_json
from gateway.store.stream_table import KnownStream, load_streams


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingFilter:
    """Which readings are wanted.

    Attributes:
        usn: of one meter; None for all.
        entity: of one buffer; None for all.
        last: so many of the newest.
    """

    usn: str | None = None
    entity: str | None = None
    last: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReading:
    """One row as it is stored; see the table for the meaning of its fields."""

    usn: str
    entity: str
    seq: int
    captured_at_s: int
    occurrence: int
    status: int
    mark: int
    received_at_s: int
    values: tuple[int | None, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Times that were read completely, and for which the meter had no row [ACQ-3].

    Attributes:
        from_s: captured_at of the first row that should be there.
        to_s: of the last one.
        rows: how many.
    """

    usn: str
    entity: str
    from_s: int
    to_s: int
    rows: int


async def newest_readings(database: Database, wanted: ReadingFilter) -> list[StoredReading]:
    """Return the readings stored last, oldest of them first.

    Raises:
        StoreError: the store cannot be read.
    """
    return await database.run(lambda file: _newest(file, wanted))


async def find_gaps(database: Database) -> list[Gap]:
    """Return all gaps of all streams that have a period, in order of stream and time.

    Raises:
        StoreError: the store cannot be read.
    """
    return await database.run(_find_gaps)


def gaps_between(
    covered: IntervalSet, captured: Iterable[int], period_s: int
) -> list[tuple[int, int, int]]:
    """Return first, last and number of the rows that are missing, run by run.

    A row counts for the multiple of the period that it is nearest to, so that days by local time
    and rows a little late are found in their place.
    """
    present = {_place(time, period_s) for time in captured}
    gaps: list[tuple[int, int, int]] = []
    for first_s, last_s in covered:
        for place in range(-(-first_s // period_s), last_s // period_s + 1):
            if place in present:
                continue
            time = place * period_s
            if gaps and gaps[-1][1] == time - period_s:
                gaps[-1] = (gaps[-1][0], time, gaps[-1][2] + 1)
            else:
                gaps.append((time, time, 1))
    return gaps


def _place(time: int, period_s: int) -> int:
    return (time + period_s // 2) // period_s


def _find_gaps(file: StoreFile) -> list[Gap]:
    streams = {s.stream_id: s for s in load_streams(file.conn) if s.description.capture_period_s}
    captured: dict[int, list[int]] = {stream_id: [] for stream_id in streams}
    for stream_id, time in file.conn.execute("SELECT stream_id, captured_at_s FROM reading"):
        if stream_id in captured:
            captured[stream_id].append(time)
    inherited = dict(file.conn.execute("SELECT id, inherited FROM stream"))
    found = []
    for stream_id, stream in streams.items():
        found += _gaps_of(stream, captured[stream_id], json.loads(inherited[stream_id]))
    return found


def _gaps_of(stream: KnownStream, captured: list[int], inherited: Iterable[Interval]) -> list[Gap]:
    """Look from the first row that is still kept: what came before was deleted, or never was.

    What was inherited is left out: its rows are at the head-end, and never were here.
    """
    period_s = stream.description.capture_period_s
    if not period_s or not captured:
        return []
    kept = (min(captured), max(captured))
    covered = IntervalSet(_within(IntervalSet(stream.covered()), kept))
    for interval in inherited:
        covered.remove(*interval)
    return [
        Gap(
            usn=stream.description.usn,
            entity=stream.description.entity,
            from_s=from_s,
            to_s=to_s,
            rows=rows,
        )
        for from_s, to_s, rows in gaps_between(covered, captured, period_s)
    ]


def _within(intervals: IntervalSet, span: Interval) -> list[Interval]:
    return intervals.within(*span)


def _newest(file: StoreFile, wanted: ReadingFilter) -> list[StoredReading]:
    found = file.conn.execute(
        "SELECT s.usn, s.entity, r.seq, captured_at_s, occurrence, status, mark, received_at_s,"
        " d.columns, v1, v2, v3, v4 FROM reading r JOIN stream s ON s.id = r.stream_id"
        " JOIN description d ON d.stream_id = s.id AND d.from_seq = (SELECT MAX(from_seq)"
        " FROM description WHERE stream_id = s.id AND from_seq <= r.seq)"
        " WHERE (?1 IS NULL OR s.usn = ?1) AND (?2 IS NULL OR s.entity = ?2)"
        " ORDER BY r.id DESC LIMIT ?3",
        (wanted.usn, wanted.entity, wanted.last),
    ).fetchall()
    readings = []
    for usn, entity, seq, captured, occurrence, status, mark, received, text, *values in found:
        columns = columns_from_json(text)
        readings.append(
            StoredReading(
                usn=usn,
                entity=entity,
                seq=seq,
                captured_at_s=captured,
                occurrence=occurrence,
                status=status,
                mark=mark,
                received_at_s=received,
                values=tuple(values[: len(columns)]),
                columns=columns,
            )
        )
    return readings[::-1]
