"""The line's own numbers: with how much credit an exchange with each station succeeds.

The same rounds as in hil.lv_network.flight, with chances in place of dice. A station decodes a
copy when somebody within its reach sends it, and enough power arrives: the first is the chance
that not all of those within reach have missed the copies before, the second follows from the mean
power they send then. tests/hil/lv_network compares the result with the dice.

An exchange is the shortest request for rows, one sub-frame, and an answer with one row, two
sub-frames.
"""

from dataclasses import dataclass

import numpy as np

from drivers.plc.mac_frame import CREDIT_MAX
from hil.lv_network.arrays import Mask, Numbers, Stations
from hil.lv_network.reception import subframe_success

REQUEST_SUBFRAMES = 1
ANSWER_SUBFRAMES = 2
SUFFICIENT = 0.5
NOT_REACHED = -1

ENOUGH = 0.98
"""A chance of this is not looked at more closely."""

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
    spread = _Spread(gains, noise, impulse_share, repeaters)
    chance = spread.to_all(modem, REQUEST_SUBFRAMES) * spread.from_all(modem, ANSWER_SUBFRAMES)
    chance[:, modem] = 1.0
    return np.asarray(chance)


def sufficient_credit(chance: Numbers) -> list[int]:
    """Return for each station the least credit that suffices; NOT_REACHED when none does."""
    enough = chance >= SUFFICIENT
    least = np.where(enough.any(axis=0), enough.argmax(axis=0), NOT_REACHED)
    return [int(credit) for credit in least]


class _Spread:
    """How frames spread over a network at one moment.

    A station decodes the sender's own copies, each of them a new chance; or those that others
    send on, and then not before somebody within its reach has decoded one, nor before anybody at
    all has decoded one of the sender's own.
    """

    def __init__(
        self, gains: Numbers, noise: Numbers, impulse_share: float, repeaters: Mask
    ) -> None:
        self._gains = gains
        self._noise = noise
        self._impulse_share = impulse_share
        self._repeaters = repeaters
        self._sending = np.where(repeaters[:, np.newaxis], gains, 0.0)
        self._within = (self._sending >= _WITHIN_REACH * noise).astype(np.float64)

    def to_all(self, sender: int, subframes: int) -> Numbers:
        """Return the chance to have decoded a frame, by copy and by station."""
        state = self._first_copy(np.array([sender]), subframes)
        steps = [state.known[0]]
        for number in range(1, CREDIT_MAX + 1):
            self._next_copy(state, number)
            steps.append(state.known[0])
        return np.array(steps)

    def from_all(self, receiver: int, subframes: int) -> Numbers:
        """Return the chance that a receiver has decoded a frame, by copy and by its sender.

        Once a chance is ENOUGH, further copies are not looked at: it stands for them, too.
        """
        snr = self._gains[:, receiver] / self._noise[receiver]
        first = subframe_success(snr, self._impulse_share) ** subframes
        steps = np.tile(first, (CREDIT_MAX + 1, 1))
        senders = np.flatnonzero(first < ENOUGH)
        state = self._first_copy(senders, subframes)
        for number in range(1, CREDIT_MAX + 1):
            if not len(senders):
                break
            self._next_copy(state, number)
            found = state.known[:, receiver]
            steps[number:, senders] = found
            going_on = found < ENOUGH
            senders = senders[going_on]
            state.keep(going_on)
        return steps

    def _first_copy(self, senders: Stations, subframes: int) -> "_State":
        first = self._gains[senders]
        success = subframe_success(first / self._noise, self._impulse_share) ** subframes
        misses_own = 1.0 - success
        return _State(
            subframes=subframes,
            first=first,
            misses_own=misses_own,
            relayed_by_nobody=np.prod(
                np.where(self._repeaters, misses_own, 1.0), axis=1, keepdims=True
            ),
            carried=np.zeros_like(first),
            known=success,
        )

    def _next_copy(self, state: "_State", number: int) -> None:
        missed = np.exp(np.log1p(-np.minimum(state.known, 1.0 - _SURE)) @ self._within)
        somebody = 1.0 - missed
        carried_power = state.known @ self._sending / np.maximum(somebody, _SURE)
        snr = (state.first + carried_power) / self._noise
        chance = somebody * subframe_success(snr, self._impulse_share) ** state.subframes
        grown = 1.0 - (1.0 - state.carried) * (1.0 - chance)
        bound = np.minimum(somebody, 1.0 - state.relayed_by_nobody**number)
        state.carried = np.maximum(state.carried, np.minimum(grown, bound))
        state.known = 1.0 - state.misses_own ** (number + 1) * (1.0 - state.carried)


@dataclass(slots=True, kw_only=True)
class _State:
    """Frames on their way, a row for each sender; columns are stations.

    Attributes:
        first: power that arrives from the sender itself.
        misses_own: chance to miss one of the sender's own copies.
        relayed_by_nobody: chance that no repeater decodes one of them.
        carried: chance to have decoded a copy that others sent on.
        known: chance to have decoded any.
    """

    subframes: int
    first: Numbers
    misses_own: Numbers
    relayed_by_nobody: Numbers
    carried: Numbers
    known: Numbers

    def keep(self, rows: Mask) -> None:
        """Go on with some of the senders only."""
        if not rows.all():
            self.first, self.misses_own = self.first[rows], self.misses_own[rows]
            self.relayed_by_nobody = self.relayed_by_nobody[rows]
            self.carried, self.known = self.carried[rows], self.known[rows]
