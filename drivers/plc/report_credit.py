"""How many repetitions the reports to a Discover are granted, from how the last ones came."""

from collections import deque
from collections.abc import Collection
from typing import Final

from drivers.plc.mac_frame import CREDIT_MAX
from drivers.plc.slot_choice import FEW_SLOTS

UNKNOWN_LINE_CREDIT: Final = 3
"""Three repetitions reach most nodes; more is not known before some have been heard."""

_KNOWN_FROM: Final = 8
_REMEMBERED: Final = 32
_COVERED: Final = 0.95


class ReportCredit:
    """Grants what nearly all who were heard needed, or the most where that costs little.

    Each window of a Discover lasts 1 + credit slots, so credit is dear when many are offered.
    Who is further away than the credit reaches is not even noticed. So few windows always come
    with the greatest credit: the first of an unknown line, the last of a crowd, and those of a
    line at rest. And so does a look after one that brought nobody.

    The policy is ours: no standard text was found. Source: docs/plc.md 5.1.
    """

    def __init__(self) -> None:
        self._needs: deque[int] = deque(maxlen=_REMEMBERED)
        self._nobody_came = True

    def for_windows(self, slots: int) -> int:
        """Return the initial credit of the reports of a look that offers so many windows."""
        if slots <= FEW_SLOTS or self._nobody_came:
            return CREDIT_MAX
        if len(self._needs) < _KNOWN_FROM:
            return max([UNKNOWN_LINE_CREDIT, *self._needs])
        return sorted(self._needs)[int(_COVERED * len(self._needs))]

    def round_over(self, needs: Collection[int]) -> None:
        """Learn how many repetitions each report of a look needed."""
        self._nobody_came = not needs
        self._needs.extend(min(CREDIT_MAX, max(0, need)) for need in needs)
