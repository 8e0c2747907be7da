"""Put what another box left into a store that is new.

Whose meter is behind a node is not taken over: any exchange of a concentrator makes its nodes NEW,
and their meters are asked who they are before anything of them is stored [INV-3].
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

from drivers.dlms.companion import Entity
from gateway.store.intervals import Interval
from gateway.store.inventory import NodeState
from gateway.store.journal import JournalKind
from gateway.store.stream import Column, StreamDescription
from gateway.store.stream_table import insert_stream
from gateway.store.takeover_document import NodeLeft, StreamLeft, TakeoverContent

NOTICE: Final = "taken over from another concentrator"

_VALUES: Final = 4

_TABLES: Final = ("node", "meter", "kind", "stream", "reading")
"""Whatever stands in one of them would be mixed up with what is taken over."""


def occupants(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many rows there are in tables that should be empty."""
    counts = {}
    for table in _TABLES:
        (count,) = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()  # noqa: S608  (constants)
        if count:
            counts[table] = int(count)
    return counts


def take_over(connection: sqlite3.Connection, content: TakeoverContent, at_s: int) -> None:
    """Fill an empty store; the caller's transaction makes it all or nothing.

    Args:
        connection: of a store without `occupants`.
        content: as it was checked.
        at_s: UTC.
    """
    _insert(connection, "node", [_new_node(node) for node in content.nodes])
    _insert(connection, "meter", [meter.model_dump() for meter in content.meters])
    _insert(connection, "kind", [kind.model_dump() for kind in content.kinds])
    next_id = 1
    for stream in content.streams:
        next_id = _take_stream(connection, stream, next_id)
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        [
            ("committed_reading_id", str(next_id - 1)),
            ("forgotten_before_s", str(content.forgotten_before_s)),
        ],
    )
    connection.executemany(
        "INSERT INTO journal (at_s, kind, usn, body) VALUES (?, ?, ?, ?)",
        [
            (at_s, JournalKind.NOTICE.value, None, json.dumps(_notice(content))),
            *(
                (entry.at_s, entry.kind, entry.usn, json.dumps(entry.body))
                for entry in content.journal
            ),
        ],
    )


def _notice(content: TakeoverContent) -> dict[str, Any]:
    return {
        "notice": NOTICE,
        "dc_id": content.dc_id,
        "epoch": content.epoch,
        "batch": content.committed.batch,
        "made_at_s": content.made_at_s,
    }


def _new_node(node: NodeLeft) -> dict[str, Any]:
    state = node.state if node.state is NodeState.LOST else NodeState.NEW
    return node.model_dump() | {"state": state.value, "usn": None}


def _take_stream(connection: sqlite3.Connection, stream: StreamLeft, next_id: int) -> int:
    """Make a stream with the rows to compare with; return the id of the next reading."""
    description = StreamDescription(
        usn=stream.usn,
        entity=Entity(stream.stream),
        capture_period_s=stream.capture_period_s,
        columns=tuple(Column(**column.model_dump()) for column in stream.columns),
        parent_usn=stream.parent_usn,
    )
    stream_id = insert_stream(connection, description)
    known = stream.known
    times = [row[0] for row in known]
    edge_id = next_id + times.index(stream.newest_s) if stream.newest_s in times else None
    covered = _as_text(stream.covered)
    connection.execute(
        "UPDATE stream SET edge_s = ?, edge_id = ?, covered = ?, doubted = ?, inherited = ?"
        " WHERE id = ?",
        (stream.newest_s, edge_id, covered, _as_text(stream.doubted), covered, stream_id),
    )
    connection.executemany(
        "INSERT INTO reading (id, stream_id, seq, captured_at_s, occurrence, status, mark,"
        " received_at_s, v1, v2, v3, v4) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        _numbered(known, stream_id, next_id),
    )
    return next_id + len(known)


def _numbered(
    known: Sequence[tuple[int | None, ...]], stream_id: int, next_id: int
) -> Iterator[tuple[int | None, ...]]:
    for at, (time, occurrence, status, mark, received_at_s, *values) in enumerate(known):
        padded = [*values, *[None] * (_VALUES - len(values))]
        seq = at + 1 - len(known)  # up to 0, for 1 is the first row of this store's own
        yield next_id + at, stream_id, seq, time, occurrence, status, mark, received_at_s, *padded


def _as_text(intervals: Sequence[Interval]) -> str:
    return json.dumps([list(interval) for interval in intervals])


def _insert(connection: sqlite3.Connection, table: str, records: Sequence[dict[str, Any]]) -> None:
    if records:
        names = list(records[0])
        marks = ", ".join("?" * len(names))
        connection.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608  (constants)
            [tuple(record.values()) for record in records],
        )
