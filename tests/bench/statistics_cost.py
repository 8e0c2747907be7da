"""What the line's statistics cost: time a call, octets a row, octets written a day, a question."""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from gateway.core.purpose import Purpose
from gateway.meters.node_statistics import NodeStatistics
from gateway.store.database import Database
from gateway.store.hour_queries import Hours, days_of_nodes, hours_of_node, sum_by_node
from gateway.store.line_hour import HOUR_S, ChannelCounts, Hops, LineHour, NodeCounts
from gateway.store.node_hours import write_hours
from gateway.store.settings import StorageSettings
from tests.bench.figure import Figure

NODES: Final = 1200
AIM_CALL_US: Final = 5.0
AIM_ROW_OCTETS: Final = 80.0
AIM_DAY_MIB: Final = 8.0

_HOURS_A_DAY: Final = 24
_FIRST: Final = 498_672
_CALLS: Final = 20_000
_TITLES: Final = [number.to_bytes(6, "big") for number in range(NODES)]


def statistics_cost(directory: Path, days: int, tell: Callable[[str], None]) -> list[Figure]:
    """Measure on a file in `directory`, which should be on a real disk, with so many days in it."""
    calls = _call_us()
    tell("statistics, microseconds a call: " + _listed(calls))
    with tempfile.TemporaryDirectory(dir=directory, prefix="statistics-") as place:
        row_octets, day_mib, asked = asyncio.run(_on_disk(Path(place) / "store.db", days))
    tell(f"statistics, {NODES} nodes, {days} days, milliseconds a question: " + _listed(asked))
    return [
        Figure(
            name="statistics, the dearest call",
            value=max(calls.values()),
            unit="us",
            aim=AIM_CALL_US,
            lower_is_better=True,
            details=calls,
        ),
        Figure(
            name="statistics, a row of a node and hour",
            value=row_octets,
            unit="octets",
            aim=AIM_ROW_OCTETS,
            lower_is_better=True,
        ),
        Figure(
            name=f"statistics, written a day for {NODES} nodes",
            value=day_mib,
            unit="MiB",
            aim=AIM_DAY_MIB,
            lower_is_better=True,
        ),
        Figure(
            name=f"statistics, all nodes over {days} days",
            value=asked["all nodes"],
            unit="ms",
            details=asked,
        ),
    ]


def _call_us() -> dict[str, float]:
    statistics = NodeStatistics(0.0, _FIRST * HOUR_S)
    facts = {"hops_down": 1, "hops_up": 2, "octets": 100, "airtime_s": 0.9}

    def lost_and_found(node: bytes) -> None:
        statistics.silent(node, 2.0, 3)
        statistics.answered(node, 3.0, Purpose.COLLECTION, **facts)  # type: ignore[arg-type]  # mixed numbers

    calls: dict[str, Callable[[bytes], None]] = {
        "tried": lambda node: statistics.tried(
            node, Purpose.COLLECTION, credit=2, octets=30, airtime_s=0.45
        ),
        "answered": lambda node: statistics.answered(node, 1.0, Purpose.COLLECTION, **facts),  # type: ignore[arg-type]  # mixed numbers
        "silent and answered": lost_and_found,
        "channel_used": lambda _: statistics.channel_used(
            4.0, Purpose.COLLECTION, held_s=1.5, frames_sent=1, frames_heard=1
        ),
    }
    return {name: _quickest_us(call) for name, call in calls.items()}


def _quickest_us(call: Callable[[bytes], None]) -> float:
    took_s = []
    for _ in range(_CALLS // NODES):
        began = time.perf_counter()
        for node in _TITLES:
            call(node)
        took_s.append(time.perf_counter() - began)
    return min(took_s) / NODES * 1e6


async def _on_disk(path: Path, days: int) -> tuple[float, float, dict[str, float]]:
    rng = random.Random(1)
    hours = days * _HOURS_A_DAY
    with ThreadPoolExecutor(1, thread_name_prefix="store") as thread:
        settings = StorageSettings(statistics_days=days)
        async with Database(path, thread, settings) as database:
            for number in range(hours):
                await write_hours(database, [_hour(_FIRST + number, rng)])
            before = _octets_written()
            for number in range(hours, hours + _HOURS_A_DAY):  # each deletes what it replaces
                await write_hours(database, [_hour(_FIRST + number, rng)])
            day_mib = (_octets_written() - before) / 1024**2
            span = Hours(first=_FIRST + _HOURS_A_DAY, last=_FIRST + hours + _HOURS_A_DAY - 1)
            asked = {
                "all nodes": await _took_ms(sum_by_node(database, span)),
                "one node": await _took_ms(hours_of_node(database, _TITLES[77], span)),
                "all days": await _took_ms(days_of_nodes(database, span)),
            }
    return path.stat().st_size / (NODES * hours), day_mib, asked


async def _took_ms(question: Coroutine[Any, Any, object]) -> float:
    began = time.perf_counter()
    await question
    return (time.perf_counter() - began) * 1000


def _octets_written() -> int:
    """Return what this process has given to the disk, write-ahead log and checkpoints included."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["write_bytes"])


def _hour(hour: int, rng: random.Random) -> LineHour:
    channel = ChannelCounts(
        observed_s=HOUR_S,
        available_most=NODES,
        held_ms=(60_000, 90_000, 5_000, 0, 3_100_000, 0),
        frames_sent=2400,
        frames_heard=2100,
        frames_damaged=9,
    )
    nodes = {node: _node(hour, rng) for node in _TITLES}
    return LineHour(hour=hour, channel=channel, nodes=nodes)


def _node(hour: int, rng: random.Random) -> NodeCounts:
    """Return an hour of a node as a line at 2400 bit/s has it: a few exchanges, now and then one
    that failed."""
    answered = rng.choice((1, 1, 1, 2, 2, 3, 5))
    needs = [rng.randrange(5) for _ in range(answered)]
    hops = Hops(total=sum(needs), fewest=min(needs), most=max(needs))
    is_lost = rng.random() < 0.1
    return NodeCounts(
        observed_s=HOUR_S,
        available_s=rng.randrange(HOUR_S) if is_lost else HOUR_S,
        state_changes=2 if is_lost else 0,
        tries=answered + 3 * is_lost,
        answered=answered,
        silent=int(is_lost),
        credit_total=sum(needs) + 14 * is_lost,
        credit_most=7 if is_lost else max(needs),
        hops_down=hops,
        hops_up=hops,
        sent_octets=30 * answered,
        heard_octets=120 * answered,
        airtime_ms=(0, 900 * is_lost, 0, 0, 1500 * answered, 0),
        last_answer_at_s=hour * HOUR_S + rng.randrange(HOUR_S),
    )


def _listed(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.2f}" for name, value in figures.items())
