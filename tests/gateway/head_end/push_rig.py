"""A store, a buffer and a pusher on one file, as the daemon has them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.head_end.link import HeadEndLink
from gateway.head_end.outbox import Outbox
from gateway.head_end.pusher import Pusher
from gateway.head_end.settings import HeadEndSettings
from gateway.store.database import Database
from gateway.store.journal import Journal
from gateway.store.reading_buffer import ReadingBuffer
from tests.gateway.store.store_tools import NOW_S, PERIODIC, SETTINGS, open_database, row

QUICK = HeadEndSettings(ack_timeout_s=0.2, push_interval_s=0.02, batch_rows_max=10)


@dataclass
class PushRig:
    database: Database
    buffer: ReadingBuffer
    journal: Journal
    outbox: Outbox
    pusher: Pusher
    stream: int
    next_time: int = NOW_S - 100_000

    async def store(self, count: int) -> None:
        """Store so many rows, ten seconds apart."""
        rows = [row(self.next_time + 10 * place) for place in range(count)]
        self.next_time += 10 * count
        self.buffer.add(self.stream, rows, (rows[0][0], rows[-1][0]))
        await self.buffer.flush()

    async def wait_committed(self, rows: int, within_s: float = 10) -> None:
        async with asyncio.timeout(within_s):
            while self.outbox.watermarks.committed_rows < rows:
                await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def open_rig(
    path: Path, link: HeadEndLink, settings: HeadEndSettings = QUICK, *, running: bool = True
) -> AsyncIterator[PushRig]:
    async with open_database(path) as database:
        buffer = ReadingBuffer(database, lambda: NOW_S, SETTINGS)
        journal = Journal(database, lambda: NOW_S)
        await buffer.load()
        outbox = Outbox(database, "GG-1", lambda: NOW_S)
        pusher = Pusher(outbox, link, settings)
        buffer.on_commit(pusher.wake)
        journal.on_commit(pusher.wake)
        stream = await buffer.open_stream(PERIODIC)
        rig = PushRig(database, buffer, journal, outbox, pusher, stream)
        rig.next_time += 1_000_000 * len(buffer.coverage(stream))
        work = asyncio.create_task(run_both(pusher, link)) if running else None
        try:
            yield rig
        finally:
            if work is not None:
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work


async def run_both(pusher: Pusher, link: HeadEndLink) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(link.run())
        group.create_task(pusher.run())


def rows_of(payloads: list[bytes]) -> list[list[Any]]:
    return [
        told
        for payload in payloads
        for stream in json.loads(payload)["streams"]
        for told in stream["rows"]
    ]
