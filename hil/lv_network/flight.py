"""One frame on its way over the network: who decodes which copy, round by round.

In the first round the sender alone transmits. Whoever decodes a copy and may repeat transmits
the next ones together with all others, in the same slots: a receiver gets the sum of their power.
What is on the air beside it counts as noise, so the louder of two frames may be decoded and the
other one not (capture). Source: docs/plc.md 3.
"""

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hil.lv_network.arrays import Mask, Numbers
from hil.lv_network.reception import subframe_success

if TYPE_CHECKING:
    from drivers.plc.mac_frame import MacFrame

Rounds = npt.NDArray[np.int8]

NEVER = 127


class Flight:
    """A frame, its copies so far, and the power that they put on every station.

    Attributes:
        frame: as it was first sent.
        source: station number of its sender.
        start, copy_s: loop time of the first copy, and how long each copy takes.
        decoded_in: per station, the number of the copy that it decoded; NEVER for none.
        sends_from: per station, the first copy that it helps to send; NEVER for none.
    """

    def __init__(
        self,
        frame: "MacFrame",
        source: int,
        *,
        start: float,
        copy_s: float,
        subframes: int,
        gains: Numbers,
        repeaters: Mask,
    ) -> None:
        """Let the sender begin.

        Args:
            frame: what is sent.
            source: who sends it.
            start: see the attributes.
            copy_s: see the attributes.
            subframes: how many a copy has.
            gains: received power from each station (row) at each station (column).
            repeaters: who would send the copies on.
        """
        self.frame = frame
        self.source = source
        self.start = start
        self.copy_s = copy_s
        self.subframes = subframes
        self.decoded_in: Rounds = np.full(len(gains), NEVER, dtype=np.int8)
        self.sends_from: Rounds = np.full(len(gains), NEVER, dtype=np.int8)
        self.sends_from[source] = 0
        self._gains = gains
        self._repeaters = repeaters
        self._powers = [gains[source]]

    @property
    def end(self) -> float:
        """Return when the last copy is over."""
        return self.start + self.copy_s * (1 + self.frame.initial_credit)

    def copy_end(self, number: int) -> float:
        """Return when a copy is over."""
        return self.start + self.copy_s * (1 + number)

    def power_at(self, number: int) -> float:
        """Return the power of the last copy at a station, square microvolts."""
        return float(self._powers[-1][number])

    def level_dbuv(self, number: int) -> float:
        """Return the same as a level."""
        return 10.0 * math.log10(max(self.power_at(number), 1e-9))

    def on_air(self, from_s: float, to_s: float) -> tuple[Numbers, Mask] | None:
        """Return power and senders of this flight within a span of time; None when it is silent."""
        if self.start >= to_s or self.end <= from_s:
            return None
        number = int(max(0.0, (from_s - self.start) / self.copy_s) + 0.5)
        number = min(number, len(self._powers) - 1)
        return self._powers[number], self.sends_from <= number

    def fly(
        self,
        number: int,
        dice: np.random.Generator,
        *,
        noise: Numbers,
        impulse_share: float,
        listening: Mask,
    ) -> npt.NDArray[np.intp]:
        """Let copy `number` come to its end; return the stations that decoded it, in order.

        Args:
            number: 0 for the first copy; each once, in order.
            dice: chance.
            noise: at each station, other flights included.
            impulse_share: share of sub-frames that impulses destroy.
            listening: who could hear it: with mains, and not sending anything else.
        """
        snr = self._powers[-1] / noise
        chance = subframe_success(snr, impulse_share) ** self.subframes
        hears = (dice.random(len(chance)) < chance) & listening
        hears &= (self.decoded_in == NEVER) & (self.sends_from > number)
        new = np.flatnonzero(hears)
        self.decoded_in[new] = number
        power = self._powers[-1]
        if number < self.frame.initial_credit:
            joining = new[self._repeaters[new]]
            if len(joining):
                self.sends_from[joining] = number + 1
                power = power + self._gains[joining].sum(axis=0)
            self._powers.append(power)
        return new
