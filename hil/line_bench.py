"""The emulated line with all that hangs on it: meters, their truth, and what may befall them."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drivers.dlms.companion import Entity
from drivers.plc.airtime import LineTiming
from hil.capture_scheduler import CaptureScheduler
from hil.dlms_meter import ApduServer, DlmsMeter
from hil.line_control import NoSuchMeter
from hil.lv_network.air_log import AirLog, NoAirLog
from hil.lv_network.channel import Channel
from hil.lv_network.line_timer import Timer, TimerHandle
from hil.lv_network.network import LvNetwork
from hil.lv_network.reach_log import ReachLog
from hil.lv_network.station import RepeaterMode
from hil.lv_network.topology import Topology
from hil.meter.module import MeterModule, MeterSettings
from hil.meter.moment import Moment
from hil.population import PlannedMeter, bring_to_life
from hil.rig_clock import RigClock
from hil.truth import COMMIT_INTERVAL_S, TruthWriter


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSettings:
    """What decides a whole emulated line.

    Attributes:
        topology: cables, places and weather.
        population: who hangs where; those not plugged in join later.
        seed: the same seed gives the same weather, lives and losses.
        meter: how the meters are set.
        never_repeat, always_repeat: shares of the meters, 0 to 1; all others are dynamic.
    """

    topology: Topology
    population: Sequence[PlannedMeter]
    seed: int
    timing: LineTiming
    meter: MeterSettings
    never_repeat: float = 0.0
    always_repeat: float = 0.0


class LineBench:
    """Runs a line; everything happens in callbacks of one event loop.

    Attributes:
        network: the line itself.
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
        make_server: Callable[[MeterModule, Moment], ApduServer],
        log: AirLog | None = None,
        notes_reach: bool = False,
    ) -> None:
        """Bring the population to life; those not held back are on the line at once.

        With `notes_reach` the truth is told, all the time, who could be reached and how.
        """
        self._make_server = make_server
        self._settings = settings
        self._timer = timer
        self._clock = clock
        self._truth = truth
        self._scheduler = CaptureScheduler(timer, clock)
        self._capturing = True
        self._commit: TimerHandle | None = None
        self.network = LvNetwork(
            timer=timer,
            clock=clock,
            timing=settings.timing,
            channel=Channel(settings.topology, settings.seed),
            seed=settings.seed,
            log=log or NoAirLog(),
        )
        self.plugged: dict[str, DlmsMeter] = {}
        self.waiting: dict[str, PlannedMeter] = {}
        self._places: dict[str, int] = {}
        self._supplied_since: dict[str, float] = {}
        for plan in settings.population:
            self.waiting[plan.usn] = plan
            if plan.plugged_in:
                self.plug_in(plan.usn)
        truth.commit()
        truth.when_dirty = self._commit_soon
        self._notes_reach = notes_reach
        self._reach: ReachLog | None = None

    def begin_weather(self) -> None:
        """Let the weather go on from now on; the modems are connected by then."""
        self._reach = ReachLog(
            self.network,
            timer=self._timer,
            clock=self._clock,
            was_reached=self._truth.was_reached if self._notes_reach else None,
        )

    def plug_in(self, usn: str) -> None:
        """Connect a meter that was held back.

        Raises:
            NoSuchMeter: there is none, or it is plugged in already.
        """
        plan = self.waiting.pop(usn, None)
        if plan is None:
            raise NoSuchMeter(f"no meter {usn} waits to be plugged in")
        module = bring_to_life(plan, self._settings.meter, self._now_s(), self._truth)
        self._truth.meter_added(
            usn, plan.kind.name, place=plan.place, system_title=module.identity.system_title.hex()
        )
        for entity in module.rings:
            self._truth.stream_added(usn, entity, module.row_octets(entity))
        for slave in module.slaves.values():
            self._truth.meter_added(
                slave.usn,
                "slave",
                parent_usn=usn,
                medium=int(slave.medium),
                channel=slave.channel,
            )
            self._truth.stream_added(slave.usn, Entity.SLAVE, module.row_octets(Entity.SLAVE))
        meter = DlmsMeter(
            module,
            clock=self._clock,
            now=self._timer.time(),
            rng=random.Random(f"node/{plan.seed}"),  # noqa: S311  (dice, not a key)
            make_server=self._make_server,
            schedule_changed=self._scheduler.plan,
        )
        meter.repeater_mode = self._repeater_mode(plan)
        meter.repeats = meter.repeater_mode is not RepeaterMode.NEVER
        if not self._capturing:
            module.stop_capture(self._now_s())
        self.plugged[usn] = meter
        self._places[usn] = plan.place
        self._supplied_since[usn] = self._now_s()
        self.network.connect(plan.place, meter)
        self._scheduler.plan(module)

    def unplug(self, usn: str) -> None:
        """Take a meter away for good; its place is free. Raises NoSuchMeter."""
        meter = self._meter(usn)
        self.power_off(usn)
        meter.module.stop_capture(self._now_s())
        self.network.disconnect(self._places.pop(usn))
        del self.plugged[usn]

    def power_off(self, usn: str) -> None:
        """Take the mains from a meter. Raises NoSuchMeter."""
        meter = self._meter(usn)
        if meter.powered:
            self._truth.had_supply(usn, self._supplied_since.pop(usn), self._now_s())
        meter.power_off(self._now_s())
        self.network.refresh(self._places[usn])

    def power_on(self, usn: str) -> None:
        """Give a meter the mains back. Raises NoSuchMeter."""
        meter = self._meter(usn)
        if not meter.powered:
            self._supplied_since[usn] = self._now_s()
        meter.power_on(self._now_s())
        self.network.refresh(self._places[usn])

    def step_clock(self, usn: str, by_s: float) -> None:
        """Let a meter's clock jump, as if somebody had set it there. Raises NoSuchMeter."""
        module, now_s = self._meter(usn).module, self._now_s()
        module.set_clock(module.clock.time_s(now_s) + by_s, now_s)
        self._scheduler.plan(module)

    def raise_alarm(self, usn: str, descriptor: int) -> None:
        """Let a node send the alarm pattern until its alarm is cleared. Raises NoSuchMeter."""
        self._meter(usn).node.alarm_descriptor = descriptor

    def network_changed(self) -> None:
        """Take note that somebody has rewired or burdened the network."""
        if self._reach is not None:
            self._reach.look_again()

    def place_of(self, usn: str) -> int:
        """Return where a meter hangs. Raises NoSuchMeter."""
        self._meter(usn)
        return self._places[usn]

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
        counters = self.network.counters
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
        if self._reach is not None:
            self._reach.close()
        if self._commit is not None:
            self._commit.cancel()
        for usn, since_s in self._supplied_since.items():
            self._truth.had_supply(usn, since_s, self._now_s())
        self._supplied_since.clear()
        self._truth.when_dirty = lambda: None
        self._truth.close()

    def _meter(self, usn: str) -> DlmsMeter:
        meter = self.plugged.get(usn)
        if meter is None:
            raise NoSuchMeter(f"no meter {usn} on this line")
        return meter

    def _repeater_mode(self, plan: PlannedMeter) -> RepeaterMode:
        share = random.Random(f"repeats/{plan.seed}").random()  # noqa: S311  (dice, not a key)
        if share < self._settings.never_repeat:
            return RepeaterMode.NEVER
        if share >= 1.0 - self._settings.always_repeat:
            return RepeaterMode.ALWAYS
        return RepeaterMode.DYNAMIC

    def _now_s(self) -> float:
        return self._clock.utc_s(self._timer.time())

    def _commit_soon(self) -> None:
        self._commit = self._timer.call_at(
            self._timer.time() + COMMIT_INTERVAL_S, self._truth.commit
        )
