"""The repeater call: who of the dynamic nodes stays a repeater (docs/plc.md 3.1).

Each station has a place in the sequence. One that has heard the pattern at the threshold or
louder before its place comes is not needed and stops; any other sends the pattern and repeats.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drivers.plc.ciase import REPEATER_SUB_SLOTS
from hil.lv_network.arrays import Numbers
from hil.lv_network.station import RepeaterMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A station that takes part, at its place of the sequence."""

    station: int
    mode: RepeaterMode


def elect(
    modem: int, candidates: Sequence[Candidate], *, threshold_dbuv: float, gains: Numbers
) -> dict[int, bool]:
    """Return for each station that takes part whether it is a repeater from now on.

    Args:
        modem: the client, which sends first.
        candidates: in the order of their places.
        threshold_dbuv: level from which a pattern counts as heard.
        gains: received power from each station (row) at each station (column).
    """
    threshold = 10.0 ** (threshold_dbuv / 10.0)
    loudest = gains[modem].copy()
    elected: dict[int, bool] = {}
    for candidate in candidates:
        if candidate.mode is RepeaterMode.NEVER:
            continue
        needed = candidate.mode is RepeaterMode.ALWAYS or loudest[candidate.station] < threshold
        elected[candidate.station] = needed
        if needed:
            np.maximum(loudest, gains[candidate.station], out=loudest)
    return elected


def call_slots(last_mac: int, slots_for_new: int) -> int:
    """Return how many slots the patterns take (inferred)."""
    return -(-(1 + last_mac) // REPEATER_SUB_SLOTS) + slots_for_new
