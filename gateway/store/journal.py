"""The append-only journal: what changed in the inventory, what is lost for good, what was noticed.

Entries reach the head-end in the same batches as readings [INV-4, ACQ-3, UPL-2].
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gateway.store.database import Database, StoreFile

Body = Mapping[str, Any]
"""What is told: anything that JSON holds."""


class JournalKind(StrEnum):
    """What an entry is about; the bodies are described in docs/head_end_interface.md."""

    NODE_STATE = "node_state"
    METER_FOUND = "meter_found"
    METER_CHANGED = "meter_changed"
    DEFINITE_GAP = "definite_gap"
    MISSING = "missing"
    CLOCK = "clock"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One entry.

    Attributes:
        seq: 1, 2, 3 ... within this store.
        at_s: UTC by the concentrator's clock.
        usn: the meter it is about; None for the concentrator or a nameless node.
        body: depends on `kind`.
    """

    seq: int
    at_s: int
    kind: str
    usn: str | None
    body: dict[str, Any]


class Journal:
    """Writes entries, alone or in the transaction of what they tell of.

    Args:
        database: open.
        clock_now: UTC in seconds.
    """

    def __init__(self, database: Database, clock_now: Callable[[], float]) -> None:
        self._database = database
        self._clock_now = clock_now
        self._callbacks: list[Callable[[], None]] = []

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Have `callback` called, in the loop, after entries were committed."""
        self._callbacks.append(callback)

    async def write(self, kind: JournalKind, usn: str | None, body: Body) -> None:
        """Store one entry.

        Raises:
            StoreError: nothing was stored.
        """
        await self.write_with(lambda _: None, [(kind, usn, body)])

    async def write_with(
        self,
        change: Callable[[StoreFile], None],
        entries: list[tuple[JournalKind, str | None, Body]],
    ) -> None:
        """Make a change and store the entries that tell of it, both or neither.

        Raises:
            StoreError: nothing was stored.
        """
        at_s = int(self._clock_now())
        rows = [(at_s, kind.value, usn, json.dumps(body)) for kind, usn, body in entries]

        def work(file: StoreFile) -> None:
            change(file)
            file.conn.executemany(
                "INSERT INTO journal (at_s, kind, usn, body) VALUES (?, ?, ?, ?)", rows
            )

        await self._database.run(work)
        if rows:
            for callback in self._callbacks:
                callback()

    async def newest(self, count: int) -> list[JournalEntry]:
        """Return the last entries, oldest first.

        Raises:
            StoreError: the store cannot be read.
        """
        return await self._database.run(lambda file: _newest(file, count))


def _newest(file: StoreFile, count: int) -> list[JournalEntry]:
    found = file.conn.execute(
        "SELECT seq, at_s, kind, usn, body FROM journal ORDER BY seq DESC LIMIT ?", [count]
    ).fetchall()
    return [
        JournalEntry(seq=seq, at_s=at_s, kind=kind, usn=usn, body=json.loads(body))
        for seq, at_s, kind, usn, body in reversed(found)
    ]
