"""A plain line for benches: meters at dealt hop distances along one cable, and quiet weather."""

import random

from hil.lv_network.topology import Cable, Physics, Place, Topology

HOP_DISTANCE_MAX = 3
_HOP_WEIGHTS = (11, 6, 2, 1)  # of 20 meters, by hop distance
_RING_M = ((400.0, 600.0), (1060.0, 1200.0), (1650.0, 1840.0), (2260.0, 2420.0))
"""Where the meters of a hop distance hang: any meter of a ring hears any of the one before it,
and none of those before."""

_CARRIERS_MIN = 2  # in each ring that carries others' frames: one may lose its mains

_CABLE = "street"


def plan_street(meters: int, seed: int) -> Topology:
    """Return a line of so many meters.

    Over half of all meters hear the modem itself, as in a town; the rest needs repetitions.
    """
    chance = random.Random(f"street/{seed}")  # noqa: S311  (an emulation, not a key)
    return Topology(
        name="street",
        substations=("A",),
        cables=(Cable(name=_CABLE, substation="A", length_m=_RING_M[-1][1]),),
        places=tuple(
            Place(cable=_CABLE, at_m=chance.uniform(*_RING_M[ring]))
            for ring in _rings(meters, chance)
        ),
        physics=Physics(),
    )


def _rings(meters: int, chance: random.Random) -> list[int]:
    """Return the ring of each meter, dealt like cards: each line has its share of each.

    Rings behind one with too few meters move up into it: nobody would carry their frames.
    """
    pack = [hops for hops, weight in enumerate(_HOP_WEIGHTS) for _ in range(weight)]
    dealt: list[int] = []
    while len(dealt) < meters:
        dealt += chance.sample(pack, len(pack))
    dealt = dealt[:meters]
    ring_of: dict[int, int] = {}
    ring = 0
    for hops in sorted(set(dealt)):
        ring_of[hops] = ring
        if sum(ring_of.get(each) == ring for each in dealt) >= _CARRIERS_MIN:
            ring += 1
    return [ring_of[hops] for hops in dealt]
