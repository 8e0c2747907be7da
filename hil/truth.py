"""The truth about what meters hold, in an SQLite file, written from their own integers.

    rows(usn, stream, captured_at_s, occurrence, status, value1..value4, dropped_at_s)
    meters(usn, kind, parent_usn, medium, channel, place, system_title)
    supply(usn, from_s, to_s)          when a meter had mains, UTC seconds
    reach(usn, line, from_s, to_s, credit)
                                       when an exchange with it would have succeeded over a line,
                                       and with how much credit at least (hil.lv_network.reach)
    streams(usn, stream, row_octets)   length of a row in an answer, as the meter encodes it
    reads(at_s, usn, line, took_s, outcome)
                                       what somebody asked a meter through its concentrator
    facts(name, value)                 of the run as a whole, JSON values

`stream` is the entity's name (drivers.dlms.companion.Entity). A row overwritten in a meter has
the captured_at of the row that took its place as dropped_at_s; all others the meters hold.
Nothing of it ever passed through an encoder.
"""

import contextlib
import json
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
    value1 INTEGER, value2 INTEGER, value3 INTEGER, value4 INTEGER,
    dropped_at_s INTEGER
);
CREATE UNIQUE INDEX rows_key ON rows (usn, stream, captured_at_s, occurrence);
CREATE TABLE meters (
    usn TEXT PRIMARY KEY, kind TEXT NOT NULL, parent_usn TEXT, medium INTEGER, channel INTEGER,
    place INTEGER, system_title TEXT
);
CREATE TABLE supply (usn TEXT NOT NULL, from_s REAL NOT NULL, to_s REAL NOT NULL);
CREATE TABLE reach (
    usn TEXT NOT NULL, line TEXT NOT NULL, from_s REAL NOT NULL, to_s REAL NOT NULL,
    credit INTEGER NOT NULL
);
CREATE TABLE streams (
    usn TEXT NOT NULL, stream TEXT NOT NULL, row_octets INTEGER NOT NULL,
    PRIMARY KEY (usn, stream)
);
CREATE TABLE reads (
    at_s REAL NOT NULL, usn TEXT NOT NULL, line TEXT NOT NULL, took_s REAL NOT NULL,
    outcome TEXT NOT NULL
);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
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
        place: int | None = None,
        system_title: str | None = None,
    ) -> None:
        """Note a meter on the power line, or a slave of one."""
        self._database.execute(
            "INSERT INTO meters VALUES (?, ?, ?, ?, ?, ?, ?)",
            (usn, kind, parent_usn, medium, channel, place, system_title),
        )
        self._note_change()

    def row_added(self, usn: str, entity: Entity, row: Row) -> None:
        """Note a row at the moment it arises."""
        values = (*row.values, *(None,) * (VALUES_MAX - len(row.values)))
        self._database.execute(
            "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
            (usn, str(entity), row.captured_at_s, row.occurrence, row.status, *values),
        )
        self._note_change()

    def row_dropped(self, usn: str, entity: Entity, row: Row, overwritten_by: Row) -> None:
        """Note that a row was overwritten."""
        self._database.execute(
            "UPDATE rows SET dropped_at_s = ? WHERE usn = ? AND stream = ? AND captured_at_s = ?"
            " AND occurrence = ?",
            (overwritten_by.captured_at_s, usn, str(entity), row.captured_at_s, row.occurrence),
        )
        self._note_change()

    def had_supply(self, usn: str, from_s: float, to_s: float) -> None:
        """Note a span of time in which a meter had mains; written once it is over."""
        self._database.execute("INSERT INTO supply VALUES (?, ?, ?)", (usn, from_s, to_s))
        self._note_change()

    def was_reached(self, usn: str, line: str, from_s: float, to_s: float, credit: int) -> None:
        """Note a span of time in which this much credit would just have sufficed."""
        self._database.execute(
            "INSERT INTO reach VALUES (?, ?, ?, ?, ?)", (usn, line, from_s, to_s, credit)
        )
        self._note_change()

    def stream_added(self, usn: str, entity: Entity, row_octets: int) -> None:
        """Note how long a stream's rows are."""
        self._database.execute(
            "INSERT OR REPLACE INTO streams VALUES (?, ?, ?)", (usn, str(entity), row_octets)
        )
        self._note_change()

    def was_read(self, at_s: float, usn: str, line: str, took_s: float, outcome: str) -> None:
        """Note what became of a question that somebody asked a meter."""
        self._database.execute(
            "INSERT INTO reads VALUES (?, ?, ?, ?, ?)", (at_s, usn, line, took_s, outcome)
        )
        self._note_change()

    def fact(self, name: str, value: object) -> None:
        """Note something about the run as a whole."""
        self._database.execute(
            "INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, json.dumps(value))
        )
        self._note_change()

    def row_count(self) -> int:
        """Return how many rows the meters hold."""
        count = self._database.execute(
            "SELECT count(*) FROM rows WHERE dropped_at_s IS NULL"
        ).fetchone()[0]
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
