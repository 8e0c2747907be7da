"""What a store leaves to the next one: everything known, and nothing that only it has."""

import contextlib
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dlms.companion import Entity
from gateway.core.errors import TakeoverRefused
from gateway.store.coverage import CoverageBook
from gateway.store.database import _migrations, schema_version
from gateway.store.errors import StoreDamaged, StoreError, StoreTooNew, StoreUnusable
from gateway.store.journal import JournalKind
from gateway.store.retention import delete_old
from gateway.store.store_reader import is_held, open_to_read
from gateway.store.takeover_document import StreamLeft
from gateway.store.takeover_export import KNOWN_S, Origin, leave, runs_between, uncovered
from tests.gateway.store.left_store import ORIGIN, PERIODIC, SLAVE, T, fill, left_in, open_left
from tests.gateway.store.store_tools import EVENTS, NOW_S, ask, open_database, run

TIMES = st.lists(st.integers(0, 60), unique=True).map(sorted)


def stream_in(path: Path, entity: Entity = Entity.PERIODIC) -> StreamLeft:
    (found,) = [stream for stream in left_in(path).streams if stream.stream is entity]
    return found


@given(TIMES, TIMES, st.integers(0, 60))
def test_runs_hold_what_is_read_again_and_nothing_else(
    open_times: list[int], committed: list[int], whole_from_s: int
) -> None:
    """INV-6: for any order in which rows came and were committed."""
    runs = runs_between(open_times, committed, whole_from_s)
    inside = {time for first, last in runs for time in range(first, last + 1)}
    assert set(open_times) <= inside
    assert inside & (set(committed) - set(open_times)) == set()
    assert {time for time in inside if time < whole_from_s} <= set(open_times)
    assert runs == sorted(runs)


def test_runs_are_as_few_as_may_be() -> None:
    """INV-6: each costs a question on the line."""
    assert runs_between([10, 20, 30, 50, 60], [5, 40, 70], 0) == [(10, 30), (50, 60)]
    assert runs_between([10, 20, 30], [20], 0) == [(10, 30)]
    assert runs_between([], [1], 0) == []


@pytest.mark.parametrize(
    ("runs", "covered", "doubted"),
    [
        ([(30, 40)], [(10, 29), (41, 90)], [(95, 99)]),
        ([(10, 40)], [(9, 9), (41, 90)], [(95, 99)]),
        ([(10, 90)], [(9, 9)], [(95, 99)]),
        ([(80, 97)], [(10, 79)], [(98, 99)]),
    ],
)
def test_what_is_read_again_is_not_covered(
    runs: list[tuple[int, int]],
    covered: list[tuple[int, int]],
    doubted: list[tuple[int, int]],
) -> None:
    """INV-6, ACQ-3: and behind the first second covered it is looked for at all."""
    book = CoverageBook(("[[10, 90]]", "[[95, 99]]"))
    left = uncovered(book, runs, ())
    assert (list(left.covered), list(left.doubted)) == (covered, doubted)
    assert list(book.covered) == [(10, 90)]


def test_rows_of_one_time_that_are_only_partly_told_are_compared() -> None:
    """INV-6, ADR 9: the first of two rows is at the head-end, the second is not."""
    left = uncovered(CoverageBook(("[[10, 90]]", "[]")), [(50, 60)], [50])
    assert (list(left.covered), list(left.doubted)) == ([(10, 49), (61, 90)], [(50, 50)])


def test_what_is_not_committed_is_not_covered(tmp_path: Path) -> None:
    """INV-6: neither what was sent nor what was not."""
    path = tmp_path / "gridgate.db"
    fill(path)
    left = left_in(path)
    assert left.rows_open == 20
    assert (left.committed.batch, left.committed.rows) == (1, 20)
    periodic = stream_in(path)
    assert periodic.covered == ((T, T + 99),)
    assert (periodic.newest_s, periodic.rows_stored, periodic.rows_committed) == (T + 90, 30, 10)
    assert [known[0] for known in periodic.known] == list(range(T, T + 100, 10))
    slave = stream_in(path, Entity.SLAVE)
    assert slave.covered == ((T, T + 540),)
    assert slave.parent_usn == "LG1"


def test_the_inventory_is_told(tmp_path: Path) -> None:
    """INV-6: nodes with address, state and credit; meters with slaves and clocks; kinds."""
    path = tmp_path / "gridgate.db"
    fill(path)
    left = left_in(path)
    assert [(n.system_title, n.mac, n.state, n.usn, n.credit_need) for n in left.nodes] == [
        (b"NODE01".hex(), 1, "REGISTERED", "LG1", 1),
        (b"NODE02".hex(), 2, "LOST", "LG2", 2),
    ]
    assert [(m.usn, m.parent_usn, m.clock_deviation_s) for m in left.meters] == [
        ("GAS1", "LG1", None),
        ("LG1", None, -1.25),
        ("LG2", None, -1.25),
    ]
    assert [(kind.config_id, kind.firmware) for kind in left.kinds] == [("C1", "F1")]
    assert [(left.epoch,)] == ask(path, "SELECT value FROM meta WHERE key = 'epoch'")


def test_entries_that_were_not_committed_travel(tmp_path: Path) -> None:
    """INV-4, INV-6: the history of changes has no hole."""
    path = tmp_path / "gridgate.db"

    async def main() -> None:
        async with open_left(path) as box:
            await box.journal.write(JournalKind.NOTICE, "A", {"n": 1})
            await box.push()
            await box.journal.write(JournalKind.NOTICE, "B", {"n": 2})
            await box.push(commit=False)
            await box.journal.write(JournalKind.NOTICE, "C", {"n": 3})
            await box.push()  # ahead of the one before
            await box.journal.write(JournalKind.NOTICE, "D", {"n": 4})

    run(main())
    assert [(entry.usn, entry.body) for entry in left_in(path).journal] == [
        ("B", {"n": 2}),
        ("D", {"n": 4}),
    ]


def test_a_batch_committed_ahead_of_another_is_committed(tmp_path: Path) -> None:
    """INV-6: though the watermark could not move."""
    path = tmp_path / "gridgate.db"

    async def main() -> None:
        async with open_left(path) as box:
            await box.inventory()
            await box.add(PERIODIC, range(T, T + 100, 10), (T, T + 90))
            for number in range(3):
                await box.push(commit=number != 1, rows_max=3)

    run(main())
    left = left_in(path)
    assert left.rows_open == 4  # the second batch, and the row that is in none
    assert stream_in(path).covered == ((T, T + 29), (T + 51, T + 89))
    assert stream_in(path).newest_s == T + 80


def test_what_was_all_untold_is_looked_for_from_the_start(tmp_path: Path) -> None:
    """INV-6, ACQ-2: rows older than the history that is fetched from a new meter as well."""
    path = tmp_path / "gridgate.db"

    async def main() -> None:
        async with open_left(path) as box:
            await box.inventory()
            await box.add(PERIODIC, range(T, T + 100, 10), (T, T + 90))

    run(main())
    periodic = stream_in(path)
    assert (periodic.covered, periodic.newest_s) == (((T - 1, T - 1),), None)
    assert periodic.known == ()


def test_rows_that_were_deleted_are_still_covered(tmp_path: Path) -> None:
    """INV-6, ACQ-2: committed long ago is committed, and the edge is remembered without its row."""
    path = tmp_path / "gridgate.db"
    old_s = NOW_S - 100 * 86_400

    async def main() -> None:
        async with open_left(path, now_s=old_s) as box:
            await box.inventory()
            await box.add(PERIODIC, range(old_s, old_s + 100, 10), (old_s, old_s + 90))
            await box.push()
        async with open_left(path) as box:
            await box.add(SLAVE, [T])
            await box.add(PERIODIC, [T], (old_s + 91, T))
        async with open_database(path) as database:
            assert await delete_old(database, NOW_S)

    run(main())
    assert ask(path, "SELECT COUNT(*) FROM reading") == [(2,)]
    periodic = stream_in(path)
    assert periodic.covered == ((old_s, T - 1),)
    assert periodic.newest_s == T - 1  # a row is missing from here on, not from 100 days ago
    assert left_in(path).forgotten_before_s > old_s


def test_events_behind_a_hole_are_told(tmp_path: Path) -> None:
    """INV-6: logs are asked from the first hole on, so all behind it comes again."""
    path = tmp_path / "gridgate.db"
    first_s = T - 30 * 86_400

    async def main() -> None:
        async with open_left(path) as box:
            await box.inventory()
            times = range(first_s, T, 86_400)
            await box.add(EVENTS, times[:1], (first_s, first_s), lambda _: (1,))
            await box.push(commit=False)
            await box.add(EVENTS, times[1:], (first_s + 1, T), lambda _: (2,))
            await box.push()

    run(main())
    events = stream_in(path, Entity.STANDARD_EVENTS)
    assert events.covered == ((first_s - 1, first_s - 1), (first_s + 1, T))
    assert len(events.known) == 29


def test_no_more_rows_travel_than_may_be_read_again(tmp_path: Path) -> None:
    """INV-6: those since some days before the last look at the meter's clock."""
    path = tmp_path / "gridgate.db"
    first_s = NOW_S - 30 * 86_400

    async def main() -> None:
        async with open_left(path) as box:
            await box.inventory()
            await box.add(PERIODIC, range(first_s, NOW_S, 3600), (first_s, NOW_S - 1))
            await box.push()

    run(main())
    known = stream_in(path).known
    assert known[0][0] == NOW_S - 3600 - KNOWN_S
    assert len(known) == KNOWN_S // 3600 + 1


def test_a_store_is_seen_at_one_moment_while_a_daemon_writes(tmp_path: Path) -> None:
    """INV-6: rows and coverage of one commit, however long the look takes."""
    path = tmp_path / "gridgate.db"
    fill(path)

    async def main() -> None:
        async with open_left(path) as box:
            assert is_held(path)
            with open_to_read(path, schema_version()) as connection:
                before = leave(connection, ORIGIN)
                await box.add(PERIODIC, range(T + 300, T + 400, 10), (T + 291, T + 390))
                assert leave(connection, ORIGIN) == before
            assert left_in(path).rows_open == before.rows_open + 10
        assert not is_held(path)

    run(main())


def test_an_older_programs_store_can_be_left(tmp_path: Path) -> None:
    """INV-6: the dead box need not have been up to date."""
    path = tmp_path / "gridgate.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(_migrations()[0] + ";PRAGMA user_version = 1;")
        connection.execute("INSERT INTO meta VALUES ('epoch', 'abcd')")
        connection.execute("INSERT INTO meter (usn, found_at_s) VALUES ('LG1', 1)")
        connection.commit()
    assert [meter.usn for meter in left_in(path).meters] == ["LG1"]


@pytest.mark.parametrize(
    ("ruin", "kind"),
    [
        ("PRAGMA user_version = 99", StoreTooNew),
        ("PRAGMA user_version = 0", StoreDamaged),
        ("DROP TABLE stream", StoreDamaged),
        ("UPDATE stream SET covered = '[[1'", TakeoverRefused),
        ("UPDATE stream SET covered = '[[5, \"x\"]]'", TakeoverRefused),
        ("UPDATE description SET columns = '[{}]'", TakeoverRefused),
        ("UPDATE node SET mac = 5000", TakeoverRefused),
        ("UPDATE node SET state = 'GONE'", TakeoverRefused),
        ("UPDATE stream SET entity = 'water'", TakeoverRefused),
        ("DELETE FROM meta", TakeoverRefused),
        ("UPDATE meta SET value = 'x'", TakeoverRefused),
        ("DELETE FROM meter WHERE usn = 'GAS1'", TakeoverRefused),
    ],
)
def test_a_store_that_makes_no_sense_is_refused(
    tmp_path: Path, ruin: str, kind: type[Exception]
) -> None:
    """INV-6: told, and never half exported."""
    path = tmp_path / "gridgate.db"
    fill(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(ruin)
        connection.commit()
    with pytest.raises(kind):
        left_in(path)


@pytest.mark.parametrize(
    "octets", [b"", b"no database" * 100, b"SQLite format 3\0" + b"\xff" * 9000]
)
def test_what_is_no_store_is_refused(tmp_path: Path, octets: bytes) -> None:
    """INV-6."""
    path = tmp_path / "gridgate.db"
    path.write_bytes(octets)
    with pytest.raises(StoreError):
        left_in(path)


@pytest.mark.parametrize("name", ["nothing", ".", "a?mode=rwc#x"])
def test_where_there_is_no_store_none_is_made(tmp_path: Path, name: str) -> None:
    """INV-6: and what stands in a path is a path."""
    with pytest.raises(StoreUnusable, match="no such file"):
        left_in(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_any_name_is_found(tmp_path: Path) -> None:
    """INV-6: a card is mounted somewhere."""
    folder = tmp_path / "50% off?#1"
    folder.mkdir()
    fill(folder / "x.db")
    before = sorted((path.name, path.read_bytes()) for path in folder.iterdir())
    assert left_in(folder / "x.db", Origin(made_at_s=0, made_by="", settings={})).rows_open == 20
    assert sorted((path.name, path.read_bytes()) for path in folder.iterdir()) == before
