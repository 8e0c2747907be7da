"""How many answer windows the next Discover offers, and to what share of the nodes."""

from dataclasses import dataclass
from typing import Final

from drivers.plc.crowd_belief import CrowdBelief

FEW_SLOTS: Final = 10
"""So many windows suffice to learn how large a crowd is, if about as many nodes answer."""

SLOTS_PER_NODE: Final = 1.5
SPARE_SLOTS: Final = 3
"""Slotted ALOHA hears most in a window where there are as many as nodes. But a look costs about
six windows itself, with Discover, waits and Register, and the time until the next. Half as many
again cost a tenth more windows, no more time on the line, and one look in six less."""

ALL: Final = 100
"""The chance in percent with which everybody answers."""

DOUBT: Final = 0.1
"""While it is likelier than this that anybody is left, there is room for a crowd."""

REST_CHANCES: Final = (ALL, ALL, 25, ALL, ALL, 50)
"""Chances, by turns, while nobody is believed to be left: nodes that are together in the one
window are heard by nobody, and would be for ever if each of them answered every time."""

_EVEN: Final = 0.5
_LOW, _MIDDLE, _HIGH = 0.25, 0.5, 0.75
_WIDE: Final = 4


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
    """Offers about as many windows as nodes are believed to answer. INV-2.

    While nobody knows whether the crowd is a handful or a town, few windows and a chance to
    answer size it, from the low end: too few windows cost little and teach as much. A crowd
    beyond the most windows answers with a chance too. Once nobody is believed to be left, the
    fewest windows are offered, to all mostly; while it is but doubted, at every other look, for the
    one newcomer is the likeliest.

    Source: framed slotted ALOHA; no rule for this choice is in the standard's known text.
    """

    def __init__(self, *, slots_min: int = 1, slots_max: int = 60) -> None:
        self._slots_min = max(1, slots_min)
        self._slots_max = max(self._slots_min, slots_max)
        self._belief = CrowdBelief()
        self._terms: DiscoverTerms | None = None
        self._looks_at_rest = 0

    @property
    def expects_more(self) -> bool:
        """Whether somebody may well be left who would answer."""
        return self._belief.somebody >= DOUBT

    @property
    def likely_more(self) -> bool:
        """Whether that is likelier than not."""
        return self._belief.somebody >= _EVEN

    def expect(self, nodes: int) -> None:
        """Count on about so many nodes: a device list, nodes just lost, a feeder that is back."""
        self._belief.expect(nodes)

    def next_terms(self) -> DiscoverTerms:
        """Return what the next Discover should offer; called once for each."""
        self._belief.throw_open()
        all_were_asked = self._terms is None or self._terms.response_probability == ALL
        if self.likely_more or (self.expects_more and all_were_asked):
            self._terms = self._for_a_crowd()
        else:
            chance = self._chance_at_rest()
            self._terms = DiscoverTerms(slots=self._slots_min, response_probability=chance)
        return self._terms

    def round_over(self, *, answers: int, collisions: int) -> None:
        """Learn from a round.

        Args:
            answers: nodes that were heard; they are not expected to answer again.
            collisions: frames heard damaged during the windows, as the modem counts them.
        """
        terms = self._terms or self.next_terms()
        heard = max(0, answers)
        self._belief.look_over(
            slots=terms.slots,
            answering=terms.response_probability / ALL,
            heard=heard,
            damaged=max(0, min(collisions, terms.slots - heard)),
        )

    def _chance_at_rest(self) -> int:
        if self.expects_more:
            return ALL
        self._looks_at_rest += 1
        return REST_CHANCES[(self._looks_at_rest - 1) % len(REST_CHANCES)]

    def _for_a_crowd(self) -> DiscoverTerms:
        belief, slots_max = self._belief, self._slots_max
        low, high = belief.crowd(_LOW), belief.crowd(_HIGH)
        is_wide = high > _WIDE * low
        if is_wide or not self.likely_more:
            slots_max = max(self._slots_min, min(slots_max, FEW_SLOTS))
        nodes = low if is_wide else belief.crowd(_MIDDLE)
        wanted = 1 if high == 1 else round(SLOTS_PER_NODE * nodes) + SPARE_SLOTS
        slots = max(self._slots_min, min(slots_max, wanted))
        percent = round(ALL * slots / nodes) if wanted > slots else ALL
        return DiscoverTerms(slots=slots, response_probability=max(1, min(ALL, percent)))
