"""What is believed of how many nodes would answer a Discover, learnt from what was heard."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import ceil, exp, inf, log
from typing import Final, TypeAlias

CROWD_MAX: Final = 4096
_FINE_UP_TO: Final = 16  # crowds are told apart one by one up to here, then in steps
_STEP: Final = 1.2
_NOBODY_AT_FIRST: Final = 0.2
_SURPRISE: Final = 0.02  # share of the belief that is thrown open before each look
_HINT_WEIGHT: Final = 0.5
_LONE_LOST: Final = 0.05  # lone reports that noise takes
_LONE_DAMAGED: Final = 0.5 * _LONE_LOST  # those of them that still give a damaged frame
_ROUNDING_VARIANCE: Final = 1 / 12  # counts are whole numbers, a bell curve is not

_BELLS_KEPT: Final = 16  # for so many offers; most looks make one of a few

_Weights: TypeAlias = list[list[float]]  # a row for each _Ears, a column for each of _CROWDS

_Bell: TypeAlias = tuple[float, float, float, float, float, float, float]
"""A bell curve in two dimensions, for how many are heard and how many damaged frames are counted:
both means, both variances, what is common to both, the area of its foot and its logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ears:
    """One supposition about what the modem notices.

    Attributes:
        prior: how likely it is before anything was heard.
        noticed: share of the windows with a collision that give a damaged frame.
        noise: share of the empty windows that give one.
    """

    prior: float
    noticed: float
    noise: float


_EARS: Final = (
    _Ears(prior=0.1, noticed=0.0, noise=0.01),
    _Ears(prior=0.2, noticed=0.4, noise=0.01),
    _Ears(prior=0.2, noticed=0.7, noise=0.01),
    _Ears(prior=0.35, noticed=1.0, noise=0.01),
    _Ears(prior=0.1, noticed=0.7, noise=0.1),
    _Ears(prior=0.05, noticed=0.7, noise=0.4),
)


def _crowds() -> tuple[int, ...]:
    sizes = list(range(_FINE_UP_TO + 1))
    while sizes[-1] < CROWD_MAX:
        sizes.append(min(CROWD_MAX, ceil(sizes[-1] * _STEP)))
    return tuple(sizes)


_CROWDS: Final = _crowds()


def _belief_at_first() -> _Weights:
    """Return the belief about a line that nobody has described: a street or a whole town."""
    widths = [1.0, *[after - before for before, after in pairwise(_CROWDS)]]
    crowds = [width / (1 + nodes) for nodes, width in zip(_CROWDS, widths, strict=True)]
    total = sum(crowds[1:]) / (1.0 - _NOBODY_AT_FIRST)
    crowds = [_NOBODY_AT_FIRST, *[weight / total for weight in crowds[1:]]]
    return [[ears.prior * weight for weight in crowds] for ears in _EARS]


_AT_FIRST: Final = _belief_at_first()


class CrowdBelief:
    """A weight for each size of the crowd, under each supposition about the modem's ears.

    Bayes' rule: a look multiplies each weight by the chance of what was heard, were it so; then
    those who were heard leave the crowd. Before each look a little of the belief returns to what
    it was at first, for nodes come at any time, and nothing is ever held impossible.
    """

    def __init__(self) -> None:
        self._weights = _copy(_AT_FIRST)

    @property
    def somebody(self) -> float:
        """How likely it is that anybody is left."""
        return sum(sum(row[1:]) for row in self._weights)

    def crowd(self, share: float) -> int:
        """Return how many nodes the crowd, if there is one, does not exceed with this chance."""
        sizes = [sum(column) for column in zip(*self._weights, strict=True)]
        left = share * sum(sizes[1:])
        for nodes, weight in zip(_CROWDS[1:], sizes[1:], strict=True):
            left -= weight
            if left <= 0.0:
                return nodes
        return CROWD_MAX

    def expect(self, nodes: int) -> None:
        """Believe in about so many nodes, half or all of them, as much as in all else."""
        most = min(CROWD_MAX, nodes)
        if most > 0:
            fits = [crowd <= most <= 2 * crowd for crowd in _CROWDS]
            hint = [sum(row) / sum(fits) for row in self._weights]
            self._blend([[weight * fit for fit in fits] for weight in hint], _HINT_WEIGHT)

    def throw_open(self) -> None:
        """Allow for whoever came since the last look, and for other ears than were thought."""
        self._blend(_AT_FIRST, _SURPRISE)

    def look_over(self, *, slots: int, answering: float, heard: int, damaged: int) -> None:
        """Learn from a look.

        Args:
            slots: windows offered.
            answering: chance with which each node answered, above 0 up to 1.
            heard: nodes that were heard, alone in their windows; they leave the crowd.
            damaged: windows in which something unreadable was noticed.
        """
        chances = [
            [_log_chance(bell, heard, damaged) for bell in bells]
            if crowd >= heard
            else [-inf] * len(_EARS)
            for crowd, bells in zip(_CROWDS, _bells(slots, answering), strict=True)
        ]
        top = max(map(max, chances))
        if top == -inf:  # more were heard than are thought possible: start anew
            self._weights = _copy(_AT_FIRST)
            return
        for row, of_ears in zip(self._weights, zip(*chances, strict=True), strict=True):
            row[:] = [
                weight * exp(chance - top) for weight, chance in zip(row, of_ears, strict=True)
            ]
        total = sum(map(sum, self._weights))
        self._weights = [_less(heard, [each / total for each in row]) for row in self._weights]

    def _blend(self, other: _Weights, share: float) -> None:
        for row, news in zip(self._weights, other, strict=True):
            row[:] = [(1 - share) * old + share * new for old, new in zip(row, news, strict=True)]


def _copy(weights: _Weights) -> _Weights:
    return [list(row) for row in weights]


class _Windows:
    """How likely a window is empty, has a lone report or a collision; and two of them at once."""

    def __init__(self, nodes: int, slots: int, answering: float) -> None:
        share = answering / slots
        others = max(0, nodes - 1)
        one, two = 1.0 - share, max(0.0, 1.0 - 2 * share)
        self.slots = slots
        self.empty = one**nodes
        self.lone = nodes * share * one**others
        self.crowded = max(0.0, 1.0 - self.empty - self.lone)
        self.both_lone = nodes * others * share**2 * two ** max(0, nodes - 2)
        self.lone_empty = nodes * share * two**others
        self.both_empty = two**nodes
        self.crowded_empty = self.empty - self.both_empty - self.lone_empty
        self.crowded_lone = self.lone - self.both_lone - self.lone_empty
        self.both_crowded = self.crowded - self.crowded_empty - self.crowded_lone


@lru_cache(maxsize=_BELLS_KEPT)
def _bells(slots: int, answering: float) -> tuple[tuple[_Bell, ...], ...]:
    """Return, for each crowd, the bell of each kind of ears."""
    return tuple(tuple(_bells_of(_Windows(crowd, slots, answering))) for crowd in _CROWDS)


def _bells_of(windows: _Windows) -> Iterator[_Bell]:
    """Yield, for each kind of ears, the bell that has the means and variances of both counts."""
    it, slots = windows, windows.slots
    pairs = slots * (slots - 1)
    got = 1.0 - _LONE_LOST
    mean_heard = slots * got * it.lone
    spread_heard = mean_heard - mean_heard**2 + pairs * got**2 * it.both_lone + _ROUNDING_VARIANCE
    for ears in _EARS:
        quiet, lone, loud = ears.noise, _LONE_DAMAGED, max(ears.noticed, ears.noise)
        mean = slots * (quiet * it.empty + lone * it.lone + loud * it.crowded)
        twice = quiet**2 * it.both_empty + lone**2 * it.both_lone + loud**2 * it.both_crowded
        twice += 2 * quiet * (lone * it.lone_empty + loud * it.crowded_empty)
        twice += 2 * lone * loud * it.crowded_lone
        spread = mean - mean**2 + pairs * twice + _ROUNDING_VARIANCE
        beside = quiet * it.lone_empty + lone * it.both_lone + loud * it.crowded_lone
        common = pairs * got * beside - mean_heard * mean
        area = max(spread_heard * spread - common**2, _ROUNDING_VARIANCE**2)
        yield mean_heard, mean, spread_heard, spread, common, area, log(area)


def _log_chance(bell: _Bell, heard: int, damaged: int) -> float:
    """Return the logarithm of the chance of so many heard and damaged."""
    mean_heard, mean, spread_heard, spread, common, area, log_area = bell
    x, y = heard - mean_heard, damaged - mean
    return -0.5 * ((spread * x**2 - 2 * common * x * y + spread_heard * y**2) / area + log_area)


def _less(heard: int, row: list[float]) -> list[float]:
    """Return a row of weights after so many have left: what falls between two sizes is shared."""
    after = [0.0] * len(row)
    place = 0
    for crowd, weight in zip(_CROWDS, row, strict=True):
        left = crowd - heard
        if left < 0:
            continue
        while place + 1 < len(_CROWDS) and _CROWDS[place + 1] <= left:
            place += 1
        beyond, part = left - _CROWDS[place], 0.0
        if beyond:
            part = beyond / (_CROWDS[place + 1] - _CROWDS[place])
            after[place + 1] += part * weight
        after[place] += (1.0 - part) * weight
    return after
