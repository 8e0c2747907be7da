"""How much one question asks for: what costs least airtime each [PLC-2, PLC-7]."""

from dataclasses import dataclass
from typing import Final

from drivers.plc.frame_ledger import FrameLedger
from drivers.plc.mac_frame import CREDIT_MAX
from gateway.meters.airtime_price import AirtimePrice, rows_octets

ENTRY_QUESTION_OCTETS: Final = 24
"""The APDU that asks for rows by their place: one sub-frame."""

RANGE_QUESTION_OCTETS: Final = 56
"""The APDU that asks for rows by time: two."""

ROWS_MAX: Final = 60
"""More rows than any answer holds."""

NAMES_MAX: Final = 16
"""What a meter says of itself then fits one answer; a longer one would come in blocks."""

NEARLY_EQUAL: Final = 1.1

NAME_OCTETS: Final = 5  # of a question, in the mean: plain names, and first rows of buffers
VALUE_OCTETS: Final = 14  # of an answer, in the mean


NAMES_PER_ENTRY: Final = 4
NAMES_PER_RANGE: Final = 8
"""A row by its place, or rows by a range of time, make a question about so many names longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much one question asks for, at most.

    Attributes:
        rows: of one buffer.
        values: plain values.
    """

    rows: int
    values: int

    @property
    def first_rows(self) -> int:
        """Return of how many buffers the first row may be asked for."""
        return max(1, self.values // NAMES_PER_ENTRY)

    @property
    def ranges(self) -> int:
        """Return for how many ranges of time events may be asked for."""
        return max(1, self.values // NAMES_PER_RANGE)

    @property
    def is_short(self) -> bool:
        """Return whether the line is bad, so that short questions are worth some trouble."""
        return self.values < NAMES_MAX


class Thrift:
    """Knows what a question to a node costs in the mean, silence included.

    Args:
        price: of line time.
        frames: how well long frames get through.
        need: the credit that the node's answers have needed; less is not granted.
    """

    def __init__(self, price: AirtimePrice, frames: FrameLedger, need: int) -> None:
        self._price = price
        self._frames = frames
        self._need = need

    def credit(self, question: int, answer: int) -> int:
        """Return the credit with which an exchange of so many sub-frames costs least.

        A long frame on a bad line may need more chances than the short ones that were learnt from.
        """
        return min(
            range(self._need, CREDIT_MAX + 1),
            key=lambda credit: self._cost_s(question, answer, credit),
        )

    def rows(self, rows_max: int, row_octets: int) -> int:
        """Return how many rows, up to `rows_max`, cost least each."""
        question = self._price.subframes(ENTRY_QUESTION_OCTETS)
        fits: dict[int, int] = {}  # most rows for each length of the answer
        for rows in range(1, max(1, min(rows_max, ROWS_MAX)) + 1):
            fits[self._price.subframes(rows_octets(rows, row_octets))] = rows
        return self._cheapest({answer: (question, rows) for answer, rows in fits.items()})

    def names(self) -> int:
        """Return how many values, up to NAMES_MAX, cost least each."""
        fits: dict[int, tuple[int, int]] = {}
        for names in range(1, NAMES_MAX + 1):
            question = self._price.subframes(names * NAME_OCTETS)
            fits[self._price.subframes(names * VALUE_OCTETS)] = question, names
        return self._cheapest(fits)

    def _cheapest(self, choices: dict[int, tuple[int, int]]) -> int:
        """Return the amount that costs least each, of (question, amount) by length of answer.

        Of nearly equal ones the greatest: the fewer questions, the fewer are still to be asked.
        """

        def cost_of_each(answer: int) -> float:
            question, amount = choices[answer]
            return self._cost_s(question, answer, self.credit(question, answer)) / amount

        costs = {answer: cost_of_each(answer) for answer in choices}
        enough = NEARLY_EQUAL * min(costs.values())
        return max(choices[answer][1] for answer, cost in costs.items() if cost <= enough)

    def _cost_s(self, question: int, answer: int, credit: int) -> float:
        chance = self._frames.chance(question, answer, 1 + credit - self._need)
        return self._price.subframes_s(question + answer, credit) / chance
