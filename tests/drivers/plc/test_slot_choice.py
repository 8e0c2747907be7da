"""INV-2: the number of windows offered follows what was seen and what is expected."""

import random
from statistics import mean, quantiles

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.plc.slot_choice import FEW_SLOTS, SlotChoice
from tests.drivers.plc.answer_windows import Hearing, look, register_all, windows_when_told

KEEN = Hearing()
HALF = Hearing(noticed=0.5)
POOR = Hearing(noticed=0.3)
ROUGH = Hearing(noticed=0.7, lost=0.05, noise=0.02)
DEAF = Hearing(noticed=0.0)


def _at_rest(slots_min: int = 1, slots_max: int = 60) -> SlotChoice:
    """Return the choice of a line on which nobody answered for long."""
    choice = SlotChoice(slots_min=slots_min, slots_max=slots_max)
    for _ in range(10):
        choice.next_terms()
        choice.round_over(answers=0, collisions=0)
    assert not choice.expects_more
    return choice


def test_an_unknown_line_is_sized_with_few_windows_and_then_left_in_peace() -> None:
    """Silence may be that of a crowd which collides unnoticed: a share of it is asked next."""
    choice = SlotChoice()
    offers = []
    for _ in range(12):
        terms = choice.next_terms()
        offers.append((terms.slots, terms.response_probability))
        choice.round_over(answers=0, collisions=0)
    assert offers[0] == (FEW_SLOTS, 100)
    assert offers[1][1] < 20
    assert all(slots <= FEW_SLOTS for slots, _ in offers)
    assert {slots for slots, _ in offers[4:]} == {1}
    assert [chance for _, chance in offers[4:]].count(100) >= 5


def test_what_was_expected_and_does_not_come_is_offered_less_and_less() -> None:
    choice = _at_rest()
    choice.expect(12)
    seen = []
    for _ in range(8):
        seen.append(choice.next_terms().slots)
        choice.round_over(answers=0, collisions=0)
    assert seen[0] >= 12
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 1


@pytest.mark.parametrize("nodes", [2, 12, 40])
def test_expected_nodes_get_room(nodes: int) -> None:
    choice = _at_rest()
    choice.expect(nodes)
    terms = choice.next_terms()
    assert 0.9 * nodes <= terms.slots <= 1.5 * nodes + 4
    assert terms.response_probability == 100


def test_a_hint_of_nobody_is_none() -> None:
    choice = _at_rest()
    choice.expect(0)
    choice.expect(-5)
    assert choice.next_terms().slots == 1


def test_a_damaged_frame_asks_for_more_windows() -> None:
    """Two new meters of one house: only their collision is heard."""
    choice = _at_rest()
    choice.next_terms()
    choice.round_over(answers=0, collisions=1)
    assert choice.expects_more
    assert choice.next_terms().slots > 2


def test_many_lone_answers_tell_of_collisions_that_nobody_noticed() -> None:
    choice = SlotChoice()
    assert choice.next_terms().slots == FEW_SLOTS
    choice.round_over(answers=5, collisions=0)
    assert choice.likely_more


def test_whoever_was_heard_has_left() -> None:
    choice = _at_rest()
    choice.next_terms()
    choice.round_over(answers=1, collisions=0)
    assert not choice.expects_more


def test_a_crowd_beyond_all_windows_answers_with_a_chance() -> None:
    choice = SlotChoice(slots_max=50)
    choice.expect(200)
    terms = choice.next_terms()
    assert terms.slots == 50
    assert 25 <= terms.response_probability <= 50


def test_only_collisions_mean_a_bigger_crowd_each_time() -> None:
    choice = SlotChoice(slots_max=20)
    seen = []
    for _ in range(3):
        terms = choice.next_terms()
        seen.append(terms.slots / terms.response_probability)
        choice.round_over(answers=0, collisions=terms.slots)
    assert seen == sorted(set(seen))


@settings(max_examples=40, deadline=None)
@given(
    slots_min=st.integers(-5, 300),
    slots_max=st.integers(-5, 300),
    rounds=st.lists(
        st.tuples(st.integers(-10, 10_000), st.integers(-10, 10_000), st.integers(-10, 10_000)),
        max_size=6,
    ),
)
def test_no_offer_is_absurd_whatever_is_told(
    slots_min: int, slots_max: int, rounds: list[tuple[int, int, int]]
) -> None:
    """More heard than windows or than any line has, less than nothing, bounds the wrong way."""
    choice = SlotChoice(slots_min=slots_min, slots_max=slots_max)
    choice.round_over(answers=0, collisions=0)  # before anything was offered
    for answers, collisions, hint in rounds:
        choice.expect(hint)
        terms = choice.next_terms()
        assert max(1, slots_min) <= terms.slots <= max(1, slots_min, slots_max)
        assert 1 <= terms.response_probability <= 100
        choice.round_over(answers=answers, collisions=collisions)


@pytest.mark.parametrize("slots_max", [10, 60, 255])
@pytest.mark.parametrize(
    "told", [(0, 0, 4096), (0, 255, 0), (10_000, 10_000, 10_000), (-9, -9, -9)]
)
def test_silence_calms_after_whatever_was_told(slots_max: int, told: tuple[int, int, int]) -> None:
    choice = SlotChoice(slots_max=slots_max)
    answers, collisions, hint = told
    for _ in range(3):
        choice.expect(hint)
        choice.next_terms()
        choice.round_over(answers=answers, collisions=collisions)
    for _ in range(40):
        choice.next_terms()
        choice.round_over(answers=0, collisions=0)
    assert not choice.expects_more


def test_the_one_newcomer_is_asked_whatever_is_doubted() -> None:
    """With a single window a crowd that nobody notices can never be ruled out."""
    choice = SlotChoice(slots_max=1)
    offers = []
    for _ in range(40):
        offers.append(choice.next_terms().response_probability)
        choice.round_over(answers=0, collisions=0)
    assert offers[20:].count(100) >= 10


@pytest.mark.parametrize(
    "hearing", [KEEN, HALF, POOR, ROUGH], ids=["keen", "half", "poor", "rough"]
)
def test_a_hundred_new_meters_take_few_windows(hearing: Hearing) -> None:
    """INV-2: at most 1.5 times those of framed slotted ALOHA that is told how many are left.

    Nobody tells us, not even at first, and half of the collisions or more may pass unnoticed.
    """
    rng = random.Random(100)
    told = mean(windows_when_told(100, rng) for _ in range(20))
    efforts = [register_all(SlotChoice(), 100, hearing, rng) for _ in range(25)]
    assert mean(effort.windows for effort in efforts) <= 1.25 * told
    assert quantiles([effort.windows for effort in efforts], n=10)[-1] <= 1.5 * told
    assert mean(effort.windows_believed for effort in efforts) <= 1.35 * told
    assert mean(effort.looks for effort in efforts) <= 16


@pytest.mark.parametrize("hearing", [KEEN, HALF], ids=["keen", "half"])
@pytest.mark.parametrize(
    ("nodes", "seeds", "windows"),
    [(1, 20, 12), (3, 20, 24), (10, 20, 42), (30, 20, 125), (300, 3, 1_000), (1000, 1, 3_200)],
)
def test_so_do_crowds_of_any_size(nodes: int, seeds: int, windows: float, hearing: Hearing) -> None:
    """INV-1, INV-2: a house, a street, a town; whoever is told needs 1, 7, 23, 77, 808, 2715."""
    rng = random.Random(nodes)
    efforts = [register_all(SlotChoice(), nodes, hearing, rng) for _ in range(seeds)]
    assert mean(effort.windows for effort in efforts) <= windows


@pytest.mark.parametrize(
    ("nodes", "hearing", "rounds"),
    [
        (1, KEEN, 1.5),
        (12, KEEN, 4),
        (40, KEEN, 7),
        (200, KEEN, 12),
        (12, DEAF, 20),
        (40, DEAF, 25),
        (200, DEAF, 20),
    ],
)
def test_a_line_never_seen_is_found_in_few_rounds(
    nodes: int, rounds: float, hearing: Hearing
) -> None:
    """INV-1: no prior topology; slower, but also where the modem notices no collision."""
    rng = random.Random(nodes)
    looks = [register_all(SlotChoice(slots_max=100), nodes, hearing, rng).looks for _ in range(20)]
    assert mean(looks) <= rounds


def test_noise_does_not_keep_the_line_busy() -> None:
    """INV-2: a false damaged frame in 50 windows, after a street that was hard to hear."""
    rng = random.Random(7)
    choice = SlotChoice()
    register_all(choice, 100, ROUGH, rng)
    offered = [look(choice, 0, ROUGH, rng)[0] for _ in range(200)]
    assert mean(offered) <= 2.0
    assert offered.count(1) >= 180
    assert max(offered) <= FEW_SLOTS


@pytest.mark.parametrize(("nodes", "looks"), [(1, 1), (2, 12), (4, 18)])
def test_newcomers_behind_a_repeater_are_found_though_nobody_notices_them(
    nodes: int, looks: float
) -> None:
    """INV-1: on a line at rest, where they answer in the same window at each look, and collide."""
    rng = random.Random(nodes)
    taken = []
    for _ in range(15):
        choice, left, count = _at_rest(), nodes, 0
        while left:
            left -= look(choice, left, DEAF, rng)[1]
            count += 1
            assert count < 200
        taken.append(count)
    assert mean(taken) <= looks


def test_newcomers_are_found_on_a_line_at_rest() -> None:
    """INV-1: one at once; several after their collision was noticed."""
    rng = random.Random(3)
    assert look(_at_rest(), 1, KEEN, rng) == (1, 1)
    for nodes in (2, 5, 20, 100):
        assert register_all(_at_rest(), nodes, KEEN, rng).windows <= 4 * nodes + 10
