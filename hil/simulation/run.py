"""One run of a scenario in virtual time; what it leaves behind is read by hil.judge."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from drivers.plc.airtime import LineTiming
from hil.simulation.fault_schedule import FaultSchedule, Happening
from hil.simulation.plan import DAY_S, Plan, Progress
from hil.simulation.run_log import log_into
from hil.simulation.site import Makers
from hil.simulation.stage import Stage
from hil.virtual_loop import run_virtually

LOOK_EVERY_S = 900.0
LOG_FILE = "daemon.log"


def simulate(
    makers: Makers[Any, Any],
    plan: Plan,
    tell: Callable[[Progress], None],
    real_s: Callable[[], float],
) -> None:
    """Run a scenario to its end.

    Args:
        makers: of modems and daemons.
        plan: what.
        tell: is told how far the run has come, now and then.
        real_s: the world's clock, to say how long the run took.

    Raises:
        ScenarioFault: a fault names what is not there.
        ExceptionGroup: a daemon, or the stage, has failed.
    """
    begun_s = real_s()
    run_virtually(_run(plan, makers, tell, lambda: real_s() - begun_s))


async def _run(
    plan: Plan,
    makers: Makers[Any, Any],
    tell: Callable[[Progress], None],
    passed_s: Callable[[], float],
) -> None:
    stage = Stage(plan.scenario, plan.topology, plan.seed, plan.folder, makers)
    with log_into(plan.folder / LOG_FILE, stage.now_s, logging.WARNING):
        try:
            schedule = FaultSchedule(stage, lambda what: tell(_progress(plan, stage, what)))
            _note_beginning(plan, stage)
            await stage.start()
            await _days_and_settling(plan, stage, schedule, tell)
            _note_end(stage, schedule.happened, passed_s())
        finally:
            await stage.close()


async def _days_and_settling(
    plan: Plan, stage: Stage, schedule: FaultSchedule, tell: Callable[[Progress], None]
) -> None:
    faults = asyncio.create_task(schedule.carry_out(), name="faults")
    loop = asyncio.get_running_loop()
    begun = loop.time()
    stops = begun + plan.days * DAY_S
    ends = begun + plan.whole_s
    try:
        while (now := loop.time()) < ends:
            if now >= stops:
                stops = float("inf")
                stage.bench.stop_capture()
            await asyncio.sleep(min(LOOK_EVERY_S, stops - now, ends - now))
            stage.check()
            if faults.done():
                faults.result()
            tell(_progress(plan, stage))
    finally:
        faults.cancel()
        with suppress(asyncio.CancelledError):
            await faults


def _progress(plan: Plan, stage: Stage, happened: str = "") -> Progress:
    held, committed = stage.progress()
    return Progress(
        passed_s=stage.now_s() - plan.scenario.start_s,
        whole_s=plan.whole_s,
        rows_held=held,
        rows_committed=committed,
        happened=happened,
    )


def _note_beginning(plan: Plan, stage: Stage) -> None:
    scenario, truth = plan.scenario, stage.truth
    timing = LineTiming(bit_rate_bps=scenario.bit_rate_bps)
    for name, value in (
        ("scenario", scenario.name),
        ("about", scenario.about.strip()),
        ("demand", scenario.demand.model_dump(mode="json", by_alias=True)),
        ("topology", plan.topology.name),
        ("local_offset_s", plan.topology.local_offset_s),
        ("told_percent", plan.topology.told_percent),
        ("told_by_hour", plan.topology.told_by_hour),
        ("substations", plan.topology.substations),
        ("seed", plan.seed),
        ("days", plan.days),
        ("start_s", scenario.start_s),
        ("capture_end_s", scenario.start_s + plan.days * DAY_S),
        ("bit_rate_bps", scenario.bit_rate_bps),
        ("slot_s", timing.slot_s),
        ("packing", timing.packing),
    ):
        truth.fact(name, value)


def _note_end(stage: Stage, happened: list[Happening], real_s: float) -> None:
    truth = stage.truth
    truth.fact("end_s", stage.now_s())
    truth.fact("concentrators", stage.concentrators)
    truth.fact("happened", [[each.at_s, each.what] for each in happened])
    truth.fact("real_s", round(real_s, 2))
