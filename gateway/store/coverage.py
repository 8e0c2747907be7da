"""What of a stream was read completely, and where a second look must be compared with the first."""

import json
from collections.abc import Sequence

from gateway.store.intervals import Interval, IntervalSet

CoverageTexts = tuple[str, str]
"""Covered and doubted, as they stand in the store."""


class CoverageBook:
    """Two sets of captured_at that never overlap.

    Attributes:
        covered: read completely; nothing is asked for there again.
        doubted: rows may be stored there, but more may exist: times that were uncovered, and
            rows that came without a proof that they were all.
    """

    __slots__ = ("covered", "doubted")

    def __init__(self, texts: CoverageTexts = ("[]", "[]")) -> None:
        self.covered = IntervalSet(map(tuple, json.loads(texts[0])))
        self.doubted = IntervalSet(map(tuple, json.loads(texts[1])))

    def note_answer(self, times: Sequence[int], covered: Interval | None) -> tuple[Interval, ...]:
        """Enter an answer; return where its rows must be compared with stored ones.

        Args:
            times: captured_at of its rows.
            covered: the captured_at range of which the answer holds every row; None: of none.
        """
        if not times:
            self._enter(covered)
            return ()
        first_s, last_s = min(times), max(times)
        known = tuple(
            sorted(self.covered.within(first_s, last_s) + self.doubted.within(first_s, last_s))
        )
        self._enter(covered)
        if covered is None or first_s < covered[0] or last_s > covered[1]:
            for time in times:
                if time not in self.covered:
                    self.doubted.add(time, time)
        return known

    def uncover(self, first_s: int, last_s: int) -> None:
        """Let these times be read again."""
        for interval in self.covered.within(first_s, last_s):
            self.doubted.add(*interval)
        self.covered.remove(first_s, last_s)

    def as_texts(self) -> CoverageTexts:
        """Return the book as it stands in the store."""
        return _as_text(self.covered), _as_text(self.doubted)

    def _enter(self, covered: Interval | None) -> None:
        if covered is not None:
            self.covered.add(*covered)
            self.doubted.remove(*covered)


def _as_text(intervals: IntervalSet) -> str:
    """Return JSON; it is made for each commit, and this is four times quicker than json.dumps."""
    return f"[{', '.join([f'[{first}, {last}]' for first, last in intervals])}]"
