"""Sets of whole seconds, held as few closed intervals: what was read, and what was not."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

Interval = tuple[int, int]
"""First and last second, both inside."""


class IntervalSet:
    """A set of integers; [1, 5] and [6, 9] become [1, 9], for nothing lies between them.

    Args:
        intervals: first and last of each, in any order, overlapping or not.
    """

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, intervals: Iterable[Interval] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in intervals:
            self.add(first, last)

    def add(self, first: int, last: int) -> None:
        """Put first..last in; nothing happens when first > last."""
        if first > last:
            return
        low = bisect_left(self._lasts, first - 1)
        high = bisect_right(self._firsts, last + 1)
        if low < high:  # intervals low..high-1 overlap or touch: one takes their place
            first = min(first, self._firsts[low])
            last = max(last, self._lasts[high - 1])
        self._firsts[low:high] = [first]
        self._lasts[low:high] = [last]

    def remove(self, first: int, last: int) -> None:
        """Take first..last out, whether it was in or not."""
        if first > last:
            return
        low = bisect_left(self._lasts, first)
        high = bisect_right(self._firsts, last)
        if low >= high:
            return
        kept: list[Interval] = []
        if self._firsts[low] < first:
            kept.append((self._firsts[low], first - 1))
        if self._lasts[high - 1] > last:
            kept.append((last + 1, self._lasts[high - 1]))
        self._firsts[low:high] = [interval[0] for interval in kept]
        self._lasts[low:high] = [interval[1] for interval in kept]

    def holes(self, first: int, last: int) -> list[Interval]:
        """Return what of first..last is not in the set, in ascending order."""
        found: list[Interval] = []
        at = first
        for low, high in self.within(first, last):
            if low > at:
                found.append((at, low - 1))
            at = high + 1
        if at <= last:
            found.append((at, last))
        return found

    def within(self, first: int, last: int) -> list[Interval]:
        """Return what of first..last is in the set, in ascending order."""
        low = bisect_left(self._lasts, first)
        high = bisect_right(self._firsts, last)
        return [
            (max(first, self._firsts[at]), min(last, self._lasts[at])) for at in range(low, high)
        ]

    def overlaps(self, first: int, last: int) -> bool:
        """Return whether any of first..last is in the set."""
        at = bisect_left(self._lasts, first)
        return at < len(self._firsts) and self._firsts[at] <= last

    def covers(self, first: int, last: int) -> bool:
        """Return whether all of first..last is in the set; nothing is always covered."""
        if first > last:
            return True
        at = bisect_left(self._lasts, first)
        return at < len(self._firsts) and self._firsts[at] <= first and last <= self._lasts[at]

    def first(self) -> int | None:
        """Return the smallest member."""
        return self._firsts[0] if self._firsts else None

    def last(self) -> int | None:
        """Return the greatest member."""
        return self._lasts[-1] if self._lasts else None

    def copy(self) -> "IntervalSet":
        """Return a set that changes on its own."""
        twin = IntervalSet()
        twin._firsts = self._firsts.copy()
        twin._lasts = self._lasts.copy()
        return twin

    def __contains__(self, second: int) -> bool:
        return self.overlaps(second, second)

    def __iter__(self) -> Iterator[Interval]:
        return iter(list(zip(self._firsts, self._lasts, strict=True)))

    def __len__(self) -> int:
        """Return the number of intervals, not of seconds."""
        return len(self._firsts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IntervalSet):
            return NotImplemented
        return self._firsts == other._firsts and self._lasts == other._lasts

    __hash__ = None  # type: ignore[assignment]  # it changes: no key of a dict

    def __repr__(self) -> str:
        return f"IntervalSet({list(self)})"
