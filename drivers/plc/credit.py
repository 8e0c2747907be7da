"""How many repetitions a node is granted, learnt from how its answers came back."""

from collections import deque
from collections.abc import Iterable
from typing import Final

from drivers.plc.mac_frame import CREDIT_MAX

ANSWERS_BEFORE_LOWERING: Final = 3
LEARNING_SHARE: Final = 0.08  # how much the last try says about its credit
FORGETTING_SHARE: Final = 0.02  # how fast a credit that is not in use is believed in again
_CREDITS: Final = range(CREDIT_MAX + 1)


class CreditLedger:
    """The learnt need of one node. PLC-1.

    Begins where the node was first heard. After some answers it takes, of all credits that cover
    the need, the one that costs least line time in the mean: a spare repetition costs little, a
    first try that fails costs its time-out and a try with 7. So a clean line gets the bare need,
    a noisy one gets a spare repetition, and noise that no repetition helps against gets none.

    The policy is ours: no standard text was found. Source: docs/plc.md 3, client adaptation policy.

    Attributes:
        need: what the last answer needed; None before the first. 3 may mean more.
    """

    __slots__ = ("_credit", "_failing", "_needs", "need")

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
        self._needs: deque[int] = deque(maxlen=ANSWERS_BEFORE_LOWERING)
        self._failing = [0.0 for _ in _CREDITS]  # share of first tries thought to fail

    def success(self, need: int, initial_credit_used: int | None = None) -> None:
        """Note an answer.

        Args:
            need: the greater of both hop distances, question and answer.
            initial_credit_used: credit of the try that was answered; more than `credit` says
                that the first try failed.
        """
        self.need = min(CREDIT_MAX, need)
        self._needs.append(self.need)
        first_failed = initial_credit_used is not None and initial_credit_used > self._credit
        self._learn(failed=first_failed)
        if len(self._needs) == ANSWERS_BEFORE_LOWERING:
            self._credit = min(range(max(self._needs), CREDIT_MAX + 1), key=self._cost)
        else:
            self._credit = max(self.need, min(CREDIT_MAX, self._credit + first_failed))

    def failure(self) -> None:
        """Note that every try met silence: the need must be learnt anew, one credit higher."""
        self._learn(failed=True)
        self._needs.clear()
        self._credit = min(CREDIT_MAX, self._credit + 1)

    def _learn(self, *, failed: bool) -> None:
        for credit in _CREDITS:
            share = LEARNING_SHARE if credit == self._credit else FORGETTING_SHARE
            seen = 1.0 if failed and credit == self._credit else 0.0
            self._failing[credit] += share * (seen - self._failing[credit])

    def _cost(self, credit: int) -> float:
        """Return the mean line time of an exchange, in transmissions."""
        once = 1 + credit
        again = once + 1 + CREDIT_MAX
        return once + self._failing[credit] * again


def credit_of_try(first_credit: int, attempt: int) -> int:
    """Return the initial credit of try number `attempt`, 0 the first: any later one has 7. PLC-1.

    The one place to change for a gentler climb.
    """
    return first_credit if attempt == 0 else CREDIT_MAX


def broadcast_credit(credits_in_use: Iterable[int]) -> int:
    """Return the initial credit that reaches every node known; 7 when none is known."""
    return max(credits_in_use, default=CREDIT_MAX)
