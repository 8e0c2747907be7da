"""How well long frames get through to and from a node, learnt from short and long ones. PLC-2."""

from typing import Final

from drivers.plc.mac_frame import CREDIT_MAX

PASSED_SHARES: Final = (
    0.05, 0.1, 0.17, 0.27, 0.4, 0.55, 0.7, 0.82, 0.9, 0.95, 0.98, 0.995, 0.9995,
)  # fmt: skip
"""Suppositions: so many of the sub-frames of one copy of a frame get through."""

KEPT: Final = 0.998
"""Of what was learnt, this share is left after each exchange. What changes shows soon enough: a
supposition that is wrong loses its weight within a few exchanges, and so gains the right one."""

POOR_CHANCE: Final = 0.8

_FIRST_WEIGHTS: Final = (  # most lines are good
    0.001, 0.001, 0.002, 0.002, 0.002, 0.002, 0.003, 0.004, 0.005, 0.008, 0.02, 0.15, 0.8,
)  # fmt: skip


class FrameLedger:
    """A belief about the sub-frames of a node's frames.

    A frame gets through if all sub-frames of one of its copies do. Copies that repeaters need to
    carry it there do not count: they are no second chance. Bayes' rule; before each exchange a
    little of the belief returns to what it was at first, for lines change.
    """

    __slots__ = ("_chances", "_weights")

    def __init__(self) -> None:
        self._weights = list(_FIRST_WEIGHTS)
        self._chances: dict[tuple[int, int, int], float] = {}

    def exchanged(self, question: int, answer: int, copies: int, *, answered: bool) -> None:
        """Note an exchange.

        Args:
            question: its sub-frames.
            answer: its sub-frames.
            copies: chances that each of the two had.
            answered: whether both got through.
        """
        for number, share in enumerate(PASSED_SHARES):
            passes = _passes(share, question, copies) * _passes(share, answer, copies)
            kept = KEPT * self._weights[number] + (1.0 - KEPT) * _FIRST_WEIGHTS[number]
            self._weights[number] = kept * (passes if answered else 1.0 - passes)
        total = sum(self._weights)
        self._weights = [weight / total for weight in self._weights]
        self._chances.clear()

    @property
    def is_poor(self) -> bool:
        """Whether even the shortest exchange, with all its chances, fails now and then."""
        return self.chance(1, 1, 1 + CREDIT_MAX) < POOR_CHANCE

    def chance(self, question: int, answer: int, copies: int = 1) -> float:
        """Return the chance that an exchange of so many sub-frames and copies succeeds."""
        key = question, answer, copies
        known = self._chances.get(key)
        if known is None:
            known = self._chances[key] = sum(
                weight * _passes(share, question, copies) * _passes(share, answer, copies)
                for weight, share in zip(self._weights, PASSED_SHARES, strict=True)
            )
        return known


def _passes(share: float, subframes: int, copies: int) -> float:
    return float(1.0 - (1.0 - share**subframes) ** copies)
