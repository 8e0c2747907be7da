"""How much of a signal is lost between any two stations of a network."""

import numpy as np

from hil.lv_network.arrays import Numbers
from hil.lv_network.topology import THREE_PHASES, Cable, Physics, Topology

NEVER_DB = 400.0
"""The loss from a station to itself: nobody hears his own modem."""


def path_loss_db(topology: Topology) -> Numbers:
    """Return the loss in dB from every station (row) to every other (column).

    The stations are the substations' modems in their order, then the places in theirs. A modem
    sits on its busbar, on all phases.
    """
    climbs = _Climbs(topology)
    modems = len(topology.substations)
    by_cable: dict[str, list[int]] = {name: [] for name in climbs.cables}
    for number, place in enumerate(topology.places):
        by_cable[place.cable].append(modems + number)
    loss = np.zeros((modems + len(topology.places),) * 2)
    occupied = [(name, np.array(found)) for name, found in by_cable.items() if found]
    along = np.zeros(len(loss))
    service = np.zeros(len(loss))
    for number, place in enumerate(topology.places):
        along[modems + number] = place.at_m
        service[modems + number] = climbs.service_db(place.service_m) + place.outlet_db
    for name, here in occupied:
        for other, there in occupied:
            block = climbs.between(name, along[here], other, along[there])
            loss[np.ix_(here, there)] = block
    for number, substation in enumerate(topology.substations):
        for name, here in occupied:
            from_busbar = climbs.from_busbar(substation, name, along[here])
            loss[number, here] = loss[here, number] = from_busbar
        for far in range(number + 1, modems):
            loss[number, far] = loss[far, number] = topology.physics.tie_db
    loss += service[:, np.newaxis] + service[np.newaxis, :]
    loss += _between_phases_db(topology)
    np.fill_diagonal(loss, NEVER_DB)
    return loss


class _Climbs:
    """What a signal passes on its way from a cable up to the busbar."""

    def __init__(self, topology: Topology) -> None:
        self.cables = {cable.name: cable for cable in topology.cables}
        self._physics: Physics = topology.physics

    def service_db(self, service_m: float) -> float:
        """Return the loss of a service line."""
        return self._physics.service_db + service_m * self._physics.cable_db_per_m

    def from_busbar(self, substation: str, name: str, along_m: Numbers) -> Numbers:
        """Return the loss from a busbar to places on a cable."""
        chain = self._chain(name)
        top, base_db = chain[-1][0], chain[-1][2]
        tie_db = 0.0 if top.substation == substation else self._physics.tie_db
        return self._own_climb(along_m, chain) + base_db + tie_db + self._physics.busbar_db / 2

    def between(self, name: str, along_m: Numbers, other: str, other_m: Numbers) -> Numbers:
        """Return the losses between places on a cable (rows) and places on another (columns)."""
        per_m = self._physics.cable_db_per_m
        chain, others = self._chain(name), self._chain(other)
        if name == other:
            return np.abs(along_m[:, np.newaxis] - other_m[np.newaxis, :]) * per_m
        far = {cable.name: (at_m, loss_db) for cable, at_m, loss_db in others}
        for cable, at_m, loss_db in chain:
            if cable.name not in far:
                continue
            far_m, far_db = far[cable.name]
            mine = along_m if cable.name == name else np.full(len(along_m), at_m)
            theirs = other_m if cable.name == other else np.full(len(other_m), far_m)
            shared = np.abs(mine[:, np.newaxis] - theirs[np.newaxis, :]) * per_m
            climb = np.zeros(len(along_m)) if cable.name == name else along_m * per_m + loss_db
            fall = np.zeros(len(other_m)) if cable.name == other else other_m * per_m + far_db
            return shared + climb[:, np.newaxis] + fall[np.newaxis, :]
        rows = self._own_climb(along_m, chain) + chain[-1][2]
        columns = self._own_climb(other_m, others) + others[-1][2]
        same = chain[-1][0].substation == others[-1][0].substation
        apart_db = self._physics.busbar_db + (0.0 if same else self._physics.tie_db)
        return rows[:, np.newaxis] + columns[np.newaxis, :] + apart_db

    def _own_climb(self, along_m: Numbers, chain: list[tuple[Cable, float, float]]) -> Numbers:
        """Return the loss along a cable and up to the point where its feeder is reached."""
        per_m = self._physics.cable_db_per_m
        if len(chain) == 1:
            return along_m * per_m
        return along_m * per_m + chain[-1][1] * per_m

    def _chain(self, name: str) -> list[tuple[Cable, float, float]]:
        """Return each cable from this one up: where it is entered, and the loss until there.

        The loss counts everything between the beginning of the first cable and that point, the
        junctions included.
        """
        cable = self.cables[name]
        chain = [(cable, 0.0, 0.0)]
        loss_db = 0.0
        while cable.parent is not None:
            loss_db += self._physics.junction_db
            parent = self.cables[cable.parent]
            chain.append((parent, cable.at_m, loss_db))
            loss_db += cable.at_m * self._physics.cable_db_per_m
            cable = parent
        return chain


def _between_phases_db(topology: Topology) -> Numbers:
    modems = [THREE_PHASES] * len(topology.substations)
    phases = np.array(modems + [place.phase for place in topology.places])
    differ = phases[:, np.newaxis] != phases[np.newaxis, :]
    single = (phases != THREE_PHASES)[:, np.newaxis] & (phases != THREE_PHASES)[np.newaxis, :]
    return np.where(differ & single, topology.physics.phase_db, 0.0)
