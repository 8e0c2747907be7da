"""How many answer windows the next Discover offers, from what the last ones showed."""

from dataclasses import dataclass
from math import ceil, exp
from typing import Final

SLOTS_PER_NODE: Final = 1.5  # more than one window a node: a collision costs a whole round
NODES_PER_COLLISION: Final = 2.39  # mean crowd of a collided slot at best load (slotted ALOHA)
PROBE_EVERY: Final = 4  # the first of so many silent rounds is followed by a probe
PROBE_SLOTS: Final = 10
PROBE_PROBABILITIES: Final = (20, 4)  # percent, in turn: crowds of about 50 and 250
_CROWD_MAX: Final = 4096
_LOAD_MAX: Final = 4.0  # nodes per slot; beyond that hardly anybody is heard at all
_HALVINGS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoverTerms:
    """What the next Discover offers.

    Attributes:
        slots: answer windows.
        response_probability: chance that a node answers, in percent.
    """

    slots: int
    response_probability: int


class SlotChoice:
    """Guesses how many nodes would answer, and offers room for them. INV-2.

    A silent round is ambiguous where the modem does not notice collisions: nobody, or a crowd in
    which nobody got through. So now and then a silent round is followed by one that only a share
    of the nodes may answer.

    Source: framed slotted ALOHA; no rule for this choice is in the standard's known text.

    Attributes:
        expected: nodes that are thought not to be registered yet.
    """

    def __init__(self, *, slots_min: int = 5, slots_max: int = 100, expected: int = 10) -> None:
        self._slots_min = slots_min
        self._slots_max = slots_max
        self._terms: DiscoverTerms | None = None
        self._silent_rounds = 0
        self.expected = expected

    def expect(self, nodes: int) -> None:
        """Count on at least so many nodes: a device list, nodes just lost, a mains failure."""
        self.expected = max(self.expected, nodes)

    def next_terms(self) -> DiscoverTerms:
        """Return what the next Discover should offer; called once for each."""
        wanted = ceil(self.expected * SLOTS_PER_NODE)
        slots = max(self._slots_min, min(self._slots_max, wanted))
        probability = 100
        if wanted > self._slots_max:
            probability = max(1, 100 * self._slots_max // wanted)
        elif self._silent_rounds % PROBE_EVERY == 1:
            slots = max(slots, min(self._slots_max, PROBE_SLOTS))
            probes = self._silent_rounds // PROBE_EVERY
            probability = PROBE_PROBABILITIES[probes % len(PROBE_PROBABILITIES)]
        self._terms = DiscoverTerms(slots=slots, response_probability=probability)
        return self._terms

    def round_over(self, *, answers: int, collisions: int, still_expected: int = 0) -> None:
        """Learn from a round.

        Args:
            answers: nodes that were heard; they are registered and will not answer again.
            collisions: frames heard damaged during the windows, as the modem counts them.
            still_expected: nodes that a list names and that nobody has heard yet.
        """
        terms = self._terms or self.next_terms()
        self._silent_rounds = 0 if answers or collisions else self._silent_rounds + 1
        crowd = max(
            crowd_behind(answers, terms.slots),
            answers + ceil(collisions * NODES_PER_COLLISION),
            ceil(terms.slots * load_behind(answers, collisions)),
        )
        present = ceil(crowd * 100 / terms.response_probability)
        if answers == 0 and collisions >= terms.slots // 2 > 0:
            present = max(present, 2 * self.expected)  # nobody got through: the crowd is bigger yet
        doubted = max(0, self.expected - answers) // 2  # one round is weak proof of absence
        self.expected = min(_CROWD_MAX, max(present - answers, still_expected, doubted))


def crowd_behind(answers: int, slots: int) -> int:
    """Return the smallest crowd of which `answers` would be heard alone in their slots.

    Collisions can pass unnoticed; the share of slots with a lone answer still tells of them.
    """
    if answers <= 0:
        return 0
    crowd = answers
    while crowd < slots and crowd * (1 - 1 / slots) ** (crowd - 1) < answers:
        crowd += 1
    return crowd


def load_behind(answers: int, collisions: int) -> float:
    """Return the nodes per slot at which lone answers and collisions stand in this proportion.

    Not every collision is noticed, so this is a lower bound. Poisson arrivals, found by halving.
    """
    if not collisions:
        return 0.0
    low, high = 0.0, _LOAD_MAX
    for _ in range(_HALVINGS):
        load = (low + high) / 2
        alone = load * exp(-load)
        if alone * collisions > answers * (1 - exp(-load) - alone):
            low = load
        else:
            high = load
    return low
