"""What is odd about rows, what the table has no place for, and what it bends to fit."""

from pathlib import Path
from typing import Any

import pytest

from drivers.dlms.profile_rows import ProfileRow
from gateway.store.errors import RowNotStorable
from gateway.store.marks import Mark
from gateway.store.stream import Column
from tests.gateway.store.store_tools import NOW_S, PERIODIC, ask, open_buffer, row, run

T = NOW_S - 10_000


def stored(path: Path, columns: str = "seq, captured_at_s, occurrence, mark") -> list[Any]:
    return ask(path, f"SELECT {columns} FROM reading ORDER BY id")


MARKED = {
    "a total that fell": ([row(T, 9, 0), row(T + 10, 8, 0)], [0, Mark.NON_MONOTONIC]),
    "a total below zero": ([row(T, -1, 0)], [Mark.NEGATIVE]),
    "the future": ([row(NOW_S + 121)], [Mark.FUTURE]),
    "a little ahead": ([row(NOW_S + 120)], [0]),
    "a lost clock": ([row(T, clock=0x01)], [Mark.CLOCK_INVALID | Mark.CLOCK_LOST]),
    "summer time": ([row(T, clock=0x80)], [Mark.DST]),
    "nothing odd": ([row(T, 5, 0), row(T + 10, 5, 0)], [0, 0]),
}


@pytest.mark.parametrize("case", MARKED)
def test_odd_rows_are_marked_and_kept(tmp_path: Path, case: str) -> None:
    """ACQ-7: validation marks, never drops."""
    path = tmp_path / "store.db"
    rows, marks = MARKED[case]

    async def main() -> None:
        async with open_buffer(path) as buffer:
            buffer.add(await buffer.open_stream(PERIODIC), rows)
            await buffer.flush()

    run(main())
    assert [mark for *_, mark in stored(path)] == marks


def test_a_total_is_compared_with_the_row_before_also_after_a_restart(tmp_path: Path) -> None:
    """ACQ-7: a falling total shows wherever an answer or a process ended."""
    path = tmp_path / "store.db"

    async def add(time: int, total: int) -> None:
        async with open_buffer(path) as buffer:
            stream = await buffer.open_stream(PERIODIC)
            buffer.add(stream, [row(time, total, 0)], (time - 9, time))
            await buffer.flush()

    run(add(T, 50))
    run(add(T + 10, 40))
    run(add(T - 50, 90))  # an older hole: what came before it is not known
    assert [mark for *_, mark in stored(path)] == [0, Mark.NON_MONOTONIC, 0]


def test_what_only_grows_is_told_by_its_code() -> None:
    def grows(obis: str) -> bool:
        return Column(obis=obis, unit=30, scaler=0).only_grows()

    assert all(map(grows, ("1-0:1.8.0.255", "1-0:2.8.2.255", "7-1:3.0.0.255", "8-2:1.0.0.255")))
    others = ("1-0:15.8.0.255", "1-0:32.7.0.255", "0-0:96.11.0.255", "x", "7-")
    assert not any(map(grows, others))


BAD: dict[str, list[ProfileRow]] = {
    "five values": [(T, 0, 0, (1, 2, 3, 4, 5))],
    "one value of two": [(T, 0, 0, (1,))],
    "different widths": [(T, 0, 0, (1, 2)), (T + 1, 0, 0, (1,))],
    "a negative status": [(T, 0, -1, (1, 2))],
    "a huge status": [(T, 0, 1 << 63, (1, 2))],
}


@pytest.mark.parametrize("case", BAD)
def test_rows_without_a_place_in_the_table_are_the_peers_fault(tmp_path: Path, case: str) -> None:
    """A meter that sends nonsense harms no other meter, and nothing of it is covered."""
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_buffer(path) as buffer:
            stream = await buffer.open_stream(PERIODIC)
            with pytest.raises(RowNotStorable):
                buffer.add(stream, BAD[case], (T, T + 5))
            assert not buffer.coverage(stream)
            buffer.add(stream, [row(T)], (T, T))
            await buffer.flush()

    run(main())
    assert len(stored(path)) == 1


def test_the_biggest_integers_keep_their_bits(tmp_path: Path) -> None:
    """ACQ-7: an unsigned register of 2**63 or more is stored less 2**64, and marked."""
    path = tmp_path / "store.db"

    async def main() -> None:
        async with open_buffer(path) as buffer:
            stream = await buffer.open_stream(PERIODIC)
            buffer.add(stream, [row(T, 1, 2)])
            buffer.add(stream, [row(T + 10, (1 << 64) - 1, (1 << 63) - 1)])
            await buffer.flush()

    run(main())
    assert stored(path, "v1, v2, mark") == [
        (1, 2, 0),
        (-1, (1 << 63) - 1, Mark.NEGATIVE | Mark.NON_MONOTONIC),
    ]
