"""When the line is looked at again for new meters."""

import math
from dataclasses import dataclass
from typing import Final

BARREN_LOOKS_FREE: Final = 3
"""So many looks in a row may bring nobody before the next ones come later: the first looks at an
unknown line size the crowd, and a lone report may be lost to noise."""

SUSPICIOUS_FOR_S: Final = 86_400.0
"""For so long after damaged frames in the answer windows somebody may be out there who is heard
too badly, for now: looks come this often then."""

SUSPICIOUS_PERIOD_S: Final = 300.0

AT_ONCE_S: Final = 0.0
"""Whoever waits longest has the next turn on a line: this look has waited since ever."""

_DOUBLINGS_MAX: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class LookOutcome:
    """What a look has brought.

    Attributes:
        ended_at_s: UTC second at which all who were found had been told their addresses.
        news: meters found; not those that were told in vain again and again.
        damaged: frames that were heard damaged in the answer windows.
        expects_more: whether anybody may be left.
        likely_more: whether that is likelier than not.
    """

    ended_at_s: float
    news: int
    damaged: int
    expects_more: bool
    likely_more: bool


class LookRhythm:
    """At once while a crowd comes in, soon while somebody may be left, else once in a period.

    A street is registered in one go, before those found first are read at length. And whatever
    is expected, and whatever noise makes of it: looks that bring nobody come half as often each
    time, down to the long period. So a line at rest is looked at once in a period [INV-2].
    """

    def __init__(self, *, quick_s: float, period_s: float) -> None:
        self._quick_s = quick_s
        self._period_s = period_s
        self._barren_looks = 0
        self._damage_at_s = -math.inf

    def next_look_at_s(self, look: LookOutcome) -> float:
        """Return the UTC second from which the next look waits for its turn."""
        if look.damaged:
            self._damage_at_s = look.ended_at_s
        if look.news > 0:
            self._barren_looks = 0
            return AT_ONCE_S if look.likely_more else look.ended_at_s + self._soon_s()
        self._barren_looks += 1
        if look.expects_more:
            return look.ended_at_s + self._soon_s()
        is_suspicious = look.ended_at_s - self._damage_at_s < SUSPICIOUS_FOR_S
        rest_s = SUSPICIOUS_PERIOD_S if is_suspicious else self._period_s
        return look.ended_at_s + min(rest_s, self._period_s)

    def _soon_s(self) -> float:
        doublings = min(_DOUBLINGS_MAX, max(0, self._barren_looks - BARREN_LOOKS_FREE))
        return min(self._period_s, math.ldexp(self._quick_s, doublings))
