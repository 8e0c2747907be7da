"""What is on the disk and what is in memory are one history."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.line_history import LineHistory
from gateway.store.database import Database
from gateway.store.line_hour import ChannelCounts, LineHour, NodeCounts
from gateway.store.node_hours import write_hours
from gateway.store.settings import StorageSettings
from hil.virtual_loop import InlineExecutor
from tests.gateway.core.jumping_loop import jumping
from tests.gateway.store.test_node_hours import HOUR, ONE, TWO, line_parts

LAST = HOUR + 60


async def all_answers(history: LineHistory) -> list[object]:
    """Return what it says about each hour, day and node there can be."""
    return [
        sorted((await history.by_node(HOUR, LAST)).items()),
        await history.of_node(ONE, HOUR, LAST),
        await history.of_node(TWO, HOUR + 5, HOUR + 30),
        await history.of_channel(HOUR, LAST),
        await history.days(HOUR // 24, LAST // 24),
        await history.days_of(TWO, HOUR // 24, LAST // 24),
    ]


@given(st.lists(line_parts(), max_size=12), st.integers(0, 12))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_it_does_not_matter_what_is_written_already(
    tmp_path: Path, parts: list[LineHour], written: int
) -> None:
    """PLC-3: an answer does not change when an hour reaches the disk."""

    @jumping
    async def compare() -> None:
        for file in tmp_path.iterdir():
            file.unlink()
        path = tmp_path / "store.db"
        async with Database(path, InlineExecutor(), StorageSettings()) as database:
            await write_hours(database, parts[:written])
            split = await all_answers(LineHistory(database, lambda: parts[written:]))
            await write_hours(database, parts[written:])
            assert split == await all_answers(LineHistory(database, list))

    compare()


@jumping
async def test_what_is_in_memory_of_other_hours_is_left_out(tmp_path: Path) -> None:
    """PLC-3: only what was asked for is told."""
    hours = [
        LineHour(hour=hour, channel=ChannelCounts(), nodes={ONE: NodeCounts(tries=1)})
        for hour in (HOUR - 1, HOUR, HOUR + 1)
    ]
    async with Database(tmp_path / "store.db", InlineExecutor(), StorageSettings()) as database:
        history = LineHistory(database, lambda: hours)
        assert list(await history.of_node(ONE, HOUR, HOUR)) == [HOUR]
        assert list(await history.of_channel(HOUR + 1, HOUR + 9)) == [HOUR + 1]
