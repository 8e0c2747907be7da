"""What the line needs of an event loop, and what it counts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class TimerHandle(Protocol):
    """A call that is still to come."""

    def cancel(self) -> object:
        """Give the call up."""


class Timer(Protocol):
    """An event loop's timers; asyncio's fit."""

    def time(self) -> float:
        """Return monotonic seconds."""

    def call_at(self, when: float, callback: Callable[..., object], *args: object) -> TimerHandle:
        """Call back at a moment; at once when it has passed."""


@dataclass(slots=True, kw_only=True)
class LineCounters:
    """What happened on the line since the start.

    Attributes:
        collisions: flights that began while another was on the air.
        lost_on_the_way: frames for one station, or for a modem, that it did not decode.
    """

    frames_from_modem: int = 0
    frames_malformed: int = 0
    answers: int = 0
    answers_not_sent: int = 0
    collisions: int = 0
    heard_by_modem: int = 0
    heard_bad_by_modem: int = 0
    lost_on_the_way: int = 0
    busy_s: float = 0.0
