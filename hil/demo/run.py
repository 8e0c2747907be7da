"""One run: start the bench, carry out the schedule, wait until all is committed, stop."""

import asyncio
from dataclasses import dataclass, field

from hil.demo.bench import Bench
from hil.demo.layout import DemoLayout
from hil.demo.observer import HeadEndFigures, Observer
from hil.demo.options import DemoOptions
from hil.demo.schedule import Deed, Step, plan_schedule
from hil.demo.view import Sample, View
from hil.population import PlannedMeter, plan_population
from hil.report import RunFacts
from hil.rig_clock import RigClock
from hil.verdict import VerdictImpossible, judge_directory

SAMPLE_EVERY_S = 0.5
DAEMON_AWAY_S = 0.5
_JUDGE_EVERY_S = 0.5
_SETTLE_S = 1.5


@dataclass(slots=True, kw_only=True)
class RunRecord:
    """What is noted while a run goes on.

    Attributes:
        daemon_started_at_s: UTC of the daemon's first start.
        daemon_exit_status: of its orderly end; None if it had to be killed.
        duration_s: from the start of the run to the last row committed.
    """

    samples: list[Sample] = field(default_factory=list)
    events: list[tuple[float, str]] = field(default_factory=list)
    daemon_kills: int = 0
    wan_cuts: int = 0
    daemon_started_at_s: float = 0.0
    daemon_exit_status: int | None = None
    duration_s: float = 0.0
    head_end: HeadEndFigures = field(default_factory=HeadEndFigures)

    def facts(self, options: DemoOptions) -> RunFacts:
        """Return what the report tells of the run."""
        first_s = self.head_end.first_commit_at_s
        return RunFacts(
            batches_repeated=self.head_end.batches_repeated,
            seconds_to_first_commit=(
                None if first_s is None else round(first_s - self.daemon_started_at_s, 2)
            ),
            duration_s=self.duration_s,
            daemon_kills=self.daemon_kills,
            daemon_exit_status=self.daemon_exit_status,
            head_end_deaths=self.head_end.deaths,
            wan_cuts=self.wan_cuts,
            options=options.told(),
            events=tuple(self.events),
        )


class DemoRun:
    """Runs once."""

    def __init__(
        self, options: DemoOptions, layout: DemoLayout, view: View, clock: RigClock
    ) -> None:
        self.record = RunRecord()
        self._options = options
        self._layout = layout
        self._view = view
        self._clock = clock
        self._observer = Observer(layout)
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    async def run(self) -> None:
        """Do it all; every process has ended when this returns or raises.

        Raises:
            ExceptionGroup: ProcessDied or BenchNotReady, with a sentence each.
        """
        steps = self._plan()
        self._view.announce(steps)
        async with asyncio.TaskGroup() as group:
            bench = Bench(self._options, self._layout, group, self._note)
            try:
                await bench.start()
                self.record.daemon_started_at_s = self._clock.utc_s(self._loop.time())
                await bench.start_daemon()
                self._note("the daemon is started")
                watching = group.create_task(self._watch_bench(bench))
                await self._carry_out(steps, bench)
                await self._until_committed()
                watching.cancel()
            finally:
                self.record.daemon_kills = bench.daemon_kills
                self.record.wan_cuts = bench.wan.counters.cuts
                self.record.daemon_exit_status = await bench.stop()
        self.record.head_end = await self._observer.head_end()

    def _plan(self) -> list[Step]:
        meters = plan_population(self._options.meters, self._options.seed)
        late = next((meter.usn for meter in meters if not meter.plugged_in), None)
        return plan_schedule(self._options, late=late, unlucky=_unlucky(meters))

    async def _carry_out(self, steps: list[Step], bench: Bench) -> None:
        for step in steps:
            await asyncio.sleep(step.at_s - self._now_s())
            self._note(step.says)
            match step.deed:
                case Deed.PLUG_IN:
                    await bench.tell_line("plug_in", step.usn)
                case Deed.POWER_OFF:
                    await bench.tell_line("power_off", step.usn)
                case Deed.POWER_ON:
                    await bench.tell_line("power_on", step.usn)
                case Deed.CUT_WAN:
                    bench.wan.cut()
                case Deed.MEND_WAN:
                    bench.wan.mend()
                case Deed.KILL_DAEMON:
                    await bench.kill_daemon()
                    await asyncio.sleep(DAEMON_AWAY_S)
                    await bench.start_daemon()
                    self._note("the daemon is started again")
                case Deed.STOP_CAPTURE:
                    await bench.tell_line("stop_capture")

    async def _until_committed(self) -> None:
        """Return when nothing is missing any more, or when the time is up."""
        while self._now_s() < self._options.deadline_s:
            if await asyncio.to_thread(self._is_good):
                self.record.duration_s = self._now_s()
                self._note("all is committed")
                await asyncio.sleep(_SETTLE_S)  # time for a row to come twice, if one does
                return
            await asyncio.sleep(_JUDGE_EVERY_S)
        self.record.duration_s = self._now_s()
        self._note("the time is up")

    def _is_good(self) -> bool:
        try:
            return judge_directory(self._layout.directory).good
        except VerdictImpossible:
            return False

    async def _watch_bench(self, bench: Bench) -> None:
        while True:
            sample = await self._observer.look(self._now_s(), wan_is_cut=bench.wan.is_cut)
            self.record.samples.append(sample)
            self._view.sample(sample)
            await asyncio.sleep(SAMPLE_EVERY_S)

    def _note(self, text: str) -> None:
        self.record.events.append((self._now_s(), text))
        self._view.event(self._now_s(), text)

    def _now_s(self) -> float:
        return self._loop.time() - self._began


def _unlucky(meters: list[PlannedMeter]) -> str | None:
    """Return an ordinary meter: plugged in, with the right clock and without slaves if there is."""
    candidates = [meter for meter in meters if meter.plugged_in]
    ordinary = [m for m in candidates if not m.slaves and abs(m.clock_offset_s) < 1]
    chosen = ordinary or candidates
    return chosen[-1].usn if chosen else None
