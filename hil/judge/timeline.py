"""A run by the hour and by the day."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from hil.judge.spans import Span

if TYPE_CHECKING:
    from hil.judge.figures import RunFigures

HOUR_S = 3600.0
_DAY_S = 86_400


def day_of(at_s: float) -> int:
    """Return the number of a day, UTC, since the epoch."""
    return int(at_s // _DAY_S)


def mean_by_hour(meters: Iterable[Sequence[Span]], start_s: float, end_s: float) -> list[float]:
    """Return how many meters' spans are open, in the mean of each hour since the start."""
    hours = [0.0] * int((end_s - start_s) // HOUR_S)
    for spans in meters:
        for first, last in spans:
            at_s = max(first, start_s)
            while at_s < last:
                hour = int((at_s - start_s) // HOUR_S)
                if hour >= len(hours):
                    break
                until_s = min(last, start_s + (hour + 1) * HOUR_S)
                hours[hour] += (until_s - at_s) / HOUR_S
                at_s = until_s
    return hours


def held_by_day(figures: "RunFigures") -> dict[str, dict[int, float]]:
    """Return by meter and day (UTC, since the epoch) which share of its rows was committed."""
    captured: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    committed: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    run = figures.run
    for place, held in run.held.items():
        usn, _, at_s = place
        captured[usn][day_of(at_s)] += len(held)
        committed[usn][day_of(at_s)] += min(len(held), len(run.committed.get(place, [])))
    oldest = day_of(run.facts["start_s"]) - 1
    return {
        usn: {
            day: committed[usn][day] / rows for day, rows in sorted(by_day.items()) if day >= oldest
        }
        for usn, by_day in captured.items()
    }
