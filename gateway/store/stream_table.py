"""Streams in the store: who they are and what their rows mean, row by row of the tables."""

import sqlite3
from dataclasses import dataclass
from typing import Final

from drivers.dlms.companion import Entity
from gateway.store.coverage import CoverageBook, CoverageTexts
from gateway.store.intervals import Interval
from gateway.store.stream import StreamDescription, columns_from_json
from gateway.store.stream_tail import StreamTail


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownStream:
    """A stream with its number in this store."""

    stream_id: int
    description: StreamDescription
    tail: StreamTail
    coverage: CoverageTexts

    def covered(self) -> list[Interval]:
        """Return the intervals of captured_at that were read completely."""
        return list(CoverageBook(self.coverage).covered)


def growing_columns(description: StreamDescription) -> tuple[int, ...]:
    """Return which columns are totals."""
    return tuple(place for place, column in enumerate(description.columns) if column.only_grows())


_ALL: Final = """
    SELECT s.id, s.usn, s.entity, s.last_seq, s.edge_s, s.edge_id, s.covered, s.doubted,
           d.from_seq, d.parent_usn, d.capture_period_s, d.columns
    FROM stream s JOIN description d ON d.stream_id = s.id AND d.from_seq =
        (SELECT MAX(from_seq) FROM description WHERE stream_id = s.id)
"""


def load_streams(connection: sqlite3.Connection) -> list[KnownStream]:
    """Return every stream with what holds for its next row."""
    known = []
    for row in connection.execute(_ALL):
        stream_id, usn, entity, last_seq, edge_s, edge_id, *more = row
        covered, doubted, from_seq, parent_usn, period_s, columns = more
        description = StreamDescription(
            usn=usn,
            entity=Entity(entity),
            capture_period_s=period_s,
            columns=columns_from_json(columns),
            parent_usn=parent_usn,
        )
        tail = StreamTail(
            growing=growing_columns(description),
            last_seq=last_seq,
            described_after_seq=from_seq - 1,
            edge_s=edge_s,
            edge_id=edge_id,
        )
        known.append(
            KnownStream(
                stream_id=stream_id,
                description=description,
                tail=tail,
                coverage=(covered, doubted),
            )
        )
    return known


def insert_stream(connection: sqlite3.Connection, description: StreamDescription) -> int:
    """Make a stream, unless a call that was cancelled made it already; return its number."""
    key = (description.usn, description.entity)
    connection.execute("INSERT INTO stream (usn, entity) VALUES (?, ?) ON CONFLICT DO NOTHING", key)
    (stream_id,) = connection.execute(
        "SELECT id FROM stream WHERE usn = ? AND entity = ?", key
    ).fetchone()
    describe_stream(connection, stream_id, description)
    return int(stream_id)


def describe_stream(
    connection: sqlite3.Connection, stream_id: int, description: StreamDescription
) -> None:
    """Let `description` hold from the stream's next row on; older rows keep theirs."""
    connection.execute(
        "INSERT INTO description (stream_id, from_seq, parent_usn, capture_period_s, columns)"
        " SELECT id, last_seq + 1, ?, ?, ? FROM stream WHERE id = ?"
        " ON CONFLICT DO UPDATE SET parent_usn = excluded.parent_usn,"
        " capture_period_s = excluded.capture_period_s, columns = excluded.columns",
        (
            description.parent_usn,
            description.capture_period_s,
            description.columns_as_json(),
            stream_id,
        ),
    )
