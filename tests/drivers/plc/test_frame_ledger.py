"""PLC-2: how long frames may be is learnt from how short and long ones got through."""

import random

import pytest

from drivers.plc.frame_ledger import PASSED_SHARES, FrameLedger


def _exchange(
    ledger: FrameLedger, passes: float, question: int, answer: int, copies: int, rng: random.Random
) -> None:
    """Exchange two frames on a line where this share of the sub-frames gets through."""

    def comes(subframes: int) -> bool:
        return any(all(rng.random() < passes for _ in range(subframes)) for _ in range(copies))

    answered = comes(question) and comes(answer)
    ledger.exchanged(question, answer, copies, answered=answered)


def _lived(passes: float, *lengths: tuple[int, int, int], exchanges: int = 400) -> FrameLedger:
    rng, ledger = random.Random(2), FrameLedger()
    for _ in range(exchanges):
        _exchange(ledger, passes, *rng.choice(lengths), rng)
    return ledger


def test_a_node_never_asked_is_believed_to_be_on_a_good_line() -> None:
    ledger = FrameLedger()
    assert ledger.chance(1, 1) > 0.95
    assert 0.9 < ledger.chance(1, 7) < ledger.chance(1, 1)
    assert not ledger.is_poor


def test_the_longer_the_likelier_it_is_lost_and_copies_help() -> None:
    ledger = _lived(0.9, (1, 7, 1))
    by_length = [ledger.chance(1, answer) for answer in range(1, 8)]
    assert by_length == sorted(by_length, reverse=True)
    assert by_length[0] > 1.3 * by_length[-1]
    by_copies = [ledger.chance(1, 7, copies) for copies in range(1, 9)]
    assert by_copies == sorted(by_copies)
    assert by_copies[0] < 0.7
    assert by_copies[-1] > 0.9


@pytest.mark.parametrize("passes", [0.4, 0.7, 0.9, 0.98, 0.9995])
@pytest.mark.parametrize(
    "lengths",
    [((1, 1, 1),), ((1, 7, 1),), ((1, 7, 3),), ((1, 1, 1), (1, 3, 1), (2, 7, 2))],
    ids=["short", "long", "with copies", "mixed"],
)
def test_whatever_is_asked_the_chance_comes_out_as_it_is(
    passes: float, lengths: tuple[tuple[int, int, int], ...]
) -> None:
    """Of what was asked; from what always or never comes through, nobody learns how well."""
    rng, ledger = random.Random(3), _lived(passes, *lengths)
    length = lengths[-1]
    question, answer, copies = length
    true = 1.0
    for subframes in (question, answer):
        true *= 1 - (1 - passes**subframes) ** copies
    believed = []
    for _ in range(400):
        _exchange(ledger, passes, *rng.choice(lengths), rng)
        believed.append(ledger.chance(*length))
    assert sum(believed) / len(believed) == pytest.approx(true, abs=0.08)


def test_a_line_that_gets_better_is_believed_soon() -> None:
    ledger = _lived(0.7, (1, 3, 1))
    bad = ledger.chance(1, 7)
    for _ in range(40):
        ledger.exchanged(1, 3, 1, answered=True)
    assert bad < 0.2
    assert ledger.chance(1, 7) > 0.8


def test_a_line_that_gets_worse_is_believed_sooner() -> None:
    ledger = _lived(0.9995, (1, 7, 1))
    good = ledger.chance(1, 7)
    for _ in range(5):
        ledger.exchanged(1, 7, 1, answered=False)
    assert good > 0.98
    assert ledger.chance(1, 7) < 0.3


def test_a_poor_line_is_one_on_which_even_the_shortest_question_fails() -> None:
    """With all the copies that there can be."""
    ledger = FrameLedger()
    for _ in range(6):
        ledger.exchanged(1, 1, 8, answered=False)
    assert ledger.is_poor
    for _ in range(20):
        ledger.exchanged(1, 1, 1, answered=True)
    assert not ledger.is_poor


def test_silence_for_ever_leaves_a_chance() -> None:
    """Or nothing would ever be asked again of whoever was out of reach."""
    ledger = FrameLedger()
    for _ in range(5000):
        ledger.exchanged(1, 1, 1, answered=False)
    assert ledger.chance(1, 1) == pytest.approx(PASSED_SHARES[0] ** 2, rel=0.5)
    assert ledger.chance(7, 7) > 0.0
    for _ in range(60):
        ledger.exchanged(1, 1, 1, answered=True)
    assert ledger.chance(1, 1) > 0.9
