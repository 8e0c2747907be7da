"""How available the meters of a topology are, by the line's own numbers and nobody's daemon."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hil.lv_network.arrays import Mask
from hil.lv_network.channel import Channel
from hil.lv_network.topology import Topology

_HOURS = 24
_DAY_S = 86_400
_HOUR_S = 3_600


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found; everybody repeats for its own substation, and has mains all the time.

    Attributes:
        percent: of each place: share of the time in which an exchange succeeds.
        changes_per_day: of each place: how often that began or ended.
        by_hour: mean count of available places in each hour of local time.
        needs: share of place and time by the credit that just sufficed.
    """

    percent: Sequence[float]
    changes_per_day: Sequence[float]
    by_hour: Sequence[float]
    needs: Sequence[float]

    @property
    def median(self) -> float:
        """Return the median availability in percent."""
        return float(np.median(self.percent))

    @property
    def mean(self) -> float:
        """Return the mean availability in percent."""
        return float(np.mean(self.percent))

    def below(self, percent: float) -> int:
        """Return how many places are less available."""
        return sum(each < percent for each in self.percent)


def own_places(topology: Topology) -> list[Mask]:
    """Return for each substation which places it feeds."""
    feeds = {cable.name: cable.substation for cable in topology.cables}
    return [
        np.array([feeds[place.cable] == substation for place in topology.places])
        for substation in topology.substations
    ]


def survey(topology: Topology, *, seed: int, start_s: float, days: int) -> Survey:
    """Let the weather go by and look at every step."""
    channel = Channel(topology, seed)
    own = own_places(topology)
    steps = int(days * _DAY_S // channel.step_s)
    reached = np.zeros((steps, len(topology.places)), dtype=np.bool_)
    needs = np.zeros(9)
    credit = np.zeros(len(topology.places), dtype=np.int64)
    hours = np.zeros(steps, dtype=np.int64)
    for step in range(steps):
        now_s = start_s + step * channel.step_s
        if channel.advance(now_s) or not step:
            for modem, places in enumerate(own):
                repeaters = np.concatenate([np.zeros(channel.modems, dtype=np.bool_), places])
                found = np.array(channel.sufficient_credit(modem, repeaters)[channel.modems :])
                credit[places] = found[places]
        reached[step] = credit >= 0
        needs += np.bincount(credit[credit >= 0], minlength=len(needs))
        hours[step] = int((now_s + topology.local_offset_s) % _DAY_S // _HOUR_S)
    changes = np.count_nonzero(reached[1:] != reached[:-1], axis=0)
    counts = reached.sum(axis=1)
    return Survey(
        percent=[float(100.0 * share) for share in reached.mean(axis=0)],
        changes_per_day=[float(each) / days for each in changes],
        by_hour=[float(counts[hours == hour].mean()) for hour in range(_HOURS)],
        needs=[float(each) for each in needs / max(1.0, needs.sum())],
    )
