"""The long campaigns of `make soak`: about an hour, in real time."""

from pathlib import Path

import pytest

from tests.e2e.demo_process import assert_nothing_lost, run_demo

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("seed", range(101, 111))
def test_ten_seeds(tmp_path: Path, seed: int) -> None:
    """ACQ-2, UPL-1: the demo as it is shipped, with ten other populations and lines."""
    report = assert_nothing_lost(run_demo(tmp_path, "--seed", str(seed), deadline_s=120))
    assert (report["meters_registered"], report["slaves_found"]) == (12, 3)
    assert (report["daemon_kills"], report["wan_cuts"]) == (1, 1)


def test_forty_meters(tmp_path: Path) -> None:
    """INV-1, ACQ-2: a line of forty meters within its deadline."""
    report = assert_nothing_lost(run_demo(tmp_path, "--meters", "40", deadline_s=302))
    assert report["meters_registered"] == 40


@pytest.mark.parametrize("seed", range(201, 206))
def test_fifty_kills(tmp_path: Path, seed: int) -> None:
    """ACQ-2, UPL-1: SIGKILL at ten random moments in each of five runs."""
    words = ("--kills", "10", "--seed", str(seed))
    report = assert_nothing_lost(run_demo(tmp_path, *words, deadline_s=180))
    assert report["daemon_kills"] == 10


def test_the_fields_own_line_rate(tmp_path: Path) -> None:
    """INV-1, ACQ-2: three meters at 2400 bit/s in real time."""
    words = ("--meters", "3", "--line-rate", "2400")
    report = assert_nothing_lost(run_demo(tmp_path, *words, deadline_s=600))
    assert report["meters_registered"] == 3
