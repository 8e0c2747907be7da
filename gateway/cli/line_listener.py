"""From what a listening modem says slot by slot to what happened on the power line."""

from dataclasses import dataclass
from enum import StrEnum

from drivers.plc.mac_frame import Packing
from drivers.plc.subframe_joiner import HeardFrame, SubframeJoiner
from hal.plc_modem.messages import (
    SpyAlarmFound,
    SpyData,
    SpyMessage,
    SpyNoSubframe,
    SpySearchSynchro,
    SpySubframe,
    SpySynchroFound,
)


class LineEventKind(StrEnum):
    """What happened."""

    FRAME = "frame"
    DAMAGED = "damaged"
    ALARM = "alarm"
    SLOT_FOUND = "slot found"
    SEARCHING = "searching"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineEvent:
    """One thing that happened on the line.

    Attributes:
        at_s: when its last octet was told, UTC seconds.
        spy: signal and noise of the first sub-frame, or of the alarm; None while searching.
        heard: the sub-frames of a frame, good or damaged.
        pattern: what stood in the pause of a slot, for an alarm.
    """

    kind: LineEventKind
    at_s: float
    spy: SpyData | None = None
    heard: HeardFrame | None = None
    pattern: bytes = b""


class LineListener:
    """Joins sub-frames; that a modem goes on searching is told once."""

    def __init__(self, packing: Packing) -> None:
        self._joiner = SubframeJoiner(packing)
        self._spies: list[SpyData] = []  # of the sub-frames that wait in the joiner
        self._searching = False

    def take(self, message: SpyMessage, at_s: float) -> list[LineEvent]:
        """Return what is over with this message."""
        match message:
            case SpySubframe(spy, p_sdu):
                self._spies.append(spy)
                return self._frames(self._joiner.receive(p_sdu), at_s)
            case SpyNoSubframe():
                return self._frames(self._joiner.slot_was_silent(), at_s)
            case SpyAlarmFound(spy, pattern):
                kind = LineEventKind.ALARM
                return [LineEvent(kind=kind, at_s=at_s, spy=spy, pattern=pattern)]
            case SpySynchroFound(spy):
                self._searching = False
                found = LineEvent(kind=LineEventKind.SLOT_FOUND, at_s=at_s, spy=spy)
                return [*self._frames(self._joiner.slot_was_silent(), at_s), found]
            case SpySearchSynchro():
                unfinished = self._frames(self._joiner.slot_was_silent(), at_s)
                return unfinished + self._search(at_s)
            case _:
                return []  # a pause without an alarm

    def _frames(self, frames: list[HeardFrame], at_s: float) -> list[LineEvent]:
        events = []
        for frame in frames:
            kind = LineEventKind.FRAME if frame.reason is None else LineEventKind.DAMAGED
            events.append(LineEvent(kind=kind, at_s=at_s, spy=self._spies[0], heard=frame))
            del self._spies[: len(frame.p_sdus)]  # each sub-frame is handed out once, in order
        return events

    def _search(self, at_s: float) -> list[LineEvent]:
        if self._searching:
            return []
        self._searching = True
        return [LineEvent(kind=LineEventKind.SEARCHING, at_s=at_s)]
