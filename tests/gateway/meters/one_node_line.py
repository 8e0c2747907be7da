"""A line with one emulated meter, whose every loss a test decides; time is the loop's."""

import asyncio
import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from drivers.plc import llc
from drivers.plc.airtime import LineTiming
from drivers.plc.ciase import Register, RegisterEntry
from drivers.plc.mac_frame import ALL_PHYSICAL, INITIATOR, MacFrame
from drivers.plc.node import Reply
from hil.dlms_meter import DlmsMeter
from hil.meter_server import server_for
from hil.population import bring_to_life, plan_population
from hil.rig_clock import RigClock
from tests.gateway.meters.virtual_rig import METER, START_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from hal.errors import HalError

MAC = 5


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A frame that went out, and when."""

    at_s: float
    frame: MacFrame

    @property
    def credit(self) -> int:
        return self.frame.initial_credit

    @property
    def what(self) -> str:
        """Tell a ping from an association and a question."""
        pdu = llc.LlcPdu.decode(self.frame.m_sdu)
        if pdu.destination_lsap == llc.CIASE:
            return "ping"
        return "associate" if pdu.l_sdu[0] == 0x60 else "ask"


class OneNodeLine:
    """Implements hal.ports.PlcModem.

    Attributes:
        hops: repetitions that the node needs, both ways.
        is_gone: nothing reaches it.
        loses: whether a frame is lost, of either direction.
        error: what the modem does instead of sending.
        sent: all frames of the master.
    """

    def __init__(self, timing: LineTiming, *, hops: int = 0) -> None:
        self._loop = asyncio.get_running_loop()
        self._timing = timing
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()
        clock = RigClock(START_S - self._loop.time())
        self.module = bring_to_life(plan_population(6, 1)[1], METER, START_S, observer=None)
        self.meter = DlmsMeter(
            self.module,
            clock=clock,
            now=self._loop.time(),
            rng=random.Random(1),
            make_server=server_for,
        )
        self.hops = hops
        self.is_gone = False
        self.loses: Callable[[MacFrame], bool] = lambda _: False
        self.error: HalError | None = None
        self.sent: list[Sent] = []
        self._register()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def ready(self) -> None:
        pass

    async def send(self, frame: bytes) -> None:
        sent = Sent(at_s=self._loop.time(), frame=MacFrame.from_host(frame))
        self.sent.append(sent)
        if self.error is not None:
            raise self.error
        await asyncio.sleep(self._timing.first_copy_s(len(sent.frame.m_sdu)))
        reply = self._reply(sent.frame)
        if reply is not None:
            self._loop.call_at(self._arrives_at_s(sent, reply), self._say, reply.frame)

    async def call_repeaters(self, within_s: float) -> None:
        await asyncio.sleep(within_s)

    async def receive(self) -> bytes:
        return await self._heard.get()

    def counters(self) -> dict[str, int]:
        return {}

    async def read_statistics(self) -> dict[str, int]:
        return {}

    def whats(self) -> list[tuple[str, int]]:
        """Return what was sent, each with its credit."""
        return [(sent.what, sent.credit) for sent in self.sent]

    def _say(self, frame: MacFrame) -> None:
        copy = replace(frame, current_credit=frame.initial_credit - self.hops)
        self._heard.put_nowait(copy.to_host())

    def _reply(self, frame: MacFrame) -> Reply | None:
        if self.is_gone or self.hops > frame.initial_credit or self.loses(frame):
            return None
        copy = replace(frame, current_credit=frame.initial_credit - self.hops)
        reply = self.meter.hear(copy, self._loop.time(), 0.0, 80.0)
        return None if reply is None or self.loses(reply.frame) else reply

    def _arrives_at_s(self, sent: Sent, reply: Reply) -> float:
        timing = self._timing
        asked_s = timing.frame_s(len(sent.frame.m_sdu), sent.credit)
        travels_s = timing.first_copy_s(len(reply.frame.m_sdu)) * (1 + self.hops)
        return sent.at_s + asked_s + reply.after_slots * timing.slot_s + travels_s

    def _register(self) -> None:
        entry = RegisterEntry(system_title=self.meter.node.system_title, mac=MAC)
        register = Register(initiator_system_title=b"GG0001", entries=(entry,))
        pdu = llc.LlcPdu(
            destination_lsap=llc.CIASE, source_lsap=llc.INITIATOR, l_sdu=register.encode()
        )
        frame = MacFrame(
            initial_credit=7,
            current_credit=7,
            delta_credit=0,
            source=INITIATOR,
            destination=ALL_PHYSICAL,
            m_sdu=pdu.encode(),
        )
        self.meter.hear(frame, self._loop.time(), 0.0, 80.0)
