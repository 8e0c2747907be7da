"""PLC-2, PLC-7: how much one question asks for, and with which credit."""

import pytest

from drivers.plc.airtime import LineTiming
from drivers.plc.frame_ledger import FrameLedger
from drivers.plc.mac_frame import CREDIT_MAX
from gateway.meters.airtime_price import AirtimePrice, rows_octets
from gateway.meters.company import (
    ENTRY_QUESTION_OCTETS,
    NAMES_MAX,
    NAMES_PER_ENTRY,
    NEARLY_EQUAL,
    ROWS_MAX,
    Amount,
    Thrift,
)

PRICE = AirtimePrice(timing=LineTiming(bit_rate_bps=2400))
ROW_OCTETS = 29
SHARES = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.999)


class Passing(FrameLedger):
    """A ledger of a line on which a share of the sub-frames of each copy gets through."""

    __slots__ = ("_share",)

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    def chance(self, question: int, answer: int, copies: int = 1) -> float:
        chance = 1.0
        for subframes in (question, answer):
            chance *= 1 - (1 - self._share**subframes) ** copies
        return chance


def _thrift(share: float, need: int = 0) -> Thrift:
    return Thrift(PRICE, Passing(share), need)


def _cost_s(share: float, need: int, question: int, answer: int, credit: int) -> float:
    chance = Passing(share).chance(question, answer, 1 + credit - need)
    return ((question + answer) * (1 + credit) + 2) * 0.15 / chance


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("need", [0, 2, 7])
@pytest.mark.parametrize(("question", "answer"), [(1, 1), (1, 7), (2, 4)])
def test_no_other_credit_would_cost_less(
    share: float, need: int, question: int, answer: int
) -> None:
    """PLC-1: and less than what answers have needed is never granted."""
    chosen = _thrift(share, need).credit(question, answer)
    costs = {
        credit: _cost_s(share, need, question, answer, credit)
        for credit in range(need, CREDIT_MAX + 1)
    }
    assert costs[chosen] == pytest.approx(min(costs.values()))


def test_on_a_clean_line_the_need_is_granted_and_on_a_bad_one_more() -> None:
    assert [_thrift(0.9995, need).credit(1, 7) for need in range(8)] == list(range(8))
    assert _thrift(0.8).credit(1, 7) > _thrift(0.8).credit(1, 1)


def test_a_clean_line_has_the_longest_answer() -> None:
    assert _thrift(0.9995).rows(8, ROW_OCTETS) == 8
    assert _thrift(0.9995).names() == NAMES_MAX
    assert Thrift(PRICE, FrameLedger(), 0).rows(8, ROW_OCTETS) == 8


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("rows_max", [1, 3, 8])
def test_no_other_number_of_rows_would_cost_much_less(rows_max: int, share: float) -> None:
    """Of what costs nearly the same the greatest is taken: others wait for the line."""
    chosen = _thrift(share).rows(rows_max, ROW_OCTETS)
    question = PRICE.subframes(ENTRY_QUESTION_OCTETS)

    def cost_of_a_row(rows: int) -> float:
        answer = PRICE.subframes(rows_octets(rows, ROW_OCTETS))
        return min(_cost_s(share, 0, question, answer, credit) for credit in range(8)) / rows

    costs = {rows: cost_of_a_row(rows) for rows in range(1, rows_max + 1)}
    assert costs[chosen] <= NEARLY_EQUAL * min(costs.values()) + 1e-9


def test_the_worse_the_line_the_shorter_the_answer() -> None:
    rows = [_thrift(share).rows(8, ROW_OCTETS) for share in sorted(SHARES)]
    names = [_thrift(share).names() for share in sorted(SHARES)]
    assert rows == sorted(rows)
    assert names == sorted(names)
    assert (rows[0], rows[-1]) == (1, 8)
    assert names[0] < names[-1] == NAMES_MAX


@pytest.mark.parametrize("rows_max", [-1, 0, 1])
def test_at_least_one_row_is_asked_for(rows_max: int) -> None:
    assert _thrift(0.999).rows(rows_max, 5000) == 1


def test_small_rows_are_not_asked_for_by_the_thousand() -> None:
    assert ROWS_MAX - 5 <= _thrift(0.9995).rows(100_000, 1) <= ROWS_MAX


def test_an_amount_says_how_many_longer_names_fit() -> None:
    amount = Amount(rows=8, values=NAMES_MAX)
    assert (amount.first_rows, amount.ranges, amount.is_short) == (4, 2, False)
    short = Amount(rows=1, values=NAMES_PER_ENTRY - 1)
    assert (short.first_rows, short.ranges, short.is_short) == (1, 1, True)
