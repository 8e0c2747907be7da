"""What may go, goes in small steps; what was known once is not taken for new again."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from gateway.head_end.outbox import Outbox
from gateway.store import housekeeping, retention
from gateway.store.database import Database
from gateway.store.errors import StoreFull
from gateway.store.housekeeping import keep_house
from gateway.store.intervals import IntervalSet
from gateway.store.journal import Journal, JournalKind
from gateway.store.reading_buffer import ReadingBuffer
from gateway.store.retention import DAY_S, delete_old, free_committed
from gateway.store.row_queries import ReadingFilter, find_gaps, gaps_between, newest_readings
from gateway.store.settings import StorageSettings
from tests.gateway.store.store_tools import (
    EVENTS,
    NOW_S,
    PERIODIC,
    SETTINGS,
    ask,
    open_database,
    row,
    run,
)

LATER_S = NOW_S + 63 * DAY_S


async def fill(database: Database, rows: int, *, committed: bool) -> int:
    """Store rows ten seconds apart and have a head-end commit them."""
    buffer = ReadingBuffer(database, lambda: NOW_S, SETTINGS)
    await buffer.load()
    stream = await buffer.open_stream(PERIODIC)
    times = [NOW_S - 10 * n for n in range(rows, 0, -1)]
    buffer.add(stream, [row(time) for time in times], (times[0], times[-1]))
    await buffer.flush()
    await Journal(database, lambda: NOW_S).write(JournalKind.NOTICE, None, {})
    outbox = Outbox(database, "GG-1", lambda: NOW_S)
    await outbox.load()
    while committed and (batch := await outbox.make_batch(300)) is not None:
        await outbox.commit([batch.number])
    return stream


def count(path: Path) -> int:
    return int(ask(path, "SELECT COUNT(*) FROM reading")[0][0])


def test_only_what_is_committed_and_old_goes_and_never_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ACQ-2: the last weeks stay, and what the head-end has not stays for ever."""
    path = tmp_path / "store.db"
    monkeypatch.setattr(retention, "STEP_ROWS", 40)

    async def main() -> None:
        async with open_database(path) as database:
            await fill(database, 100, committed=False)
            assert await delete_old(database, LATER_S) == 0
            outbox = Outbox(database, "GG-1", lambda: NOW_S)
            await outbox.load()
            batch = await outbox.make_batch(70)
            assert batch is not None
            await outbox.commit([batch.number])
            assert await delete_old(database, NOW_S + DAY_S) == 0
            steps = [await delete_old(database, LATER_S) for _ in range(4)]
            assert steps == [41, 30, 0, 0]  # the first with the journal's entry
            assert count(path) == 30
            while (batch := await outbox.make_batch(70)) is not None:
                await outbox.commit([batch.number])
            assert await delete_old(database, LATER_S) == 29
            assert count(path) == 1

    run(main())


def test_deleted_rows_that_are_read_again_are_not_new(tmp_path: Path) -> None:
    """UPL-1: a second look at times whose rows are gone doubles nothing."""
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_database(path) as database:
            stream = await fill(database, 50, committed=True)
            while await delete_old(database, LATER_S):
                pass
            buffer = ReadingBuffer(database, lambda: LATER_S, SETTINGS)
            await buffer.load()
            await buffer.uncover(stream, NOW_S - 1000, NOW_S)
            rows = [row(NOW_S - 10 * n) for n in range(50, 0, -1)]
            buffer.add(stream, rows, (NOW_S - 1000, NOW_S))
            buffer.add(stream, [row(LATER_S)], (NOW_S + 1, LATER_S))
            await buffer.flush()

    run(main())
    assert ask(path, "SELECT seq FROM reading") == [(50,), (51,)]


def test_a_full_store_lets_committed_rows_go_whatever_their_age(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_database(path) as database:
            await fill(database, 50, committed=False)
            assert await database.run(free_committed) == 0
            await fill(database, 50, committed=True)
            assert await database.run(free_committed) == 49

    run(main())


def test_a_store_full_of_what_was_never_sent_drains_when_the_link_is_back(tmp_path: Path) -> None:
    """UPL-6: readings leave room for the batches that carry them away."""
    path = tmp_path / "store.db"
    settings = StorageSettings(pages_max=1024)

    async def main() -> None:
        async with open_database(path, settings) as database:
            buffer = ReadingBuffer(database, lambda: NOW_S, settings)
            stream = await buffer.open_stream(PERIODIC)
            time = 0
            with contextlib.suppress(StoreFull):
                while True:
                    buffer.add(stream, [row(time + n) for n in range(5000)])
                    time += 5000
                    await buffer.flush()
            rows_waiting = buffer.rows_waiting()
            assert rows_waiting == 5000
            outbox = Outbox(database, "GG-1", lambda: NOW_S)
            await outbox.load()
            made = [await outbox.make_batch(300) for _ in range(20)]
            await outbox.commit([batch.number for batch in made if batch is not None])
            assert outbox.watermarks.committed_rows == 6000
            assert await database.run(free_committed) == retention.ROOM_ROWS
            await buffer.flush()
            assert buffer.rows_waiting() == 0

    run(main())


def test_the_house_is_kept_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "store.db"
    monkeypatch.setattr(retention, "STEP_ROWS", 10)
    monkeypatch.setattr(housekeeping, "STEP_EVERY_S", 0.001)

    async def main() -> None:
        async with open_database(path) as database:
            await fill(database, 50, committed=True)
            work = asyncio.create_task(keep_house(database, lambda: LATER_S))
            async with asyncio.timeout(5):
                while count(path) > 1:
                    await asyncio.sleep(0.01)
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    run(main())


def test_gaps_are_what_was_read_and_not_there() -> None:
    """ACQ-3: holes are known row by row."""
    covered = IntervalSet([(5, 100), (200, 230)])
    assert gaps_between(covered, [10, 20, 51, 60, 70, 99, 210], 10) == [
        (30, 40, 2),
        (80, 90, 2),
        (200, 200, 1),
        (220, 230, 2),
    ]
    day = 86_400
    local_midnights = [n * day - 7200 if n < 5 else n * day - 3600 for n in range(10)]
    assert gaps_between(IntervalSet([(0, 9 * day)]), local_midnights, day) == []


def test_gaps_and_newest_readings_of_a_store(tmp_path: Path) -> None:
    """ACQ-3: what is lost is named; ACQ-4: a reading is told with unit and scaler."""

    async def main() -> None:
        async with open_database(tmp_path / "store.db") as database:
            buffer = ReadingBuffer(database, lambda: NOW_S, SETTINGS)
            start = NOW_S - 1000
            stream = await buffer.open_stream(PERIODIC)
            rows = [row(start + 10 * n) for n in range(20) if n not in (3, 7, 8)]
            buffer.add(stream, rows, (start - 500, start + 400))
            events = await buffer.open_stream(EVENTS)
            buffer.add(events, [(start, 0, 0, (11,))], (start, NOW_S))
            await buffer.flush()
            gaps = await find_gaps(database)
            assert [(gap.usn, gap.entity, gap.from_s - start, gap.rows) for gap in gaps] == [
                ("LG1", "periodic", 30, 1),
                ("LG1", "periodic", 70, 2),
            ]
            last = await newest_readings(database, ReadingFilter(last=2))
            assert [(one.entity, one.seq) for one in last] == [
                ("periodic", 17),
                ("standard_events", 1),
            ]
            assert last[0].columns == PERIODIC.columns
            assert last[0].values == (start + 190, 0)
            assert last[1].values == (11,)
            only = await newest_readings(
                database, ReadingFilter(usn="LG1", entity="periodic", last=50)
            )
            assert [one.seq for one in only] == list(range(1, 18))
            assert await newest_readings(database, ReadingFilter(usn="LG2")) == []

    run(main())
