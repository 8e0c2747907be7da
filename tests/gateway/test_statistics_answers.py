"""Statistics and availability as the control socket tells them, from disk and memory at once."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import RequestRefused
from gateway.line_history import LineHistory
from gateway.statistics_answers import StatisticsAnswers, percent
from gateway.store.database import Database
from gateway.store.inventory import Meter, Node, NodeState
from gateway.store.journal import Journal
from gateway.store.line_hour import HOUR_S, ChannelCounts, Hops, LineHour, NodeCounts
from gateway.store.meter_registry import MeterRegistry
from gateway.store.node_hours import write_hours
from gateway.store.settings import StorageSettings
from hil.virtual_loop import InlineExecutor
from tests.gateway.core.jumping_loop import jumping

HOUR = 498_684  # 2026-11-21T12:00Z
NOW_S = HOUR * HOUR_S + 1800.0
ONE, TWO, NEW = b"NODE01", b"NODE02", b"NODE03"


class Desk:
    """The answers over a store, and what is in memory only."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.registry = MeterRegistry(database, Journal(database, lambda: NOW_S))
        self.unwritten: list[LineHour] = []
        history = LineHistory(database, lambda: self.unwritten)
        self.answers = StatisticsAnswers(history, self.registry, lambda: NOW_S)

    async def fill(self) -> None:
        """Give two meters, one with a slave, and a node that has no name yet."""
        for mac, (title, usn) in enumerate(((ONE, "U1"), (TWO, "U2"), (NEW, None)), start=1):
            state = NodeState.NEW if usn is None else NodeState.REGISTERED
            node = Node(
                system_title=title, mac=mac, state=state, usn=usn, first_seen_s=0, last_seen_s=0
            )
            await self.registry.upsert_node(node)
        await self.registry.upsert_meter(Meter(usn="U1", found_at_s=0))
        await self.registry.upsert_meter(Meter(usn="GAS1", parent_usn="U1", found_at_s=0))

    async def statistics(self, **request: object) -> dict[str, Any]:
        return as_sent(await self.answers.statistics({"ask": "statistics", **request}))

    async def availability(self, **request: object) -> dict[str, Any]:
        return as_sent(await self.answers.availability({"ask": "availability", **request}))


def as_sent(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer as whoever asked gets it."""
    told: dict[str, Any] = json.loads(json.dumps(answer))
    return told


@contextlib.asynccontextmanager
async def open_desk(path: Path) -> AsyncIterator[Desk]:
    async with Database(path / "store.db", InlineExecutor(), StorageSettings()) as database:
        desk = Desk(database)
        await desk.fill()
        yield desk


def part(
    hour: int,
    *,
    observed_s: int = 3600,
    most: int = 2,
    held_ms: int = 1_800_000,
    nodes: dict[bytes, NodeCounts] | None = None,
) -> LineHour:
    channel = ChannelCounts(
        observed_s=observed_s,
        available_most=most,
        held_ms=(0, 0, 0, 0, held_ms, 0),
        frames_sent=10,
        frames_heard=9,
        frames_damaged=1,
    )
    return LineHour(hour=hour, channel=channel, nodes=nodes or {})


def counts(
    available_s: int, *, observed_s: int = 3600, answered: int = 1, silent: int = 0
) -> NodeCounts:
    hops = Hops(total=answered, fewest=1, most=1) if answered else Hops()
    return NodeCounts(
        observed_s=observed_s,
        available_s=available_s,
        state_changes=1,
        tries=answered + 3 * silent,
        answered=answered,
        silent=silent,
        credit_total=2 * answered + 7 * 3 * silent,
        credit_most=7 if silent else 2,
        hops_down=hops,
        hops_up=hops,
        airtime_ms=(0, 0, 0, 0, 1000 * answered, 0),
        last_answer_at_s=None,
    )


@jumping
async def test_a_node_over_the_last_hours_and_the_running_one(tmp_path: Path) -> None:
    """PLC-3: frames, answers, credits, hops, airtime; success over the hour and over the day."""
    async with open_desk(tmp_path) as desk:
        stored = [
            part(HOUR - 30, nodes={ONE: counts(3600, answered=100)}),
            part(HOUR - 3, nodes={ONE: counts(0, answered=0, silent=2)}),
            part(HOUR - 1, nodes={ONE: counts(3600, answered=3, silent=1)}),
        ]
        await write_hours(desk.database, stored)
        desk.unwritten = [part(HOUR, observed_s=1800, nodes={ONE: counts(1800, observed_s=1800)})]
        answer = await desk.statistics(hours=24)
        assert (answer["from_at_s"], answer["to_at_s"]) == ((HOUR - 24) * HOUR_S, NOW_S)
        one, two, new = answer["nodes"]
        assert (one["usn"], one["state"]) == ("U1", "REGISTERED")
        assert (one["frames_sent"], one["answered"], one["silent"]) == (4 + 9, 4, 3)
        assert one["tries_unanswered"] == 9
        assert one["success_percent"] == 57.14
        assert one["success_last_hour_percent"] == 80.0
        assert (one["credit_mean"], one["credit_most"]) == (5.5, 7)
        assert one["hops_up"] == {"mean": 1.0, "fewest": 1, "most": 1}
        assert one["airtime_s"] == one["airtime_by_purpose"]["collection_s"] == 4.0
        assert (one["minutes_available"], one["minutes_observed"]) == (90, 150)
        assert (one["state_changes"], one["availability_percent"]) == (3, 60.0)
        assert (two["usn"], two["frames_sent"], two["success_percent"]) == ("U2", 0, None)
        assert (two["credit_most"], two["hops_down"]["mean"]) == (None, None)
        assert (new["usn"], new["system_title"]) == (None, NEW.hex())
        everything = await desk.statistics(hours=720)
        assert everything["nodes"][0]["answered"] == 104


@jumping
async def test_one_meter_hour_by_hour(tmp_path: Path) -> None:
    """PLC-3: a slave is asked through its master's node."""
    async with open_desk(tmp_path) as desk:
        stored = [part(HOUR - n, nodes={ONE: counts(600 * n), TWO: counts(0)}) for n in (5, 2, 1)]
        await write_hours(desk.database, stored)
        desk.unwritten = [part(HOUR, nodes={TWO: counts(60)})]
        for usn in ("U1", "GAS1"):
            answer = await desk.statistics(meter=usn, hours=3)
            assert [hour["minutes_available"] for hour in answer["node_by_hour"]] == [20, 10]
            assert answer["node_by_hour"][0]["hour_at_s"] == (HOUR - 2) * HOUR_S
            (node,) = answer["nodes"]
            assert (node["usn"], node["minutes_observed"]) == ("U1", 120)
            assert node["success_last_hour_percent"] == 100.0
        assert (await desk.statistics(meter="U2", hours=1))["nodes"][0]["answered"] == 2


@jumping
async def test_the_channel_hour_by_hour(tmp_path: Path) -> None:
    """PLC-3, PLC-7: utilisation by purpose."""
    async with open_desk(tmp_path) as desk:
        await write_hours(desk.database, [part(HOUR - 1), part(HOUR - 2, held_ms=900_000)])
        desk.unwritten = [part(HOUR, observed_s=1800, held_ms=9_000_000)]
        answer = await desk.statistics(hours=2)
        told = [hour["utilisation_percent"] for hour in answer["channel_by_hour"]]
        assert told == [25.0, 50.0, 100.0]
        assert answer["channel_by_hour"][1]["held_by_purpose"]["collection_s"] == 1800.0
        assert answer["channel_by_hour"][1]["idle_s"] == 1800.0
        assert answer["channel"]["frames_damaged"] == 3
        brief = await desk.answers.channel_in_brief()
        assert brief["utilisation_last_hour_percent"] == 50.0
        assert brief["utilisation_this_hour_percent"] == 100.0


@jumping
async def test_before_anything_was_counted(tmp_path: Path) -> None:
    """REQ-1: a fresh daemon can be asked as well."""
    async with open_desk(tmp_path) as desk:
        answer = await desk.statistics()
        assert (answer["channel"]["utilisation_percent"], answer["channel_by_hour"]) == (None, [])
        assert await desk.availability() == {"hourly": []}
        assert await desk.availability(by="day") == {"daily": []}
        brief = await desk.answers.channel_in_brief()
        assert brief["utilisation_last_hour_percent"] is None


@jumping
async def test_hourly_availability_in_the_terms_of_the_field(tmp_path: Path) -> None:
    """PLC-3: mean and most at a time, total, and the share of all time that was observed."""
    async with open_desk(tmp_path) as desk:
        nodes = {ONE: counts(3600), TWO: counts(1200), NEW: counts(0, observed_s=0)}
        await write_hours(desk.database, [part(HOUR - 1, nodes=nodes), part(HOUR - 40)])
        desk.unwritten = [
            part(HOUR, observed_s=1800, most=1, nodes={ONE: counts(900, observed_s=900)})
        ]
        hourly = (await desk.availability())["hourly"]
        assert hourly == [
            {
                "hour_at_s": (HOUR - 1) * HOUR_S,
                "meters_available_mean": 1.3,
                "meters_available_max": 2,
                "meters_total": 2,
                "availability_percent": 66.66,
            },
            {
                "hour_at_s": HOUR * HOUR_S,
                "meters_available_mean": 0.5,
                "meters_available_max": 1,
                "meters_total": 1,
                "availability_percent": 100.0,
            },
        ]
        day = (await desk.availability(by="hour", day="2026-11-21"))["hourly"]
        assert [hour["hour_at_s"] for hour in day] == [(HOUR - 1) * HOUR_S, HOUR * HOUR_S]
        assert len((await desk.availability(last=40))["hourly"]) == 3


@jumping
async def test_daily_availability_in_the_terms_of_the_field(tmp_path: Path) -> None:
    """PLC-3: per meter and day; a day is the sum of its hours, and an hour is full at most."""
    async with open_desk(tmp_path) as desk:
        yesterday = [
            part(HOUR - 36 + n, nodes={ONE: counts(3600), TWO: counts(1801)}) for n in range(24)
        ]
        await write_hours(desk.database, yesterday)
        await write_hours(
            desk.database, [part(HOUR, observed_s=600, nodes={TWO: counts(300, observed_s=600)})]
        )
        desk.unwritten = [
            part(HOUR, observed_s=1200, nodes={TWO: counts(600, observed_s=1200), NEW: counts(9)})
        ]
        first, second, *today = (await desk.availability(by="day", last=1))["daily"]
        assert first == {
            "day": "2026-11-20",
            "meter": "U1",
            "minutes_available": 1440,
            "state_changes": 24,
            "minutes_observed": 1440,
            "availability_percent": 100.0,
        }
        assert (second["meter"], second["minutes_available"]) == ("U2", 720)
        assert second["availability_percent"] == 50.02
        told = {
            each["meter"]: (each["minutes_available"], each["minutes_observed"]) for each in today
        }
        assert told == {"U2": (15, 30), NEW.hex(): (0, 60)}
        one = (await desk.availability(by="day", day="2026-11-20", meter="U2"))["daily"]
        assert one == [second]
        (running,) = (await desk.availability(by="day", day="2026-11-21", meter="U2"))["daily"]
        assert (running["minutes_available"], running["state_changes"]) == (15, 2)


@pytest.mark.parametrize(
    "request_",
    [
        {"ask": "statistics", "hours": 0},
        {"ask": "statistics", "hours": True},
        {"ask": "statistics", "hours": "24"},
        {"ask": "statistics", "hours": 10**9},
        {"ask": "statistics", "meter": "nobody"},
        {"ask": "statistics", "meter": 7},
        {"ask": "availability", "by": "week"},
        {"ask": "availability", "by": ["day"]},
        {"ask": "availability", "last": -1},
        {"ask": "availability", "day": "yesterday"},
        {"ask": "availability", "day": 20},
        {"ask": "availability", "meter": "U1"},
        {"ask": "availability", "by": "day", "meter": "nobody"},
        {"ask": "availability", "by": "day", "last": 366, "meter": []},
    ],
)
def test_a_wrong_question_is_refused(tmp_path: Path, request_: dict[str, Any]) -> None:
    """REQ-1: with a reason; whatever stands in it, the daemon goes on."""

    @jumping
    async def ask() -> None:
        async with open_desk(tmp_path) as desk:
            question = getattr(desk.answers, request_["ask"])
            with pytest.raises(RequestRefused):
                await question(request_)

    ask()


@jumping
async def test_an_answer_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQ-1: the daemon has a line to serve meanwhile."""
    monkeypatch.setattr("gateway.statistics_answers.ROWS_MAX", 8)
    async with open_desk(tmp_path) as desk:
        assert await desk.availability(by="day", last=1) == {"daily": []}
        with pytest.raises(RequestRefused, match="9 rows"):
            await desk.availability(by="day", last=2)
        assert await desk.availability(by="day", last=2, meter="U1") == {"daily": []}


def test_a_hundred_percent_is_all_of_it() -> None:
    """PLC-3: nothing is rounded up to perfection."""
    assert percent(78, 117) == 66.66
    assert percent(86_399, 86_400) == 99.99
    assert percent(86_400, 86_400) == 100.0
    assert percent(0, 0) is None
