"""The emulated line with all that hangs on it: meters, their truth, and what may befall them."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from drivers.plc.airtime import LineTiming
from hil.air import AirEvent
from hil.capture_scheduler import CaptureScheduler
from hil.dlms_meter import ApduServer, DlmsMeter
from hil.line_control import NoSuchMeter
from hil.lv_line import LOSS_PER_HOP, LvLine, Timer, TimerHandle
from hil.meter.module import MeterModule, MeterSettings
from hil.meter.moment import Moment
from hil.population import PlannedMeter, bring_to_life, plan_population
from hil.rig_clock import RigClock
from hil.truth import COMMIT_INTERVAL_S, TruthWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSettings:
    """What decides a whole emulated line.

    Attributes:
        meters: how many power-line meters, the latecomer included.
        seed: the same seed gives the same population, lives and losses.
    """

    meters: int
    seed: int
    timing: LineTiming
    meter: MeterSettings
    loss_per_hop: float = LOSS_PER_HOP


class LineBench:
    """Runs a line; everything happens in callbacks of one event loop.

    Attributes:
        plugged: meters on the line, by utility serial number.
        waiting: meters that are still to be plugged in.
    """

    def __init__(
        self,
        settings: BenchSettings,
        *,
        timer: Timer,
        clock: RigClock,
        truth: TruthWriter,
        tell_modem: Callable[[AirEvent], object],
        make_server: Callable[[MeterModule, Moment], ApduServer],
    ) -> None:
        """Bring the population to life; those not held back are on the line at once."""
        self._make_server = make_server
        self._settings = settings
        self._timer = timer
        self._clock = clock
        self._truth = truth
        self._scheduler = CaptureScheduler(timer, clock)
        self._capturing = True
        self._commit: TimerHandle | None = None
        self.line = LvLine(
            timer=timer,
            timing=settings.timing,
            rng=random.Random(f"line/{settings.seed}"),  # noqa: S311  (dice, not a key)
            tell_modem=tell_modem,
            loss_per_hop=settings.loss_per_hop,
        )
        self.plugged: dict[str, DlmsMeter] = {}
        self.waiting: dict[str, PlannedMeter] = {}
        for plan in plan_population(settings.meters, settings.seed):
            self.waiting[plan.usn] = plan
            if plan.plugged_in:
                self.plug_in(plan.usn)
        truth.commit()
        truth.when_dirty = self._commit_soon

    def plug_in(self, usn: str) -> None:
        """Connect a meter that was held back.

        Raises:
            NoSuchMeter: there is none, or it is plugged in already.
        """
        plan = self.waiting.pop(usn, None)
        if plan is None:
            raise NoSuchMeter(f"no meter {usn} waits to be plugged in")
        module = bring_to_life(plan, self._settings.meter, self._now_s(), self._truth)
        self._truth.meter_added(usn, plan.kind.name)
        for slave in module.slaves.values():
            self._truth.meter_added(
                slave.usn,
                "slave",
                parent_usn=usn,
                medium=int(slave.medium),
                channel=slave.channel,
            )
        meter = DlmsMeter(
            module,
            hop_distance=plan.hop_distance,
            clock=self._clock,
            now=self._timer.time(),
            rng=random.Random(f"node/{plan.seed}"),  # noqa: S311
            make_server=self._make_server,
            schedule_changed=self._scheduler.plan,
        )
        if not self._capturing:
            module.stop_capture(self._now_s())
        self.plugged[usn] = meter
        self.line.stations.append(meter)
        self._scheduler.plan(module)

    def power_off(self, usn: str) -> None:
        """Take the mains from a meter. Raises NoSuchMeter."""
        self._meter(usn).power_off(self._now_s())

    def power_on(self, usn: str) -> None:
        """Give a meter the mains back. Raises NoSuchMeter."""
        self._meter(usn).power_on(self._now_s())

    def stop_capture(self) -> int:
        """End the arising of rows; return how many the meters hold, all of them in the truth."""
        self._capturing = False
        self._scheduler.stop()
        for meter in self.plugged.values():
            meter.module.stop_capture(self._now_s())
        self._truth.commit()
        return self._truth.row_count()

    def status(self) -> dict[str, object]:
        """Return what an onlooker wants to know, as JSON-ready values."""
        counters = self.line.counters
        return {
            "capturing": self._capturing,
            "rows": self._truth.row_count(),
            "line": {name: getattr(counters, name) for name in counters.__dataclass_fields__},
            "waiting": sorted(self.waiting),
            "meters": [meter.describe() for meter in self.plugged.values()],
        }

    def close(self) -> None:
        """Stop every timer and complete the truth."""
        self._scheduler.stop()
        if self._commit is not None:
            self._commit.cancel()
        self._truth.close()

    def _meter(self, usn: str) -> DlmsMeter:
        meter = self.plugged.get(usn)
        if meter is None:
            raise NoSuchMeter(f"no meter {usn} on this line")
        return meter

    def _now_s(self) -> float:
        return self._clock.utc_s(self._timer.time())

    def _commit_soon(self) -> None:
        self._commit = self._timer.call_at(
            self._timer.time() + COMMIT_INTERVAL_S, self._truth.commit
        )
