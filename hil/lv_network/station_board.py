"""Who is connected where: stations, and what of them decides over frames, as arrays."""

from typing import TYPE_CHECKING

import numpy as np

from drivers.plc.mac_frame import FIMA
from hil.lv_network.arrays import Mask
from hil.lv_network.repeater_call import Candidate
from hil.lv_network.station import Station

if TYPE_CHECKING:
    from hil.lv_network.channel import Channel


class StationBoard:
    """Stations by number; modems have the first numbers and no entry here.

    Attributes:
        powered: who hears and sends.
        alarmed: who sends the alarm pattern.
    """

    def __init__(self, channel: "Channel") -> None:
        count = channel.stations
        self._modems = channel.modems
        self._stations: list[Station | None] = [None] * count
        self._repeats = np.zeros(count, dtype=bool)
        self._macs = np.zeros(count, dtype=np.int32)
        self._initiators = np.zeros(count, dtype=np.int32)
        self.powered = np.zeros(count, dtype=bool)
        self.alarmed = np.zeros(count, dtype=bool)

    def __getitem__(self, number: int) -> Station | None:
        """Return who is connected."""
        return self._stations[number]

    def put(self, number: int, station: Station | None) -> None:
        """Connect a station, or nobody."""
        self._stations[number] = station
        self.refresh(number)

    def refresh(self, number: int) -> None:
        """Take note that power, alarm or registration of a station may have changed."""
        station = self._stations[number]
        if station is None:
            self.powered[number] = self._repeats[number] = self.alarmed[number] = False
            self._macs[number] = self._initiators[number] = 0
            return
        self.powered[number] = station.powered
        self._repeats[number] = station.repeats
        self.alarmed[number] = station.has_alarm
        self._macs[number] = station.mac
        self._initiators[number] = station.initiator_mac

    def repeaters(self, initiator_mac: int = 0) -> Mask:
        """Return who sends on the frames of an initiator's network; 0: of any."""
        mine: Mask = self._repeats & self.powered
        if initiator_mac:
            mine &= (self._initiators == 0) | (self._initiators == initiator_mac)
        return mine

    def locked_on(self, initiator_mac: int) -> Mask:
        """Return who is locked on an initiator."""
        return np.asarray(self._initiators == initiator_mac)

    def addressees(self, initiator_mac: int, destination: int) -> list[int]:
        """Return the stations for which a frame of an initiator is meant."""
        if destination >= FIMA:
            there = np.flatnonzero(self.powered)
            return [int(number) for number in there if number >= self._modems]
        there = np.flatnonzero(self._macs == destination)
        locked = [int(n) for n in there if self._initiators[n] in (0, initiator_mac)]
        return locked or [int(number) for number in there]

    def candidates(self, decoded: Mask, dice: np.random.Generator) -> list[Candidate]:
        """Return who takes part in a repeater call: by address, then new nodes by chance."""
        numbers = [int(n) for n in np.flatnonzero(decoded & self.powered) if n >= self._modems]
        places = {n: (int(self._macs[n]), float(dice.random())) for n in numbers}
        found: list[Candidate] = []
        for number in sorted(numbers, key=places.__getitem__):
            station = self._stations[number]
            if station is not None:
                found.append(Candidate(station=number, mode=station.repeater_mode))
        return found
