"""Store and push in a process that is killed again and again."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.gateway.store.crash_child import row_at
from tests.gateway.store.store_tools import ask

pytestmark = pytest.mark.rig

ROWS = 2000
KILLS = 8


def run_and_kill(command: list[str], after_s: float | None) -> bool:
    """Run the child; return whether it came to its end by itself."""
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        if after_s is not None:
            time.sleep(after_s)
            child.kill()
        code = child.wait(60)
    assert code in (0, -9)
    return code == 0


def test_killed_at_any_moment_nothing_is_lost_doubled_or_changed(tmp_path: Path) -> None:
    """UPL-1, ACQ-2: rows, numbers and coverage are one; repeats are octet-identical."""
    store, delivered = tmp_path / "store.db", tmp_path / "delivered"
    command = [sys.executable, "-m", "tests.gateway.store.crash_child"]
    command += [str(store), str(delivered), str(ROWS)]
    rng = random.Random(1)
    kills = sum(not run_and_kill(command, rng.uniform(0.02, 0.3)) for _ in range(KILLS))
    assert kills >= KILLS // 2  # else the child is too quick for this test to say anything
    assert run_and_kill(command, None)

    stored = ask(store, "SELECT seq, captured_at_s, occurrence, v1 FROM reading ORDER BY id")
    expected = Counter((time, v1) for time, _, _, (v1, _) in map(row_at, range(ROWS)))
    assert Counter((time, v1) for _, time, _, v1 in stored) == expected
    assert [seq for seq, *_ in stored] == list(range(1, ROWS + 1))

    batches: dict[int, bytes] = {}
    told: dict[int, list[int]] = {}
    for line in delivered.read_bytes().splitlines():
        batch = json.loads(line)
        assert batches.setdefault(batch["batch"], line) == line
        told |= {row[0]: row for stream in batch["streams"] for row in stream["rows"]}
    assert sorted(batches) == list(range(1, len(batches) + 1))
    assert {seq: (row[1], row[2], row[6]) for seq, row in told.items()} == {
        seq: (time, occurrence, v1) for seq, time, occurrence, v1 in stored
    }
    assert len({json.loads(line)["epoch"] for line in batches.values()}) == 1
    assert ask(store, "PRAGMA integrity_check") == [("ok",)]
    assert ask(store, "SELECT last_seq, committed_seq FROM stream") == [(ROWS, ROWS)]
