"""A store that goes on for another: what it knows, what it tells, and what it keeps to itself."""

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest

from drivers.dlms.companion import Entity
from gateway.head_end.outbox import Outbox
from gateway.store.inventory import Node, NodeState
from gateway.store.journal import Journal
from gateway.store.meter_registry import MeterRegistry
from gateway.store.reading_buffer import ReadingBuffer
from gateway.store.retention import DAY_S, delete_old
from gateway.store.row_queries import Gap, ReadingFilter, find_gaps, newest_readings
from gateway.store.takeover_document import TakeoverContent
from gateway.store.takeover_import import NOTICE, occupants, take_over
from tests.gateway.store.left_store import PERIODIC, SLAVE, T, fill, left_in, open_left
from tests.gateway.store.store_tools import EVENTS, NOW_S, SETTINGS, ask, open_database, row, run


def take(path: Path, left: TakeoverContent) -> Path:
    """Return a store that was filled with what another one left."""

    async def main() -> None:
        async with open_database(path) as database:
            assert await database.run(lambda file: occupants(file.conn)) == {}
            await database.run(lambda file: take_over(file.conn, left, NOW_S + 5))
            found = await database.run(lambda file: occupants(file.conn))
            assert found.keys() >= {"node", "meter", "kind", "stream"}

    run(main())
    return path


def taken(tmp_path: Path) -> Path:
    """Return a store that was filled with what `fill` left."""
    fill(tmp_path / "old.db")
    return take(tmp_path / "new.db", left_in(tmp_path / "old.db"))


def test_nodes_keep_their_address_and_their_meters_are_asked_who_they_are(tmp_path: Path) -> None:
    """INV-3, INV-6: an exchange of the concentrator makes nodes NEW; one that was lost is lost."""
    path = taken(tmp_path)

    async def main() -> None:
        async with open_database(path) as database:
            registry = MeterRegistry(database, Journal(database, lambda: NOW_S))
            await registry.load()
            assert list(registry.nodes.values()) == [
                Node(
                    system_title=b"NODE0%d" % number,
                    mac=number,
                    state=state,
                    usn=None,
                    first_seen_s=T,
                    last_seen_s=NOW_S,
                    registered_at_s=T,
                    credit_need=number,
                )
                for number, state in ((1, NodeState.NEW), (2, NodeState.LOST))
            ]
            assert registry.meters["LG1"].clock_deviation_s == -1.25
            assert registry.meters["GAS1"].parent_usn == "LG1"
            assert registry.find_kind("C1", "F1") is not None
            assert registry.allocate_mac() == 3

    run(main())


def test_what_is_read_again_is_told_once_and_what_was_told_is_not(tmp_path: Path) -> None:
    """INV-6: rows of the other box are compared with, and never pushed from here."""
    path = taken(tmp_path)

    async def main() -> None:
        async with open_left(path) as box:
            stream = box.buffer.stream_id_of("LG1", Entity.PERIODIC)
            assert stream is not None
            assert list(box.buffer.coverage(stream)) == [(T, T + 99)]
            assert box.buffer.newest_captured_at_s(stream) == T + 90
            await box.buffer.uncover(stream, T + 50, T + 99)  # a clock that went back
            again = [row(time, time, 0) for time in range(T + 50, T + 300, 10)]
            box.buffer.add(stream, [*again, row(T + 90, 7, 7)], (T + 50, T + 299))
            await box.buffer.flush()
            await box.push()
            assert await box.outbox.make_batch(100) is None

    run(main())
    stored = ask(path, "SELECT seq, captured_at_s, occurrence FROM reading WHERE seq > 0")
    assert stored == [
        *((at + 1, T + 100 + 10 * at, 1) for at in range(20)),
        (21, T + 90, 2),
    ]
    assert ask(path, "SELECT last_seq, committed_seq FROM stream ORDER BY id") == [(21, 21), (0, 0)]


def test_the_newest_row_that_was_told_is_known(tmp_path: Path) -> None:
    """INV-6: it is the likeliest to come again."""
    path = taken(tmp_path)

    async def main() -> None:
        async with open_left(path) as box:
            stream = box.buffer.stream_id_of("LG1", Entity.PERIODIC)
            assert stream is not None
            await box.buffer.uncover(stream, T + 90, T + 99)
            box.buffer.add(stream, [row(T + 90), row(T + 100)], (T + 90, T + 109))
            await box.buffer.flush()

    run(main())
    assert ask(path, "SELECT seq, captured_at_s FROM reading WHERE seq > 0") == [(1, T + 100)]


@pytest.mark.parametrize("forgotten", [False, True])
def test_of_two_rows_of_one_time_the_untold_is_told(tmp_path: Path, *, forgotten: bool) -> None:
    """INV-6, ADR 9: the first of them was committed; where rows were deleted both are told."""

    async def main() -> None:
        async with open_left(tmp_path / "old.db") as box:
            await box.inventory()
            stream = await box.add(PERIODIC, [T], (T, T + 5))
            await box.push()
            await box.buffer.uncover(stream, T, T + 5)
            await box.add(PERIODIC, [T], (T, T + 5), lambda time: (time, 1))

    run(main())
    if forgotten:
        with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as connection:
            connection.execute("INSERT INTO meta VALUES ('forgotten_before_s', ?)", [str(T + 1)])
            connection.commit()
    path = take(tmp_path / "new.db", left_in(tmp_path / "old.db"))

    async def again() -> None:
        async with open_left(path) as box:
            stream = box.buffer.stream_id_of("LG1", Entity.PERIODIC)
            assert stream is not None
            box.buffer.add(stream, [row(T), row(T, T, 1)], (T, T + 5))
            await box.buffer.flush()

    run(again())
    told = ask(path, "SELECT v2 FROM reading WHERE seq > 0 ORDER BY seq")
    assert told == ([(0,), (1,)] if forgotten else [(1,)])


def test_the_head_end_is_told_whose_place_it_is(tmp_path: Path) -> None:
    """INV-6: and gets the entries that it did not have, in their order."""
    path = taken(tmp_path)

    async def main() -> None:
        async with open_database(path) as database:
            outbox = Outbox(database, "GG-000002", lambda: NOW_S)
            await outbox.load()
            assert await outbox.rows_untold() == 0
            batch = await outbox.make_batch(100)
            assert batch is not None
            message = json.loads(batch.payload)
            assert (message["dc_id"], message["epoch"]) == ("GG-000002", database.epoch)
            assert message["streams"] == []
            (entry,) = message["journal"]
            assert (entry["seq"], entry["at_s"], entry["kind"]) == (1, NOW_S + 5, "notice")
            assert entry["body"] == {
                "notice": NOTICE,
                "dc_id": "GG-000001",
                "epoch": left_in(tmp_path / "old.db").epoch,
                "batch": 1,
                "made_at_s": NOW_S,
            }
            assert entry["body"]["epoch"] != database.epoch

    run(main())


def test_a_restart_knows_the_same(tmp_path: Path) -> None:
    """INV-6: descriptions, edges and numbers."""
    path = taken(tmp_path)

    async def main() -> None:
        async with open_left(path) as box:
            assert {stream.description for stream in box.buffer.streams()} == {PERIODIC, SLAVE}
            assert [stream.rows_stored for stream in box.buffer.streams()] == [0, 0]
            events = await box.add(EVENTS, [T], (T, T), lambda _: (1,))
            assert events == 3

    run(main())
    assert ask(path, "SELECT MAX(id) FROM reading") == [(21,)]


def test_what_was_inherited_is_no_gap(tmp_path: Path) -> None:
    """ACQ-3, INV-6: its rows are at the head-end; what is missing behind it is told as ever."""
    fill(tmp_path / "old.db")
    left = left_in(tmp_path / "old.db")
    streams = [stream.model_copy(update={"known": ()}) for stream in left.streams]
    path = take(tmp_path / "new.db", left.model_copy(update={"streams": streams}))

    async def main() -> list[Gap]:
        async with open_database(path) as database:
            buffer = ReadingBuffer(database, lambda: NOW_S, SETTINGS)
            await buffer.load()
            stream = buffer.stream_id_of("LG1", Entity.PERIODIC)
            assert stream is not None
            buffer.add(stream, [row(T - 500)], None)  # an older row, so that one looks from there
            buffer.add(stream, [row(T + 100), row(T + 130)], (T + 100, T + 130))
            await buffer.flush()
            return await find_gaps(database)

    gaps = [gap for gap in run(main()) if gap.usn == "LG1"]
    assert [(gap.from_s, gap.to_s, gap.rows) for gap in gaps] == [(T + 110, T + 120, 2)]


def test_the_other_boxs_rows_are_not_shown_and_go_in_time(tmp_path: Path) -> None:
    """INV-6, ACQ-2."""
    path = taken(tmp_path)

    async def main() -> None:
        async with open_left(path) as box:
            await box.add(PERIODIC, [T + 100], (T + 100, T + 100))
            await box.push()
        async with open_database(path) as database:
            shown = await newest_readings(database, ReadingFilter(last=100))
            assert [reading.seq for reading in shown] == [1]
            assert await delete_old(database, NOW_S + 63 * DAY_S) > 0

    run(main())
    assert ask(path, "SELECT seq FROM reading") == [(1,)]


def test_a_store_that_was_taken_over_can_be_left(tmp_path: Path) -> None:
    """INV-6: all that the first one had told counts as told."""
    path = taken(tmp_path)
    before, after = left_in(tmp_path / "old.db"), left_in(path)
    told = [
        stream.model_copy(update={"rows_stored": 0, "rows_committed": 0})
        for stream in before.streams
    ]
    assert sorted(after.streams, key=repr) == sorted(told, key=repr)
    assert after.rows_open == 0
