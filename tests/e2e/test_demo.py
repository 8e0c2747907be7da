"""The shipped daemon as a process, on a short demo: killed, cut off, and nothing lost."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from hil.__main__ import main
from tests.e2e.demo_process import assert_nothing_lost, demo_command, run_demo

pytestmark = pytest.mark.e2e

_STARTS_WITHIN_S = 40.0
_STOPS_WITHIN_S = 30.0


def test_five_kills_lose_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """ACQ-2, UPL-1: SIGKILL at five random moments and a cut WAN; every row once, unaltered."""
    result = run_demo(tmp_path, "--meters", "4", "--seed", "5", "--kills", "5", deadline_s=75)
    report = assert_nothing_lost(result)
    assert report["daemon_kills"] == 5
    assert report["wan_cuts"] == 1
    assert (report["meters_expected"], report["slaves_expected"]) == (4, 1)
    assert report["rows_expected"] > 4 * 60
    assert 0 < report["seconds_to_first_commit"] < report["duration_s"] <= 75
    _the_verdict_can_be_told_again(tmp_path)
    capsys.readouterr()


def _the_verdict_can_be_told_again(directory: Path) -> None:
    assert main(["verdict", str(directory)]) == 0
    with closing(sqlite3.connect(directory / "head_end.sqlite")) as database, database:
        database.execute("UPDATE rows SET value1 = value1 + 1 WHERE rowid = 17")
    assert main(["verdict", str(directory)]) == 1


def test_a_head_end_that_dies_before_its_commit_gets_the_batch_again(tmp_path: Path) -> None:
    """UPL-1: PUBACK is not delivery: the batch comes again, its rows are there once."""
    result = run_demo(
        tmp_path,
        *("--meters", "2", "--seed", "3", "--kills", "0", "--wan-cut-s", "0"),
        *("--head-end-fault", "die-before-commit"),
        deadline_s=60,
    )
    report = assert_nothing_lost(result)
    assert report["head_end_deaths"] == 1
    assert "the head-end has died" in result.told


def _start(directory: Path) -> subprocess.Popen[str]:
    command = demo_command(directory, "--meters", "2")
    demo = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while "daemon" not in _processes(directory):
        assert demo.poll() is None, demo.communicate()
        assert time.monotonic() < deadline, "the daemon was not started in time"
        time.sleep(0.1)
    return demo


def _processes(directory: Path) -> dict[str, int]:
    file = directory / "run" / "processes"
    if not file.exists():
        return {}
    return {name: int(pid) for name, pid in map(str.split, file.read_text().splitlines())}


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _assert_all_gone(pids: dict[str, int]) -> None:
    assert [name for name, pid in pids.items() if _lives(pid)] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, or the end of the terminal: everything that was started is stopped."""
    demo = _start(tmp_path)
    pids = _processes(tmp_path)
    assert len(pids) == 5
    demo.send_signal(number)
    _out, told = demo.communicate(timeout=_STOPS_WITHIN_S)
    assert demo.returncode == 130
    assert "interrupted" in told
    assert "Traceback" not in told
    _assert_all_gone(pids)


def test_a_process_that_dies_ends_the_demo_with_a_sentence(tmp_path: Path) -> None:
    """Exit status 1, and the log's name: no traceback, no hanging."""
    demo = _start(tmp_path)
    pids = _processes(tmp_path)
    os.kill(pids["modem"], signal.SIGKILL)
    _out, told = demo.communicate(timeout=_STOPS_WITHIN_S)
    assert demo.returncode == 1
    assert "the modem process ended unexpectedly (killed by SIGKILL)" in told
    assert str(tmp_path / "logs" / "modem.log") in told
    assert "Traceback" not in told
    _assert_all_gone(pids)


def test_the_first_line_comes_at_once(tmp_path: Path) -> None:
    """A second start shows its first line within 3 s."""
    began = time.monotonic()
    command = [sys.executable, "-u", "-m", "hil", "demo", "--directory", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as demo:
        assert demo.stdout is not None
        assert b"gridgate demo: 12 meters" in demo.stdout.readline()
        assert time.monotonic() - began < 3.0
        demo.send_signal(signal.SIGINT)
        demo.stdout.read()
        assert demo.wait(_STOPS_WITHIN_S) == 130
