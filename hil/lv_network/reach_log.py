"""Let the weather go on, and note for how long each station could be reached, and how.

What is noted are the line's own numbers (hil.lv_network.reach), step by step of the weather:
they hold for the whole step, whoever did or did not use the time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hil.lv_network.line_timer import Timer, TimerHandle
from hil.lv_network.reach import NOT_REACHED
from hil.rig_clock import RigClock

if TYPE_CHECKING:
    from hil.lv_network.network import LvNetwork

WasReached = Callable[[str, str, float, float, int], None]
"""Takes usn, line, from_s, to_s and the credit that would have sufficed."""


@dataclass(slots=True)
class _Span:
    usn: str
    credit: int
    since_s: float


class ReachLog:
    """Steps through the weather until it is closed."""

    def __init__(
        self,
        network: "LvNetwork",
        *,
        timer: Timer,
        clock: RigClock,
        was_reached: WasReached | None,
    ) -> None:
        """Begin with the step of this moment; without `was_reached` only the weather goes on."""
        self._network = network
        self._timer = timer
        self._clock = clock
        self._was_reached = was_reached
        self._spans: dict[tuple[int, int], _Span] = {}
        self._repeaters_seen = b""
        self._next: TimerHandle | None = None
        self._step()

    def look_again(self) -> None:
        """Note at once what a change of the network has changed."""
        if self._was_reached is not None:
            self._look(changed=True, now_s=self._clock.utc_s(self._timer.time()))

    def close(self) -> None:
        """Note what is still open, and stop."""
        if self._next is not None:
            self._next.cancel()
        now_s = self._clock.utc_s(self._timer.time())
        for (modem, _), span in self._spans.items():
            self._end(modem, span, now_s)
        self._spans.clear()

    def _step(self) -> None:
        channel = self._network.channel
        now_s = self._clock.utc_s(self._timer.time())
        step_s = channel.step_s
        begun_s = now_s // step_s * step_s
        changed = channel.advance(begun_s)
        if self._was_reached is not None:
            self._look(changed=changed, now_s=now_s)
        following = self._clock.loop_time(begun_s + step_s)
        self._next = self._timer.call_at(following, self._step)

    def _look(self, *, changed: bool, now_s: float) -> None:
        repeaters = self._network.board.repeaters().tobytes()
        if not changed and repeaters == self._repeaters_seen:
            return
        self._repeaters_seen = repeaters
        for modem, mac in enumerate(self._network.modem_macs()):
            credits_needed = self._network.channel.sufficient_credit(
                modem, self._network.board.repeaters(mac)
            )
            for number in range(self._network.channel.modems, len(credits_needed)):
                self._note(modem, number, credits_needed[number], now_s)

    def _note(self, modem: int, number: int, credit: int, now_s: float) -> None:
        station = self._network.board[number]
        usn = "" if station is None else station.usn
        span = self._spans.get((modem, number))
        if span is not None and (span.usn, span.credit) == (usn, credit):
            return
        if span is not None:
            self._end(modem, span, now_s)
        self._spans[modem, number] = _Span(usn, credit, now_s)

    def _end(self, modem: int, span: _Span, now_s: float) -> None:
        if self._was_reached is None or not span.usn or span.credit == NOT_REACHED:
            return
        line = self._network.channel.topology.substations[modem]
        self._was_reached(span.usn, line, span.since_s, now_s, span.credit)
