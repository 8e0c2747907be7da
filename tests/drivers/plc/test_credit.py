"""PLC-1: a node's credit is learnt, raised when it does not do, and lowered when it can be."""

import random
from collections.abc import Callable
from statistics import mean

import pytest

from drivers.plc.credit import (
    ANSWERS_BEFORE_LOWERING,
    CreditLedger,
    broadcast_credit,
    credit_of_try,
)


def _answers(ledger: CreditLedger, need: int, count: int) -> None:
    for _ in range(count):
        ledger.success(need, ledger.credit)


def test_begins_at_seven_when_nothing_is_known() -> None:
    ledger = CreditLedger()
    assert (ledger.credit, ledger.need) == (7, None)


@pytest.mark.parametrize(("heard_at", "credit"), [(0, 0), (3, 3), (9, 7), (-1, 0)])
def test_begins_where_the_node_was_heard(heard_at: int, credit: int) -> None:
    assert CreditLedger(heard_at).credit == credit


def test_is_lowered_to_the_need_after_some_answers() -> None:
    ledger = CreditLedger(7)
    _answers(ledger, 1, ANSWERS_BEFORE_LOWERING - 1)
    assert ledger.credit == 7
    _answers(ledger, 1, 1)
    assert (ledger.credit, ledger.need) == (1, 1)


def test_the_greatest_need_of_the_last_answers_counts() -> None:
    ledger = CreditLedger(7)
    for need in (0, 2, 1):
        ledger.success(need)
    assert ledger.credit == 2


def test_is_raised_by_one_on_silence_and_never_above_seven() -> None:
    ledger = CreditLedger(5)
    seen = []
    for _ in range(4):
        ledger.failure()
        seen.append(ledger.credit)
    assert seen == [6, 7, 7, 7]


def test_an_answer_to_a_later_try_counts_as_a_failure_of_the_first() -> None:
    ledger = CreditLedger(0)
    ledger.success(need=0, initial_credit_used=7)
    assert ledger.credit == 1


def test_an_answer_to_a_later_try_raises_to_its_need_at_once() -> None:
    ledger = CreditLedger(0)
    ledger.success(need=3, initial_credit_used=7)
    assert ledger.credit == 3


def test_a_credit_that_failed_is_left_alone_for_a_while_and_then_tried_again() -> None:
    ledger = CreditLedger(1)
    _answers(ledger, 1, ANSWERS_BEFORE_LOWERING)
    ledger.success(1, 7)
    assert ledger.credit == 1  # one failure is no proof
    while ledger.credit == 1:
        ledger.success(1, 7)
    answers = 0
    while ledger.credit == 2:
        ledger.success(1, 2)
        answers += 1
    assert ledger.credit == 1
    assert 3 < answers < 60


def test_silence_of_all_tries_means_learning_anew() -> None:
    ledger = CreditLedger(7)
    _answers(ledger, 1, ANSWERS_BEFORE_LOWERING)
    ledger.failure()
    _answers(ledger, 1, ANSWERS_BEFORE_LOWERING - 1)
    assert ledger.credit == 2


def _mean_credit(need_told: int, loss_at: Callable[[int], float], answers: int = 2000) -> float:
    """Let a ledger live on a line; return its mean credit once it has settled."""
    rng = random.Random(5)
    ledger = CreditLedger(7)
    seen = []
    for _ in range(answers):
        failed = rng.random() < loss_at(ledger.credit)
        ledger.success(need_told, 8 if failed else ledger.credit)
        seen.append(ledger.credit)
    return mean(seen[answers // 10 :])


def test_a_delta_credit_of_three_may_mean_more() -> None:
    """The node is five hops away, its two-bit report says 3: lower credits are soon left alone."""
    assert 4.7 < _mean_credit(3, lambda credit: 0.0 if credit >= 5 else 1.0) < 5.5


def test_a_spare_repetition_that_pays_is_granted() -> None:
    """Each copy is lost with a chance of 0.3: one spare lowers the loss enough to pay."""
    assert 2.2 < _mean_credit(2, lambda credit: 0.3 ** (credit - 1)) < 4


def test_noise_that_no_repetition_helps_against_does_not_drive_the_credit_up() -> None:
    assert _mean_credit(2, lambda _: 0.05) < 3.5


def test_a_clean_line_gets_the_bare_need() -> None:
    assert _mean_credit(2, lambda _: 0.0) == 2


def test_every_try_but_the_first_has_seven() -> None:
    assert [credit_of_try(1, attempt) for attempt in range(4)] == [1, 7, 7, 7]


def test_a_broadcast_reaches_the_farthest_node_known() -> None:
    assert broadcast_credit([0, 4, 2]) == 4
    assert broadcast_credit([]) == 7
