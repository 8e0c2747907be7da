"""The head-end's own SQLite file: what it has committed, once.

    rows(usn, stream, captured_at_s, occurrence, status, value1..value4, dc_id, epoch, seq,
         mark, received_at_s by the concentrator, committed_at_s here)

A record is known by its key alone (dc_id, epoch, usn, stream, seq). There is no unique key on
meter and time, on purpose: a row that comes under two keys stands here twice, and is seen.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from hil.head_end.reader import VALUES_MAX, Batch, BatchRow, BatchStream

_BUSY_WITHIN_S: Final = 10.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (
    usn TEXT NOT NULL,
    stream TEXT NOT NULL,
    captured_at_s INTEGER NOT NULL,
    occurrence INTEGER NOT NULL,
    status INTEGER NOT NULL,
    value1 INTEGER, value2 INTEGER, value3 INTEGER, value4 INTEGER,
    dc_id TEXT NOT NULL,
    epoch TEXT NOT NULL,
    seq INTEGER NOT NULL,
    mark INTEGER NOT NULL,
    received_at_s INTEGER NOT NULL,
    committed_at_s REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS record_keys (
    dc_id TEXT NOT NULL, epoch TEXT NOT NULL, usn TEXT NOT NULL, stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (dc_id, epoch, usn, stream, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS journal (
    dc_id TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
    at_s INTEGER NOT NULL, kind TEXT NOT NULL, usn TEXT, body TEXT NOT NULL,
    PRIMARY KEY (dc_id, epoch, seq)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
    dc_id TEXT NOT NULL, epoch TEXT NOT NULL, number INTEGER NOT NULL,
    sha256 TEXT NOT NULL, times_seen INTEGER NOT NULL,
    PRIMARY KEY (dc_id, epoch, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS concentrators (
    dc_id TEXT PRIMARY KEY, status TEXT NOT NULL, at_s REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""


class Taken(StrEnum):
    """What became of a batch."""

    COMMITTED = "committed"
    REPEATED = "repeated"
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamGap:
    """A stream that is not complete up to its newest record: `missing` records before it."""

    dc_id: str
    epoch: str
    usn: str
    stream: str
    missing: int


class HeadEndStore:
    """Keeps the file; used by one thread at a time."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Open the file, or make it.

        Args:
            path: the file.
            durable: committed means on the disk; False where only processes die, never machines.
        """
        self._database = sqlite3.connect(
            path, isolation_level=None, timeout=_BUSY_WITHIN_S, check_same_thread=False
        )
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}")
        self._database.executescript(_SCHEMA)

    def take(
        self, batch: Batch, sha256: str, now_s: float, before_commit: Callable[[], None]
    ) -> Taken:
        """Commit what is new of a batch; it is on the disk when this returns.

        Args:
            batch: read and checked.
            sha256: of its octets, in hex.
            now_s: UTC.
            before_commit: called when all is written and nothing is committed.
        """
        key = (batch.dc_id, batch.epoch, batch.number)
        with self._transaction():
            known = self._known_sha256(key)
            if known is not None and known != sha256:
                self._count("batches_contradicted")
                return Taken.CONTRADICTED
            self._count("batches_seen")
            if known is None:
                self._database.execute("INSERT INTO batches VALUES (?, ?, ?, ?, 1)", (*key, sha256))
            else:
                self._count("batches_repeated")
                self._database.execute(
                    "UPDATE batches SET times_seen = times_seen + 1"
                    " WHERE dc_id = ? AND epoch = ? AND number = ?",
                    key,
                )
            # A repeated batch goes the same way: that its rows are not doubled is for the record
            # keys to see to, and for nothing else.
            new = sum(self._add_rows(batch, stream, now_s) for stream in batch.streams)
            self._add_journal(batch)
            if new:
                self._note_commit(now_s)
            before_commit()
        return Taken.COMMITTED if known is None else Taken.REPEATED

    def note_status(self, dc_id: str, status: str, now_s: float) -> None:
        """Keep the last status that a concentrator gave of itself; `status` is JSON text."""
        self._database.execute(
            "INSERT OR REPLACE INTO concentrators VALUES (?, ?, ?)", (dc_id, status, now_s)
        )

    def count(self, name: str) -> int:
        """Add one to a counter, commit it, and return what it is now."""
        self._count(name)
        return int(self.counters()[name])

    def counters(self) -> dict[str, Any]:
        """Return all counters."""
        return dict(self._database.execute("SELECT name, value FROM counters"))

    def row_count(self) -> int:
        """Return how many rows are committed."""
        count: int = self._database.execute("SELECT count(*) FROM rows").fetchone()[0]
        return count

    def gaps(self) -> list[StreamGap]:
        """Return the streams in which a record is missing; it proves that the rest is whole."""
        found = self._database.execute(
            "SELECT dc_id, epoch, usn, stream, max(seq) - count(*) AS missing FROM record_keys"
            " GROUP BY dc_id, epoch, usn, stream HAVING missing <> 0"
        )
        return [
            StreamGap(dc_id=dc_id, epoch=epoch, usn=usn, stream=stream, missing=missing)
            for dc_id, epoch, usn, stream, missing in found
        ]

    def close(self) -> None:
        """Leave one plain file behind, without a log beside it."""
        with contextlib.suppress(sqlite3.OperationalError):  # somebody is looking at it just now
            self._database.execute("PRAGMA journal_mode=DELETE")
        self._database.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _add_rows(self, batch: Batch, stream: BatchStream, now_s: float) -> int:
        """Store the rows whose key is new; return how many."""
        new = 0
        for row in stream.rows:
            key = (batch.dc_id, batch.epoch, stream.usn, stream.stream, row.seq)
            if self._is_new_key(key):
                self._database.execute(
                    "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*_as_stored(batch, stream, row), now_s),
                )
                new += 1
        return new

    def _is_new_key(self, key: tuple[str, str, str, str, int]) -> bool:
        added = self._database.execute(
            "INSERT OR IGNORE INTO record_keys VALUES (?, ?, ?, ?, ?)", key
        )
        return added.rowcount == 1

    def _add_journal(self, batch: Batch) -> None:
        self._database.executemany(
            "INSERT OR IGNORE INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (batch.dc_id, batch.epoch, line.seq, line.at_s, line.kind, line.usn, line.body)
                for line in batch.journal
            ],
        )

    def _note_commit(self, now_s: float) -> None:
        self._database.execute(
            "INSERT OR IGNORE INTO counters VALUES ('first_commit_at_s', ?)", (now_s,)
        )
        self._database.execute(
            "INSERT OR REPLACE INTO counters VALUES ('last_commit_at_s', ?)", (now_s,)
        )

    def _count(self, name: str) -> None:
        self._database.execute(
            "INSERT INTO counters VALUES (?, 1) ON CONFLICT DO UPDATE SET value = value + 1",
            (name,),
        )

    def _known_sha256(self, key: tuple[str, str, int]) -> str | None:
        row = self._database.execute(
            "SELECT sha256 FROM batches WHERE dc_id = ? AND epoch = ? AND number = ?", key
        ).fetchone()
        return None if row is None else row[0]


def _as_stored(batch: Batch, stream: BatchStream, row: BatchRow) -> tuple[object, ...]:
    values = (*row.values, *(None,) * (VALUES_MAX - len(row.values)))
    place = (stream.usn, stream.stream, row.captured_at_s, row.occurrence, row.status)
    return (*place, *values, batch.dc_id, batch.epoch, row.seq, row.mark, row.received_at_s)
