"""Samples of several ways, taken in turn, so that a noisy moment strikes all of them."""

import statistics
from collections.abc import Callable, Mapping


def medians(ways: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Call each way once a round; return the median of what each returned.

    The first round warms up and does not count.
    """
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for count in range(rounds + 1):
        for name, way in ways.items():
            sample = way()
            if count:
                samples[name].append(sample)
    return {name: statistics.median(taken) for name, taken in samples.items()}
