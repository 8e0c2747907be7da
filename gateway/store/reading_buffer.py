"""The daemon's memory of what it read: takes rows at once, commits them in groups.

Rows, their numbers and the coverage they prove are one transaction. A crash at any point
therefore repeats work: what was not committed is not covered, and is read again.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from drivers.dlms.companion import Entity
from drivers.dlms.profile_rows import ProfileRow
from gateway.store.answer_columns import wrapped
from gateway.store.coverage import CoverageBook, CoverageTexts
from gateway.store.database import Database, StoreFile
from gateway.store.errors import StoreError, StoreFull
from gateway.store.intervals import Interval, IntervalSet
from gateway.store.retention import free_committed, has_room_for_readings
from gateway.store.row_shape import as_columns, check_fits
from gateway.store.row_writer import Handover, RowWriter
from gateway.store.settings import StorageSettings
from gateway.store.stream import StreamDescription
from gateway.store.stream_table import (
    KnownStream,
    describe_stream,
    growing_columns,
    insert_stream,
    load_streams,
)
from gateway.store.stream_tail import StreamTail

COMMIT_ROWS: Final = 300
"""So many rows do not wait for more: 300 share a commit's cost well enough."""

WAITING_ROWS_MAX: Final = 20_000
"""Beyond this the disk does not keep up, and rows are better off in their meters."""

FULL_RETRY_S: Final = 5.0
"""Between two tries on a full store."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """One stream as it stands.

    Attributes:
        stream_id: its number in this store.
        rows_stored: committed to the disk since the stream began, whether still kept or not.
        newest_captured_at_s: UTC by the meter's clock; None before the first row.
    """

    stream_id: int
    description: StreamDescription
    rows_stored: int
    newest_captured_at_s: int | None


class ReadingBuffer:
    """Streams, their coverage, and the rows on their way to the disk.

    Args:
        database: open.
        clock_now: UTC in seconds; tells when a row was received.
        settings: how long a row may wait for company.
    """

    def __init__(
        self, database: Database, clock_now: Callable[[], float], settings: StorageSettings
    ) -> None:
        self._database = database
        self._clock_now = clock_now
        self._settings = settings
        self._ids: dict[tuple[str, Entity], int] = {}
        self._descriptions: dict[int, StreamDescription] = {}
        self._books: dict[int, CoverageBook] = {}
        self._writer = RowWriter()
        self._waiting: list[Handover] = []
        self._uncovered: set[int] = set()
        self._waiting_rows = 0
        self._ticket = 0
        self._committed_ticket = 0
        self._one_commit_at_a_time = asyncio.Lock()
        self._something_waits = asyncio.Event()
        self._enough_waits = asyncio.Event()
        self._next_commit = asyncio.Event()
        self._callbacks: list[Callable[[], None]] = []

    async def load(self) -> None:
        """Read streams and coverage from the store; once, before anything else.

        Raises:
            StoreError: the store cannot be read.
        """

        def read(file: StoreFile) -> list[KnownStream]:
            self._writer.load(file.conn)
            return load_streams(file.conn)

        for stream in await self._database.run(read):
            book = CoverageBook(stream.coverage)
            self._adopt(stream.stream_id, stream.description, stream.tail, book)

    async def open_stream(self, description: StreamDescription) -> int:
        """Return the number of a stream, made or described anew when that is needed.

        Raises:
            StoreError: nothing was made.
        """
        key = (description.usn, description.entity)
        async with self._one_commit_at_a_time:
            stream_id = self._ids.get(key)
            if stream_id is None:
                stream_id = await self._make(description)
            elif self._descriptions[stream_id] != description:
                await self._describe(stream_id, description)
        return stream_id

    def coverage(self, stream_id: int) -> IntervalSet:
        """Return the captured_at times that were read completely, rows still in memory included."""
        return self._books[stream_id].covered.copy()

    def add(
        self, stream_id: int, rows: Sequence[ProfileRow], covered: Interval | None = None
    ) -> int:
        """Take an answer over; never waits. Return a ticket for `wait_committed`.

        Args:
            stream_id: from `open_stream`.
            rows: in the meter's order. In times read before they are compared with what is
                stored, and only what is new is kept.
            covered: first and last captured_at of the range of which `rows` are all; None when
                the answer proves no range.

        Raises:
            RowNotStorable: the meter sent rows of an impossible shape; nothing was taken.
            StoreFull: too much waits for the disk already; nothing was taken.
        """
        if self._waiting_rows + len(rows) > WAITING_ROWS_MAX and self._waiting_rows:
            raise StoreFull(f"{self._waiting_rows} rows wait for the disk", self._database.path)
        answer = as_columns(rows)
        if rows:
            check_fits(answer, len(self._descriptions[stream_id].columns))
        known = self._books[stream_id].note_answer(answer.times, covered)
        self._ticket += 1
        self._waiting.append(
            Handover(
                stream_id=stream_id,
                answer=answer,
                known=known,
                received_at_s=int(self._clock_now()),
            )
        )
        self._waiting_rows += len(rows)
        self._wake()
        return self._ticket

    async def uncover(self, stream_id: int, first_s: int, last_s: int) -> None:
        """Let captured_at first_s..last_s be read again; on the disk when this returns.

        Raises:
            StoreError: not on the disk yet, but valid in memory, and tried again by `run`.
        """
        self._books[stream_id].uncover(first_s, last_s)
        self._uncovered.add(stream_id)
        self._ticket += 1
        self._wake()
        await self.flush()

    async def flush(self) -> None:
        """Commit all that was taken over before this call.

        Raises:
            StoreError: nothing was committed; all of it stays in memory.
        """
        ticket = self._ticket
        async with self._one_commit_at_a_time:
            if self._committed_ticket < ticket:
                await self._commit()

    async def wait_committed(self, ticket: int) -> None:
        """Wait until the answer with this ticket is on the disk."""
        while self._committed_ticket < ticket:
            await self._next_commit.wait()

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Have `callback` called, in the loop, after each commit."""
        self._callbacks.append(callback)

    def streams(self) -> list[StreamState]:
        """Return all streams, in the order in which they were made."""
        return [
            StreamState(
                stream_id=stream_id,
                description=description,
                rows_stored=self._writer.tail(stream_id).last_seq,
                newest_captured_at_s=self._writer.tail(stream_id).edge_s,
            )
            for stream_id, description in sorted(self._descriptions.items())
        ]

    def description(self, stream_id: int) -> StreamDescription:
        """Return what a stream holds."""
        return self._descriptions[stream_id]

    def newest_captured_at_s(self, stream_id: int) -> int | None:
        """Return the newest time of a stream's committed rows."""
        return self._writer.tail(stream_id).edge_s

    def stream_id_of(self, usn: str, entity: Entity) -> int | None:
        """Return the number of a stream that exists."""
        return self._ids.get((usn, entity))

    def rows_waiting(self) -> int:
        """Return how many rows are in memory only."""
        return self._waiting_rows

    async def run(self) -> None:
        """Commit in groups until cancelled, and once more then.

        Raises:
            StoreError: the disk refused; what waits is kept, so `run` may be called again.
        """
        try:
            while True:
                await self._something_waits.wait()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.commit_interval_s):
                        await self._enough_waits.wait()
                await self._commit_making_room()
        except asyncio.CancelledError:
            await self._commit_at_the_end()
            raise

    async def _commit_making_room(self) -> None:
        try:
            await self.flush()
        except StoreFull as error:
            freed = await self._database.run(free_committed)
            _LOG.warning("store is full", extra={"REASON": str(error), "ROWS_FREED": freed})
            if not freed:
                await asyncio.sleep(FULL_RETRY_S)

    async def _commit_at_the_end(self) -> None:
        try:
            await self.flush()
        except StoreError as error:
            # Nobody is left to try again. The meters still hold these rows, and they are not
            # covered, so the next start reads them.
            _LOG.error(
                "rows in memory are given up",
                extra={"ROWS": self._waiting_rows, "REASON": str(error)},
            )

    async def _commit(self) -> None:
        """Write all that waits; the lock is held."""
        taken, ticket = list(self._waiting), self._ticket
        uncovered, self._uncovered = self._uncovered, set()
        touched = {handover.stream_id for handover in taken} | uncovered
        coverage = {stream_id: self._books[stream_id].as_texts() for stream_id in touched}
        done = False

        def committed() -> None:
            nonlocal done
            done = True
            self._writer.committed()

        self._something_waits.clear()
        self._enough_waits.clear()
        try:
            await self._write(taken, coverage, committed)
        finally:
            if done:
                self._forget(taken, ticket)
            else:
                self._uncovered |= uncovered
            if self._ticket > self._committed_ticket:
                self._wake()

    async def _write(
        self,
        taken: list[Handover],
        coverage: dict[int, CoverageTexts],
        committed: Callable[[], None],
    ) -> None:
        def write(handovers: list[Handover]) -> Callable[[StoreFile], None]:
            def work(file: StoreFile) -> None:
                if not has_room_for_readings(file, self._settings.pages_max):
                    raise StoreFull("no pages left for readings", self._database.path)
                self._writer.write(file.conn, handovers, coverage)

            return work

        try:
            await self._database.run(write(taken), committed)
        except OverflowError:  # looked for only here, because no known meter sends such numbers
            fitting = [replace(handover, answer=wrapped(handover.answer)) for handover in taken]
            await self._database.run(write(fitting), committed)

    def _forget(self, taken: list[Handover], ticket: int) -> None:
        del self._waiting[: len(taken)]
        self._waiting_rows -= sum(len(handover.answer.times) for handover in taken)
        self._committed_ticket = ticket
        self._next_commit.set()
        self._next_commit = asyncio.Event()
        for callback in self._callbacks:
            callback()

    def _wake(self) -> None:
        self._something_waits.set()
        if self._waiting_rows >= COMMIT_ROWS:
            self._enough_waits.set()

    async def _make(self, description: StreamDescription) -> int:
        stream_id = await self._database.run(lambda file: insert_stream(file.conn, description))
        tail = StreamTail(growing=growing_columns(description))
        self._adopt(stream_id, description, tail, CoverageBook())
        return stream_id

    async def _describe(self, stream_id: int, description: StreamDescription) -> None:
        await self._commit()  # what waits was read under the old description
        await self._database.run(lambda file: describe_stream(file.conn, stream_id, description))
        self._descriptions[stream_id] = description
        self._writer.describe(stream_id, growing_columns(description))

    def _adopt(
        self,
        stream_id: int,
        description: StreamDescription,
        tail: StreamTail,
        book: CoverageBook,
    ) -> None:
        self._ids[description.usn, description.entity] = stream_id
        self._descriptions[stream_id] = description
        self._books[stream_id] = book
        self._writer.know(stream_id, tail)
