"""Batches on the disk: made before they are sent, kept until the head-end has committed them.

A batch's octets are stored with it, so that a repeat is the same to the last octet, also after a
restart. Readings are told in order of arrival, each in exactly one batch.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from gateway.head_end.batch_content import BatchContent, batch_message, next_content
from gateway.head_end.messages import digest, to_octets
from gateway.store.database import Database, StoreFile

_WATERMARKS: Final = (
    "committed_batch",
    "committed_reading_id",
    "committed_journal",
    "committed_rows",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch that the head-end has not committed.

    Attributes:
        number: 1, 2, 3 ... within this store.
        payload: the message's octets.
        sha256: of the payload, in hex.
        rows: how many readings it carries.
        last_seqs: last seq of each stream in it, by stream id.
    """

    number: int
    payload: bytes
    sha256: str
    rows: int
    last_seqs: dict[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermarks:
    """How far the head-end has committed everything, without a gap."""

    committed_batch: int
    committed_reading_id: int
    committed_journal: int
    committed_rows: int


class Outbox:
    """Makes batches, remembers which are open, and takes note of what is committed.

    Args:
        database: open.
        dc_id: goes into each batch.
        clock_now: UTC in seconds.
    """

    def __init__(self, database: Database, dc_id: str, clock_now: Callable[[], float]) -> None:
        self._database = database
        self.dc_id = dc_id
        self.clock_now = clock_now
        self._open: dict[int, Batch] = {}
        self._accepted: set[int] = set()
        self._committed_seqs: dict[int, int] = {}
        self._told_reading_id = 0
        self._told_journal = 0
        self.watermarks = Watermarks(
            committed_batch=0, committed_reading_id=0, committed_journal=0, committed_rows=0
        )

    async def load(self) -> None:
        """Read the open batches and the watermarks; again after an error.

        Raises:
            StoreError: the store cannot be read.
        """
        self.watermarks, self._committed_seqs, told, batches = await self._database.run(_load)
        self._told_reading_id, self._told_journal = told
        self._open = {batch.number: batch for batch in batches}
        self._accepted &= self._open.keys()

    @property
    def epoch(self) -> str:
        """The store's; known once it is open."""
        return self._database.epoch

    def open_batches(self) -> list[Batch]:
        """Return the batches that are not committed, oldest first."""
        return [batch for _, batch in sorted(self._open.items())]

    def open_batch(self, number: int) -> Batch | None:
        """Return a batch that is not committed."""
        return self._open.get(number)

    async def rows_untold(self) -> int:
        """Return how many stored readings are in no batch yet.

        Raises:
            StoreError: the store cannot be read.
        """

        def count(file: StoreFile) -> int:
            (newest,) = file.conn.execute("SELECT MAX(id) FROM reading").fetchone()
            return max(0, (newest or 0) - self._told_reading_id)

        return await self._database.run(count)

    async def make_batch(self, rows_max: int) -> Batch | None:
        """Make the next batch and store it; None when there is nothing to tell.

        `rows_max` is how many readings it may carry.

        Raises:
            StoreError: nothing was made.
        """
        made = await self._database.run(lambda file: self._make(file, rows_max))
        if made is None:
            return None
        batch, content = made
        self._note_told(content)
        self._open[batch.number] = batch
        return batch

    def accept(self, number: int) -> None:
        """Note that the broker has taken a batch; it may still lose it."""
        if number in self._open:
            self._accepted.add(number)

    async def commit(self, numbers: Iterable[int]) -> None:
        """Note that the head-end has committed these open batches.

        Raises:
            StoreError: nothing was noted; the head-end will be asked again.
        """
        wanted = sorted(set(numbers) & self._open.keys())
        at_s = int(self.clock_now())
        marks, seqs = await self._database.run(lambda file: _commit(file, wanted, at_s))
        self.watermarks = marks
        self._committed_seqs.update(seqs)
        for number in wanted:
            self._accepted.discard(number)
            del self._open[number]

    def committed_seq(self, stream_id: int) -> int:
        """Return the seq up to which the head-end has a stream; 0 for nothing."""
        return self._committed_seqs.get(stream_id, 0)

    def accepted_seq(self, stream_id: int) -> int:
        """Return the seq up to which the broker has taken a stream, or the head-end has it."""
        taken = [self._open[number].last_seqs.get(stream_id, 0) for number in self._accepted]
        return max(self.committed_seq(stream_id), *taken, 0)

    def rows_accepted(self) -> int:
        """Return how many readings the broker has taken or the head-end has."""
        waiting = sum(self._open[number].rows for number in self._accepted)
        return self.watermarks.committed_rows + waiting

    def _make(self, file: StoreFile, rows_max: int) -> tuple[Batch, BatchContent] | None:
        content = next_content(file.conn, self._told_reading_id, self._told_journal, rows_max)
        if not content.readings and not content.journal:
            return None
        number = _insert(file, content, int(self.clock_now()))
        message = batch_message(file.conn, content, self.dc_id, self._database.epoch, number)
        payload = to_octets(message)
        sha256 = digest(payload)
        file.conn.execute(
            "UPDATE batch SET sha256 = ?, payload = ? WHERE number = ?", (sha256, payload, number)
        )
        batch = Batch(
            number=number,
            payload=payload,
            sha256=sha256,
            rows=len(content.readings),
            last_seqs=content.last_seqs,
        )
        return batch, content

    def _note_told(self, content: BatchContent) -> None:
        if content.readings:
            self._told_reading_id = content.readings[-1][0]
        if content.journal:
            self._told_journal = content.journal[-1][0]


def _insert(file: StoreFile, content: BatchContent, made_at_s: int) -> int:
    readings, journal = content.readings, content.journal
    cursor = file.conn.execute(
        "INSERT INTO batch (first_reading_id, last_reading_id, first_journal, last_journal, rows,"
        " sha256, made_at_s) VALUES (?, ?, ?, ?, ?, '', ?)",
        (
            readings[0][0] if readings else None,
            readings[-1][0] if readings else None,
            journal[0][0] if journal else None,
            journal[-1][0] if journal else None,
            len(readings),
            made_at_s,
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _load(
    file: StoreFile,
) -> tuple[Watermarks, dict[int, int], tuple[int, int], list[Batch]]:
    marks = _watermarks(file)
    seqs = dict(file.conn.execute("SELECT id, committed_seq FROM stream").fetchall())
    reading_id, journal = file.conn.execute(
        "SELECT MAX(last_reading_id), MAX(last_journal) FROM batch"
    ).fetchone()
    told = (
        max(marks.committed_reading_id, reading_id or 0),
        max(marks.committed_journal, journal or 0),
    )
    batches = [
        Batch(
            number=number,
            payload=payload,
            sha256=sha256,
            rows=rows,
            last_seqs=_last_seqs(file, first, last),
        )
        for number, payload, sha256, rows, first, last in file.conn.execute(
            "SELECT number, payload, sha256, rows, first_reading_id, last_reading_id FROM batch"
            " WHERE committed_at_s IS NULL ORDER BY number"
        ).fetchall()
    ]
    return marks, seqs, told, batches


def _commit(file: StoreFile, numbers: list[int], at_s: int) -> tuple[Watermarks, dict[int, int]]:
    """Mark batches; move the watermarks over those that are committed without a gap."""
    file.conn.executemany(
        "UPDATE batch SET committed_at_s = ?, payload = NULL WHERE number = ?",
        [(at_s, number) for number in numbers],
    )
    marks = _watermarks(file)
    values: dict[str, Any] = {name: getattr(marks, name) for name in _WATERMARKS}
    seqs: dict[int, int] = {}
    done = file.conn.execute(
        "SELECT number, first_reading_id, last_reading_id, last_journal, rows FROM batch"
        " WHERE number < COALESCE((SELECT MIN(number) FROM batch WHERE committed_at_s IS NULL),"
        " number + 1) ORDER BY number"
    ).fetchall()
    for number, first_reading, last_reading, last_journal, rows in done:
        values["committed_batch"] = number
        values["committed_rows"] += rows
        values["committed_reading_id"] = last_reading or values["committed_reading_id"]
        values["committed_journal"] = last_journal or values["committed_journal"]
        seqs.update(_last_seqs(file, first_reading, last_reading))
    file.conn.executemany("DELETE FROM batch WHERE number = ?", [(row[0],) for row in done])
    file.conn.executemany(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        [(name, str(value)) for name, value in values.items()],
    )
    file.conn.executemany(
        "UPDATE stream SET committed_seq = ? WHERE id = ?",
        [(seq, stream_id) for stream_id, seq in seqs.items()],
    )
    return Watermarks(**values), seqs


def _last_seqs(file: StoreFile, first_id: int | None, last_id: int | None) -> dict[int, int]:
    found = file.conn.execute(
        "SELECT stream_id, MAX(seq) FROM reading WHERE id BETWEEN ? AND ? GROUP BY stream_id",
        (first_id, last_id),
    )
    return dict(found.fetchall())


def _watermarks(file: StoreFile) -> Watermarks:
    stored = dict(file.conn.execute("SELECT key, value FROM meta").fetchall())
    return Watermarks(**{name: int(stored.get(name, 0)) for name in _WATERMARKS})
