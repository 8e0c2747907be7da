"""Find the rows that a meter should have captured and does not hold [ACQ-3]."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.store.journal import Body

REASON: Final = "the meter holds no row for these times"
"""It was without mains, its clock was set forward, or its ring has overwritten them."""

_DAY_S: Final = 86_400
_DAY_TOLERANCE_S: Final = 5_400
"""A local day may be an hour longer, and a row half an hour late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefiniteGap:
    """Rows that will never come.

    Attributes:
        from_s: captured_at of the first row that should be there, UTC by the meter's clock.
        to_s: of the last one.
        rows: how many.
    """

    from_s: int
    to_s: int
    rows: int

    def body(self, stream: str) -> Body:
        """Return what the head-end is told of a gap in the stream of that name."""
        return {
            "stream": stream,
            "from_s": self.from_s,
            "to_s": self.to_s,
            "rows": self.rows,
            "reason": REASON,
        }


def gaps_after(known_to_s: int | None, times: Iterable[int], period_s: int) -> list[DefiniteGap]:
    """Return the gaps between successive rows, in order of time.

    Args:
        known_to_s: the latest row before; gaps up to it were told. None: nothing was known, and
            what a meter no longer held when it was first met is no gap.
        times: captured_at of rows that were read completely, in any order.
        period_s: capture period.
    """
    gaps = []
    before_s = known_to_s
    for time in sorted(times):
        if before_s is not None and time - before_s > _longest_step_s(period_s):
            rows = max(1, round((time - before_s) / period_s) - 1)
            from_s = before_s + period_s
            to_s = from_s + (rows - 1) * period_s
            gaps.append(DefiniteGap(from_s=from_s, to_s=to_s, rows=rows))
        before_s = time if before_s is None else max(before_s, time)
    return gaps


def _longest_step_s(period_s: int) -> float:
    return period_s + _DAY_TOLERANCE_S if period_s >= _DAY_S else 1.5 * period_s
