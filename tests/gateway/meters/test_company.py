"""PLC-2, PLC-7: how many rows one question asks for."""

import pytest

from drivers.plc.airtime import LineTiming
from drivers.plc.frame_ledger import FrameLedger
from drivers.plc.mac_frame import Packing
from gateway.meters.airtime_price import AirtimePrice, rows_octets
from gateway.meters.company import ENTRY_QUESTION_OCTETS, ROWS_MAX, best_company

PRICE = AirtimePrice(timing=LineTiming(bit_rate_bps=2400))
ROW_OCTETS = 29


class _Losing(FrameLedger):
    """A ledger of a line that loses a share of its sub-frames."""

    __slots__ = ("_share",)

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    @property
    def lost_share(self) -> float:
        return self._share


def _cost_of_a_row(rows: int, lost: float, row_octets: int = ROW_OCTETS) -> float:
    answer = rows_octets(rows, row_octets)
    subframes = PRICE.subframes(ENTRY_QUESTION_OCTETS) + PRICE.subframes(answer)
    once_s = PRICE.exchange_s(ENTRY_QUESTION_OCTETS, answer, 0)
    return once_s / (1 - lost) ** subframes / rows


def test_a_clean_line_has_the_longest_answer() -> None:
    assert best_company(8, ROW_OCTETS, PRICE, _Losing(0.0)) == 8
    assert best_company(8, ROW_OCTETS, PRICE, FrameLedger()) == 8


@pytest.mark.parametrize("lost", [0.0, 0.02, 0.05, 0.1, 0.15, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("rows_max", [1, 3, 7, 8])
def test_no_other_number_would_cost_less(rows_max: int, lost: float) -> None:
    chosen = best_company(rows_max, ROW_OCTETS, PRICE, _Losing(lost))
    costs = {rows: _cost_of_a_row(rows, lost) for rows in range(1, rows_max + 1)}
    assert costs[chosen] == min(costs.values())


def test_the_worse_the_line_the_shorter_the_answer() -> None:
    chosen = [best_company(8, ROW_OCTETS, PRICE, _Losing(lost / 100)) for lost in range(0, 91, 5)]
    assert chosen == sorted(chosen, reverse=True)
    assert (chosen[0], chosen[-1]) == (8, 1)


def test_of_what_costs_the_same_the_greater_number_is_taken() -> None:
    """With two rows in the sub-frames of one, and nothing lost, it would be a gift."""
    assert best_company(2, 10, PRICE, _Losing(0.3)) == 2


@pytest.mark.parametrize("rows_max", [-1, 0, 1])
def test_at_least_one_row_is_asked_for(rows_max: int) -> None:
    assert best_company(rows_max, 5000, PRICE, _Losing(0.0)) == 1


def test_small_rows_are_not_asked_for_by_the_thousand() -> None:
    assert ROWS_MAX - 5 <= best_company(100_000, 1, PRICE, _Losing(0.0)) <= ROWS_MAX


def test_the_packing_of_the_line_counts() -> None:
    """Model B has more room behind the first sub-frame."""
    price = AirtimePrice(timing=LineTiming(bit_rate_bps=2400, packing=Packing.MODEL_B))
    assert best_company(3, ROW_OCTETS, price, _Losing(0.3)) in {1, 2, 3}
    assert price.subframes(rows_octets(8, ROW_OCTETS)) <= PRICE.subframes(
        rows_octets(8, ROW_OCTETS)
    )
