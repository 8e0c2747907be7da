"""What lies between any two stations at this moment: gains, noise, and how both move on."""

from collections.abc import Iterable

import numpy as np

from hil.lv_network.arrays import Mask, Numbers
from hil.lv_network.path_loss import path_loss_db
from hil.lv_network.reach import exchange_success, sufficient_credit
from hil.lv_network.reception import power
from hil.lv_network.topology import Topology
from hil.lv_network.weather import Weather


class Channel:
    """The physics of one network.

    Station numbers: the substations' modems first, in their order, then the topology's places.

    Attributes:
        topology: what is connected to what; changed by `rewire`.
        gains: power received from each station (row) at each station (column), square microvolts.
    """

    def __init__(self, topology: Topology, seed: int) -> None:
        self.topology = topology
        loss_db = path_loss_db(topology)
        self._still = power(topology.physics.transmit_dbuv - loss_db)
        self._weather = Weather(topology, loss_db, seed)
        self.gains: Numbers = self._still

    @property
    def modems(self) -> int:
        """Return how many stations are concentrators' modems."""
        return len(self.topology.substations)

    @property
    def stations(self) -> int:
        """Return how many stations there are, modems included."""
        return len(self._still)

    @property
    def noise(self) -> Numbers:
        """Return the power of the noise at each station, square microvolts."""
        return self._weather.noise

    @property
    def impulse_share(self) -> float:
        """Return the share of sub-frames that impulses destroy."""
        return self._weather.impulse_share

    @property
    def step_s(self) -> float:
        """Return how long everything stands still."""
        return self._weather.step_s

    def advance(self, true_s: float) -> bool:
        """Let the weather go on to a moment; return whether anything changed."""
        changed = self._weather.advance(true_s)
        if changed:
            self._mix()
        return changed

    def burden(
        self, stations: Iterable[int], *, noise_db: float = 0.0, loss_db: float = 0.0
    ) -> None:
        """Add noise and loss at stations; negative to take it away again."""
        self._weather.burden(stations, noise_db=noise_db, loss_db=loss_db)
        self._mix()

    def rewire(self, topology: Topology) -> None:
        """Connect the same places in another way: a feeder was switched, a cable cut."""
        self.topology = topology
        loss_db = path_loss_db(topology)
        self._still = power(topology.physics.transmit_dbuv - loss_db)
        self._weather.rewire(loss_db)
        self._mix()

    def sufficient_credit(self, modem: int, repeaters: Mask) -> list[int]:
        """Return with which credit each station is reached; see hil.lv_network.reach."""
        return sufficient_credit(self.success(modem, repeaters))

    def success(self, modem: int, repeaters: Mask) -> Numbers:
        """Return the chance of an exchange by credit (rows) and station (columns)."""
        return exchange_success(
            modem,
            gains=self.gains,
            noise=self.noise,
            impulse_share=self.impulse_share,
            repeaters=repeaters,
        )

    def _mix(self) -> None:
        passing = self._weather.pass_share
        self.gains = self._still * passing[:, np.newaxis] * passing[np.newaxis, :]
