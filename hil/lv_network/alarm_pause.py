"""How far an alarm gets in the pauses of a frame's slots.

A node with an alarm sends a pattern in the pause of each slot; whoever hears it sends it on in
the next pause. The pattern is two octets, so all that counts is that it stands out of the noise.
What the standard says of it was not at hand: this file is the whole model (docs/plc.md 1.2).
"""

import numpy as np

from hil.lv_network.arrays import Mask, Numbers

HEARD_SNR = 4.0
"""Twice the amplitude of the noise (6 dB)."""


def alarm_reaches(
    modem: int, *, alarmed: Mask, relays: Mask, pauses: int, gains: Numbers, noise: Numbers
) -> bool:
    """Tell whether a modem hears the pattern within so many pauses.

    Args:
        modem: station number.
        alarmed: who begins to send it.
        relays: who sends it on.
        pauses: slots of the frame, repetitions included.
        gains: received power from each station (row) at each station (column).
        noise: at each station.
    """
    sending = alarmed.copy()
    for _ in range(pauses):
        heard = gains[sending].sum(axis=0) > HEARD_SNR * noise
        if heard[modem]:
            return True
        grown = sending | (heard & relays)
        if np.array_equal(grown, sending):
            return False
        sending = grown
    return False
