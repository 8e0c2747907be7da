"""A store that an older gridgate wrote is taken up as it is."""

import contextlib
import sqlite3
from importlib import resources
from pathlib import Path

import pytest

from gateway.store import database
from gateway.store.database import Database
from gateway.store.hour_queries import Hours, sum_by_node
from gateway.store.journal import Journal
from gateway.store.line_hour import ChannelCounts, LineHour, NodeCounts
from gateway.store.meter_registry import MeterRegistry
from gateway.store.node_hours import write_hours
from gateway.store.reading_buffer import ReadingBuffer
from tests.gateway.store.store_tools import NOW_S, SETTINGS, ask, open_database, run

HOUR = NOW_S // 3600

_FIRST_STORE = """
INSERT INTO meta VALUES ('epoch', 'an older store');
INSERT INTO stream (usn, entity, last_seq, committed_seq, edge_s, edge_id, covered)
    VALUES ('LG1', 'periodic', 1, 1, 1789999990, 1, '[[1789999900, 1789999990]]');
INSERT INTO description
    VALUES (1, 1, NULL, 10, '[{"obis": "1-0:1.8.0.255", "unit": 30, "scaler": 0}]');
INSERT INTO reading (stream_id, seq, captured_at_s, status, received_at_s, v1)
    VALUES (1, 1, 1789999990, 0, 1790000000, 42);
INSERT INTO node VALUES ('4e4f44453031', 1, 'REGISTERED', 'LG1', 1789000000, 1790000000, NULL, 2);
"""


def make_store(path: Path, migrations: int) -> None:
    """Make the store that a program with so many migrations leaves behind."""
    folder = resources.files("gateway.store") / "migrations"
    scripts = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for name in scripts[:migrations]:
            connection.executescript((folder / name).read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA user_version = {migrations}")
        connection.executescript(_FIRST_STORE)


@pytest.fixture
def first_store(tmp_path: Path) -> Path:
    """Return a store of the first schema, with something in it."""
    path = tmp_path / "store.db"
    make_store(path, 1)
    assert ask(path, "SELECT name FROM sqlite_master WHERE name LIKE '%hour'") == []
    return path


async def what_it_holds(store: Database) -> tuple[object, ...]:
    registry = MeterRegistry(store, Journal(store, lambda: NOW_S))
    buffer = ReadingBuffer(store, lambda: NOW_S, SETTINGS)
    await registry.load()
    await buffer.load()
    (stream,) = buffer.streams()
    (node,) = registry.nodes.values()
    covered = list(buffer.coverage(stream.stream_id))
    return store.epoch, stream.rows_stored, covered, node.usn, node.credit_need


def test_a_store_without_statistics_gets_room_for_them(first_store: Path) -> None:
    """PLC-3, FWU-1: an update loses no reading, no node and not the epoch."""
    hour = LineHour(
        hour=HOUR,
        channel=ChannelCounts(observed_s=3600),
        nodes={b"NODE01": NodeCounts(observed_s=3600, available_s=3600)},
    )

    async def main() -> None:
        for _ in range(2):  # migrated, and opened again
            async with open_database(first_store) as store:
                expected = ("an older store", 1, [(1_789_999_900, 1_789_999_990)], "LG1", 2)
                assert await what_it_holds(store) == expected
        async with open_database(first_store) as store:
            await write_hours(store, [hour])
            assert await sum_by_node(store, Hours(first=HOUR, last=HOUR)) == hour.nodes

    run(main())
    assert ask(first_store, "SELECT v1 FROM reading") == [(42,)]


def test_an_update_that_was_cut_off_is_done_again(
    first_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FWU-1: each migration is one transaction; half of one is none."""
    whole = database._migrations()
    cut_off = [whole[0], whole[1] + ";INSERT INTO nowhere VALUES (1)", *whole[2:]]

    async def main() -> None:
        monkeypatch.setattr(database, "_migrations", lambda: cut_off)
        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            async with open_database(first_store):
                pass
        assert ask(first_store, "SELECT name FROM sqlite_master WHERE name LIKE '%hour'") == []
        monkeypatch.undo()
        async with open_database(first_store) as store:
            assert await sum_by_node(store, Hours(first=HOUR - 9, last=HOUR)) == {}

    run(main())
    assert ask(first_store, "PRAGMA user_version") == [(len(whole),)]
