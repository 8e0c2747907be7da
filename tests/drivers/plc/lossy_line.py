"""A line in plain numbers: one client's exchange and some nodes, with hops and losses."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from drivers.exchange import Exchange
from drivers.plc.airtime import ALIGNMENT_SLOTS, TURN_ROUND_SLOTS, LineTiming
from drivers.plc.mac_frame import MacFrame
from drivers.plc.node import Delivered, PlcNode, Reply

Result = TypeVar("Result")

Application = Callable[[PlcNode, bytes], bytes | None]


@dataclass(slots=True, kw_only=True)
class LossyLine:
    """Carries frames between one client and `nodes`, each `hops` away.

    Attributes:
        hops: repetitions that each node needs, by system title.
        loss: chance that a frame does not get through at all, each way.
        now: the line's own time in seconds.
        on_air: every frame that any station sent, in order.
        damaged: windows in which several answered at once.
    """

    nodes: list[PlcNode]
    hops: Mapping[bytes, int]
    timing: LineTiming
    rng: random.Random
    loss: float = 0.0
    application: Application | None = None
    now: float = 0.0
    on_air: list[MacFrame] = field(default_factory=list)
    damaged: int = 0
    _coming: list[tuple[float, float, bytes]] = field(default_factory=list)

    def run(self, exchange: Exchange[Result]) -> Result:
        """Drive one exchange to its end as the owner of the wire would."""
        exchange.start(self.now)
        for _ in range(10_000):
            while octets := exchange.octets_to_send():
                self._client_sends(MacFrame.from_host(octets))
            outcome = exchange.outcome()
            if outcome is not None:
                return outcome
            deadline = exchange.deadline()
            assert deadline is not None
            if self._coming and self._coming[0][0] <= deadline:
                heard_at, _, octets = self._coming.pop(0)
                self.now = max(self.now, heard_at)
                exchange.receive(octets, self.now)
            else:
                self.now = max(self.now, deadline)
                exchange.tick(self.now)
        raise AssertionError("the exchange never ends")

    def _client_sends(self, frame: MacFrame) -> None:
        self.on_air.append(frame)
        began = self.now + ALIGNMENT_SLOTS * self.timing.slot_s
        free_at = began + self.timing.frame_s(len(frame.m_sdu), frame.initial_credit)
        answers = []
        for node in self.nodes:
            copy = self._copy_heard(frame, node)
            received = None if copy is None else node.receive(copy, self.now, self.rng)
            reply = self._reply(node, received)
            if reply:
                answers.append((reply, node))
        starts = [reply.after_slots for reply, _ in answers]
        self.damaged += sum(starts.count(start) > 1 for start in set(starts))
        for reply, node in answers:
            self.on_air.append(reply.frame)
            copy = self._copy_heard(reply.frame, node)
            if copy is None or starts.count(reply.after_slots) > 1:
                continue
            wait_slots = TURN_ROUND_SLOTS + reply.after_slots
            sent_s = self.timing.first_copy_s(len(copy.m_sdu)) * (1 + copy.hop_distance)
            heard_at = free_at + wait_slots * self.timing.slot_s + sent_s
            self._coming.append((heard_at, self.rng.random(), copy.to_host()))
        self._coming.sort()

    def _copy_heard(self, frame: MacFrame, node: PlcNode) -> MacFrame | None:
        hops = self.hops[node.system_title]
        if hops > frame.initial_credit or self.rng.random() < self.loss:
            return None
        return replace(frame, current_credit=frame.initial_credit - hops)

    def _reply(self, node: PlcNode, received: Reply | Delivered | None) -> Reply | None:
        if not isinstance(received, Delivered):
            return received
        apdu = self.application(node, received.pdu.l_sdu) if self.application else None
        if apdu is None or not received.answerable:
            return None
        return Reply(frame=node.answer(apdu, received), after_slots=0)
