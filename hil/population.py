"""Who lives on the emulated line: meters, their slaves, their faults, all from one seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from drivers.dlms.companion import DisconnecterEvent, Medium, StandardEvent
from hil.household import make_household
from hil.meter.capture import DAY_S
from hil.meter.clock import MeterClock
from hil.meter.kinds import POLYPHASE, SINGLE_PHASE, MeterKind
from hil.meter.module import Identity, MeterModule, MeterSettings
from hil.meter.registers import EnergyRegisters
from hil.meter.rows import RowObserver
from hil.meter.slave import SlaveMeter, slave_flow
from hil.meter.zone import LocalZone

WRONG_CLOCK_S = 90.0
SUCCESSOR_STEP = 5_000
"""What is added to the number of a meter for the one that takes its place."""

_EVERY_POLYPHASE = 6
_LATE_NUMBER = 5  # an ordinary single-phase meter; the last one of a smaller line
_AHEAD_NUMBER = 2
_BEHIND_NUMBER = 3
_SLAVE_PLACES = {1: Medium.GAS, 4: Medium.GAS, 8: Medium.WATER_COLD}
_DOZEN = 12
_QUIET_BEFORE_START_S = 5 * 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMeter:
    """One meter before its life begins.

    Attributes:
        place: number of the place in the topology where it hangs.
        plugged_in: False for one that joins the line later.
        clock_offset_s: how wrong its clock is at the start.
        slaves: medium of each slave.
        past_events: how many events of each log lie behind it.
    """

    number: int
    usn: str
    kind: MeterKind
    seed: int
    place: int
    plugged_in: bool
    clock_offset_s: float
    slaves: tuple[Medium, ...]
    past_events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationMix:
    """What sort of meters a line has.

    Attributes:
        polyphase_every: each so many-th meter has three phases.
        slaves: three in a dozen have a slave.
        wrong_clocks: two clocks are wrong by WRONG_CLOCK_S, one ahead, one behind.
        latecomer: one meter is not plugged in yet.
        waiting: places whose meters are not, either.
    """

    polyphase_every: int = _EVERY_POLYPHASE
    slaves: bool = True
    wrong_clocks: bool = True
    latecomer: bool = True
    waiting: tuple[int, ...] = ()


BENCH_MIX = PopulationMix()


def plan_population(meters: int, seed: int, mix: PopulationMix = BENCH_MIX) -> list[PlannedMeter]:
    """Return the meters of a line, one at each of so many places.

    Lines of a few meters lack what stands at the higher places.
    """
    chance = random.Random(f"population/{seed}")  # noqa: S311  (an emulation, not a key)
    waiting = set(mix.waiting)
    if mix.latecomer and meters > 1:
        waiting.add(min(_LATE_NUMBER, meters - 1))
    return [
        _planned(number, seed, chance, mix, waits=number in waiting) for number in range(meters)
    ]


def plan_successor(before: PlannedMeter, seed: int, mix: PopulationMix) -> PlannedMeter:
    """Return the meter that takes another one's place: same kind, all numbers its own."""
    number = before.number + SUCCESSOR_STEP
    chance = random.Random(f"successor/{seed}/{number}")  # noqa: S311
    after = _planned(number, seed, chance, mix, waits=True)
    return replace(after, place=before.place, kind=before.kind, slaves=(), clock_offset_s=0.0)


def _planned(
    number: int, seed: int, chance: random.Random, mix: PopulationMix, *, waits: bool
) -> PlannedMeter:
    offset_s = {_AHEAD_NUMBER: WRONG_CLOCK_S, _BEHIND_NUMBER: -WRONG_CLOCK_S}.get(number)
    medium = _SLAVE_PLACES.get(number % _DOZEN) if mix.slaves else None
    right_s = chance.uniform(-0.4, 0.4)
    return PlannedMeter(
        number=number,
        usn=f"U{seed % 1000:03d}{number + 1:06d}",
        kind=POLYPHASE if number % mix.polyphase_every == 0 else SINGLE_PHASE,
        seed=seed * 10_000 + number,
        place=number,
        plugged_in=not waits,
        clock_offset_s=right_s if offset_s is None or not mix.wrong_clocks else offset_s,
        slaves=() if medium is None else (medium,),
        past_events=chance.randint(2, 5),
    )


def bring_to_life(
    plan: PlannedMeter, settings: MeterSettings, true_s: float, observer: RowObserver | None
) -> MeterModule:
    """Return a meter that has lived up to now, with history and events behind it."""
    chance = random.Random(f"meter/{plan.seed}")  # noqa: S311
    zone = LocalZone()
    clock = MeterClock(offset_s=plan.clock_offset_s, sync_limit_s=settings.sync_limit_s, zone=zone)
    born_s = _born_s(settings, true_s)
    registers = EnergyRegisters(household=make_household(plan.seed), zone=zone, counted_to_s=born_s)
    for energy in (registers.import_wh, registers.export_wh):
        for rate in energy:
            energy[rate] = chance.uniform(50_000, 30_000_000)
    if registers.household.sun is None:
        registers.export_wh = {1: 0.0, 2: 0.0}
    module = MeterModule(
        identity=_identity(plan),
        kind=plan.kind,
        settings=settings,
        clock=clock,
        registers=registers,
        slaves={slave.channel: slave for slave in _slaves(plan, born_s, chance)},
        observer=observer,
    )
    _past_events(module, plan, true_s, chance)
    module.begin(true_s)
    return module


def _born_s(settings: MeterSettings, true_s: float) -> float:
    reach_s = max(
        settings.periodic_period_s * (settings.periodic_history_rows + 1),
        settings.slave_period_s * (settings.slave_history_rows + 1),
        DAY_S * (settings.daily_history_rows + 1),
        DAY_S * 32 * settings.monthly_history_rows,
    )
    return true_s - reach_s - WRONG_CLOCK_S - 3600.0


def _identity(plan: PlannedMeter) -> Identity:
    number = plan.seed % 100_000_000
    return Identity(
        usn=plan.usn,
        serial_meter=f"LGZ{number:08d}",
        serial_module=f"LGZ{(number + 50_000_000) % 100_000_000:08d}",
        system_title=b"LGZ" + (plan.seed % 0x1000000).to_bytes(3, "big"),
    )


def _slaves(plan: PlannedMeter, born_s: float, chance: random.Random) -> Iterator[SlaveMeter]:
    for medium in plan.slaves:
        channel = plan.kind.slave_media.index(medium)
        number = plan.seed * 4 + channel
        yield SlaveMeter(
            channel=channel,
            medium=medium,
            usn=f"S{plan.usn[1:]}{channel}",
            serial=f"ELS{number % 100_000_000:08d}",
            ocr_serial=f"XEM{number % 100_000_000:08d}",
            config_id=f"SLAVE-{medium.name}"[:16],
            flow=slave_flow(medium, number),
            counted_to_s=born_s,
            count=chance.uniform(10_000, 5_000_000),
        )


def _past_events(
    module: MeterModule, plan: PlannedMeter, true_s: float, chance: random.Random
) -> None:
    """Log what happened in the days before: short outages, voltages that dipped and came back."""
    pairs = (
        (StandardEvent.POWER_DOWN, StandardEvent.POWER_UP),
        (StandardEvent.UNDERVOLTAGE_L1, StandardEvent.VOLTAGE_NORMAL_L1),
    )
    past: list[tuple[float, StandardEvent]] = []
    for _ in range(plan.past_events):
        began_s = true_s - chance.uniform(_QUIET_BEFORE_START_S, 3 * DAY_S)
        began, ended = chance.choice(pairs)
        past += [(began_s, began), (began_s + chance.uniform(5.0, 50.0), ended)]
    for moment_s, event in sorted(past):
        module.log(event, moment_s)
    if module.kind.disconnecter:
        at_s = true_s - chance.uniform(2 * DAY_S, 5 * DAY_S)
        module.log(DisconnecterEvent.LOCAL_DISCONNECTION, at_s)
        module.log(DisconnecterEvent.LOCAL_RECONNECTION, at_s + chance.uniform(30.0, 900.0))
