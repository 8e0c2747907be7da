"""How many rows one question asks for: those that cost least airtime each [PLC-2, PLC-7]."""

from collections.abc import Callable
from typing import Final

from drivers.plc.frame_ledger import FrameLedger
from gateway.meters.airtime_price import AirtimePrice, rows_octets

ENTRY_QUESTION_OCTETS: Final = 24
"""The APDU that asks for rows by their place: one sub-frame."""

RANGE_QUESTION_OCTETS: Final = 56
"""The APDU that asks for rows by time: two."""

ROWS_MAX: Final = 60
"""More rows than any answer holds."""


def best_company(rows_max: int, row_octets: int, price: AirtimePrice, frames: FrameLedger) -> int:
    """Return how many rows, up to `rows_max`, cost least line time each.

    Silence counts: the longer the answer the likelier it is lost, so a bad line asks for less.
    """

    def cost_of_a_row(rows: int) -> float:
        answer = rows_octets(rows, row_octets)
        once_s = price.exchange_s(ENTRY_QUESTION_OCTETS, answer, 0)
        subframes = price.subframes(ENTRY_QUESTION_OCTETS) + price.subframes(answer)
        return once_s / (rows * frames.chance(subframes))

    return _cheapest(range(1, max(1, min(rows_max, ROWS_MAX)) + 1), cost_of_a_row)


def _cheapest(choices: range, cost: Callable[[int], float]) -> int:
    """Return the choice of least cost; of equal ones the greatest."""
    return min(reversed(choices), key=cost)
