"""One use of the line: what for, from when on, what it is worth and what it costs [PLC-7]."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.meters.meter_state import MeterState
    from gateway.meters.node_link import NodeLink
    from gateway.meters.stream_plan import StreamState

PATIENCE_S: Final = 3_600.0
"""Whoever has waited for so long is worth twice as much as at first: nobody starves."""


class Task(StrEnum):
    """What a turn of the line is used for."""

    LOOK_FOR_METERS = "look for meters"
    BROADCAST_TIME = "broadcast time"
    CALL_REPEATERS = "call repeaters"
    IDENTIFY = "identify"
    SET_CLOCK = "set clock"
    PING = "ping"
    POLL = "poll a silent node"
    COLLECT = "collect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One use of the line.

    Attributes:
        due_at_s: UTC second from which it waits for its turn.
        worth: what it brings, in periodic rows.
        price_s: line time that it is expected to take.
        link: the node concerned; None when all are.
        meter: the meter behind it, once it is identified.
        stream: what is collected.
    """

    task: Task
    due_at_s: float
    worth: float = 1.0
    price_s: float = 1.0
    link: "NodeLink | None" = None
    meter: "MeterState | None" = None
    stream: "StreamState | None" = None

    def value(self, now_s: float) -> float:
        """Return what a second of the line brings when this turn has it; grows with waiting."""
        waited_s = max(0.0, now_s - self.due_at_s)
        return self.worth / self.price_s * (1.0 + waited_s / PATIENCE_S)
