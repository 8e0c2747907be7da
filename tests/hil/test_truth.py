"""The truth file and the bench around it, in jumping time."""

import asyncio
import random
import sqlite3
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from drivers.dlms.companion import Entity, RowStatus
from drivers.plc.airtime import LineTiming
from hil.json_control import answer_to
from hil.line_bench import BenchSettings, LineBench
from hil.line_control import NoSuchMeter, carry_out
from hil.lv_network.street import plan_street
from hil.meter.module import MeterSettings
from hil.meter_server import server_for
from hil.population import plan_population
from hil.rig_clock import RigClock
from hil.truth import TruthWriter
from tests.hil.line_helpers import START_S, JumpingTimer, make_module

QUICK = MeterSettings(periodic_period_s=10, slave_period_s=60)


@pytest.fixture
def truth_path(tmp_path: Path) -> Path:
    return tmp_path / "truth.sqlite"


def rows_in(path: Path, where: str = "1 = 1") -> int:
    database = sqlite3.connect(path)
    try:
        return int(database.execute(f"SELECT count(*) FROM rows WHERE {where}").fetchone()[0])
    finally:
        database.close()


def make_bench(path: Path, meters: int = 12, seed: int = 1) -> tuple[LineBench, JumpingTimer]:
    timer = JumpingTimer(now=1_000.0)
    bench = LineBench(
        BenchSettings(
            topology=plan_street(meters, seed),
            population=plan_population(meters, seed),
            seed=seed,
            timing=LineTiming(bit_rate_bps=24_000),
            meter=QUICK,
        ),
        timer=timer,
        clock=RigClock(START_S - 1_000.0),
        truth=TruthWriter(path),
        make_server=server_for,
    )
    return bench, timer


def test_the_truth_holds_what_the_ring_holds(truth_path: Path) -> None:
    """ACQ-3: rows with their occurrence, statuses and integers; overwritten ones are marked."""
    truth = TruthWriter(truth_path)
    module = make_module(observer=truth, offset_s=90.0)
    module.run_due(START_S + 10 * 2200)
    module.set_clock(START_S + 10 * 2200, START_S + 10 * 2200)
    module.run_due(START_S + 10 * 2220)
    truth.close()
    database = sqlite3.connect(truth_path)
    found = database.execute(
        "SELECT captured_at_s, occurrence, status, value1, value2 FROM rows"
        " WHERE stream = 'periodic' AND dropped_at_s IS NULL ORDER BY rowid"
    ).fetchall()
    overwritten = database.execute(
        "SELECT captured_at_s, dropped_at_s FROM rows WHERE dropped_at_s IS NOT NULL"
    ).fetchall()
    database.close()
    assert found == [
        (row.captured_at_s, row.occurrence, row.status, *row.values, None)
        for row in module.rings[Entity.PERIODIC]
    ]
    assert len(found) == 2160
    assert len(overwritten) >= 60
    assert all(dropped_s - captured_s >= 10 * 2150 for captured_s, dropped_s in overwritten)
    assert any(row[1] == 2 for row in found)
    assert any(row[2] & RowStatus.CLOCK_ADJUSTED for row in found)


def test_the_population_is_what_the_demo_promises() -> None:
    """HIL-1: 12 meters: 2 polyphase, two gas slaves, one water, two wrong clocks, one late."""
    plans = plan_population(12, seed=3)
    assert sum(plan.kind.phases == 3 for plan in plans) == 2
    assert sorted(medium.name for plan in plans for medium in plan.slaves) == [
        "GAS",
        "GAS",
        "WATER_COLD",
    ]
    assert sorted(round(plan.clock_offset_s, -1) for plan in plans)[::11] == [-90, 90]
    assert sum(abs(plan.clock_offset_s) > 1 for plan in plans) == 2
    assert sum(not plan.plugged_in for plan in plans) == 1
    assert len({plan.usn for plan in plan_population(200, seed=3)}) == 200
    assert plan_population(12, seed=3) == plans != plan_population(12, seed=4)


def test_history_stands_at_the_start_and_rows_arise_all_the_while(truth_path: Path) -> None:
    """ACQ-3: 60 periodic, 3 daily, 10 slave rows and some events a meter, then one each period."""
    bench, timer = make_bench(truth_path)
    assert rows_in(truth_path, "stream = 'periodic'") == 11 * 60
    assert rows_in(truth_path, "stream = 'daily'") == 11 * 3
    assert rows_in(truth_path, "stream = 'slave'") == 3 * 10
    assert rows_in(truth_path, "stream LIKE '%events'") >= 11 * 4
    assert rows_in(truth_path, "stream = 'monthly'") == 0
    timer.advance(100.6)
    assert rows_in(truth_path, "stream = 'periodic'") == 11 * 70
    bench.close()


def test_stop_capture_completes_the_truth_at_once(truth_path: Path) -> None:
    """HIL-1: right after the answer, another process sees every row, and none follows."""
    bench, timer = make_bench(truth_path)
    timer.advance(29.3)
    answer = _answer(b'{"do": "stop_capture"}', bench)
    assert answer["ok"]
    assert answer["rows"] == rows_in(truth_path)
    (late,) = bench.waiting
    bench.plug_in(late)
    plugged = rows_in(truth_path)
    timer.advance(120.0)
    bench.power_off(late)
    timer.advance(120.0)
    assert rows_in(truth_path, f"usn <> '{late}'") == answer["rows"]
    assert rows_in(truth_path) >= plugged
    bench.close()


def test_commands_say_what_is_wrong(truth_path: Path) -> None:
    """HIL-3: a typing error in a schedule does not end the line."""
    bench, timer = make_bench(truth_path, meters=3)
    for line in (b"nonsense", b"[]", b'{"do": "fly"}', b'{"do": "power_off", "usn": "X"}'):
        answer = _answer(line, bench)
        assert not answer["ok"]
        assert answer["reason"]
    usn = next(iter(bench.plugged))
    assert _answer(b'{"do": "power_off", "usn": "%s"}' % usn.encode(), bench)["ok"]
    timer.advance(30.0)
    meters = bench.status()["meters"]
    assert isinstance(meters, list)
    assert [meter["powered"] for meter in meters if meter["usn"] == usn] == [False]
    bench.power_on(usn)
    timer.advance(30.0)
    bench.close()
    assert rows_in(truth_path, f"usn = '{usn}' AND status & 1") == 1
    with pytest.raises(NoSuchMeter):
        bench.plug_in(usn)


def test_two_hundred_meters_are_light(truth_path: Path) -> None:
    """HIL-1: one timer a meter, nothing that ticks: ten minutes of 200 meters in a moment."""
    bench, timer = make_bench(truth_path, meters=200)
    calls = 0
    original = timer.call_at

    def counted(*args: object) -> object:
        nonlocal calls
        calls += 1
        return original(*args)  # type: ignore[arg-type]

    timer.call_at = counted  # type: ignore[method-assign,assignment]
    timer.advance(60.0)
    assert calls < 200 * 8 + 130
    bench.close()


def test_dice_are_seeded(tmp_path: Path) -> None:
    """HIL-2: the same seed gives the same rows."""
    counts = []
    for name in ("one", "other"):
        bench, timer = make_bench(tmp_path / name, meters=4, seed=9)
        timer.advance(random.Random(name).uniform(60.1, 60.3))
        bench.stop_capture()
        bench.close()
        database = sqlite3.connect(tmp_path / name)
        counts.append(database.execute("SELECT * FROM rows ORDER BY 1, 2, 3, 4").fetchall())
        database.close()
    assert counts[0] == counts[1]
    assert len(counts[0]) > 200


def _answer(line: bytes, bench: LineBench) -> dict[str, Any]:
    return asyncio.run(answer_to(line, partial(carry_out, bench)))
