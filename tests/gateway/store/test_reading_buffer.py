"""The reading buffer: groups, marks, occurrences, restarts, and a disk that will not."""

import asyncio
import contextlib
import dataclasses
import logging
from pathlib import Path
from typing import Any

import pytest

from drivers.dlms.companion import Entity
from gateway.store import reading_buffer, retention
from gateway.store.coverage import CoverageBook
from gateway.store.errors import StoreFull
from gateway.store.marks import Mark
from gateway.store.reading_buffer import ReadingBuffer
from gateway.store.settings import StorageSettings
from gateway.store.stream import StreamDescription
from gateway.store.stream_counts import count_by_stream
from tests.gateway.store.store_tools import (
    ENERGY,
    EVENTS,
    NOW_S,
    PERIODIC,
    ask,
    open_buffer,
    open_database,
    row,
    run,
)

T = NOW_S - 10_000


def stored(path: Path, columns: str = "seq, captured_at_s, occurrence, mark") -> list[Any]:
    return ask(path, f"SELECT {columns} FROM reading ORDER BY id")


def test_a_row_is_stored_with_all_that_came_with_it(tmp_path: Path) -> None:
    """ACQ-4: time, clock status, status, values; and when it was received."""
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_buffer(path, now_s=NOW_S + 0.9) as buffer:
            stream = await buffer.open_stream(PERIODIC)
            buffer.add(stream, [(T, 0x80, 0x42, (123, 4))], (T, T + 5))
            await buffer.flush()
            assert list(buffer.coverage(stream)) == [(T, T + 5)]
            assert buffer.newest_captured_at_s(stream) == T
            assert buffer.description(stream) == PERIODIC
            assert buffer.stream_id_of("LG1", Entity.PERIODIC) == stream
            assert buffer.stream_id_of("LG2", Entity.PERIODIC) is None

    run(main())
    columns = "stream_id, seq, captured_at_s, occurrence, status, mark, received_at_s, v1, v2, v3"
    assert stored(path, columns) == [(1, 1, T, 1, 0x42, 0x80, NOW_S, 123, 4, None)]


def test_coverage_counts_at_once_and_rows_wait_for_company(tmp_path: Path) -> None:
    """ACQ-2: many answers share a commit, and none is asked for twice meanwhile."""
    path = tmp_path / "store.db"
    settings = StorageSettings(commit_interval_s=0.1)

    async def main() -> None:
        async with open_buffer(path, settings) as buffer:
            stream = await buffer.open_stream(PERIODIC)
            commits: list[int] = []
            buffer.on_commit(lambda: commits.append(1))
            work = asyncio.create_task(buffer.run())
            tickets = [
                buffer.add(stream, [row(T + 10 * n)], (T + 10 * n - 9, T + 10 * n))
                for n in range(5)
            ]
            assert list(buffer.coverage(stream)) == [(T - 9, T + 40)]
            assert (stored(path), buffer.rows_waiting()) == ([], 5)
            await buffer.wait_committed(tickets[-1])
            assert len(stored(path)) == 5
            assert (commits, buffer.rows_waiting()) == ([1], 0)
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    run(main())


def test_three_hundred_rows_do_not_wait(tmp_path: Path) -> None:
    settings = StorageSettings(commit_interval_s=60)

    async def main() -> None:
        async with open_buffer(tmp_path / "store.db", settings) as buffer:
            stream = await buffer.open_stream(PERIODIC)
            work = asyncio.create_task(buffer.run())
            ticket = buffer.add(stream, [row(T + n) for n in range(300)])
            async with asyncio.timeout(5):
                await buffer.wait_committed(ticket)
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    run(main())


def test_stopping_commits_what_was_handed_over(tmp_path: Path) -> None:
    """ACQ-2: the collector's last answer survives an orderly stop."""
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_buffer(path, StorageSettings(commit_interval_s=60)) as buffer:
            stream = await buffer.open_stream(PERIODIC)
            work = asyncio.create_task(buffer.run())
            await asyncio.sleep(0)
            buffer.add(stream, [row(T)])
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    run(main())
    assert len(stored(path)) == 1


def test_a_clock_that_was_set_back_gives_second_rows_of_the_same_time(tmp_path: Path) -> None:
    """ACQ-2, ACQ-7: kept, numbered and marked, across a restart as well."""
    path = tmp_path / "store.db"
    first = [row(T + 10 * n, 100 + n, 0) for n in range(100)]
    again = [row(T + 10 * n, 200 + n, 0) for n in range(90, 95)]

    async def before() -> None:
        async with open_buffer(path) as buffer:
            stream = await buffer.open_stream(PERIODIC)
            buffer.add(stream, first, (T, T + 990))
            await buffer.uncover(stream, T + 900, 2**40)
            assert list(buffer.coverage(stream)) == [(T, T + 899)]

    async def after() -> None:
        async with open_buffer(path) as buffer:
            stream = await buffer.open_stream(PERIODIC)
            assert list(buffer.coverage(stream)) == [(T, T + 899)]
            ring = first[90:] + again
            buffer.add(stream, ring, (T + 900, T + 990))
            buffer.add(stream, ring, (T + 900, T + 990))  # nothing new in a further look
            await buffer.flush()

    run(before())
    run(after())
    new = stored(path)[100:]
    assert new == [(101 + n, T + 900 + 10 * n, 2, Mark.SECOND_OF_SAME_TIME) for n in range(5)]


def test_equal_rows_are_counted_not_merged(tmp_path: Path) -> None:
    """ACQ-7: two events of one second and one number are two events."""
    path = tmp_path / "store.db"
    event = (T, 0, 0, (23,))

    async def main() -> None:
        async with open_buffer(path) as buffer:
            stream = await buffer.open_stream(EVENTS)
            buffer.add(stream, [event, event], (T - 5, T))
            buffer.add(stream, [event, event, event], (T, T + 5))
            buffer.add(stream, [event], (T, T + 5))
            await buffer.flush()

    run(main())
    assert [(seq, occurrence) for seq, _, occurrence, _ in stored(path)] == [(1, 1), (2, 2), (3, 3)]


def test_rows_that_differ_only_in_a_status_are_two_rows(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_buffer(path) as buffer:
            stream = await buffer.open_stream(PERIODIC)
            for status, clock in ((0, 0), (2, 0), (0, 0x80), (0, 0)):
                buffer.add(stream, [(T, clock, status, (1, 1))], (T, T))
            await buffer.flush()

    run(main())
    assert stored(path, "occurrence, status, mark & 255") == [(1, 0, 0), (2, 2, 0), (3, 0, 0x80)]


def test_holes_are_filled_out_of_order(tmp_path: Path) -> None:
    """ACQ-2: later times first, earlier ones when the line is good; no comparison, no doubling."""
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_buffer(path) as buffer:
            stream = await buffer.open_stream(PERIODIC)
            buffer.add(stream, [row(T + 100)], (T + 91, T + 100))
            buffer.add(stream, [row(T + 10)], (T + 1, T + 10))
            assert buffer.coverage(stream).holes(T + 1, T + 100) == [(T + 11, T + 90)]
            middle = [row(T + 10 * n) for n in range(1, 11)]
            buffer.add(stream, middle, (T + 1, T + 100))
            await buffer.flush()
            assert len(buffer.coverage(stream)) == 1

    run(main())
    assert sorted(time for _, time, _, _ in stored(path)) == [T + 10 * n for n in range(1, 11)]
    assert {occurrence for _, _, occurrence, _ in stored(path)} == {1}


def test_times_are_covered_or_doubted_never_both() -> None:
    """ACQ-2: what was read completely needs no second look at what was doubted before."""
    book = CoverageBook()
    assert book.note_answer([5, 7], None) == ()
    assert (list(book.covered), list(book.doubted)) == ([], [(5, 5), (7, 7)])
    assert book.note_answer([4, 5, 6], (0, 6)) == ((5, 5),)
    assert (list(book.covered), list(book.doubted)) == ([(0, 6)], [(7, 7)])
    book.uncover(3, 9)
    assert (list(book.covered), list(book.doubted)) == ([(0, 2)], [(3, 7)])
    assert book.note_answer([], (0, 100)) == ()
    assert (list(book.covered), list(book.doubted)) == ([(0, 100)], [])


def test_a_stream_remembers_where_its_newest_time_begins(tmp_path: Path) -> None:
    """After a restart only the rows from there on are looked through."""
    path = tmp_path / "store.db"

    async def main() -> None:
        for time in (T, T + 10):
            async with open_buffer(path) as buffer:
                stream = await buffer.open_stream(PERIODIC)
                buffer.add(stream, [row(time - 5), row(time), row(time, 1, 1)])
                buffer.add(stream, [row(T - 500 + time % 7)])
                await buffer.flush()

    run(main())
    assert ask(path, "SELECT edge_id, edge_s FROM stream") == [(6, T + 10)]
    assert ask(path, "SELECT MIN(id) FROM reading WHERE captured_at_s = ?", T + 10) == [(6,)]


def test_an_empty_answer_covers_without_a_row(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_buffer(path) as buffer:
            stream = await buffer.open_stream(PERIODIC)
            buffer.add(stream, [], (T, T + 100))
            await buffer.flush()
        async with open_buffer(path) as buffer:
            assert list(buffer.coverage(stream)) == [(T, T + 100)]

    run(main())


def test_a_description_that_changed_holds_for_later_rows(tmp_path: Path) -> None:
    """ACQ-4: what waits is stored under the description with which it was read."""
    path = tmp_path / "store.db"
    wide = dataclasses.replace(PERIODIC, columns=(ENERGY, ENERGY, ENERGY), capture_period_s=20)

    async def main() -> None:
        async with open_buffer(path) as buffer:
            stream = await buffer.open_stream(PERIODIC)
            buffer.add(stream, [row(T)])
            assert await buffer.open_stream(wide) == stream
            assert await buffer.open_stream(wide) == stream
            buffer.add(stream, [row(T + 10, 1, 2, 3)])
            await buffer.flush()
        async with open_buffer(path) as buffer:
            assert buffer.description(stream) == wide

    run(main())
    described = ask(path, "SELECT from_seq, capture_period_s FROM description ORDER BY 1")
    assert described == [(1, 10), (2, 20)]


def test_a_full_store_keeps_rows_waiting_and_then_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """ACQ-2: rows are better off in their meters than nowhere."""
    path = tmp_path / "store.db"
    monkeypatch.setattr(reading_buffer, "FULL_RETRY_S", 0.01)
    settings = StorageSettings(commit_interval_s=0.01, pages_max=retention.RESERVE_PAGES + 10)

    async def main() -> None:
        async with open_database(path, settings) as database:
            buffer = ReadingBuffer(database, lambda: NOW_S, settings)
            stream = await buffer.open_stream(PERIODIC)
            rows = [row(n) for n in range(20_000)]
            buffer.add(stream, rows[:19_000], (0, 18_999))
            with pytest.raises(StoreFull):
                await buffer.flush()
            with pytest.raises(StoreFull):
                buffer.add(stream, [row(n) for n in range(20_000, 22_000)], (20_000, 22_000))
            assert list(buffer.coverage(stream)) == [(0, 18_999)]
            work = asyncio.create_task(buffer.run())
            while "store is full" not in caplog.messages:
                await asyncio.sleep(0.01)
            monkeypatch.setattr(retention, "RESERVE_PAGES", 0)
            async with asyncio.timeout(10):
                await buffer.wait_committed(1)
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    with caplog.at_level(logging.WARNING):
        run(main())
    assert ask(path, "SELECT COUNT(*), MAX(seq) FROM reading") == [(19_000, 19_000)]


def test_streams_number_on_their_own(tmp_path: Path) -> None:
    """UPL-1: seq counts from 1 in each stream, without gap or reuse, over restarts."""
    path = tmp_path / "store.db"
    others = [dataclasses.replace(PERIODIC, usn=f"LG{n}") for n in range(4)]

    async def add(first_s: int) -> None:
        async with open_buffer(path) as buffer:
            for place, description in enumerate(others):
                stream = await buffer.open_stream(description)
                buffer.add(stream, [row(first_s + n) for n in range(place + 1)])
            await buffer.flush()
            assert [state.rows_stored for state in buffer.streams()] == [
                count.rows_stored for count in await count_by_stream(buffer._database)
            ]

    run(add(T))
    run(add(T + 100))
    for stream_id in range(1, 5):
        seqs = ask(path, "SELECT seq FROM reading WHERE stream_id = ? ORDER BY id", stream_id)
        assert seqs == [(n,) for n in range(1, 2 * stream_id + 1)]


def test_opening_a_stream_again_after_it_was_cancelled_finds_it(tmp_path: Path) -> None:
    """Every await may be the last: a stream made by a call that was cut off is taken up."""
    path = tmp_path / "store.db"
    slave = StreamDescription(
        usn="GAS1",
        entity=Entity.SLAVE,
        capture_period_s=3600,
        columns=(ENERGY,),
        parent_usn="LG1",
    )

    async def main() -> None:
        async with open_buffer(path) as buffer:
            task = asyncio.create_task(buffer.open_stream(slave))
            await asyncio.sleep(0)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            stream = await buffer.open_stream(slave)
            buffer.add(stream, [row(T, 7)])
            await buffer.flush()

    run(main())
    assert ask(path, "SELECT COUNT(*) FROM stream") == [(1,)]
    assert ask(path, "SELECT parent_usn FROM description") == [("LG1",)]
