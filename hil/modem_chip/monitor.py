"""What the emulated chip says in monitor mode: sub-frames, silence, alarms, its search for a slot.

The power line of the rig hands over whole copies at their end, so a frame's sub-frames come at
once, and silence is certain only when the longest frame would have ended. It is then said once,
where the real chip says it slot by slot. The period of the search messages is inferred.
"""

from collections.abc import Callable
from typing import Final

from drivers.plc.mac_frame import SUBFRAMES_MAX, Packing
from drivers.plc.psdu import P_SDU_OCTETS, split_frame
from hal.plc_modem.messages import (
    Message,
    SpyAlarmFound,
    SpyData,
    SpyNoSubframe,
    SpySearchSynchro,
    SpySubframe,
    SpySynchroFound,
)

SEARCH_PERIOD_S: Final = 1.0
_SILENT_AFTER_SLOTS: Final = SUBFRAMES_MAX + 0.5
_NEVER: Final = float("inf")


class ChipMonitor:
    """One chip in monitor mode, from its configuration on.

    Attributes:
        synchronised: a slot start is known.
    """

    def __init__(
        self, say: Callable[[Message], None], spy: SpyData, *, frame_not_ok_s: float, now: float
    ) -> None:
        """Begin to search; `spy` is what the demodulator always sees.

        `frame_not_ok_s` without a frame and the slot is lost again; 0: never.
        """
        self.synchronised = False
        self._say = say
        self._spy = spy
        self._frame_not_ok_s = frame_not_ok_s or _NEVER
        self._search_at = now + SEARCH_PERIOD_S
        self._silent_at = _NEVER
        self._lost_at = _NEVER

    def hear(self, octets: bytes, packing: Packing, slot_s: float, now: float) -> None:
        """Take one copy of a frame, good or damaged."""
        p_sdus = [each for each in split_frame(octets, packing) if len(each) == P_SDU_OCTETS]
        if not p_sdus:
            return
        self._find_slot()
        for p_sdu in p_sdus:
            self._say(SpySubframe(self._spy, p_sdu))
        self._silent_at = now + _SILENT_AFTER_SLOTS * slot_s
        self._lost_at = now + self._frame_not_ok_s

    def hear_alarm(self, pattern: bytes) -> None:
        """Take what stood in the pause of a slot; before a slot is known there is no pause."""
        if self.synchronised:
            self._say(SpyAlarmFound(self._spy, pattern))

    def deadline(self) -> float:
        """Return when `tick` is due."""
        return min(self._silent_at, self._lost_at) if self.synchronised else self._search_at

    def tick(self, now: float) -> None:
        """Tell of silence, and of the search."""
        if not self.synchronised:
            if now >= self._search_at:
                self._search_at = now + SEARCH_PERIOD_S
                self._say(SpySearchSynchro())
            return
        if now >= self._silent_at:
            self._silent_at = _NEVER
            self._say(SpyNoSubframe(self._spy))
        if now >= self._lost_at:
            self.synchronised = False
            self._search_at = now

    def _find_slot(self) -> None:
        if not self.synchronised:
            self.synchronised = True
            self._say(SpySynchroFound(self._spy))
