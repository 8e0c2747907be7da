"""Make places as available as meters were in the field.

Two means, as in the field: an appliance that shunts the signal at one outlet, now and then; and
the noise that rises over the day, which first silences those who are heard badly anyway.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hil.lv_network.path_loss import path_loss_db
from hil.lv_network.reach import SNR_NEEDED
from hil.lv_network.reception import power
from hil.lv_network.topology import Place, Shunt, Topology

FieldMeter = tuple[str, float, float]
"""Name, availability in percent, changes of state a day."""

EVENING_RISE_DB = 30.0
"""At the worst hour, where the evening is felt in full: lamps, chargers and inverters nearby."""

_FELT_ELSEWHERE = 0.1
_SURELY_DOWN = 0.5  # of a meter: how far before the last of an hour's count it drops out
_CLEARLY_UP = 0.1  # of the day's rise: so much better than just heard is who is there at its best
_CHANGES_MIN = 1.0


def with_availabilities(
    places: Sequence[Place], meters: Sequence[FieldMeter], chance: random.Random
) -> list[Place]:
    """Return the places with a shunt at each that makes it as available as one of the meters."""
    numbers = chance.sample(range(len(places)), len(meters))
    found = list(places)
    for number, (_, percent, changes) in zip(numbers, meters, strict=True):
        away = 1.0 - percent / 100.0
        if away > 0.0:
            shunt = Shunt(loss_db=80.0, on_share=away, changes_per_day=max(changes, _CHANGES_MIN))
            found[number] = replace(found[number], shunt=shunt)
    return found


def with_hours(topology: Topology, hours: Sequence[float], chance: random.Random) -> Topology:
    """Return the network with a day of noise that leaves so many meters available each hour.

    Meters drop out one after the other as the noise rises: each of those concerned gets a loss at
    its outlet that leaves it just the margin after which it is its turn.

    Args:
        topology: the network.
        hours: 24 shares of all meters, by hour of local time.
        chance: decides who is concerned.
    """
    count = len(topology.places)
    down = [count * (1.0 - share) for share in hours]
    most, least = max(down), min(down)
    shape = tuple((each - least) / (most - least) if most > least else 0.0 for each in down)
    concerned = chance.sample(range(count), round(most))
    margins = own_margins_db(topology)
    places = [replace(place, evening_share=_FELT_ELSEWHERE) for place in topology.places]
    for order, number in enumerate(concerned):
        place = places[number]
        if order + _SURELY_DOWN < least:
            always = Shunt(loss_db=80.0, on_share=1.0, changes_per_day=_CHANGES_MIN)
            places[number] = replace(place, shunt=always)
            continue
        turn = max(_CLEARLY_UP, (order + _SURELY_DOWN - least) / (most - least))
        spare_db = margins[number] - turn * EVENING_RISE_DB
        places[number] = replace(place, evening_share=1.0, outlet_db=max(0.0, spare_db))
    physics = replace(topology.physics, evening_rise_db=EVENING_RISE_DB, day_shape=shape)
    return replace(topology, places=tuple(places), physics=physics)


def own_margins_db(topology: Topology) -> list[float]:
    """Return how much louder the noise at each place may become before it hears nobody.

    Everybody else is taken to hear, and to repeat.
    """
    gains = power(topology.physics.transmit_dbuv - path_loss_db(topology))
    noise_db = np.array([topology.physics.noise_dbuv + p.noise_db for p in topology.places])
    heard_db = 10.0 * np.log10(gains.sum(axis=0)[len(topology.substations) :])
    needed_db = 10.0 * float(np.log10(SNR_NEEDED))
    return [float(margin) for margin in heard_db - noise_db - needed_db]
