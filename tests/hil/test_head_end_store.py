"""The head-end's file: once by record key, doubled rows seen, committed or not there."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil.head_end.reader import read_batch
from hil.head_end.store import HeadEndStore, StreamGap, Taken
from tests.hil.head_end_bench import DC_ID, EPOCH, batch_octets, digest, some_rows


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "head_end.sqlite"


@pytest.fixture
def store(file: Path) -> Iterator[HeadEndStore]:
    opened = HeadEndStore(file)
    yield opened
    opened.close()


def take(store: HeadEndStore, octets: bytes, now_s: float = 1000.0) -> Taken:
    return store.take(read_batch(octets), digest(octets), now_s, lambda: None)


def query(file: Path, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as found:
        return found.execute(sql).fetchall()


def test_a_row_is_stored_as_it_was_sent(store: HeadEndStore, file: Path) -> None:
    """UPL-1: committed means readable by others, cell by cell."""
    row: list[int | None] = [7, 900, 2, 3, 256, 905, -5, None]
    assert take(store, batch_octets(1, [row])) is Taken.COMMITTED
    assert query(file, "SELECT * FROM rows") == [
        ("METER-1", "periodic", 900, 2, 3, -5, None, None, None, DC_ID, EPOCH, 7, 256, 905, 1e3)
    ]
    assert query(file, "SELECT kind, body FROM journal") == [("notice", '{"n": 1}')]


def test_a_repeated_batch_leaves_its_rows_once(store: HeadEndStore, file: Path) -> None:
    """UPL-1: twice is once; that it came twice is counted."""
    octets = batch_octets(1, some_rows(1))
    assert [take(store, octets) for _ in range(3)] == [Taken.COMMITTED, *[Taken.REPEATED] * 2]
    assert store.row_count() == 3
    assert query(file, "SELECT number, sha256, times_seen FROM batches") == [(1, digest(octets), 3)]
    assert query(file, "SELECT count(*) FROM journal") == [(1,)]
    assert store.counters()["batches_seen"] == 3
    assert store.counters()["batches_repeated"] == 2


def test_a_record_that_comes_in_another_batch_is_known_by_its_key(store: HeadEndStore) -> None:
    """UPL-1: the record key alone decides, whatever batch brings it."""
    take(store, batch_octets(1, some_rows(1, 3)))
    assert take(store, batch_octets(2, some_rows(2, 3))) is Taken.COMMITTED
    assert store.row_count() == 4


def test_a_row_sent_under_two_keys_shows_twice(store: HeadEndStore, file: Path) -> None:
    """UPL-1: meter and time is no key here, so that a doubled row is seen."""
    take(store, batch_octets(1, [[1, 900, 1, 0, 0, 905, 10], [2, 900, 1, 0, 0, 905, 10]]))
    assert query(file, "SELECT count(*), count(DISTINCT captured_at_s) FROM rows") == [(2, 1)]


def test_a_number_with_other_octets_is_refused(store: HeadEndStore, file: Path) -> None:
    """UPL-1: nothing of it is stored; the first one stays, and it is counted."""
    first, other = batch_octets(1, some_rows(1)), batch_octets(1, some_rows(10))
    take(store, first)
    assert take(store, other) is Taken.CONTRADICTED
    assert store.row_count() == 3
    assert store.counters()["batches_contradicted"] == 1
    assert query(file, "SELECT sha256, times_seen FROM batches") == [(digest(first), 1)]


def test_another_epoch_begins_anew(store: HeadEndStore) -> None:
    """UPL-1: batch and seq count within an epoch and a concentrator."""
    take(store, batch_octets(1, some_rows(1)))
    assert take(store, batch_octets(1, some_rows(1), epoch="e2")) is Taken.COMMITTED
    assert take(store, batch_octets(1, some_rows(1), dc_id="GG-2")) is Taken.COMMITTED
    assert store.row_count() == 9


def test_what_dies_before_the_commit_is_not_there(file: Path) -> None:
    """UPL-1: all of a batch, or nothing: also not its number, which would hide a repeat."""

    class Death(Exception):  # noqa: N818
        pass

    def die() -> None:
        assert query(file, "SELECT count(*) FROM rows") == [(0,)]  # nobody sees it yet
        raise Death

    store = HeadEndStore(file)
    octets = batch_octets(1, some_rows(1))
    with pytest.raises(Death):
        store.take(read_batch(octets), digest(octets), 1.0, die)
    for table in ("rows", "record_keys", "journal", "batches", "counters"):
        assert query(file, f"SELECT count(*) FROM {table}") == [(0,)]
    assert take(store, octets) is Taken.COMMITTED
    store.close()


def test_the_times_of_the_first_and_the_last_commit(store: HeadEndStore) -> None:
    """HIL-4: a batch that brings nothing new commits nothing."""
    take(store, batch_octets(1, some_rows(1)), now_s=100.5)
    take(store, batch_octets(2, some_rows(4)), now_s=200.5)
    take(store, batch_octets(2, some_rows(4)), now_s=300.5)
    counters = store.counters()
    assert (counters["first_commit_at_s"], counters["last_commit_at_s"]) == (100.5, 200.5)


def test_gaps_are_found_by_counting(store: HeadEndStore) -> None:
    """UPL-1: one integer for each stream proves that it is complete."""
    take(store, batch_octets(2, some_rows(4)))
    assert store.gaps() == [
        StreamGap(dc_id=DC_ID, epoch=EPOCH, usn="METER-1", stream="periodic", missing=3)
    ]
    take(store, batch_octets(1, some_rows(1)))
    assert store.gaps() == []


def test_the_file_survives_its_owner(file: Path) -> None:
    """UPL-1: what was taken is known after a restart, and one plain file is left."""
    octets = batch_octets(1, some_rows(1))
    for expected in (Taken.COMMITTED, Taken.REPEATED):
        store = HeadEndStore(file)
        assert take(store, octets) is expected
        store.note_status(DC_ID, '{"online": true}', 1.0)
        store.close()
        assert [found.name for found in file.parent.iterdir()] == [file.name]
    assert query(file, "SELECT dc_id, status FROM concentrators") == [(DC_ID, '{"online": true}')]
