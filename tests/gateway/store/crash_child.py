"""A process that reads an imagined meter into a store and pushes it, until it is killed or done.

    python -m tests.gateway.store.crash_child STORE DELIVERED ROWS

DELIVERED is the head-end: each message is appended to it, one a line, before it is acknowledged.
"""

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.head_end.outbox import Outbox
from gateway.head_end.pusher import Pusher
from gateway.head_end.settings import HeadEndSettings
from gateway.store.database import Database
from gateway.store.journal import Journal, JournalKind
from gateway.store.reading_buffer import ReadingBuffer
from gateway.store.settings import StorageSettings
from tests.gateway.head_end.memory_link import MemoryLink
from tests.gateway.store.store_tools import NOW_S, PERIODIC, row

START_S = NOW_S - 1_000_000
PERIOD_S = 10
ANSWER_ROWS = 7


def row_at(place: int) -> tuple[int, int, int, tuple[int, ...]]:
    """Return the meter's row; every fifth time was captured twice, with other content."""
    time = START_S + PERIOD_S * (place - place // 5)
    return row(time, 100 + place, 0)


class FileHeadEnd(MemoryLink):
    """Commits by appending to a file, then acknowledges."""

    def __init__(self, delivered: int) -> None:
        super().__init__()
        self._delivered = delivered
        self.went_up()

    async def run(self) -> None:
        seen = 0
        while True:
            await self.wait_published(seen + 1)
            for payload in self.published[seen:]:
                os.write(self._delivered, payload + b"\n")
                os.fsync(self._delivered)
                await asyncio.sleep(0.001)
                self.ack(payload)
                seen += 1


async def work(store: Path, delivered: int, rows: int) -> None:
    meter = [row_at(place) for place in range(rows)]
    end_s = meter[-1][0]
    with ThreadPoolExecutor(1) as thread:
        settings = StorageSettings(commit_interval_s=0.01)
        async with Database(store, thread, settings) as database:
            buffer = ReadingBuffer(database, lambda: NOW_S, settings)
            journal = Journal(database, lambda: NOW_S)
            await buffer.load()
            stream = await buffer.open_stream(PERIODIC)
            link = FileHeadEnd(delivered)
            push = HeadEndSettings(batch_rows_max=20, push_interval_s=0.005, ack_timeout_s=1)
            outbox = Outbox(database, "GG-1", lambda: NOW_S)
            pusher = Pusher(outbox, link, push)
            buffer.on_commit(pusher.wake)
            tasks = [asyncio.create_task(run()) for run in (buffer.run, link.run, pusher.run)]
            asked = 0
            while holes := buffer.coverage(stream).holes(START_S, end_s):
                first_s = holes[0][0]
                last_s = min(holes[0][1], first_s + ANSWER_ROWS * PERIOD_S)
                answer = [one for one in meter if first_s <= one[0] <= last_s]
                buffer.add(stream, answer, (first_s, last_s))
                asked += 1
                if asked % 10 == 0:
                    await journal.write(JournalKind.NOTICE, None, {"asked": asked})
                if asked % 17 == 0:  # as after a clock was set back
                    await buffer.uncover(stream, first_s - 60, last_s)
                await asyncio.sleep(0.004)
            await buffer.flush()
            while outbox.watermarks.committed_rows < buffer.streams()[0].rows_stored:
                await asyncio.sleep(0.005)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def main() -> None:
    store, delivered, rows = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    file = os.open(delivered, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    sys.stdout.write("working\n")
    sys.stdout.flush()
    asyncio.run(work(store, file, rows))


if __name__ == "__main__":
    main()
