"""What comes and goes on a network: noise over the day, shunts and interferers at outlets.

The weather stands still between two multiples of its step, so that whatever is said of the line
during a step holds for all of it.
"""

import heapq
import random
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hil.lv_network.arrays import Numbers
from hil.lv_network.reception import power
from hil.lv_network.topology import Interferer, Shunt, Topology

HOUR_S = 3600.0
_DAY_S = 86_400.0
_QUANTUM_DB = 0.25  # the day's rise moves in steps of this
_FLICKER_S = 600.0
_FLICKER_KEPT = 0.8  # of a place's own deviation, from one time to the next


@dataclass(slots=True)
class _Switch:
    """An appliance that is on and off by turns."""

    place: int
    what: Shunt | Interferer
    dice: random.Random
    is_on: bool

    def lasts_s(self, step_s: float) -> float:
        """Return how long the present state lasts, at least one step of the weather."""
        share = self.what.on_share if self.is_on else 1.0 - self.what.on_share
        mean_s = share * 2 * _DAY_S / self.what.changes_per_day
        return max(step_s, self.dice.expovariate(1.0 / mean_s))


class Weather:
    """Noise and losses at every station, step by step.

    Attributes:
        noise: power of the noise at each station (modems first), in square microvolts.
        pass_share: share of the power that passes each station's outlet.
        impulse_share: share of sub-frames that impulses destroy.
    """

    def __init__(self, topology: Topology, loss_db: Numbers, seed: int) -> None:
        """Begin some time before the first step, so that every appliance is anywhere."""
        self._topology = topology
        self._coupling = _coupling(loss_db)
        self._modems = len(topology.substations)
        stations = self._modems + len(topology.places)
        self._floor_db = np.full(stations, topology.physics.noise_dbuv)
        self._share = np.ones(stations)
        for number, place in enumerate(topology.places, start=self._modems):
            self._floor_db[number] += place.noise_db
            self._share[number] = place.evening_share
        self._injected = np.zeros(stations)
        self._rise_db = -1.0
        self._flicker_dice = np.random.Generator(np.random.PCG64([seed, stations]))
        self._flicker_db = np.zeros(stations)
        self._flicker_number = -1
        self._burden_db = np.zeros(stations)
        self._shunted_db = np.zeros(stations)
        self._switched = np.ones(stations)
        self._events: list[tuple[float, int, _Switch]] = []
        self._seed = seed
        self._begun = False
        self.impulse_share = topology.physics.impulse_share
        self.pass_share = np.ones(stations)
        self.noise: Numbers = power(self._floor_db)

    @property
    def step_s(self) -> float:
        """Return how long the weather stands still."""
        return self._topology.weather_step_s

    def advance(self, true_s: float) -> bool:
        """Go on to a moment; return whether anything has changed since the last one."""
        if not self._begun:
            self._begin(true_s)
        changed = self._set_rise(true_s)
        changed |= self._flicker(true_s)
        while self._events and self._events[0][0] <= true_s:
            at_s, number, switch = heapq.heappop(self._events)
            switch.is_on = not switch.is_on
            self._apply(switch)
            self._plan(switch, number, at_s)
            changed = True
        if changed:
            self._mix()
        return changed

    def burden(
        self, stations: Iterable[int], *, noise_db: float = 0.0, loss_db: float = 0.0
    ) -> None:
        """Add noise and loss at stations; negative to take it away again."""
        for number in stations:
            self._burden_db[number] += noise_db
            self._shunted_db[number] += loss_db
        self._mix()

    def rewire(self, loss_db: Numbers) -> None:
        """Let interferers couple over other cables."""
        self._coupling = _coupling(loss_db)
        self._mix()

    def noise_rise_db(self, true_s: float) -> float:
        """Return how much the background noise has risen at this time of day."""
        physics = self._topology.physics
        hour = (true_s + self._topology.local_offset_s) % _DAY_S / HOUR_S - 0.5
        first, part = int(hour // 1) % 24, hour % 1.0
        shape = physics.day_shape
        mixed = shape[first] * (1.0 - part) + shape[(first + 1) % 24] * part
        return physics.evening_rise_db * mixed

    def _begin(self, true_s: float) -> None:
        self._begun = True
        for number, place in enumerate(self._topology.places):
            for kind, what in enumerate((place.shunt, place.interferer)):
                if what is None or what.on_share <= 0.0:
                    continue
                dice = random.Random(f"weather/{self._seed}/{number}/{kind}")  # noqa: S311  (dice)
                is_on = dice.random() < what.on_share
                switch = _Switch(self._modems + number, what, dice, is_on)
                self._apply(switch)
                if what.on_share < 1.0 and what.changes_per_day > 0.0:
                    self._plan(switch, 2 * number + kind, true_s)
        self._mix()

    def _plan(self, switch: _Switch, number: int, from_s: float) -> None:
        heapq.heappush(self._events, (from_s + switch.lasts_s(self.step_s), number, switch))

    def _apply(self, switch: _Switch) -> None:
        if isinstance(switch.what, Shunt):
            passing = float(power(-switch.what.loss_db)) if switch.is_on else 1.0
            self._switched[switch.place] = passing
        else:
            level = float(power(switch.what.level_dbuv)) if switch.is_on else 0.0
            self._injected[switch.place] = level

    def _set_rise(self, true_s: float) -> bool:
        rise_db = round(self.noise_rise_db(true_s) / _QUANTUM_DB) * _QUANTUM_DB
        if rise_db == self._rise_db:
            return False
        self._rise_db = rise_db
        return True

    def _flicker(self, true_s: float) -> bool:
        size_db = self._topology.physics.flicker_db
        number = int(true_s // _FLICKER_S)
        if not size_db or number == self._flicker_number:
            return False
        self._flicker_number = number
        new_db = self._flicker_dice.normal(0.0, size_db, len(self._flicker_db))
        kept = _FLICKER_KEPT
        self._flicker_db = kept * self._flicker_db + (1.0 - kept**2) ** 0.5 * new_db
        self._flicker_db[: self._modems] = 0.0
        return True

    def _mix(self) -> None:
        background = power(
            self._floor_db + self._burden_db + self._rise_db * self._share + self._flicker_db
        )
        self.pass_share = self._switched * power(-self._shunted_db)
        self.noise = background + self._injected @ self._coupling


def _coupling(loss_db: Numbers) -> Numbers:
    coupling = power(-loss_db)
    np.fill_diagonal(coupling, 1.0)  # at its own outlet an interferer is heard in full
    return coupling
