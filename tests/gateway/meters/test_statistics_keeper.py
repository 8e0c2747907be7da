"""Each hour reaches the disk once, whatever happens to clock, disk and daemon."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.core.purpose import Purpose
from gateway.meters import statistics_keeper
from gateway.meters.statistics_keeper import WAITING_HOURS_MAX, StatisticsKeeper
from gateway.store.database import Database
from gateway.store.errors import StoreFull, StoreUnusable
from gateway.store.hour_queries import Hours, channel_by_hour, hours_of_node
from gateway.store.inventory import Node, NodeState
from gateway.store.journal import Journal
from gateway.store.line_hour import HOUR_S, ChannelHour, NodeCounts
from gateway.store.meter_registry import MeterRegistry
from gateway.store.settings import StorageSettings
from hil.virtual_loop import InlineExecutor
from tests.gateway.core.jumping_loop import jumping

BEGIN_S = 1_795_219_200.0  # a full hour
HOUR = int(BEGIN_S) // HOUR_S
EVER = Hours(first=HOUR - 24, last=HOUR + 100)
ONE = b"NODE01"


class Site:
    """A store, a wall clock and a modem; the keeper comes and goes.

    Attributes:
        stepped_s: by how much the wall clock was set.
        modem: what its counters show.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.stepped_s = 0.0
        self.modem: Mapping[str, int] = {}
        self.modem_asked = 0
        self.modem_answers_after_s = 0.0

    def now_s(self) -> float:
        return BEGIN_S + asyncio.get_running_loop().time() + self.stepped_s

    async def read_modem(self) -> Mapping[str, int]:
        self.modem_asked += 1
        await asyncio.sleep(self.modem_answers_after_s)
        return self.modem

    async def keeper(self) -> StatisticsKeeper:
        registry = MeterRegistry(self.database, Journal(self.database, self.now_s))
        await registry.load()
        keeper = StatisticsKeeper(
            database=self.database,
            registry=registry,
            read_modem=self.read_modem,
            time=asyncio.get_running_loop().time,
            now_s=self.now_s,
        )
        await keeper.load()
        return keeper

    async def node(self) -> dict[int, NodeCounts]:
        """Return what is stored of the node, by hours since the begin."""
        found = await hours_of_node(self.database, ONE, EVER)
        return {hour - HOUR: counts for hour, counts in found.items()}

    async def channel(self) -> dict[int, ChannelHour]:
        found = await channel_by_hour(self.database, EVER)
        return {hour - HOUR: counts for hour, counts in found.items()}


@contextlib.asynccontextmanager
async def open_site(path: Path) -> AsyncIterator[Site]:
    async with Database(path / "store.db", InlineExecutor(), StorageSettings()) as database:
        yield Site(database)


@contextlib.asynccontextmanager
async def running(keeper: StatisticsKeeper) -> AsyncIterator[None]:
    """Run the keeper, and stop it in order."""
    work = asyncio.create_task(keeper.run())
    await asyncio.sleep(0)
    try:
        yield
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


async def until(at_s: float) -> None:
    await asyncio.sleep(at_s - asyncio.get_running_loop().time())


def answer(keeper: StatisticsKeeper) -> None:
    now = asyncio.get_running_loop().time()
    keeper.statistics.answered(
        ONE, now, Purpose.COLLECTION, hops_down=1, hops_up=1, octets=100, airtime_s=1.0
    )


@jumping
async def test_an_hour_is_written_when_it_ends_and_only_then(tmp_path: Path) -> None:
    """PLC-3: one transaction an hour, because cards wear out."""
    async with open_site(tmp_path) as site:
        keeper = await site.keeper()
        commits: list[str] = []
        await site.database.run(lambda file: file.conn.set_trace_callback(commits.append))
        commits.clear()
        async with running(keeper):
            answer(keeper)
            await until(HOUR_S - 1)
            assert not [sql for sql in commits if "COMMIT" in sql]
            await until(HOUR_S + 1)
            assert len([sql for sql in commits if "COMMIT" in sql]) == 1
            assert (await site.node())[0].available_s == HOUR_S
            await until(3 * HOUR_S + 1)
        assert {at: each.observed_s for at, each in (await site.node()).items()} == {
            0: 3600,
            1: 3600,
            2: 3600,
            3: 1,
        }


@jumping
async def test_an_orderly_stop_writes_what_has_run_and_the_next_start_adds_to_it(
    tmp_path: Path,
) -> None:
    """PLC-3: the time in between was not observed."""
    async with open_site(tmp_path) as site:
        keeper = await site.keeper()
        async with running(keeper):
            answer(keeper)
            await until(600)
        await until(1800)
        keeper = await site.keeper()
        async with running(keeper):
            await until(1900)
            answer(keeper)
            await until(HOUR_S + 10)
        stored = await site.node()
        assert (stored[0].observed_s, stored[0].available_s) == (600 + 1700, 600 + 1700)
        assert (stored[0].answered, stored[0].state_changes) == (2, 0)
        channel = await site.channel()
        assert channel[0].counts.observed_s == 600 + 1800
        assert channel[1].counts.observed_s == 10


@jumping
async def test_a_crash_loses_the_running_hour_at_most(tmp_path: Path) -> None:
    """PLC-3: hours that ended are on the disk."""
    async with open_site(tmp_path) as site:
        keeper = await site.keeper()
        answer(keeper)
        async with running(keeper):
            await until(2.5 * HOUR_S)
            assert sorted(await site.node()) == [0, 1]
            with contextlib.closing(sqlite3.connect(tmp_path / "store.db")) as another:
                rows = another.execute("SELECT hour, available_s FROM node_hour").fetchall()
            assert rows == [(HOUR, 3600), (HOUR + 1, 3600)]


@jumping
async def test_nodes_that_were_registered_are_expected_after_a_start(tmp_path: Path) -> None:
    """INV-4: the silence of a registered or lost node counts; that of a new one does not."""
    async with open_site(tmp_path) as site:
        registry = MeterRegistry(site.database, Journal(site.database, site.now_s))
        for number, state in enumerate(NodeState):
            await registry.upsert_node(
                Node(
                    system_title=b"NODE0%d" % number,
                    mac=number + 1,
                    state=state,
                    first_seen_s=0,
                    last_seen_s=0,
                )
            )
        keeper = await site.keeper()
        for number in range(len(NodeState)):
            keeper.statistics.silent(b"NODE0%d" % number, 0.0, tries=3)
        await until(100)
        (hour,) = keeper.unwritten()
        observed = {node: counts.observed_s for node, counts in hour.nodes.items()}
        assert observed == {b"NODE00": 0, b"NODE01": 100, b"NODE02": 100}


@jumping
async def test_a_step_of_the_wall_clock_is_noticed_within_a_minute(tmp_path: Path) -> None:
    """TIM-3: hours that no clock showed are not told of."""
    async with open_site(tmp_path) as site:
        keeper = await site.keeper()
        async with running(keeper):
            answer(keeper)
            await until(600)
            site.stepped_s = 5 * HOUR_S
            await until(2 * HOUR_S)
        stored = await site.node()
        assert sorted(stored) == [0, 5, 6]
        assert stored[0].observed_s + stored[5].observed_s == HOUR_S
        assert 600 <= stored[0].observed_s <= 660


@jumping
async def test_damaged_frames_are_asked_of_the_modem_before_an_hour_ends(tmp_path: Path) -> None:
    """PLC-3: a modem that is down tells nothing, and what it was silent about is not lost."""
    async with open_site(tmp_path) as site:
        keeper = await site.keeper()
        async with running(keeper):
            site.modem = {"chip_crc_nok": 5, "chip_fi_nok": 1}
            assert await keeper.damaged_frames() == 6
            site.modem = {"times_lost": 1}
            assert await keeper.damaged_frames() == 0
            site.modem = {"chip_crc_nok": 7, "chip_fi_nok": 2}
            asked = site.modem_asked
            await until(HOUR_S + 1)
            assert (await site.channel())[0].counts.frames_damaged == 3
            assert site.modem_asked == asked + 1


@jumping
async def test_a_modem_that_does_not_answer_holds_nothing_up(tmp_path: Path) -> None:
    """PLC-3."""
    async with open_site(tmp_path) as site:
        site.modem_answers_after_s = 1e6
        keeper = await site.keeper()
        async with running(keeper):
            await until(HOUR_S + 1)
            assert (await site.channel())[0].counts.observed_s == HOUR_S


@jumping
async def test_what_a_disk_refuses_waits_and_is_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PLC-3: the hours of a bad disk are in memory, a day of them at most."""
    async with open_site(tmp_path) as site:
        keeper = await site.keeper()
        answer(keeper)

        async def refuse(*_: object) -> None:
            raise StoreUnusable("the disk refuses", tmp_path)

        monkeypatch.setattr(statistics_keeper, "write_hours", refuse)
        for number in range(WAITING_HOURS_MAX + 2):
            with pytest.raises(StoreUnusable):
                await keeper.run()
            if number == 0:
                assert [hour.hour - HOUR for hour in keeper.unwritten()] == [0, 1]
            ends_at_s = keeper.statistics.ends_at_s
            await until(ends_at_s)
            ended = keeper.statistics.tick(ends_at_s, site.now_s())
            assert ended is not None
            keeper._waiting.append(ended)
        assert len(keeper.unwritten()) == WAITING_HOURS_MAX + 2
        monkeypatch.undo()
        async with running(keeper):
            await asyncio.sleep(1)
        hours = sorted(await site.node())
        assert len(hours) == WAITING_HOURS_MAX + 2
        assert hours[0] == 2


@jumping
async def test_a_full_store_is_asked_again_and_told_of_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """UPL-6: statistics give way to what must be sent."""
    async with open_site(tmp_path) as site:
        keeper = await site.keeper()
        answer(keeper)

        async def refuse(*_: object) -> None:
            raise StoreFull("no pages left", tmp_path)

        with monkeypatch.context() as patch:
            patch.setattr(statistics_keeper, "write_hours", refuse)
            async with running(keeper):
                await until(2.5 * HOUR_S)
                told = [record for record in caplog.records if "wait for room" in record.message]
                assert len(told) == 2
                patch.undo()
                await until(2.6 * HOUR_S)
                assert sorted(await site.node()) == [0, 1]


@jumping
async def test_a_stop_while_an_hour_is_written_adds_nothing_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PLC-3: every await may be the last."""
    async with open_site(tmp_path) as site:
        keeper = await site.keeper()
        answer(keeper)
        work = asyncio.create_task(keeper.run())
        rightly = Database._in_transaction
        stops = iter([work.cancel])

        def stopping(*arguments: Any) -> object:
            next(stops, bool)()
            return rightly(*arguments)

        monkeypatch.setattr(Database, "_in_transaction", stopping)
        await asyncio.gather(work, return_exceptions=True)
        assert asyncio.get_running_loop().time() == HOUR_S
        stored = await site.node()
        assert (stored[0].answered, stored[0].available_s) == (1, HOUR_S)


@jumping
async def test_a_stop_on_a_bad_disk_says_what_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """PLC-3."""
    async with open_site(tmp_path) as site:
        keeper = await site.keeper()

        async def refuse(*_: object) -> None:
            raise StoreUnusable("the disk refuses", tmp_path)

        monkeypatch.setattr(statistics_keeper, "write_hours", refuse)
        async with running(keeper):
            await until(60)
        assert "statistics in memory are given up" in caplog.messages
