"""Statistics on the disk: one row per node and hour, joined, asked for, and let go."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.store.database import Database
from gateway.store.errors import StoreFull
from gateway.store.hour_queries import (
    Hours,
    NodeDay,
    channel_by_hour,
    days_of_nodes,
    hours_of_node,
    sum_by_node,
)
from gateway.store.line_hour import HOUR_S, ChannelCounts, Hops, LineHour, NodeCounts
from gateway.store.node_hours import read_hour, write_hours
from gateway.store.settings import StorageSettings
from tests.gateway.store.store_tools import ask, open_database, run

HOUR = 498_684  # 2026-11-21T12:00Z
ONE, TWO = b"NODE01", b"NODE02"

FULL = NodeCounts(
    observed_s=3600,
    available_s=1800,
    state_changes=3,
    tries=9,
    answered=5,
    silent=2,
    credit_total=31,
    credit_most=7,
    hops_down=Hops(total=6, fewest=1, most=3),
    hops_up=Hops(total=9, fewest=0, most=4),
    sent_octets=270,
    heard_octets=900,
    airtime_ms=(0, 1, 450, 3000, 123_456, 7),
    last_answer_at_s=HOUR * HOUR_S + 3599,
)
CHANNEL = ChannelCounts(
    observed_s=3600,
    available_most=2,
    held_ms=(12_000, 1, 2, 3, 3_400_000, 0),
    frames_sent=900,
    frames_heard=850,
    frames_damaged=4,
)
EVER = Hours(first=HOUR - 40, last=HOUR + 100)


def line_hour(hour: int = HOUR, **nodes: NodeCounts) -> LineHour:
    named = {name.encode(): counts for name, counts in nodes.items()}
    return LineHour(hour=hour, channel=CHANNEL, nodes=named)


def at_hour(
    hour: int, observed_s: int = 3600, available_s: int = 3600, state_changes: int = 0
) -> LineHour:
    """Return an hour in which one node was observed."""
    counts = NodeCounts(observed_s=observed_s, available_s=available_s, state_changes=state_changes)
    return line_hour(hour, NODE01=counts)


def test_an_hour_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """PLC-3: every count of a node and of the channel is kept, what was never seen as well."""
    silent = NodeCounts(observed_s=3600, tries=3, silent=1)
    hour = line_hour(NODE01=FULL, NODE02=silent)

    async def main() -> None:
        async with open_database(tmp_path / "store.db") as database:
            await write_hours(database, [hour])
            assert await database.run(lambda file: read_hour(file, HOUR)) == hour
            assert await database.run(lambda file: read_hour(file, HOUR + 1)) is None
            assert await sum_by_node(database, EVER) == hour.nodes
            assert await hours_of_node(database, ONE, EVER) == {HOUR: FULL}
            assert await hours_of_node(database, b"NOBODY", EVER) == {}
            (channel,) = (await channel_by_hour(database, EVER)).values()
            assert channel.counts == CHANNEL
            assert (channel.nodes, channel.nodes_observed_s) == (2, 7200)
            assert channel.nodes_available_s == 1800

    run(main())


def test_the_parts_of_an_hour_before_and_after_a_restart_become_one(tmp_path: Path) -> None:
    """PLC-3: an orderly stop writes what there is, and the next run adds to it."""
    part = ChannelCounts(observed_s=1200, available_most=2, held_ms=(1,) * 6, frames_sent=5)
    later = ChannelCounts(observed_s=1800, available_most=1, held_ms=(2,) * 6, frames_sent=7)
    before = NodeCounts(observed_s=1200, available_s=600, answered=2, last_answer_at_s=HOUR * 3600)
    after = NodeCounts(observed_s=1800, available_s=1700, answered=3, state_changes=1)
    new = NodeCounts(observed_s=900)

    async def main() -> None:
        async with open_database(tmp_path / "store.db") as database:
            await write_hours(database, [LineHour(hour=HOUR, channel=part, nodes={ONE: before})])
            nodes = {ONE: after, TWO: new}
            await write_hours(database, [LineHour(hour=HOUR, channel=later, nodes=nodes)])
            joined = (await sum_by_node(database, EVER))[ONE]
            assert (joined.observed_s, joined.available_s) == (3000, 2300)
            assert (joined.answered, joined.state_changes) == (5, 1)
            assert joined.last_answer_at_s == HOUR * HOUR_S
            (channel,) = (await channel_by_hour(database, EVER)).values()
            assert (channel.counts.observed_s, channel.counts.frames_sent) == (3000, 12)
            assert channel.counts.available_most == 2
            assert (channel.nodes, channel.nodes_observed_s) == (2, 3900)

    run(main())


def test_hours_past_their_time_go_two_with_each_that_comes(tmp_path: Path) -> None:
    """PLC-3: thirty days are kept; a clock that is far ahead for an hour wipes nothing out."""
    path = tmp_path / "store.db"
    years = 10 * 365 * 24

    async def main() -> None:
        async with open_database(path) as database:
            await write_hours(database, [at_hour(HOUR + n) for n in range(10)])
            await write_hours(database, [at_hour(HOUR + years)])
            assert len(await channel_by_hour(database, Hours(first=0, last=10**6))) == 9
            await write_hours(database, [at_hour(HOUR + 722)])
            assert sorted(await channel_by_hour(database, Hours(first=HOUR, last=HOUR + 722))) == [
                *range(HOUR + 2, HOUR + 10),
                HOUR + 722,
            ]

    run(main())
    assert ask(path, "SELECT MIN(hour), COUNT(*) FROM node_hour") == [(HOUR + 2, 10)]


def test_a_store_without_room_takes_no_hour_and_keeps_the_old_ones(tmp_path: Path) -> None:
    """UPL-6: the last pages are for batches, not for statistics."""
    full = StorageSettings(pages_max=1024)

    async def main() -> None:
        async with open_database(tmp_path / "store.db", full) as database:
            await write_hours(database, [at_hour(HOUR)])
            await database.run(
                lambda file: file.conn.execute(
                    "INSERT INTO kind VALUES ('k', 'f', hex(zeroblob(?)), 0)", [800 * 2048]
                )
            )
            with pytest.raises(StoreFull):
                await write_hours(database, [at_hour(HOUR + 5000)])
            assert sorted(await channel_by_hour(database, EVER)) == [HOUR]

    run(main())


def test_a_day_is_the_sum_of_its_hours(tmp_path: Path) -> None:
    """PLC-3: by UTC."""
    day, noon = HOUR // 24, HOUR % 24
    hours = [
        at_hour(HOUR - noon, available_s=600, state_changes=1),
        at_hour(HOUR, available_s=1200, state_changes=2),
        at_hour(HOUR - noon + 23),
        at_hour(HOUR - noon + 24, observed_s=60, available_s=0),
        line_hour(HOUR - noon + 48, NODE02=NodeCounts(tries=1)),
    ]

    async def main() -> None:
        async with open_database(tmp_path / "store.db") as database:
            await write_hours(database, hours)
            first = NodeDay(day=day, node=ONE, observed_s=10_800, available_s=5400, state_changes=3)
            then = NodeDay(day=day + 1, node=ONE, observed_s=60, available_s=0, state_changes=0)
            other = NodeDay(day=day + 2, node=TWO, observed_s=0, available_s=0, state_changes=0)
            assert await days_of_nodes(database, EVER) == [first, then, other]
            without = Hours(first=HOUR - 40, last=HOUR + 24, without=frozenset({HOUR, HOUR - noon}))
            (only, _) = await days_of_nodes(database, without)
            assert (only.observed_s, only.available_s) == (3600, 3600)

    run(main())


COUNTS = st.builds(
    lambda observed_s, share, changes: NodeCounts(
        observed_s=observed_s, available_s=round(observed_s * share), state_changes=changes
    ),
    st.integers(0, HOUR_S),
    st.floats(0, 1),
    st.integers(0, 9),
)


@st.composite
def line_parts(draw: st.DrawFn) -> LineHour:
    """Return a part of one of fifty hours, of any length, as a run of the daemon leaves it."""
    counts = draw(st.dictionaries(st.sampled_from((ONE, TWO)), COUNTS))
    longest_s = max((each.observed_s for each in counts.values()), default=0)
    length_s = draw(st.integers(longest_s, HOUR_S + 2000))
    channel = ChannelCounts(observed_s=length_s, available_most=len(counts))
    return LineHour(hour=HOUR + draw(st.integers(0, 50)), channel=channel, nodes=counts)


@given(st.lists(line_parts(), max_size=60))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_parts_come_hours_are_full_at_most_and_days_are_their_sums(
    tmp_path: Path, history: list[LineHour]
) -> None:
    """PLC-3: available is at most observed, observed at most an hour, nothing is added twice."""

    async def main() -> None:
        path = tmp_path / "store.db"
        for file in tmp_path.iterdir():
            file.unlink()
        async with open_database(path) as database:
            for part in history:
                await write_hours(database, [part])
            await check(database)

    async def check(database: Database) -> None:
        days = {(day.day, day.node): day for day in await days_of_nodes(database, EVER)}
        sums = await sum_by_node(database, EVER)
        for node in (ONE, TWO):
            hours = await hours_of_node(database, node, EVER)
            for counts in hours.values():
                assert 0 <= counts.available_s <= counts.observed_s <= HOUR_S
            for day in {hour // 24 for hour in hours}:
                of_day = [counts for hour, counts in hours.items() if hour // 24 == day]
                told = days.get((day, node))
                assert (0 if told is None else told.observed_s) == sum(
                    counts.observed_s for counts in of_day
                )
                assert (0 if told is None else told.available_s) == sum(
                    counts.available_s for counts in of_day
                )
            told_changes = sums[node].state_changes if node in sums else 0
            assert told_changes == sum(
                part.nodes[node].state_changes for part in history if node in part.nodes
            )

    run(main())


def test_statistics_stay_small(tmp_path: Path) -> None:
    """PLC-3: 1200 nodes and 30 days must fit beside the readings: 80 octets a row at most."""
    nodes = {number.to_bytes(6, "big"): FULL for number in range(1200)}
    hours = [LineHour(hour=HOUR + n, channel=CHANNEL, nodes=nodes) for n in range(10)]

    async def size(name: str, hours: list[LineHour]) -> int:
        async with open_database(tmp_path / name) as database:
            await write_hours(database, hours)
        return (tmp_path / name).stat().st_size

    octets = run(size("full.db", hours)) - run(size("empty.db", []))
    assert octets / 12_000 < 80


def test_the_hours_of_one_node_are_looked_up_and_not_searched(tmp_path: Path) -> None:
    """PLC-3: a question about one meter does not read the rows of all."""
    path = tmp_path / "store.db"
    asked: list[str] = []

    async def main() -> None:
        async with open_database(path) as database:
            await database.run(lambda file: file.conn.set_trace_callback(asked.append))
            await hours_of_node(database, ONE, EVER)

    run(main())
    (question,) = [sql for sql in asked if "CROSS JOIN" in sql]
    plan = [row[3] for row in ask(path, f"EXPLAIN QUERY PLAN {question}")]
    assert "SEARCH n USING PRIMARY KEY (hour=? AND node=?)" in plan
