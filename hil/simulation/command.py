"""`gridgate-hil simulate`: a scenario in virtual time, its verdict, and the exit status."""

import argparse
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from hil.judge.conclusion import as_json, conclude, in_words, write_files
from hil.lv_network.topology_file import TopologyFault, load_topology
from hil.scenario import Scenario, ScenarioFault, load_scenario, scenario_names
from hil.simulation.plan import Plan, Progress
from hil.verdict import VerdictImpossible

EXIT_GOOD = 0
EXIT_NOT_GOOD = 1
EXIT_USAGE = 2
_SAY_EVERY_S = 5.0
_REDRAW_EVERY_S = 0.2
_DAY_S = 86_400.0


def add_simulate_options(parser: argparse.ArgumentParser) -> None:
    """Say what may stand behind `gridgate-hil simulate`."""
    parser.add_argument(
        "scenario", metavar="SCENARIO", help=f"a file, or one of {', '.join(scenario_names())}"
    )
    parser.add_argument("--days", type=float, metavar="D", help="instead of the scenario's")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="default 1")
    parser.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="for all files (default build/simulate/NAME-SEED); what is there is replaced",
    )
    parser.add_argument("--json", action="store_true", help="print report.json, and nothing else")
    parser.add_argument("--no-page", action="store_true", help="do not draw report.html")


Simulate = Callable[[Plan, Callable[[Progress], None], Callable[[], float]], None]
"""Takes what to run, whom to tell how far it has come, and the world's clock."""


def run_simulate(arguments: argparse.Namespace, simulate: Simulate) -> int:
    """Run it; return 0 only if all that the scenario demands holds."""
    try:
        plan = _plan(arguments)
        progress = ProgressLine(sys.stderr)
        try:
            simulate(plan, progress.tell, time.monotonic)
        finally:
            progress.end()
    except (ScenarioFault, TopologyFault, OSError) as error:
        print(f"no simulation: {error}", file=sys.stderr)
        return EXIT_USAGE
    except ExceptionGroup as group:
        faults, others = group.split(ScenarioFault)
        if faults is None or others is not None:
            raise
        for sentence in _sentences(faults):
            print(f"the scenario cannot go on: {sentence}", file=sys.stderr)
        return EXIT_USAGE
    try:
        conclusion = conclude(plan.folder)
    except VerdictImpossible as error:
        print(f"no verdict: {error}", file=sys.stderr)
        return EXIT_NOT_GOOD
    write_files(plan.folder, conclusion)
    if not arguments.no_page:
        from hil.judge.page import write_page  # noqa: PLC0415  (matplotlib takes a second)

        write_page(plan.folder, conclusion)
    if arguments.json:
        print(as_json(conclusion))
    else:
        print(f"{in_words(conclusion)}\nfiles: {plan.folder}")
    return EXIT_GOOD if conclusion.good else EXIT_NOT_GOOD


def _plan(arguments: argparse.Namespace) -> Plan:
    scenario: Scenario = load_scenario(arguments.scenario)
    days = scenario.days if arguments.days is None else arguments.days
    if not 0.0 < days <= 400.0:
        raise ScenarioFault(f"--days {days:g}: give more than 0 and 400 at most")
    folder = arguments.report or Path("build/simulate") / f"{scenario.name}-{arguments.seed}"
    return Plan(
        scenario=scenario,
        topology=load_topology(scenario.topology),
        seed=arguments.seed,
        days=days,
        folder=_emptied(folder),
    )


def _emptied(folder: Path) -> Path:
    """Make the folder; what an earlier simulation left there is removed, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("daemon-*"):
        shutil.rmtree(old)
    for pattern in ("truth.sqlite*", "head_end.sqlite*", "air.csv", "daemon.log", "report.*"):
        for file in folder.glob(pattern):
            file.unlink()
    return folder


@dataclass(slots=True)
class ProgressLine:
    """Tells how far a run has come: one line redrawn in a terminal, else one now and then."""

    out: TextIO
    _begun_s: float = 0.0
    _said_s: float = 0.0

    def __post_init__(self) -> None:
        self._begun_s = time.monotonic()

    def tell(self, progress: Progress) -> None:
        """Take note; say it if it is time."""
        now_s = time.monotonic()
        day = f"day {progress.passed_s / _DAY_S:.2f}"
        if progress.happened:
            self._say(f"{day}  {progress.happened}", stays=True)
            return
        every_s = _REDRAW_EVERY_S if self.out.isatty() else _SAY_EVERY_S
        if now_s - self._said_s < every_s:
            return
        self._said_s = now_s
        speed = progress.passed_s / max(now_s - self._begun_s, 1e-3)
        self._say(
            f"{day} of {progress.whole_s / _DAY_S:.2f}  {progress.rows_committed} of"
            f" {progress.rows_held} rows committed  {speed:.0f} s/s",
            stays=False,
        )

    def end(self) -> None:
        """Leave the line."""
        if self.out.isatty():
            self._say("", stays=False)

    def _say(self, text: str, *, stays: bool) -> None:
        if self.out.isatty():
            print(f"\r\x1b[K{text}", end="\n" if stays else "", file=self.out, flush=True)
        else:
            print(text, file=self.out, flush=True)


def _sentences(group: BaseExceptionGroup[BaseException]) -> Iterator[str]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _sentences(error)
        else:
            yield str(error)
