"""How soon the shipped daemon is ready, and how much memory it holds with how many meters."""

import asyncio
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.bench.daemon_rig import DaemonRig, RigFailed, RigOptions
from tests.bench.figure import Figure

READY_AIM_S: Final = 1.0
RESIDENT_AIM_MB: Final = 80.0
FEW, MANY = 12, 200

LINE_RATE_BPS: Final = 1_000_000
"""Real registration, and quick: at the demo's rate that of the many would take six minutes."""

WORK_S: Final = 8.0
"""So long the daemon works on after all meters are there, and after a new start."""

REGISTERED_WITHIN_S: Final = 240.0
_LOOK_EVERY_S: Final = 0.5
_TELL_EVERY_S: Final = 10.0


@dataclass(slots=True, kw_only=True)
class Taken:
    """What one rig gave.

    Attributes:
        ready_s: of every start; the first one with a store that had to be made.
        resident_mb: the highest seen.
        registering_s: from the first start until all meters were identified.
    """

    ready_s: list[float] = field(default_factory=list)
    resident_mb: float = 0.0
    registering_s: float = 0.0
    rows: int = 0


def daemon_figures(
    directory: Path, starts: int, tell: Callable[[str], None], *, many: bool
) -> list[Figure]:
    """Measure with few meters, and with `many` meters if wanted."""
    few = RigOptions(directory=directory / "few", meters=FEW, line_rate_bps=LINE_RATE_BPS)
    taken = asyncio.run(_measure(few, starts, tell))
    figures = [
        Figure(
            name="daemon, from spawn to READY",
            value=statistics.median(taken.ready_s),
            unit="s",
            aim=READY_AIM_S,
            lower_is_better=True,
            details={"samples_s": taken.ready_s},
        ),
        _resident(taken, FEW),
    ]
    if many:
        options = RigOptions(directory=directory / "many", meters=MANY, line_rate_bps=LINE_RATE_BPS)
        taken = asyncio.run(_measure(options, 3, tell))
        figures += [
            Figure(
                name=f"daemon, the same, {MANY} meters in its store",
                value=statistics.median(taken.ready_s[1:]),
                unit="s",
                aim=READY_AIM_S,
                lower_is_better=True,
                details={"samples_s": taken.ready_s[1:]},
            ),
            _resident(taken, MANY),
        ]
    return figures


def _resident(taken: Taken, meters: int) -> Figure:
    return Figure(
        name=f"daemon, resident memory, {meters} meters",
        value=taken.resident_mb,
        unit="MB",
        aim=RESIDENT_AIM_MB,
        lower_is_better=True,
        details={"registering_s": taken.registering_s, "rows_stored": taken.rows},
    )


async def _measure(options: RigOptions, starts: int, tell: Callable[[str], None]) -> Taken:
    """Let a daemon register all meters and work; then start it again `starts` times."""
    taken = Taken()
    async with DaemonRig(options) as rig:
        taken.ready_s.append(await rig.start_daemon())
        tell(
            f"{options.meters} meters at {options.line_rate_bps:,} bit/s: started,"
            f" {rig.ready_means} after {taken.ready_s[0]:.2f} s; meters are being registered"
        )
        began_s = time.perf_counter()
        await rig.plug_in_all()
        await _all_registered(rig, options.meters, taken, tell)
        taken.registering_s = round(time.perf_counter() - began_s, 1)
        await _work(rig, taken)
        tell(
            f"{options.meters} meters registered in {taken.registering_s:.0f} s; after"
            f" {WORK_S:.0f} s more, with {taken.rows} rows stored, the highest resident memory is"
            f" {taken.resident_mb:.1f} MB"
        )
        for _ in range(starts):
            await rig.stop_daemon()
            taken.ready_s.append(await rig.start_daemon())
        again = ", ".join(f"{ready_s:.2f}" for ready_s in taken.ready_s[1:])
        await _work(rig, taken)
        tell(f"started again on its store: ready after {again} s; then {taken.resident_mb:.1f} MB")
        await rig.stop_daemon()
    return taken


async def _all_registered(
    rig: DaemonRig, meters: int, taken: Taken, tell: Callable[[str], None]
) -> None:
    began_s = told_s = time.perf_counter()
    while True:
        line = (await rig.ask("status"))["line"]
        taken.resident_mb = max(taken.resident_mb, rig.resident_mb())
        if line["registered"] >= meters and line["meters"] >= meters:
            return
        now_s = time.perf_counter()
        if now_s - began_s > REGISTERED_WITHIN_S:
            raise RigFailed(f"{line['registered']} of {meters} meters registered in time")
        if now_s - told_s > _TELL_EVERY_S:
            told_s = now_s
            tell(f"  {line['meters']} of {meters} meters, {taken.resident_mb:.1f} MB")
        await asyncio.sleep(_LOOK_EVERY_S)


async def _work(rig: DaemonRig, taken: Taken) -> None:
    end_s = time.perf_counter() + WORK_S
    while time.perf_counter() < end_s:
        taken.resident_mb = max(taken.resident_mb, rig.resident_mb())
        await asyncio.sleep(_LOOK_EVERY_S)
    taken.rows = (await rig.ask("status"))["store"]["rows"]
