"""Nodes that answer a Discover, in plain numbers: who is heard, and what else the modem counts."""

import random
from dataclasses import dataclass

from drivers.plc.slot_choice import DiscoverTerms, SlotChoice

LOOKS_MAX = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """What the modem makes of a window; there is no capture: two reports spoil each other.

    Attributes:
        noticed: share of the windows with a collision that are counted as a damaged frame.
        lost: share of the lone reports that noise takes; half of those are counted as damaged.
        noise: share of the empty windows in which a damaged frame is counted.
    """

    noticed: float = 1.0
    lost: float = 0.0
    noise: float = 0.0

    def look(self, nodes: int, terms: DiscoverTerms, rng: random.Random) -> tuple[int, int]:
        """Let so many nodes answer; return how many are heard, and how many damaged frames."""
        windows = [0] * terms.slots
        for _ in range(nodes):
            if rng.random() * 100 < terms.response_probability:
                windows[rng.randrange(terms.slots)] += 1
        heard = damaged = 0
        for reports in windows:
            if reports == 1 and rng.random() >= self.lost:
                heard += 1
            else:
                chance = (self.noise, 0.5, self.noticed)[min(reports, 2)]
                damaged += rng.random() < chance
        return heard, damaged


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What it took until every node was registered, and until that was believed too."""

    windows: int
    looks: int
    windows_believed: int
    looks_believed: int


def look(choice: SlotChoice, nodes: int, hearing: Hearing, rng: random.Random) -> tuple[int, int]:
    """Let so many nodes answer one look; return the windows offered and the nodes heard."""
    terms = choice.next_terms()
    heard, damaged = hearing.look(nodes, terms, rng)
    choice.round_over(answers=heard, collisions=damaged)
    return terms.slots, heard


def register_all(choice: SlotChoice, nodes: int, hearing: Hearing, rng: random.Random) -> Effort:
    """Look until all are registered and nobody is expected any more."""
    left, windows = nodes, 0
    done: tuple[int, int] | None = None
    for looks in range(1, LOOKS_MAX):
        slots, heard = look(choice, left, hearing, rng)
        windows += slots
        left -= heard
        if left == 0 and done is None:
            done = windows, looks
        if done is not None and not choice.expects_more:
            return Effort(
                windows=done[0], looks=done[1], windows_believed=windows, looks_believed=looks
            )
    raise AssertionError(f"{left} of {nodes} were never found, or nobody believes it")


def windows_when_told(nodes: int, rng: random.Random) -> int:
    """Return the windows of framed slotted ALOHA that is told the number of nodes each round."""
    windows = 0
    while nodes:
        windows += nodes
        terms = DiscoverTerms(slots=nodes, response_probability=100)
        nodes -= Hearing().look(nodes, terms, rng)[0]
    return windows
