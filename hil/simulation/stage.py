"""The stage of a scenario: network, meters, head-end, and a concentrator in each substation."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivers.plc.airtime import LineTiming
from hil.head_end.in_memory import InMemoryHeadEnd
from hil.head_end.store import HeadEndStore
from hil.line_bench import BenchSettings, LineBench
from hil.lv_network.air_log import AIR_FILE, AirFile
from hil.lv_network.topology import Topology
from hil.meter.capture import DAY_S
from hil.meter.module import MeterSettings
from hil.population import PlannedMeter, PopulationMix, plan_population, plan_successor
from hil.rig_clock import RigClock
from hil.scenario import Scenario
from hil.simulation.daemon_config import dc_id, write_daemon_config
from hil.simulation.site import Concentrator, Makers, Modem
from hil.truth import TruthWriter
from hil.verdict import HEAD_END_FILE, TRUTH_FILE


@dataclass(slots=True, kw_only=True)
class Site:
    """One substation: its modem, and the concentrator that is there now.

    Attributes:
        line: the substation's name.
        number: of the substation, from 0.
        generation: how many boxes were there before.
        speaks_as: the generation whose system title it has.
    """

    line: str
    number: int
    modem: Modem = field(init=False)
    concentrator: Concentrator = field(init=False)
    generation: int = 0
    speaks_as: int = 0


class Stage:
    """Everything that a scenario runs on; must be made inside the loop.

    Attributes:
        bench: the line with its meters.
        sites: by the substation's name.
        topology: what is connected to what at the moment.
        population: who hangs at each place now.
        seed: decides everything that is left to chance.
        concentrators: every box that has been there, with its line and the second it came.
    """

    def __init__(
        self,
        scenario: Scenario,
        topology: Topology,
        seed: int,
        folder: Path,
        makers: Makers[Any, Any],
    ) -> None:
        self.scenario = scenario
        self.topology = topology
        self.seed = seed
        self._folder = folder
        self._makers = makers
        self._loop = asyncio.get_running_loop()
        self.clock = RigClock(scenario.start_s - self._loop.time())
        self.truth = TruthWriter(folder / TRUTH_FILE)
        self.air = AirFile(folder / AIR_FILE)
        self._store = HeadEndStore(_fresh(folder / HEAD_END_FILE), durable=False)
        self._head_end = InMemoryHeadEnd(self._store)
        rules = scenario.meters
        self._mix = PopulationMix(
            polyphase_every=rules.polyphase_every,
            slaves=rules.slaves,
            wrong_clocks=rules.wrong_clocks,
            latecomer=False,
            waiting=rules.waiting,
        )
        self.population = plan_population(len(topology.places), seed, self._mix)
        self.bench = LineBench(
            BenchSettings(
                topology=topology,
                population=self.population,
                seed=seed,
                timing=LineTiming(bit_rate_bps=scenario.bit_rate_bps),
                meter=_meter_settings(scenario),
                never_repeat=rules.never_repeat,
                always_repeat=rules.always_repeat,
            ),
            timer=self._loop,
            clock=self.clock,
            truth=self.truth,
            make_server=makers.server,
            log=self.air,
            notes_reach=True,
        )
        self.concentrators: list[dict[str, str | float]] = []
        self.sites = {
            line: self._site(line, number) for number, line in enumerate(topology.substations)
        }
        self.bench.begin_weather()

    def now_s(self) -> float:
        """Return true time, UTC seconds."""
        return self.clock.utc_s(self._loop.time())

    def usn_at(self, place: int) -> str:
        """Return who hangs at a place."""
        return self.population[place].usn

    def places_of_feeder(self, feeder: str) -> list[int]:
        """Return the places on a feeder and its branches."""
        cables = {cable.name: cable for cable in self.topology.cables}

        def root(name: str) -> str:
            parent = cables[name].parent
            return name if parent is None else root(parent)

        places = enumerate(self.topology.places)
        return [number for number, place in places if root(place.cable) == feeder]

    def rewire(self, topology: Topology) -> None:
        """Connect the places in another way."""
        self.topology = topology
        self.bench.network.channel.rewire(topology)
        self.bench.network_changed()

    def exchange_meter(self, place: int) -> None:
        """Put another meter where one was."""
        old = self.population[place]
        new: PlannedMeter = plan_successor(old, self.seed, self._mix)
        self.bench.unplug(old.usn)
        self.population[place] = new
        self.bench.waiting[new.usn] = new
        self.bench.plug_in(new.usn)

    async def exchange_concentrator(self, site: Site, *, takes_over: bool) -> None:
        """Put another box in a substation: one that knows nothing, or one that takes over."""
        old = site.concentrator
        await old.kill()
        site.generation += 1
        site.speaks_as = site.speaks_as if takes_over else site.generation
        site.modem.chip.reset()
        site.concentrator = self._concentrator(site)
        if takes_over:
            await self._makers.take_over(site.concentrator, old)
        await site.concentrator.start()

    async def start(self) -> None:
        """Start every concentrator."""
        for site in self.sites.values():
            await site.concentrator.start()

    def check(self) -> None:
        """Raise what a daemon has ended from, if one has."""
        for site in self.sites.values():
            site.concentrator.check()

    def progress(self) -> tuple[int, int]:
        """Return how many rows the meters hold, and how many the head-end has."""
        return self.truth.row_count(), self._store.row_count()

    async def ask(self, site: Site, usn: str, registers: tuple[str, ...]) -> None:
        """Read a meter ad hoc, and note how long that took."""
        began_s, began = self.now_s(), self._loop.time()
        try:
            answer = await site.concentrator.ask("read", meter=usn, registers=list(registers))
            outcome = "read" if all(v["value"] is not None for v in answer["values"]) else "refused"
        except self._makers.refusals as refusal:
            outcome = str(refusal)
        took_s = self._loop.time() - began
        self.truth.was_read(began_s, usn, site.line, round(took_s, 3), outcome)

    async def close(self) -> None:
        """End everything in order; the files are complete then."""
        for site in self.sites.values():
            await site.concentrator.stop()
            site.modem.close()
        self.bench.close()
        self.air.close()
        self._store.close()

    def _site(self, line: str, number: int) -> Site:
        site = Site(line=line, number=number)
        file = self._config_file(site)
        site.modem = self._makers.modem(self.bench.network, file)
        site.concentrator = self._concentrator(site)
        return site

    def _concentrator(self, site: Site) -> Concentrator:
        file = self._config_file(site)
        name = dc_id(site.line, site.generation)
        came: dict[str, str | float] = {"dc_id": name, "line": site.line, "from_s": self.now_s()}
        self.concentrators.append(came)
        seed = f"{self.seed}/{site.line}/{site.generation}"
        new: Concentrator = self._makers.concentrator(
            file, site.modem, self._head_end, self.clock, seed
        )
        return new

    def _config_file(self, site: Site) -> Path:
        return write_daemon_config(
            self._folder / f"daemon-{site.line}{site.generation}",
            line=site.line,
            number=site.number,
            generation=site.generation,
            speaks_as=site.speaks_as,
            bit_rate_bps=self.scenario.bit_rate_bps,
            settings=[self.scenario.daemon, self.scenario.own_daemon.get(site.line, {})],
        )


def _meter_settings(scenario: Scenario) -> MeterSettings:
    rules = scenario.meters
    history_s = rules.history_days * DAY_S
    return MeterSettings(
        periodic_period_s=rules.periodic_period_s,
        slave_period_s=rules.slave_period_s,
        not_addressed_timeout_s=rules.not_addressed_timeout_s,
        search_initiator_s=rules.search_initiator_s,
        periodic_history_rows=int(history_s // rules.periodic_period_s),
        slave_history_rows=int(history_s // rules.slave_period_s),
        daily_history_rows=int(rules.history_days),
    )


def _fresh(path: Path) -> Path:
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return path
