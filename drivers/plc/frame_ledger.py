"""How well long frames get through to and from a node, learnt from short and long ones. PLC-2."""

from typing import Final

KEPT: Final = 0.97
"""Of what was learnt, this share is left after each exchange: about thirty count."""

_FIRST_SUBFRAMES: Final = 200.0  # believed at the start: one sub-frame in a hundred is lost
_FIRST_LOST: Final = 2.0


class FrameLedger:
    """The share of sub-frames of a node's exchanges that are lost, repetitions counted in.

    An exchange that met silence counts as one lost sub-frame in the middle of it: those before it
    came through, and those behind it say nothing.
    """

    __slots__ = ("_lost", "_subframes")

    def __init__(self) -> None:
        self._subframes = _FIRST_SUBFRAMES
        self._lost = _FIRST_LOST

    def exchanged(self, subframes: int, *, answered: bool) -> None:
        """Note an exchange of so many sub-frames, question and answer together."""
        self._subframes = KEPT * self._subframes + (subframes if answered else (1 + subframes) / 2)
        self._lost = KEPT * self._lost + (not answered)

    @property
    def lost_share(self) -> float:
        """Return the share of sub-frames that are lost."""
        return min(0.9, self._lost / self._subframes)

    def chance(self, subframes: int) -> float:
        """Return the chance that an exchange of so many sub-frames succeeds."""
        return float((1.0 - self.lost_share) ** subframes)
