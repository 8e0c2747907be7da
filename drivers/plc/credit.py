"""How many repetitions a node is granted, learnt from how its answers came back."""

from collections.abc import Iterable
from typing import Final

from drivers.plc.mac_frame import CREDIT_MAX, DELTA_CREDIT_MAX

ANSWER_KEPT: Final = 0.9
"""Of what an answer said of the need, this share is left after the next one: about ten count."""

SILENCE_KEPT: Final = 0.96
"""A silence is remembered longer: being wrong again costs more than a spare repetition."""

PROBE_COST: Final = 2.0
"""What it costs to find out whether a silent node is there, in transmissions of an exchange."""

_DOUBT: Final = 0.25  # with less than this on record, silence at a credit is forgotten
_CREDITS: Final = range(CREDIT_MAX + 1)


class CreditLedger:
    """The learnt need of one node, question and answer together. PLC-1.

    An answer tells with how few repetitions it, and its question, would have done: with less
    than that the exchange fails. A silence tells that the credit of that try did not do. Both are
    forgotten by and by. Of all credits the one is granted whose exchange costs least line time in
    the mean, silence included: a clean line gets the bare need, a noisy one a spare repetition,
    and noise that no repetition helps against gets none.

    The policy is ours: no standard text was found. Source: docs/plc.md 3, client adaptation policy.

    Attributes:
        need: what the last answer needed; None before the first. 3 may mean more.
    """

    __slots__ = ("_credit", "_needed", "_silent", "need")

    def __init__(self, credit: int = CREDIT_MAX) -> None:
        self.start(credit)

    @property
    def credit(self) -> int:
        """Initial credit for the next request, 0 to 7."""
        return self._credit

    def start(self, credit: int) -> None:
        """Forget what was learnt and begin at the credit at which the node was first heard."""
        self.need: int | None = None
        self._credit = min(CREDIT_MAX, max(0, credit))
        self._needed = [0.0 for _ in _CREDITS]  # weight of answers that needed just this credit
        self._silent = [0.0 for _ in _CREDITS]  # weight of silences at this credit
        self._needed[self._credit] = 1.0

    def success(self, need_down: int, need_up: int, initial_credit_used: int | None = None) -> None:
        """Note an answer.

        Args:
            need_down: repetitions that the question needed, as the node reports; 3 may mean more.
            need_up: repetitions that the answer needed.
            initial_credit_used: of the try that was answered; None: as granted.
        """
        used = self._credit if initial_credit_used is None else initial_credit_used
        used = min(CREDIT_MAX, max(0, used))
        need = min(CREDIT_MAX, max(0, need_down, need_up))
        if need_down >= DELTA_CREDIT_MAX:  # two bits cannot tell by how much more than three
            need = min(max(need, self._met_silence_at() + 1), max(need, used))
        self.need = need
        self._forget()
        self._needed[need] += 1.0
        self._choose()

    def failure(self, credit: int | None = None) -> None:
        """Note that a try met silence; None: at the credit granted.

        With all the credit there is, silence says nothing of the need: whoever is gone for an hour,
        and asked again and again whether he is back, needs what he needed before.
        """
        used = self._credit if credit is None else min(CREDIT_MAX, max(0, credit))
        if used == CREDIT_MAX:
            return
        self._forget()
        self._silent[used] += 1.0
        self._choose()

    def silence_share(self, credit: int) -> float:
        """Return which share of exchanges is thought to meet silence at a credit."""
        enough = sum(self._needed[: credit + 1])
        short = sum(self._needed[credit + 1 :]) + sum(self._silent[credit:])
        return short / (enough + short) if enough + short else 1.0

    def _met_silence_at(self) -> int:
        """Return the highest credit that met silence and is not forgiven; -1 for none."""
        return max((credit for credit in _CREDITS if self._silent[credit] >= _DOUBT), default=-1)

    def _forget(self) -> None:
        for credit in _CREDITS:
            self._needed[credit] *= ANSWER_KEPT
            self._silent[credit] *= SILENCE_KEPT

    def _choose(self) -> None:
        again = 1 + max((credit for credit in _CREDITS if self._needed[credit] >= 0.1), default=7)
        self._credit = min(_CREDITS, key=lambda credit: self._cost(credit, again))

    def _cost(self, credit: int, again: int) -> float:
        """Return the mean line time of an exchange, in transmissions."""
        once = 1 + credit
        return once + self.silence_share(credit) * (once + PROBE_COST + again)


def broadcast_credit(credits_in_use: Iterable[int]) -> int:
    """Return the initial credit that reaches every node known; 7 when none is known."""
    return max(credits_in_use, default=CREDIT_MAX)
