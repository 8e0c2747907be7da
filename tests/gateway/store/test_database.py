"""The SQLite file: alone, durable, in one thread, and told apart from our bugs."""

import asyncio
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from gateway.store.database import Database, StoreFile, schema_version
from gateway.store.errors import (
    StoreBusy,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreTooNew,
    StoreUnusable,
)
from gateway.store.settings import StorageSettings
from tests.gateway.store.store_tools import ask, open_database, run


def note(file: StoreFile) -> None:
    file.conn.execute("INSERT INTO meta VALUES ('x', 'y')")


def is_noted(path: Path) -> bool:
    return ask(path, "SELECT COUNT(*) FROM meta WHERE key = 'x'") == [(1,)]


def test_a_second_daemon_is_turned_away_and_the_next_one_is_not(tmp_path: Path) -> None:
    """Issue 2, 5: a second daemon on the same store ends at once."""
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_database(path):
            with pytest.raises(StoreBusy, match="another daemon"):
                async with open_database(path):
                    pass
        async with open_database(path):
            pass

    run(main())


def test_an_epoch_is_for_the_life_of_a_store(tmp_path: Path) -> None:
    """UPL-1: a new store has a new epoch, a reopened one keeps it."""

    async def epoch(path: Path) -> str:
        async with open_database(path) as database:
            return database.epoch

    first = run(epoch(tmp_path / "one.db"))
    assert len(first) == 16
    assert run(epoch(tmp_path / "one.db")) == first
    assert run(epoch(tmp_path / "two.db")) != first


def test_durable_pragmas_are_set(tmp_path: Path) -> None:
    """ACQ-2: a power cut loses no commit, and a full disk can be freed again."""

    async def main() -> dict[str, object]:
        async with open_database(tmp_path / "a.db", StorageSettings(pages_max=300)) as database:
            names = ("journal_mode", "synchronous", "max_page_count")
            return await database.run(
                lambda file: {
                    name: file.conn.execute(f"PRAGMA {name}").fetchone()[0] for name in names
                }
            )

    assert run(main()) == {"journal_mode": "wal", "synchronous": 2, "max_page_count": 300}


def test_a_failing_transaction_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    def fail(file: StoreFile) -> None:
        note(file)
        raise LookupError

    async def main() -> None:
        async with open_database(path) as database:
            told: list[str] = []
            with pytest.raises(LookupError):
                await database.run(fail, lambda: told.append("committed"))
            assert told == []
            await database.run(note, lambda: told.append("committed"))
            assert told == ["committed"]

    run(main())
    assert is_noted(path)


def test_cancelling_waits_for_the_transaction(tmp_path: Path) -> None:
    """Every await may be the last: afterwards the work is done or was never begun."""
    path = tmp_path / "store.db"

    def slow(file: StoreFile) -> None:
        time.sleep(0.2)
        note(file)

    async def main() -> None:
        async with open_database(path) as database:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await database.run(slow)
            assert is_noted(path)

    run(main())


def test_all_work_is_done_in_one_thread_that_is_not_the_loops(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_database(tmp_path / "store.db") as database:
            names = {
                await database.run(lambda _: threading.current_thread().name) for _ in range(9)
            }
            assert names == {"store_0"}

    run(main())


def test_a_store_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_database(path):
            pass
        ask(path, "PRAGMA user_version = 99")
        with pytest.raises(StoreTooNew, match="version 99"):
            async with open_database(path):
                pass
        ask(path, f"PRAGMA user_version = {schema_version()}")
        async with open_database(path):  # the lock was given back
            pass

    run(main())


@pytest.mark.parametrize(
    "octets", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_file_that_is_no_store_is_told(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(octets)

    async def main() -> None:
        async with open_database(path):
            pass

    with pytest.raises(StoreDamaged, match=str(path)):
        run(main())
    assert path.read_bytes() == octets


def test_a_place_where_nothing_can_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    async def main() -> None:
        async with open_database(tmp_path / "file" / "store.db"):
            pass

    with pytest.raises(StoreUnusable):
        run(main())


def test_a_full_store_can_be_emptied_and_filled_again(tmp_path: Path) -> None:
    """ACQ-2: the page cap leaves room for the delete that a full disk would refuse."""

    async def main() -> None:
        settings = StorageSettings(pages_max=256)
        async with open_database(tmp_path / "store.db", settings) as database:
            with pytest.raises(StoreFull):
                await fill_up(database)
            await database.run(lambda file: file.conn.execute("DELETE FROM kind"))
            await database.run(fill)

    async def fill_up(database: Database) -> None:
        while True:
            await database.run(fill)

    def fill(file: StoreFile) -> None:
        for _ in range(20):
            file.conn.execute(
                "INSERT INTO kind VALUES (hex(randomblob(8)), 'f', hex(randomblob(900)), 0)"
            )

    run(main())


def test_our_own_bugs_are_not_taken_for_the_disk(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_database(tmp_path / "store.db") as database:
            with pytest.raises(sqlite3.OperationalError, match="nonsense"):
                await database.run(lambda file: file.conn.execute("nonsense"))

    run(main())


def test_a_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_database(tmp_path / "store.db") as database:
            await database.close()
            await database.close()
            with pytest.raises(StoreError, match="not open"):
                await database.run(note)

    run(main())
