"""The line's own numbers: with how much credit an exchange with each station succeeds.

The same rounds as in hil.lv_network.flight, with chances in place of dice. A station decodes a
copy when somebody within its reach sends it, and enough power arrives: the first is the chance
that not all of those within reach have missed the copies before, the second follows from the mean
power they send then. tests/hil/lv_network compares the result with the dice.

An exchange is the shortest request for rows, one sub-frame, and an answer with one row, two
sub-frames.
"""

import numpy as np

from drivers.plc.mac_frame import CREDIT_MAX
from hil.lv_network.arrays import Mask, Numbers
from hil.lv_network.reception import subframe_success

REQUEST_SUBFRAMES = 1
ANSWER_SUBFRAMES = 2
SUFFICIENT = 0.5
NOT_REACHED = -1

_SURE = 1e-6
SNR_NEEDED = 11.0
"""About where half of the sub-frames are decoded."""

_WITHIN_REACH = 0.25 * SNR_NEEDED
"""Who brings a quarter of what is needed may be the one that counts."""


def exchange_success(
    modem: int, *, gains: Numbers, noise: Numbers, impulse_share: float, repeaters: Mask
) -> Numbers:
    """Return the chance of an exchange, by credit 0 to 7 (rows) and station (columns).

    Args:
        modem: station number of the concentrator's modem.
        gains: received power from each station (row) at each station (column).
        noise: at each station.
        impulse_share: share of sub-frames that impulses destroy.
        repeaters: who sends copies on.
    """
    there = _spread(gains[[modem]], gains, noise, impulse_share, repeaters, REQUEST_SUBFRAMES)[
        :, 0, :
    ]
    back = _spread(gains, gains, noise, impulse_share, repeaters, ANSWER_SUBFRAMES)[:, :, modem]
    chance = there * back
    chance[:, modem] = 1.0
    return np.asarray(chance)


def sufficient_credit(chance: Numbers) -> list[int]:
    """Return for each station the least credit that suffices; NOT_REACHED when none does."""
    enough = chance >= SUFFICIENT
    least = np.where(enough.any(axis=0), enough.argmax(axis=0), NOT_REACHED)
    return [int(credit) for credit in least]


def _spread(
    first: Numbers,
    gains: Numbers,
    noise: Numbers,
    impulse_share: float,
    repeaters: Mask,
    subframes: int,
) -> Numbers:
    """Return the chance to have decoded, by copy, by sender (rows of `first`) and by station.

    A station decodes the sender's own copies, each of them a new chance; or those that others
    send on, and then not before somebody within its reach has decoded one, nor before anybody at
    all has decoded one of the sender's own.
    """
    sending = np.where(repeaters[:, np.newaxis], gains, 0.0)
    within = (sending >= _WITHIN_REACH * noise).astype(np.float64)
    misses_own = 1.0 - subframe_success(first / noise, impulse_share) ** subframes
    carried = np.zeros_like(first)
    steps = np.zeros((CREDIT_MAX + 1, *first.shape))
    known = 1.0 - misses_own
    steps[0] = known
    relayed_by_nobody = np.prod(np.where(repeaters, misses_own, 1.0), axis=1, keepdims=True)
    for number in range(1, CREDIT_MAX + 1):
        missed = np.exp(np.log1p(-np.minimum(known, 1.0 - _SURE)) @ within)
        somebody = 1.0 - missed
        arrives = (first + known @ sending / np.maximum(somebody, _SURE)) / noise
        chance = somebody * subframe_success(arrives, impulse_share) ** subframes
        grown = 1.0 - (1.0 - carried) * (1.0 - chance)
        bound = np.minimum(somebody, 1.0 - relayed_by_nobody**number)
        carried = np.maximum(carried, np.minimum(grown, bound))
        known = 1.0 - misses_own ** (number + 1) * (1.0 - carried)
        steps[number] = known
    return steps
