"""A plausible household: how much is drawn, hour by hour and minute by minute, from a seed.

Nothing ticks: the amount between any two times is computed when somebody asks. An hour has an
amount of its own (the daily shape, the weekday, chance), and its minutes share it unevenly
(fridge, kettle, washing machine), so that a plot looks like life at every scale.
"""

import random
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import accumulate

HOUR_S = 3600
MINUTE_S = 60
_HOURS_KEPT = 8

# Relative draw of each local hour; the mean of each shape is about 1.
SHAPE_HOUSEHOLD = (
    0.55, 0.50, 0.48, 0.47, 0.48, 0.60, 0.95, 1.25, 1.10, 0.90, 0.85, 0.95,
    1.20, 1.05, 0.90, 0.85, 0.95, 1.35, 1.75, 1.85, 1.65, 1.40, 1.00, 0.70,
)  # fmt: skip
SHAPE_SUN = (
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.5, 1.3, 2.2, 2.9, 3.3,
    3.4, 3.2, 2.8, 2.1, 1.3, 0.6, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0,
)  # fmt: skip
SHAPE_HEATING = (
    0.6, 0.5, 0.5, 0.5, 0.7, 1.3, 1.9, 1.8, 1.3, 1.0, 0.9, 0.9,
    0.9, 0.9, 0.9, 1.0, 1.2, 1.5, 1.6, 1.5, 1.3, 1.0, 0.8, 0.7,
)  # fmt: skip
SHAPE_WATER = (
    0.1, 0.1, 0.0, 0.0, 0.1, 0.6, 2.4, 2.6, 1.6, 1.0, 0.8, 0.9,
    1.3, 1.0, 0.7, 0.6, 0.9, 1.4, 2.0, 2.1, 1.6, 1.1, 0.6, 0.3,
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class HourlyDraw:
    """One flow that never runs backwards: watts to watt-hours, or litres an hour to litres.

    Attributes:
        seed: the same seed gives the same life.
        mean_per_hour: long-run mean.
        shape: 24 relative weights, one for each local hour.
        bursts: chance of a minute in which much more flows (a kettle, a shower).
        floor_share: part of an hour that is spread evenly over its minutes.
    """

    seed: int
    mean_per_hour: float
    shape: tuple[float, ...] = SHAPE_HOUSEHOLD
    bursts: float = 0.08
    floor_share: float = 0.5
    local_offset_s: int = HOUR_S
    _hours: OrderedDict[int, tuple[float, ...]] = field(default_factory=OrderedDict)

    def amount(self, from_s: float, to_s: float) -> float:
        """Return what flowed between two UTC times."""
        total = 0.0
        while from_s < to_s:
            hour = int(from_s // HOUR_S)
            end_s = min(to_s, (hour + 1) * HOUR_S)
            if end_s - from_s == HOUR_S:
                total += self.hour_amount(hour)
            else:
                total += self._within(hour, end_s) - self._within(hour, from_s)
            from_s = end_s
        return total

    def per_hour(self, at_s: float) -> float:
        """Return the flow at a time, in units an hour (watts for electricity)."""
        minute_s = at_s // MINUTE_S * MINUTE_S
        return self.amount(minute_s, minute_s + MINUTE_S) * (HOUR_S / MINUTE_S)

    def hour_amount(self, hour: int) -> float:
        """Return what flows in one hour, counted from 1970."""
        local_hour = hour + self.local_offset_s // HOUR_S
        weekend = local_hour // 24 % 7 in {2, 3}  # 1970-01-01 was a Thursday
        chance = random.Random(f"{self.seed}/{hour}").lognormvariate(0.0, 0.35)  # noqa: S311  (a load, not a key)
        return self.mean_per_hour * self.shape[local_hour % 24] * chance * (1.15 if weekend else 1)

    def _within(self, hour: int, until_s: float) -> float:
        reached = self._hours.get(hour)
        if reached is None:
            reached = self._hours[hour] = self._minutes(hour)
            while len(self._hours) > _HOURS_KEPT:
                self._hours.popitem(last=False)
        minute, second = divmod(until_s - hour * HOUR_S, MINUTE_S)
        index = int(minute)
        if index >= HOUR_S // MINUTE_S:
            return reached[-1]
        return reached[index] + (reached[index + 1] - reached[index]) * second / MINUTE_S

    def _minutes(self, hour: int) -> tuple[float, ...]:
        chance = random.Random(f"{self.seed}/{hour}/minutes")  # noqa: S311
        weights = [
            chance.expovariate(1.0) + (12.0 if chance.random() < self.bursts else 0.0)
            for _ in range(HOUR_S // MINUTE_S)
        ]
        amount = self.hour_amount(hour)
        even = amount * self.floor_share / len(weights)
        uneven = amount * (1.0 - self.floor_share) / sum(weights)
        return (0.0, *accumulate(even + uneven * weight for weight in weights))


@dataclass(slots=True, kw_only=True)
class Household:
    """What a home draws from the grid and, with a roof full of panels, gives back."""

    load: HourlyDraw
    sun: HourlyDraw | None

    def import_wh(self, from_s: float, to_s: float) -> float:
        """Return watt-hours drawn between two UTC times."""
        return self.load.amount(from_s, to_s)

    def export_wh(self, from_s: float, to_s: float) -> float:
        """Return watt-hours given back between two UTC times."""
        return self.sun.amount(from_s, to_s) if self.sun else 0.0

    def watts(self, at_s: float) -> float:
        """Return the power drawn at a time."""
        return self.load.per_hour(at_s)


def make_household(seed: int) -> Household:
    """Return the household of a seed; every fourth has panels on its roof."""
    chance = random.Random(f"household/{seed}")  # noqa: S311
    load = HourlyDraw(seed=seed, mean_per_hour=chance.uniform(320.0, 900.0))
    sun = None
    if chance.random() < 0.25:
        sun = HourlyDraw(
            seed=seed + 1, mean_per_hour=chance.uniform(150.0, 500.0), shape=SHAPE_SUN, bursts=0.0
        )
    return Household(load=load, sun=sun)
