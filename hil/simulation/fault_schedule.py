"""What befalls the stage of a scenario, and when."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hil.line_control import NoSuchMeter
from hil.line_faults import FaultyLine, LineFaults
from hil.scenario import FaultKind, FaultRule, ScenarioFault
from hil.simulation.fault_rules import check_rule, in_words, switched

if TYPE_CHECKING:
    from hil.simulation.stage import Site, Stage

ALARM_DESCRIPTOR: Final = 0x02
"""Of a raised alarm: any but the one that a NEW node reports."""

BROKER_AWAY_S: Final = 5.0
"""A broker's restart, unless the scenario says how long."""

_Deed = Callable[[FaultRule], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that has begun, UTC second, in words."""

    at_s: float
    what: str


class FaultSchedule:
    """Carries out the faults of a scenario.

    Attributes:
        happened: what has begun so far.
    """

    def __init__(self, stage: "Stage", note: Callable[[str], None] = lambda _: None) -> None:
        """Check whom and what the faults name.

        Raises:
            ScenarioFault: a place, feeder or substation that is none.
        """
        self.happened: list[Happening] = []
        self._stage = stage
        self._note = note
        for rule in stage.scenario.faults:
            check_rule(rule, stage.topology)
        self._deeds: Mapping[FaultKind, _Deed] = {
            FaultKind.POWER_OFF: self._power_off,
            FaultKind.EXCHANGE: self._exchange,
            FaultKind.UNPLUG: self._unplug,
            FaultKind.PLUG_IN: self._plug_in,
            FaultKind.METER_CLOCK: self._meter_clock,
            FaultKind.ALARM: self._alarm,
            FaultKind.NOISE: self._noise,
            FaultKind.ATTENUATION: self._attenuation,
            FaultKind.FEEDER_SWITCH: self._feeder_switch,
            FaultKind.DC_POWER_CUT: self._dc_power_cut,
            FaultKind.DC_EXCHANGE: self._dc_exchange,
            FaultKind.DC_TAKEOVER: self._dc_takeover,
            FaultKind.DC_CLOCK: self._dc_clock,
            FaultKind.DISK_FULL: self._disk_full,
            FaultKind.MODEM_RESET: self._modem_reset,
            FaultKind.MODEM_SILENT: self._modem_silent,
            FaultKind.SERIAL_NOISE: self._serial_noise,
            FaultKind.WAN_CUT: self._wan_cut,
            FaultKind.BROKER_RESTART: self._wan_cut,
            FaultKind.AD_HOC_READ: self._ad_hoc_read,
        }

    async def carry_out(self) -> None:
        """Let everything happen at its time; return when the last thing is over."""
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for rule in self._stage.scenario.faults:
                group.create_task(self._repeat(rule, began), name=f"fault {rule.kind}")

    async def _repeat(self, rule: FaultRule, began: float) -> None:
        loop = asyncio.get_running_loop()
        for number in range(rule.times):
            await asyncio.sleep(began + rule.at_s + number * rule.every_s - loop.time())
            what = in_words(rule)
            self.happened.append(Happening(self._stage.now_s(), what))
            self._note(what)
            try:
                await self._deeds[rule.kind](rule)
            except NoSuchMeter as error:
                raise ScenarioFault(f"{what}: {error}; another fault came before") from error

    async def _power_off(self, rule: FaultRule) -> None:
        bench = self._stage.bench
        usns = self._usns(rule)
        for usn in usns:
            bench.power_off(usn)
        await asyncio.sleep(rule.for_s)
        for usn in usns:
            if usn in bench.plugged:
                bench.power_on(usn)

    async def _exchange(self, rule: FaultRule) -> None:
        for place in self._places(rule):
            self._stage.exchange_meter(place)

    async def _unplug(self, rule: FaultRule) -> None:
        for usn in self._usns(rule):
            self._stage.bench.unplug(usn)

    async def _plug_in(self, rule: FaultRule) -> None:
        for usn in self._usns(rule):
            self._stage.bench.plug_in(usn)

    async def _meter_clock(self, rule: FaultRule) -> None:
        for usn in self._usns(rule):
            self._stage.bench.step_clock(usn, rule.amount)

    async def _alarm(self, rule: FaultRule) -> None:
        for usn in self._usns(rule):
            self._stage.bench.raise_alarm(usn, ALARM_DESCRIPTOR)

    async def _noise(self, rule: FaultRule) -> None:
        await self._burden(rule, noise_db=rule.amount)

    async def _attenuation(self, rule: FaultRule) -> None:
        await self._burden(rule, loss_db=rule.amount)

    async def _burden(
        self, rule: FaultRule, *, noise_db: float = 0.0, loss_db: float = 0.0
    ) -> None:
        bench = self._stage.bench
        channel = bench.network.channel
        stations: Iterable[int] = [channel.modems + place for place in self._places(rule)]
        if not stations:
            stations = range(channel.stations)  # everywhere, the modems too
        channel.burden(stations, noise_db=noise_db, loss_db=loss_db)
        bench.network_changed()
        await asyncio.sleep(rule.for_s)
        channel.burden(stations, noise_db=-noise_db, loss_db=-loss_db)
        bench.network_changed()

    async def _feeder_switch(self, rule: FaultRule) -> None:
        self._stage.rewire(switched(self._stage.topology, rule.feeder, rule.to_line))

    async def _dc_power_cut(self, rule: FaultRule) -> None:
        site = self._site(rule)
        await site.concentrator.kill()
        await asyncio.sleep(rule.for_s)
        site.modem.chip.reset()
        await site.concentrator.start()

    async def _dc_exchange(self, rule: FaultRule) -> None:
        await self._stage.exchange_concentrator(self._site(rule), takes_over=False)

    async def _dc_takeover(self, rule: FaultRule) -> None:
        await self._stage.exchange_concentrator(self._site(rule), takes_over=True)

    async def _dc_clock(self, rule: FaultRule) -> None:
        self._site(rule).concentrator.wall_offset_s += rule.amount

    async def _disk_full(self, rule: FaultRule) -> None:
        concentrator = self._site(rule).concentrator
        await concentrator.fill_disk(full=True)
        await asyncio.sleep(rule.for_s)
        if concentrator.is_running:
            await concentrator.fill_disk(full=False)

    async def _modem_reset(self, rule: FaultRule) -> None:
        self._site(rule).modem.chip.reset()

    async def _modem_silent(self, rule: FaultRule) -> None:
        self._site(rule).modem.chip.be_silent(rule.for_s)

    async def _serial_noise(self, rule: FaultRule) -> None:
        line = self._site(rule).modem.board.line
        faults = LineFaults(drop=rule.amount / 2, flip=rule.amount / 2, seed=self._stage.seed)
        before = line.to_host, line.to_device
        line.to_host, line.to_device = _spoilt(faults, "to host"), _spoilt(faults, "to device")
        await asyncio.sleep(rule.for_s)
        line.to_host, line.to_device = before

    async def _wan_cut(self, rule: FaultRule) -> None:
        wan = self._site(rule).concentrator.wan
        wan.cut()
        await asyncio.sleep(rule.for_s or BROKER_AWAY_S)
        wan.mend()

    async def _ad_hoc_read(self, rule: FaultRule) -> None:
        site = self._site(rule)
        async with asyncio.TaskGroup() as group:
            for usn in self._usns(rule):
                group.create_task(self._stage.ask(site, usn, rule.registers))

    def _places(self, rule: FaultRule) -> list[int]:
        on_feeder = self._stage.places_of_feeder(rule.feeder) if rule.feeder else []
        return sorted({*rule.meters, *on_feeder})

    def _usns(self, rule: FaultRule) -> list[str]:
        return [self._stage.usn_at(place) for place in self._places(rule)]

    def _site(self, rule: FaultRule) -> "Site":
        return self._stage.sites[rule.line or self._stage.topology.substations[0]]


def _spoilt(faults: LineFaults, direction: str) -> Callable[[bytes], bytes]:
    line = FaultyLine(faults, direction)
    return lambda octets: line.pass_on(octets, 0.0)
