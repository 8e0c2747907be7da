"""From signal and noise to the chance that a frame is decoded.

S-FSK is received as two tones whose energy is compared; without phase information a bit fails
with 0.5 * exp(-S/N / 2). A sub-frame is decoded when all its bits are right and no impulse struck;
a frame, when all its sub-frames are.
"""

import numpy as np

from hil.lv_network.arrays import Numbers

SUBFRAME_BITS = 320
"""Delimiter and P_sdu of one slot (docs/plc.md 1.2): 2 and 38 octets."""

_SNR_ENOUGH = 60.0  # no bit fails any more; also keeps exp() away from underflow


def subframe_success(snr: Numbers, impulse_share: float) -> Numbers:
    """Return the chance that one sub-frame is decoded, for each power ratio."""
    bit_error = 0.5 * np.exp(-0.5 * np.minimum(snr, _SNR_ENOUGH))
    return np.asarray(np.exp(SUBFRAME_BITS * np.log1p(-bit_error)) * (1.0 - impulse_share))


def power(level_db: Numbers | float) -> Numbers:
    """Return a level in dB (microvolts) as power, in square microvolts."""
    return np.asarray(np.power(10.0, np.asarray(level_db) / 10.0))
