"""A simple low-voltage line: slots, repetition with credit, hop distance, loss, collisions.

The line keeps its own slot clock; everything that happens on it happens at a planned moment, and
a process that is late plans nothing anew. A frame of n sub-frames and initial credit IC takes
n * (1 + IC) slots. A station at hop distance h can decode the copies from number h on (0 is the
first transmission), each with a chance of (1 - loss) ** (h + 1); the modem hears a station's
answer by the same rule. The repeaters themselves are not modelled here.

Two answers at the same time spoil each other. An answer whose moment comes while the modem is
sending is not sent: its station is listening. The modem's next frame waits for the first slot in
which the line is free.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from drivers.errors import MalformedFrame
from drivers.plc.airtime import LineTiming
from drivers.plc.mac_frame import FIMA, MacFrame
from drivers.plc.node import Reply
from hil.air import AirEvent, FirstCopySent, Heard, HeardBad

LOSS_PER_HOP = 0.01
_QUEUED_FRAMES_MAX = 4
_ROUNDING_SLOTS = 1e-6


class TimerHandle(Protocol):
    """A call that is still to come."""

    def cancel(self) -> object:
        """Give the call up."""


class Timer(Protocol):
    """What the line needs of an event loop; asyncio's is one."""

    def time(self) -> float:
        """Return monotonic seconds."""

    def call_at(self, when: float, callback: Callable[..., object], *args: object) -> TimerHandle:
        """Call back at a moment; at once when it has passed."""


class Station(Protocol):
    """A node of the line."""

    @property
    def mac(self) -> int:
        """Return its 12-bit address."""

    @property
    def hop_distance(self) -> int:
        """Return how many repetitions a frame needs to reach it; 0 hears the modem itself."""

    @property
    def powered(self) -> bool:
        """Tell whether it hears anything at all."""

    def hear(self, copy: MacFrame, heard_at: float, delay_s: float) -> Reply | None:
        """Take the copy that was decoded at a moment, so long after the first one had ended."""


class Tap(Protocol):
    """Who listens to the line beside its modem: hil.line_tap."""

    def frame_begins(
        self,
        frame: MacFrame,
        start: float,
        *,
        first_copy: int = 0,
        spoilt: Callable[[float], bool] = lambda _at: False,
    ) -> None:
        """Take a frame whose first transmission begins, and which of its copies come this far."""


@dataclass(slots=True, kw_only=True)
class LineCounters:
    """What happened on the line since the start."""

    frames_from_modem: int = 0
    frames_malformed: int = 0
    answers: int = 0
    answers_not_sent: int = 0
    collisions: int = 0
    heard_by_modem: int = 0
    heard_bad_by_modem: int = 0
    lost_on_the_way: int = 0
    busy_s: float = 0.0


@dataclass(slots=True, kw_only=True, eq=False)
class _Answer:
    frame: MacFrame
    station: Station
    end: float
    spoilt_from: float | None = None
    drowned: bool = False  # began under another one: no frame of its own to the modem

    def is_spoilt(self, heard_at: float) -> bool:
        return self.spoilt_from is not None and self.spoilt_from < heard_at


class LvLine:
    """The line between one modem and its stations.

    Attributes:
        stations: who hangs on the line; add and remove at will.
        loss_per_hop: chance that one hop damages a copy.
        bad_share: share of damaged copies that the modem notices as a bad frame check.
        tap: hears all that stands on the line; None: nobody does.
    """

    def __init__(
        self,
        *,
        timer: Timer,
        timing: LineTiming,
        rng: random.Random,
        tell_modem: Callable[[AirEvent], object],
        loss_per_hop: float = LOSS_PER_HOP,
        bad_share: float = 0.5,
    ) -> None:
        self.stations: list[Station] = []
        self.loss_per_hop = loss_per_hop
        self.bad_share = bad_share
        self.counters = LineCounters()
        self.tap: Tap | None = None
        self._timer = timer
        self._timing = timing
        self._rng = rng
        self._tell_modem = tell_modem
        self._queue: deque[MacFrame] = deque(maxlen=_QUEUED_FRAMES_MAX)
        self._start_is_planned = False
        self._modem_sends_until = 0.0
        self._free_at = 0.0
        self._answers: list[_Answer] = []

    def modem_transmits(self, octets: bytes) -> None:
        """Take a frame from the modem; it goes out in the next free slot."""
        try:
            frame = MacFrame.decode(octets, self._timing.packing)
        except MalformedFrame:
            self.counters.frames_malformed += 1
            return
        self._queue.append(frame)
        self._plan_start()

    def modem_changed(self, present: bool) -> None:  # noqa: FBT001  (a callback's only argument)
        """Forget what a modem that is gone had still to send."""
        if not present:
            self._queue.clear()

    def foreign_transmits(self, octets: bytes) -> None:
        """Let modem and stations hear whatever a station that is none of ours sends, at once."""
        self._tell_modem(Heard(octets))
        try:
            frame = MacFrame.decode(octets, self._timing.packing)
        except MalformedFrame:
            self.counters.frames_malformed += 1
            return
        now = self._timer.time()
        self._deliver(frame, list(self._addressed(frame)), now, now)

    def _plan_start(self) -> None:
        if self._start_is_planned or not self._queue:
            return
        self._start_is_planned = True
        start = self._slot_start(max(self._timer.time(), self._free_at))
        self._timer.call_at(start, self._start, start)

    def _start(self, start: float) -> None:
        self._start_is_planned = False
        if not self._queue:
            return
        if self._free_at > start + self._timing.slot_s * _ROUNDING_SLOTS:
            self._plan_start()  # an answer began in the meantime
            return
        self._send(self._queue.popleft(), start)

    def _send(self, frame: MacFrame, start: float) -> None:
        copy_s = self._timing.first_copy_s(len(frame.m_sdu))
        end = start + copy_s * (1 + frame.initial_credit)
        self._modem_sends_until = self._free_at = end
        self.counters.frames_from_modem += 1
        self.counters.busy_s += end - start
        first_end = start + copy_s
        if self.tap is not None:
            self.tap.frame_begins(frame, start)
        self._timer.call_at(first_end, self._tell_modem, FirstCopySent())
        for number, stations in self._decoders(frame).items():
            copy = replace(frame, current_credit=frame.initial_credit - number)
            heard_at = first_end + number * copy_s
            self._timer.call_at(heard_at, self._deliver, copy, stations, heard_at, end)
        self._timer.call_at(end, self._plan_start)

    def _decoders(self, frame: MacFrame) -> dict[int, list[Station]]:
        decoders: dict[int, list[Station]] = {}
        for station in self._addressed(frame):
            number = self._copy_decoded(frame, station)
            if number is not None and station.powered:
                decoders.setdefault(number, []).append(station)
        return decoders

    def _addressed(self, frame: MacFrame) -> Iterable[Station]:
        if frame.destination >= FIMA:
            return self.stations
        return [station for station in self.stations if station.mac == frame.destination]

    def _copy_decoded(self, frame: MacFrame, station: Station) -> int | None:
        chance = (1.0 - self.loss_per_hop) ** (station.hop_distance + 1)
        for number in range(station.hop_distance, frame.initial_credit + 1):
            if self._rng.random() < chance:
                return number
        self.counters.lost_on_the_way += 1
        return None

    def _deliver(
        self, copy: MacFrame, stations: list[Station], heard_at: float, end: float
    ) -> None:
        delay_s = copy.hop_distance * self._timing.first_copy_s(len(copy.m_sdu))
        for station in stations:
            if not station.powered:
                continue
            reply = station.hear(copy, heard_at, delay_s)
            if reply is not None:
                start = end + reply.after_slots * self._timing.slot_s
                self._timer.call_at(start, self._answer, station, reply.frame, start)

    def _answer(self, station: Station, frame: MacFrame, start: float) -> None:
        slack = self._timing.slot_s * _ROUNDING_SLOTS
        if start < self._modem_sends_until - slack or not station.powered:
            self.counters.answers_not_sent += 1
            return
        copy_s = self._timing.first_copy_s(len(frame.m_sdu))
        answer = _Answer(
            frame=frame, station=station, end=start + copy_s * (1 + frame.initial_credit)
        )
        self._answers = [other for other in self._answers if other.end > start + slack]
        for other in self._answers:
            self.counters.collisions += 1
            answer.spoilt_from = start
            answer.drowned = True
            if other.spoilt_from is None:
                other.spoilt_from = start
        self._answers.append(answer)
        self.counters.answers += 1
        self.counters.busy_s += max(0.0, answer.end - max(start, self._free_at))
        self._free_at = max(self._free_at, answer.end)
        if self.tap is not None:
            first_copy = station.hop_distance
            self.tap.frame_begins(frame, start, first_copy=first_copy, spoilt=answer.is_spoilt)
        number = self._copy_decoded(frame, station)
        heard_at = start + copy_s * (1 + (number or 0))
        self._timer.call_at(heard_at, self._modem_hears, answer, number, heard_at)

    def _modem_hears(self, answer: _Answer, number: int | None, heard_at: float) -> None:
        spoilt = answer.is_spoilt(heard_at)
        reaches = answer.station.hop_distance <= answer.frame.initial_credit
        if number is not None and not spoilt:
            credit = answer.frame.initial_credit - number
            copy = replace(answer.frame, current_credit=credit)
            self.counters.heard_by_modem += 1
            self._tell_modem(Heard(copy.encode(self._timing.packing)))
        elif reaches and not answer.drowned and self._rng.random() < self.bad_share:
            self.counters.heard_bad_by_modem += 1
            self._tell_modem(HeardBad(self._damaged(answer.frame)))

    def _damaged(self, frame: MacFrame) -> bytes:
        octets = bytearray(frame.encode(self._timing.packing))
        place = self._rng.randrange(2, len(octets))  # the sub-frame code itself was understood
        octets[place] ^= self._rng.randrange(1, 256)
        return bytes(octets)

    def _slot_start(self, when: float) -> float:
        slots = -(-(when / self._timing.slot_s - _ROUNDING_SLOTS) // 1)
        return slots * self._timing.slot_s
