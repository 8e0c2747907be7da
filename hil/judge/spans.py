"""Spans of time, and how much of them lies between two moments."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

Span = tuple[float, float]
"""From and to, UTC seconds."""


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return the same time as few spans that do not touch, in order."""
    found: list[Span] = []
    for first, last in sorted(spans):
        if last <= first:
            continue
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return found


def common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """Return the time that lies in both; each in order and without overlap."""
    found: list[Span] = []
    here = there = 0
    while here < len(some) and there < len(others):
        first = max(some[here][0], others[there][0])
        last = min(some[here][1], others[there][1])
        if first < last:
            found.append((first, last))
        if some[here][1] < others[there][1]:
            here += 1
        else:
            there += 1
    return found


@dataclass(frozen=True, slots=True)
class Pieces:
    """Spans of which only those count that are long enough, cut at both ends where asked."""

    firsts: list[float]
    lasts: list[float]
    sums: list[float]
    shortest_s: float

    @classmethod
    def of(cls, spans: Sequence[Span], shortest_s: float) -> "Pieces":
        """Take spans in order and without overlap."""
        long_enough = [span for span in spans if span[1] - span[0] >= shortest_s]
        firsts = [first for first, _ in long_enough]
        lasts = [last for _, last in long_enough]
        lengths = (last - first for first, last in long_enough)
        return cls(firsts, lasts, list(accumulate(lengths, initial=0.0)), shortest_s)

    def between_s(self, from_s: float, to_s: float) -> float:
        """Return how many seconds of long enough pieces lie between two moments."""
        low = bisect_right(self.lasts, from_s)
        high = bisect_left(self.firsts, to_s)
        if low >= high:
            return 0.0
        if high - low == 1:
            return self._kept(max(self.firsts[low], from_s), min(self.lasts[low], to_s))
        inner_s = self.sums[high - 1] - self.sums[low + 1]
        head_s = self._kept(max(self.firsts[low], from_s), self.lasts[low])
        return head_s + inner_s + self._kept(self.firsts[high - 1], min(self.lasts[high - 1], to_s))

    def _kept(self, from_s: float, to_s: float) -> float:
        length_s = to_s - from_s
        return length_s if length_s >= self.shortest_s else 0.0
