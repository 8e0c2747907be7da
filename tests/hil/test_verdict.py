"""The verdict sees each altered, dropped and doubled row, and nothing else."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hil.__main__ import main
from hil.verdict import Fault, Verdict, VerdictImpossible, judge_directory

METERS = ("1KFM0200000001", "1KFM0200000002")
SLAVE = "7GAS0100000001"
ROWS_EXPECTED = 2 * 20 + 5

_COLUMNS = "usn, stream, captured_at_s, occurrence, status, value1, value2, value3, value4"
_EXTRA = ", dc_id TEXT, epoch TEXT, seq INTEGER"


@pytest.fixture(name="directory")
def _directory(tmp_path: Path) -> Path:
    """Make the two files of a run in which all went well."""
    rows: list[tuple[object, ...]] = [
        (usn, "periodic", 1_000 + 10 * n, 1, n % 3, 100 + n, 7, None, None)
        for usn in METERS
        for n in range(20)
    ]
    rows += [(SLAVE, "slave", 960 + 60 * n, 1, 0, 5 * n, None, None, None) for n in range(5)]
    for name, extra in (("truth.sqlite", ""), ("head_end.sqlite", _EXTRA)):
        with closing(sqlite3.connect(tmp_path / name)) as database, database:
            database.execute(f"CREATE TABLE rows ({_COLUMNS}{extra})")
            database.executemany(
                f"INSERT INTO rows ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
            )
    return tmp_path


def _change(directory: Path, statement: str, file: str = "head_end.sqlite") -> None:
    with closing(sqlite3.connect(directory / file)) as database, database:
        assert database.execute(statement).rowcount > 0


def _faults(verdict: Verdict) -> dict[str, int]:
    return {str(fault): count for fault in Fault if (count := verdict.count(fault))}


def test_a_run_without_loss_is_good(directory: Path) -> None:
    """Everything there, once, unaltered: the counts say so."""
    verdict = judge_directory(directory)
    assert verdict.good
    assert verdict.rows_expected == verdict.rows_committed == ROWS_EXPECTED
    assert (verdict.meters_expected, verdict.meters_registered) == (2, 2)
    assert (verdict.slaves_expected, verdict.slaves_found) == (1, 1)
    assert verdict.rows_by_stream == {"periodic": (40, 40), "slave": (5, 5)}


@pytest.mark.parametrize("column", ["status", "value1", "value2", "value3"])
def test_an_altered_row_is_seen(directory: Path, column: str) -> None:
    """ACQ-2: one integer changed in one row, also where there was none, is one altered row."""
    _change(directory, f"UPDATE rows SET {column} = coalesce({column}, 0) + 1 WHERE rowid = 7")
    verdict = judge_directory(directory)
    assert not verdict.good
    assert _faults(verdict) == {"altered": 1}
    assert verdict.rows_committed == ROWS_EXPECTED - 1


def test_a_dropped_row_is_seen(directory: Path) -> None:
    """UPL-1: one row that never came is one missing row."""
    _change(directory, "DELETE FROM rows WHERE rowid = 7")
    verdict = judge_directory(directory)
    assert not verdict.good
    assert _faults(verdict) == {"missing": 1}
    [finding] = verdict.findings
    assert (finding.usn, finding.captured_at_s) == (METERS[0], 1_060)


@pytest.mark.parametrize("occurrence", [1, 2])
def test_a_doubled_row_is_seen(directory: Path, occurrence: int) -> None:
    """UPL-1: a second copy is one doubled row, under whatever number it was filed."""
    _change(
        directory,
        f"INSERT INTO rows ({_COLUMNS}) SELECT usn, stream, captured_at_s, {occurrence}, status,"
        " value1, value2, value3, value4 FROM rows WHERE rowid = 7",
    )
    verdict = judge_directory(directory)
    assert not verdict.good
    assert _faults(verdict) == {"duplicated": 1}
    assert verdict.rows_committed == ROWS_EXPECTED


def test_an_invented_row_is_seen(directory: Path) -> None:
    """A row that no meter holds fails the run, and counts as doubled, too."""
    _change(
        directory,
        f"INSERT INTO rows ({_COLUMNS}) SELECT usn, stream, captured_at_s + 1, 1, status,"
        " value1, value2, value3, value4 FROM rows WHERE rowid = 7",
    )
    verdict = judge_directory(directory)
    assert not verdict.good
    assert _faults(verdict) == {"duplicated": 1, "unexpected": 1}


def test_a_row_filed_under_another_meter_is_seen(directory: Path) -> None:
    """The right integers at the wrong meter are missing there and unexpected here."""
    _change(directory, f"UPDATE rows SET usn = '{METERS[1]}', stream = 'daily' WHERE rowid = 7")
    assert _faults(judge_directory(directory)) == {"missing": 1, "duplicated": 1, "unexpected": 1}


def test_a_lost_meter_is_seen(directory: Path) -> None:
    """INV-1: a meter of which nothing came is not registered, and its rows are missing."""
    _change(directory, f"DELETE FROM rows WHERE usn = '{METERS[1]}'")
    _change(directory, f"DELETE FROM rows WHERE usn = '{SLAVE}'")
    verdict = judge_directory(directory)
    assert verdict.meters_registered == 1
    assert verdict.slaves_found == 0
    assert _faults(verdict) == {"missing": 25}


def test_a_meter_without_any_row_is_expected_all_the_same(directory: Path) -> None:
    """INV-1: a meter that the truth names, and of which no row came, was not found."""
    with closing(sqlite3.connect(directory / "truth.sqlite")) as database, database:
        database.execute("CREATE TABLE meters (usn TEXT, parent_usn TEXT)")
        database.execute("INSERT INTO meters VALUES ('1KFM0200000009', NULL)")
    verdict = judge_directory(directory)
    assert not verdict.findings
    assert not verdict.good
    assert (verdict.meters_expected, verdict.meters_registered) == (3, 2)


def _set_back(directory: Path, file: str, *rows: tuple[int, int]) -> None:
    for occurrence, value in rows:
        _change(
            directory,
            f"INSERT INTO rows ({_COLUMNS}) VALUES ('{METERS[0]}', 'periodic', 5000,"
            f" {occurrence}, 2, {value}, 0, NULL, NULL)",
            file,
        )


def test_rows_of_a_clock_set_back_are_compared_as_a_bag(directory: Path) -> None:
    """Two rows of one captured_at_s in another order are told, not judged."""
    _set_back(directory, "truth.sqlite", (1, 500), (2, 501))
    _set_back(directory, "head_end.sqlite", (1, 501), (2, 500))
    verdict = judge_directory(directory)
    assert verdict.good
    assert verdict.rows_renumbered == 2


def test_one_of_two_rows_of_a_clock_set_back_is_missed(directory: Path) -> None:
    """The same row twice does not stand for two rows."""
    _set_back(directory, "truth.sqlite", (1, 500), (2, 501))
    _set_back(directory, "head_end.sqlite", (1, 500), (2, 500))
    assert _faults(judge_directory(directory)) == {"missing": 1, "duplicated": 1}


def test_a_gap_in_the_record_numbers_is_told(directory: Path) -> None:
    """UPL-1: seq counts from 1 without gap or reuse, per stream."""
    _change(directory, "UPDATE rows SET dc_id = 'D', epoch = 'E', seq = 1 + (rowid - 1) % 20")
    assert judge_directory(directory).sequence_gaps == 0
    _change(directory, "UPDATE rows SET seq = seq + 2 WHERE rowid = 20")
    assert judge_directory(directory).sequence_gaps == 2
    _change(directory, "UPDATE rows SET seq = 7 WHERE rowid = 20")
    assert judge_directory(directory).sequence_gaps == 1


def test_an_empty_bench_proves_nothing(directory: Path) -> None:
    """No rows on either side is no success."""
    for file in ("truth.sqlite", "head_end.sqlite"):
        _change(directory, "DELETE FROM rows", file)
    assert not judge_directory(directory).good


@pytest.mark.parametrize("name", ["truth.sqlite", "head_end.sqlite"])
def test_a_file_that_is_no_database_is_named(directory: Path, name: str) -> None:
    """Without its two files there is no verdict."""
    (directory / name).write_bytes(b"no database at all " * 60)
    with pytest.raises(VerdictImpossible, match=name):
        judge_directory(directory)
    (directory / name).unlink()
    with pytest.raises(VerdictImpossible, match="not there"):
        judge_directory(directory)


def test_the_command_tells_the_verdict(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0 when all is well, 1 when not, 2 when there is nothing to judge."""
    assert main(["verdict", str(directory)]) == 0
    assert "every row is there" in capsys.readouterr().out
    _change(directory, "UPDATE rows SET value1 = 0 WHERE rowid = 7")
    assert main(["verdict", str(directory)]) == 1
    shown = capsys.readouterr().out
    assert "NOT good" in shown
    assert METERS[0] in shown
    assert main(["verdict", "--json", str(directory)]) == 1
    assert json.loads(capsys.readouterr().out)["rows_altered"] == 1
    assert main(["verdict", str(directory / "nowhere")]) == 2
    assert "not there" in capsys.readouterr().err
