"""INV-2: what is believed of the number of nodes agrees with what is drawn."""

import random
from statistics import mean

import pytest

from drivers.plc.crowd_belief import CROWD_MAX, CrowdBelief
from drivers.plc.slot_choice import DiscoverTerms
from tests.drivers.plc.answer_windows import Hearing


def _after(
    nodes: int, slots: int, percent: int, hearing: Hearing, seed: int
) -> tuple[CrowdBelief, int]:
    """Return the belief after one look at a line never seen, and how many nodes are left."""
    terms = DiscoverTerms(slots=slots, response_probability=percent)
    heard, damaged = hearing.look(nodes, terms, random.Random(seed))
    belief = CrowdBelief()
    belief.look_over(slots=slots, answering=percent / 100, heard=heard, damaged=damaged)
    return belief, nodes - heard


@pytest.mark.parametrize("noticed", [1.0, 0.7])
@pytest.mark.parametrize(
    ("nodes", "slots", "percent"), [(20, 30, 100), (60, 60, 100), (100, 60, 100), (600, 60, 10)]
)
def test_the_middle_of_the_belief_is_near_the_truth(
    nodes: int, slots: int, percent: int, noticed: float
) -> None:
    middles, truths = [], []
    for seed in range(15):
        belief, left = _after(nodes, slots, percent, Hearing(noticed=noticed), seed)
        middles.append(belief.crowd(0.5))
        truths.append(left)
    assert mean(middles) == pytest.approx(mean(truths), rel=0.3)


def test_the_belief_is_as_sure_as_it_may_be() -> None:
    """Of many crowds, eight in ten or more lie where eight tenths of the belief lie."""
    rng = random.Random(5)
    inside = 0
    for seed in range(100):
        nodes = round(2 ** rng.uniform(3, 8))
        belief, left = _after(nodes, 30, 50, Hearing(noticed=rng.choice((0.4, 0.7, 1.0))), seed)
        inside += belief.crowd(0.1) <= 1.2 * left + 1 and left <= belief.crowd(0.9)
    assert 70 <= inside <= 97


def test_all_windows_spoilt_says_only_how_many_there_are_at_least() -> None:
    belief, _ = _after(100, 10, 100, Hearing(), seed=1)
    assert belief.somebody == pytest.approx(1.0, abs=0.01)
    assert belief.crowd(0.1) > 10
    assert belief.crowd(0.9) > 1000


def test_silence_where_all_were_to_answer_leaves_a_doubt_that_a_share_dispels() -> None:
    """A modem may be deaf to collisions, but among few who answer somebody would be alone."""
    belief, _ = _after(0, 10, 100, Hearing(), seed=1)
    doubt = belief.somebody
    assert 0.1 < doubt < 0.4
    for chance in (0.1, 0.01):
        belief.look_over(slots=10, answering=chance, heard=0, damaged=0)
    assert belief.somebody < doubt / 4


def test_nothing_is_certain_for_long() -> None:
    belief = CrowdBelief()
    for _ in range(5):
        belief.look_over(slots=10, answering=1.0, heard=0, damaged=0)
    before = belief.somebody
    belief.throw_open()
    assert before + 0.01 < belief.somebody < before + 0.03


def test_a_hint_is_believed_by_half() -> None:
    belief = CrowdBelief()
    for _ in range(3):
        belief.look_over(slots=10, answering=1.0, heard=0, damaged=0)
        belief.look_over(slots=10, answering=0.01, heard=0, damaged=0)
    belief.expect(40)
    assert belief.somebody == pytest.approx(0.5, abs=0.02)
    assert 20 <= belief.crowd(0.1) <= belief.crowd(0.9) <= 40


@pytest.mark.parametrize("heard", [CROWD_MAX, CROWD_MAX + 1, 10**9])
def test_more_than_there_can_be(heard: int) -> None:
    belief = CrowdBelief()
    belief.look_over(slots=10, answering=1.0, heard=heard, damaged=0)
    assert 0.0 <= belief.somebody <= 1.0
