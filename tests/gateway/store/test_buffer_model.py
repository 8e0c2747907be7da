"""The reading buffer against a simple model of a meter, through clock changes and restarts."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.store import row_writer
from gateway.store.database import Database
from gateway.store.intervals import IntervalSet
from gateway.store.marks import Mark
from gateway.store.reading_buffer import ReadingBuffer
from tests.gateway.store.store_tools import NOW_S, PERIODIC, SETTINGS, ask, run

TIMES = st.integers(min_value=0, max_value=60)
CAPTURE = st.tuples(st.just("capture"), TIMES, st.integers(min_value=0, max_value=2))
READ = st.tuples(st.just("read"), TIMES, TIMES)
READ_ROWS_ONLY = st.tuples(st.just("read_unproved"), TIMES, TIMES)
UNCOVER = st.tuples(st.just("uncover"), TIMES, TIMES)
OTHER = st.sampled_from([("commit", 0, 0), ("restart", 0, 0), ("crash", 0, 0)])
STEPS = st.lists(
    st.one_of(CAPTURE, CAPTURE, READ, READ, READ_ROWS_ONLY, UNCOVER, OTHER), max_size=40
)


class World:
    """A meter's ring, the buffer under test, and what it must hold."""

    def __init__(self, path: Path, thread: ThreadPoolExecutor) -> None:
        self.path = path
        self.thread = thread
        self.ring: list[tuple[int, int, int, tuple[int, int]]] = []
        self.covered = set[int]()
        self.covered_on_disk = set[int]()

    async def open(self) -> None:
        self.database = Database(self.path, self.thread, SETTINGS)
        await self.database.open()
        self.buffer = ReadingBuffer(self.database, lambda: NOW_S, SETTINGS)
        await self.buffer.load()
        self.stream = await self.buffer.open_stream(PERIODIC)

    async def step(self, verb: str, first: int, last: int) -> None:
        if verb == "capture":
            self.ring.append((first, 0, 0, (last, 0)))
            # Only what is not covered may grow, or what is uncovered before it is read again:
            # the collector's own promise. The model keeps it by uncovering.
            if first in self.covered:
                await self.step("uncover", first, first)
        elif verb in ("read", "read_unproved"):
            rows = [row for row in self.ring if first <= row[0] <= last]
            if verb == "read" and first <= last:
                self.buffer.add(self.stream, rows, (first, last))
                self.covered |= set(range(first, last + 1))
            else:
                self.buffer.add(self.stream, rows)
        elif verb == "uncover":
            await self.buffer.uncover(self.stream, first, last)
            self.covered -= set(range(first, last + 1))
            self.covered_on_disk = set(self.covered)
        elif verb == "commit":
            await self.buffer.flush()
            self.covered_on_disk = set(self.covered)
        elif verb == "restart":
            await self.buffer.flush()
            self.covered_on_disk = set(self.covered)
            await self.reopen()
        else:
            self.covered = set(self.covered_on_disk)
            await self.reopen()
        self.check_coverage()

    async def reopen(self) -> None:
        await self.database.close()
        await self.open()

    def check_coverage(self) -> None:
        coverage = self.buffer.coverage(self.stream)
        assert seconds(coverage) == self.covered

    def stored(self) -> list[Any]:
        return ask(
            self.path,
            "SELECT seq, captured_at_s, occurrence, status, mark, v1, v2 FROM reading ORDER BY id",
        )


def seconds(intervals: IntervalSet) -> set[int]:
    return {second for first, last in intervals for second in range(first, last + 1)}


async def play(steps: list[tuple[str, int, int]], path: Path, thread: ThreadPoolExecutor) -> None:
    world = World(path, thread)
    await world.open()
    for verb, first, last in steps:
        await world.step(verb, first, last)
    await world.buffer.flush()
    stored = world.stored()
    held = Counter((time, values) for time, _, _, values in world.ring)
    kept = Counter((time, (v1, v2)) for _, time, _, _, _, v1, v2 in stored)
    assert kept <= held  # nothing twice
    for (time, values), count in held.items():
        if time in world.covered:
            assert kept[time, values] == count  # what is covered is complete

    await world.step("uncover", 0, 100)
    await world.step("read", 0, 100)
    await world.buffer.flush()
    stored = world.stored()
    assert Counter((time, (v1, v2)) for _, time, _, _, _, v1, v2 in stored) == held
    assert [record[0] for record in stored] == list(range(1, len(stored) + 1))
    by_time: dict[int, int] = {}
    for _, time, occurrence, _, mark, _, _ in stored:
        by_time[time] = by_time.get(time, 0) + 1
        assert occurrence == by_time[time]
        assert bool(mark & Mark.SECOND_OF_SAME_TIME) == (occurrence > 1)
    await world.database.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_nothing_is_lost_or_doubled(steps: list[tuple[str, int, int]]) -> None:
    """ACQ-2, ACQ-3: whatever is captured, read, uncovered and cut off, each row is stored once."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        run(play(steps, Path(folder) / "store.sqlite", thread))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_nothing_is_lost_or_doubled_when_little_is_remembered(
    steps: list[tuple[str, int, int]],
) -> None:
    """ACQ-2, ACQ-3: the same where most comparisons must look into the store."""
    with (
        pytest.MonkeyPatch.context() as patch,
        TemporaryDirectory() as folder,
        ThreadPoolExecutor(1) as thread,
    ):
        patch.setattr(row_writer, "RECENT_ROWS", 2)
        run(play(steps, Path(folder) / "store.sqlite", thread))
