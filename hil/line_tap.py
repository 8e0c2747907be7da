"""A tap on the emulated line: hears every copy that stands on it, as a second modem would.

It stands where the modem stands, without the line's loss: every copy of the modem's own frames,
and of an answer each copy that comes as far as the modem. Copies that others spoil come damaged.
It draws no dice, so that the same seed gives the same line with a tap and without.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from drivers.plc.airtime import LineTiming
from drivers.plc.mac_frame import MacFrame
from hil.air import AirEvent, Heard, HeardBad
from hil.lv_line import Timer

_DAMAGED_AT: Final = 9  # inside the first sub-frame, behind the header


class LineTap:
    """Plans what the tap hears (a hil.lv_line.Tap); `tell` gets it when it is over."""

    def __init__(
        self, *, timer: Timer, timing: LineTiming, tell: Callable[[AirEvent], object]
    ) -> None:
        self._timer = timer
        self._timing = timing
        self._tell = tell

    def frame_begins(
        self,
        frame: MacFrame,
        start: float,
        *,
        first_copy: int = 0,
        spoilt: Callable[[float], bool] = lambda _at: False,
    ) -> None:
        """Take a frame whose first transmission begins now.

        Args:
            frame: its first copy.
            start: when it begins.
            first_copy: number of the first copy that comes this far.
            spoilt: tells at the end of a copy whether others have damaged it by then.
        """
        copy_s = self._timing.first_copy_s(len(frame.m_sdu))
        for number in range(first_copy, frame.initial_credit + 1):
            copy = replace(frame, current_credit=frame.initial_credit - number)
            end = start + copy_s * (1 + number)
            self._timer.call_at(end, self._hear, copy, end, spoilt)

    def _hear(self, copy: MacFrame, end: float, spoilt: Callable[[float], bool]) -> None:
        octets = copy.encode(self._timing.packing)
        if not spoilt(end):
            self._tell(Heard(octets))
            return
        damaged = bytearray(octets)
        damaged[_DAMAGED_AT] ^= 0xFF
        self._tell(HeardBad(bytes(damaged)))
