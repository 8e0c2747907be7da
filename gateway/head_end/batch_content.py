"""Make a batch's message from stored rows and journal entries."""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.head_end.messages import (
    BatchMessage,
    ColumnMessage,
    JournalMessage,
    StreamMessage,
)

JOURNAL_ENTRIES_MAX: Final = 100
"""Of one batch; a message stays small enough for a slow link."""

Reading = tuple[Any, ...]
"""A row of the reading table, id first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchContent:
    """What goes into one batch.

    Attributes:
        readings: rows of the table, in order of id.
        journal: rows of the journal, in order of seq.
    """

    readings: Sequence[Reading]
    journal: Sequence[tuple[Any, ...]]

    @property
    def last_seqs(self) -> dict[int, int]:
        """The last seq of each stream that has rows in it, by stream id."""
        return {reading[1]: reading[2] for reading in self.readings}


def next_content(
    connection: sqlite3.Connection, after_reading: int, after_journal: int, rows_max: int
) -> BatchContent:
    """Return what comes after what is in batches already; it may be nothing."""
    return BatchContent(
        readings=connection.execute(
            "SELECT id, stream_id, seq, captured_at_s, occurrence, status, mark, received_at_s,"
            " v1, v2, v3, v4 FROM reading WHERE id > ? ORDER BY id LIMIT ?",
            (after_reading, rows_max),
        ).fetchall(),
        journal=connection.execute(
            "SELECT seq, at_s, kind, usn, body FROM journal WHERE seq > ? ORDER BY seq LIMIT ?",
            (after_journal, JOURNAL_ENTRIES_MAX),
        ).fetchall(),
    )


def batch_message(
    connection: sqlite3.Connection, content: BatchContent, dc_id: str, epoch: str, number: int
) -> BatchMessage:
    """Return the message that carries `content`."""
    by_stream: dict[int, list[Reading]] = {}
    for reading in content.readings:
        by_stream.setdefault(reading[1], []).append(reading)
    return BatchMessage(
        schema="gridgate.batch.1",
        dc_id=dc_id,
        epoch=epoch,
        batch=number,
        streams=[
            part
            for stream_id, readings in by_stream.items()
            for part in _stream_parts(connection, stream_id, readings)
        ],
        journal=[
            JournalMessage(seq=seq, at_s=at_s, kind=kind, usn=usn, body=json.loads(body))
            for seq, at_s, kind, usn, body in content.journal
        ],
    )


def _stream_parts(
    connection: sqlite3.Connection, stream_id: int, readings: list[Reading]
) -> list[StreamMessage]:
    """Return one part for each description under which some of the rows were read."""
    usn, entity = connection.execute(
        "SELECT usn, entity FROM stream WHERE id = ?", [stream_id]
    ).fetchone()
    descriptions = connection.execute(
        "SELECT from_seq, parent_usn, capture_period_s, columns FROM description"
        " WHERE stream_id = ? ORDER BY from_seq",
        [stream_id],
    ).fetchall()
    ends = [later[0] for later in descriptions[1:]] + [None]
    parts = []
    for (first, parent_usn, period_s, columns), end in zip(descriptions, ends, strict=True):
        rows = [row for row in readings if first <= row[2] and (end is None or row[2] < end)]
        if rows:
            parts.append(
                StreamMessage(
                    usn=usn,
                    stream=entity,
                    parent_usn=parent_usn,
                    capture_period_s=period_s,
                    columns=[ColumnMessage(**column) for column in json.loads(columns)],
                    rows=[_row(row) for row in rows],
                )
            )
    return parts


def _row(reading: Reading) -> list[int | None]:
    row = list(reading[2:])
    while row and row[-1] is None:  # values that the stream has not
        row.pop()
    return row
