"""The truth about what meters hold, in an SQLite file, written from their own integers.

    rows(usn, stream, captured_at_s, occurrence, status, value1, value2, value3, value4)

`stream` is the entity's name (drivers.dlms.companion.Entity). A row overwritten in a meter is
deleted here, so that the file always says what the meters hold. Nothing of it ever passed
through an encoder.
"""

import contextlib
import sqlite3
from pathlib import Path

from drivers.dlms.companion import Entity
from hil.meter.rows import Row

VALUES_MAX = 4
COMMIT_INTERVAL_S = 0.5

_SCHEMA = """
CREATE TABLE rows (
    usn TEXT NOT NULL,
    stream TEXT NOT NULL,
    captured_at_s INTEGER NOT NULL,
    occurrence INTEGER NOT NULL,
    status INTEGER NOT NULL,
    value1 INTEGER, value2 INTEGER, value3 INTEGER, value4 INTEGER
);
CREATE UNIQUE INDEX rows_key ON rows (usn, stream, captured_at_s, occurrence);
CREATE TABLE meters (
    usn TEXT PRIMARY KEY, kind TEXT NOT NULL, parent_usn TEXT, medium INTEGER, channel INTEGER
);
"""


class TruthWriter:
    """Keeps the file; a RowObserver for every meter of the line.

    Attributes:
        when_dirty: called when the first change since the last commit is noted; its owner
            commits within COMMIT_INTERVAL_S.
    """

    def __init__(self, path: Path) -> None:
        """Begin a new file; one from an earlier run is replaced."""
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        self._database = sqlite3.connect(path)
        self._database.execute("PRAGMA journal_mode=WAL")
        # A killed process loses nothing committed; a power cut of the bench does not matter.
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.executescript(_SCHEMA)
        self.when_dirty = _nobody_cares
        self._dirty = False

    def meter_added(
        self,
        usn: str,
        kind: str,
        *,
        parent_usn: str | None = None,
        medium: int | None = None,
        channel: int | None = None,
    ) -> None:
        """Note a meter, or a slave of one."""
        self._database.execute(
            "INSERT INTO meters VALUES (?, ?, ?, ?, ?)", (usn, kind, parent_usn, medium, channel)
        )
        self._note_change()

    def row_added(self, usn: str, entity: Entity, row: Row) -> None:
        """Note a row at the moment it arises."""
        values = (*row.values, *(None,) * (VALUES_MAX - len(row.values)))
        self._database.execute(
            "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (usn, str(entity), row.captured_at_s, row.occurrence, row.status, *values),
        )
        self._note_change()

    def row_dropped(self, usn: str, entity: Entity, row: Row) -> None:
        """Forget a row that was overwritten."""
        self._database.execute(
            "DELETE FROM rows WHERE usn = ? AND stream = ? AND captured_at_s = ?"
            " AND occurrence = ?",
            (usn, str(entity), row.captured_at_s, row.occurrence),
        )
        self._note_change()

    def row_count(self) -> int:
        """Return how many rows the meters hold."""
        count = self._database.execute("SELECT count(*) FROM rows").fetchone()[0]
        return int(count)

    def commit(self) -> None:
        """Make everything noted so far visible to other processes."""
        if self._dirty:
            self._database.commit()
            self._dirty = False

    def close(self) -> None:
        """Commit and leave one plain file behind, without a log beside it."""
        self.commit()
        with contextlib.suppress(sqlite3.OperationalError):  # somebody is looking at it just now
            self._database.execute("PRAGMA journal_mode=DELETE")
        self._database.close()

    def _note_change(self) -> None:
        if not self._dirty:
            self._dirty = True
            self.when_dirty()


def _nobody_cares() -> object:
    return None
