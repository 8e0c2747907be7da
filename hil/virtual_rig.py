"""Concentrators in one process under virtual time: the daemon's own code on emulated lines.

What stands in the place of the real thing is given to `gateway.app.build`, and nothing else is
changed: REPLACED lists it. This file alone of the rig knows the daemon.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from gateway.app import (
    Clock,
    ClockTrust,
    Config,
    Daemon,
    LinkDown,
    LinkState,
    Ports,
    PublishOutcome,
    RequestRefused,
    build,
    load_config,
    ports_on,
)
from gateway.box_swap import swap_box
from hal.fake_board import FakeBoard
from hil.air import AirEvent, LineTerms
from hil.head_end.in_memory import InMemoryHeadEnd
from hil.lv_network.network import LvNetwork
from hil.memory_wan import MemoryWan
from hil.meter_server import server_for
from hil.plc_modem_emulator import PlcModemEmulator
from hil.rig_clock import RigClock
from hil.simulation.site import Makers
from hil.virtual_loop import InlineExecutor

REPLACED: Final[Mapping[str, str]] = {
    "ports": "a modem's serial line and its T_REQ pin in memory, an emulated chip at the far end",
    "clock": "wall time and monotonic time are the loop's; the wall may be set by the scenario",
    "rng": "a seeded generator",
    "executor": "done at once: no thread; the SQLite file is a real one",
    "link": "no broker: batches reach the head-end, and acknowledgements come back, in memory",
}
"""What virtual time puts in the place of the real thing, by build's argument."""


class MemoryLink(LinkState):
    """A HeadEndLink over a MemoryWan."""

    def __init__(self, wan: MemoryWan, head_end: InMemoryHeadEnd, clock: RigClock) -> None:
        super().__init__()
        self._wan = wan
        self._head_end = head_end
        self._clock = clock
        self._acks: asyncio.Queue[bytes] = asyncio.Queue()

    async def run(self) -> None:
        """Follow the state of the way until cancelled."""
        while True:
            changed = self._wan.changed
            if self._wan.is_cut and self.is_up:
                self.went_down()
            elif not self._wan.is_cut and not self.is_up:
                self.went_up()
            await changed.wait()

    async def publish(self, topic: str, payload: bytes) -> PublishOutcome:
        """Bring a message to the head-end; its acknowledgement follows on its own way."""
        if not await self._wan.pass_through():
            raise LinkDown("the way to the head-end is cut")
        loop = asyncio.get_running_loop()
        ack = self._head_end.take(topic, payload, self._clock.utc_s(loop.time()))
        if not await self._wan.pass_through():
            raise LinkDown("the way to the head-end was cut before the answer")
        if ack is not None:
            self._acks.put_nowait(ack)
        return PublishOutcome.ACCEPTED

    async def receive(self) -> list[bytes]:
        """Return the acknowledgements that have come, at least one."""
        acks = [await self._acks.get()]
        while not self._acks.empty():
            acks.append(self._acks.get_nowait())
        return acks

    def describe(self) -> Mapping[str, str | int | bool]:
        """Return what an operator should know."""
        return {"connected": self.is_up, "host": "in memory"}


class VirtualModem:
    """A modem on a substation's busbar, with the board it is connected to.

    Attributes:
        place: on the network.
        board: whose ports the daemon gets.
        chip: the emulated modem.
    """

    def __init__(self, network: LvNetwork, config_file: Path) -> None:
        """Connect it to the next substation; must run inside the loop."""
        config = load_config(config_file)
        baud_bps = config.plc_modem.baud_bps
        self.board = FakeBoard(plc_baud_bps=baud_bps)
        self.place = network.connect_modem(self._hear)
        self.chip = PlcModemEmulator(
            baud_bps=baud_bps,
            send=self.board.line.send,
            transmit=lambda octets: network.transmit(self.place, octets),
            call_repeaters=lambda: network.call_repeaters(self.place),
        )
        self.board.line.on_octets = self.chip.octets_came
        self.board.t_req.on_change = lambda high: self.chip.t_req_changed(high=high)
        terms = LineTerms(bit_rate_bps=config.plc.bit_rate_bps, packing=str(config.plc.packing))
        self.chip.hear(terms)

    def close(self) -> None:
        """Stop the chip's timer."""
        self.chip.close()

    def _hear(self, event: AirEvent) -> None:
        self.chip.hear(event)


class VirtualConcentrator:
    """One concentrator: its daemon on a modem, and its way to the head-end.

    Attributes:
        config_file, config: what the daemon is told.
        modem: what it speaks over.
        wan: the way to the head-end; cut and mend it at will.
        daemon: the running daemon, of the last start.
        wall_offset_s: how far its wall clock is off; change it and the clock has stepped.
        kills: how often it was killed.
    """

    def __init__(
        self,
        config_file: Path,
        *,
        modem: VirtualModem,
        head_end: InMemoryHeadEnd,
        clock: RigClock,
        seed: str,
        trust: ClockTrust = ClockTrust.SYSTEM,
    ) -> None:
        """Prepare; must run inside the loop."""
        self.config_file = config_file
        self.config: Config = load_config(config_file)
        self.modem = modem
        self.wan = MemoryWan(seed)
        self.wall_offset_s = 0.0
        self.kills = 0
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self._head_end = head_end
        self._seed = seed
        self._trust = trust
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Tell whether the daemon runs."""
        return self._running is not None and not self._running.done()

    def wall_s(self) -> float:
        """Return what the concentrator's wall clock shows."""
        return self._clock.utc_s(self._loop.time()) + self.wall_offset_s

    async def start(self, when_up: Callable[[], None] = lambda: None) -> None:
        """Start the daemon on its store.

        Raises:
            StoreError: the store cannot be opened.
        """
        clock = Clock(self._trust, wall=self.wall_s, monotonic=self._loop.time)
        ports: Ports = ports_on(self.modem.board, self.config)
        rng = random.Random(f"daemon/{self._seed}/{self.kills}")  # noqa: S311  (dice, not a key)
        link = MemoryLink(self.wan, self._head_end, self._clock)
        self.daemon: Daemon = build(self.config, ports, clock, rng, InlineExecutor(), link)
        await self.daemon.load()
        self._stop = asyncio.Event()
        self._running = self._loop.create_task(
            self.daemon.run(self._stop, [], when_up), name=f"daemon {self._seed}"
        )

    async def stop(self) -> None:
        """End the daemon in order, as SIGTERM does; raise what it failed from."""
        if self._running is not None:
            self._stop.set()
            running, self._running = self._running, None
            await running
            await self.daemon.database.close()

    async def kill(self) -> None:
        """End the daemon as SIGKILL or a power cut does: what was not committed is gone."""
        if self._running is None:
            return
        self.kills += 1
        running, self._running = self._running, None
        self.daemon.database.cut()
        running.cancel()
        with contextlib.suppress(BaseException):  # it dies of whatever it meets first
            await running
        await self.daemon.database.close()

    async def take_over_from(self, failed: "VirtualConcentrator") -> None:
        """Fill the empty store with what another box has left, before the first start."""
        at_s = int(self.wall_s())
        await swap_box(failed.config_file, self.config_file, InlineExecutor(), at_s)

    async def fill_disk(self, *, full: bool) -> None:
        """Let the store's file grow no further, or up to its budget again."""
        pages = 1 if full else self.config.storage.pages_max
        await self.daemon.database.limit_pages(pages)

    async def ask(self, question: str, **more: object) -> dict[str, Any]:
        """Ask the daemon as its control socket would.

        Raises:
            RequestRefused: no such question, or not now.
        """
        return await self.daemon.answers.ask({"ask": question, **more})

    def check(self) -> None:
        """Raise what the daemon has ended from, if it has."""
        if self._running is not None and self._running.done():
            self._running.result()


def _concentrator(
    config_file: Path, modem: VirtualModem, head_end: InMemoryHeadEnd, clock: RigClock, seed: str
) -> VirtualConcentrator:
    return VirtualConcentrator(config_file, modem=modem, head_end=head_end, clock=clock, seed=seed)


MAKERS: Final = Makers(
    server=server_for,
    modem=VirtualModem,
    concentrator=_concentrator,
    take_over=VirtualConcentrator.take_over_from,
    refusals=RequestRefused,
)
"""What hil.simulation needs of this file."""
