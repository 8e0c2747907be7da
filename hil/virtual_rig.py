"""Concentrators in one process under virtual time: the daemon's own code on emulated lines.

What stands in the place of the real thing is given to `gateway.app.build`, and nothing else is
changed: REPLACED lists it. This file alone of the rig knows the daemon.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from gateway.app import (
    Clock,
    ClockTrust,
    Config,
    Daemon,
    LinkDown,
    LinkState,
    Ports,
    PublishOutcome,
    build,
    load_config,
    ports_on,
)
from hal.fake_board import FakeBoard
from hil.air import AirEvent, LineTerms
from hil.head_end.in_memory import InMemoryHeadEnd
from hil.lv_network.network import LvNetwork
from hil.memory_wan import MemoryWan
from hil.plc_modem_emulator import PlcModemEmulator
from hil.rig_clock import RigClock
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


class VirtualConcentrator:
    """One concentrator: its daemon, its modem on the line, its way to the head-end.

    Attributes:
        config: what the daemon is told.
        wan: the way to the head-end; cut and mend it at will.
        chip: the emulated modem.
        daemon: the running daemon, of the last start.
        wall_offset_s: how far its wall clock is off; change it and the clock has stepped.
        kills: how often it was killed.
    """

    def __init__(
        self,
        config_file: Path,
        *,
        network: LvNetwork,
        head_end: InMemoryHeadEnd,
        clock: RigClock,
        seed: str,
        trust: ClockTrust = ClockTrust.SYSTEM,
    ) -> None:
        """Prepare the modem on the next substation's busbar; must run inside the loop."""
        self.config: Config = load_config(config_file)
        self.wan = MemoryWan(seed)
        self.wall_offset_s = 0.0
        self.kills = 0
        self._loop = asyncio.get_running_loop()
        self._clock = clock
        self._head_end = head_end
        self._seed = seed
        self._trust = trust
        self._network = network
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self.board = FakeBoard(plc_baud_bps=self.config.plc_modem.baud_bps)
        self.modem_place = network.connect_modem(self._hear)
        self.chip = PlcModemEmulator(
            baud_bps=self.config.plc_modem.baud_bps,
            send=self.board.line.send,
            transmit=lambda octets: network.transmit(self.modem_place, octets),
            call_repeaters=lambda: network.call_repeaters(self.modem_place),
        )
        self.board.line.on_octets = self.chip.octets_came
        self.board.t_req.on_change = lambda high: self.chip.t_req_changed(high=high)
        self.chip.hear(
            LineTerms(
                bit_rate_bps=self.config.plc.bit_rate_bps, packing=str(self.config.plc.packing)
            )
        )

    @property
    def store_path(self) -> Path:
        """Return the daemon's SQLite file."""
        return self.config.concentrator.data_directory / "gridgate.db"

    @property
    def is_running(self) -> bool:
        """Tell whether the daemon runs; one that failed has told why by then."""
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
        ports: Ports = ports_on(self.board, self.config)
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

    def check(self) -> None:
        """Raise what the daemon has ended from, if it has."""
        if self._running is not None and self._running.done():
            self._running.result()

    def close(self) -> None:
        """Stop the chip's timer."""
        self.chip.close()

    def _hear(self, event: AirEvent) -> None:
        self.chip.hear(event)
