"""INV-2: the number of windows offered follows what was seen and what is expected."""

import random
from statistics import mean

import pytest

from drivers.plc.slot_choice import SlotChoice, crowd_behind


def test_what_was_expected_and_does_not_come_is_offered_less_and_less() -> None:
    choice = SlotChoice(slots_min=4, expected=12)
    seen = []
    for _ in range(5):
        seen.append(choice.next_terms().slots)
        choice.round_over(answers=1, collisions=0)
    assert seen == [18, 8, 4, 4, 4]


def test_some_silent_rounds_are_followed_by_a_probe_for_a_crowd_that_nobody_noticed() -> None:
    choice = SlotChoice(slots_min=4, expected=2)
    seen = []
    for _ in range(8):
        seen.append(choice.next_terms().response_probability)
        choice.round_over(answers=0, collisions=0)
    assert seen == [100, 20, 100, 100, 100, 4, 100, 100]


def test_expected_nodes_get_room() -> None:
    choice = SlotChoice(slots_min=4, expected=0)
    choice.expect(40)
    terms = choice.next_terms()
    assert (terms.slots, terms.response_probability) == (60, 100)
    choice.round_over(answers=10, collisions=0, still_expected=30)
    assert choice.next_terms().slots == 45


def test_collisions_ask_for_more_windows() -> None:
    choice = SlotChoice(slots_min=4, slots_max=100, expected=2)
    choice.next_terms()
    choice.round_over(answers=1, collisions=3)
    assert choice.next_terms().slots > 4 * 1.5


def test_many_lone_answers_tell_of_collisions_that_nobody_noticed() -> None:
    choice = SlotChoice(slots_min=5, expected=5)
    assert choice.next_terms().slots == 8
    choice.round_over(answers=3, collisions=0)
    assert choice.expected > 0


def test_a_crowd_beyond_all_windows_answers_with_a_chance() -> None:
    choice = SlotChoice(slots_max=50, expected=200)
    terms = choice.next_terms()
    assert (terms.slots, terms.response_probability) == (50, 16)


def test_only_collisions_mean_a_bigger_crowd_each_time() -> None:
    choice = SlotChoice(slots_min=4, slots_max=20, expected=4)
    seen = []
    for _ in range(4):
        choice.next_terms()
        choice.round_over(answers=0, collisions=20)
        seen.append(choice.expected)
    assert seen == sorted(set(seen))


@pytest.mark.parametrize(("answers", "slots", "crowd"), [(0, 1, 0), (1, 1, 1), (0, 20, 0)])
def test_crowd_at_the_edges(answers: int, slots: int, crowd: int) -> None:
    assert crowd_behind(answers, slots) == crowd


def _rounds_until_all_are_found(nodes: int, rng: random.Random, *, collisions_seen: bool) -> int:
    choice = SlotChoice()
    left = nodes
    for count in range(1, 200):
        terms = choice.next_terms()
        answering = sum(rng.random() * 100 < terms.response_probability for _ in range(left))
        slots = [rng.randrange(terms.slots) for _ in range(answering)]
        alone = sum(slots.count(slot) == 1 for slot in set(slots))
        collided = len(set(slots)) - alone
        choice.round_over(answers=alone, collisions=collided if collisions_seen else 0)
        left -= alone
        if left == 0:
            return count
    raise AssertionError(f"{left} nodes were never found")


@pytest.mark.parametrize(
    ("nodes", "collisions_seen", "rounds"),
    [
        (1, True, 1.5),
        (12, True, 4),
        (40, True, 7),
        (200, True, 12),
        (12, False, 5),
        (40, False, 11),
        (200, False, 30),
    ],
)
def test_a_line_never_seen_is_found_in_few_rounds(
    nodes: int, rounds: float, *, collisions_seen: bool
) -> None:
    """INV-1: no prior topology; slower, but also where the modem notices no collision."""
    rng = random.Random(nodes)
    counts = [
        _rounds_until_all_are_found(nodes, rng, collisions_seen=collisions_seen) for _ in range(20)
    ]
    assert mean(counts) <= rounds
