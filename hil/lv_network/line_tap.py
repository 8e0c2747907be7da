"""A tap on the emulated line: hears what stands on it, as a second modem at the busbar would.

Every copy of the modem's own frames, and of an answer each copy from the one on that the modem
has decoded. What others spoil comes damaged. It draws no dice, so that the same seed gives the
same line with a tap and without.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from drivers.plc.mac_frame import Packing
from hil.air import AirEvent, Heard, HeardBad
from hil.lv_network.flight import Flight
from hil.lv_network.line_timer import Timer

_DAMAGED_AT: Final = 9  # inside the first sub-frame, behind the header


class LineTap:
    """Tells what the tap hears; `tell` gets it when it is over."""

    def __init__(
        self, *, timer: Timer, packing: Packing, tell: Callable[[AirEvent], object]
    ) -> None:
        self._timer = timer
        self._packing = packing
        self._tell = tell

    def copy_is_over(self, flight: Flight, number: int, *, is_alone: bool) -> None:
        """Take the copy of a flight that has come to its end at the busbar."""
        frame = flight.frame
        copy = replace(frame, current_credit=frame.initial_credit - number)
        octets = copy.encode(self._packing)
        if is_alone:
            self._tell(Heard(octets))
            return
        damaged = bytearray(octets)
        damaged[_DAMAGED_AT] ^= 0xFF
        self._tell(HeardBad(bytes(damaged)))

    def others_follow(self, flight: Flight, number: int) -> None:
        """Hear the copies behind a copy, too; nothing else concerns itself with them."""
        for later in range(number + 1, flight.frame.initial_credit + 1):
            self._timer.call_at(flight.copy_end(later), self._follow, flight, later)

    def _follow(self, flight: Flight, number: int) -> None:
        self.copy_is_over(flight, number, is_alone=True)
