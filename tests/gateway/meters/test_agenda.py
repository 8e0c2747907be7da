"""PLC-7: of those who are due, the one who brings most for the line's time goes first."""

import random
from collections.abc import Iterable

import pytest

from gateway.meters.agenda import ALL_NODES, COMPARED_AGAIN_S, Agenda, Key
from gateway.meters.turn import PATIENCE_S, Task, Turn

T = 1_790_000_000.0
DAY_S = 86_400.0
A, B, C = b"NODE-A", b"NODE-B", b"NODE-C"


def turn(due_at_s: float, worth: float = 1.0, task: Task = Task.COLLECT) -> Turn:
    return Turn(task=task, due_at_s=due_at_s, worth=worth)


class Wishes:
    """What each could make use of, as a test says.

    Attributes:
        made: how often somebody's turns were made.
    """

    def __init__(self) -> None:
        self.turns: dict[Key, list[Turn]] = {}
        self.made: dict[Key, int] = {}

    def of(self, key: Key, now_s: float) -> Iterable[Turn]:
        del now_s
        self.made[key] = self.made.get(key, 0) + 1
        return self.turns.get(key, ())


def agenda_of(wishes: Wishes, now_s: float = T) -> Agenda:
    agenda = Agenda(wishes.of)
    for key in wishes.turns:
        agenda.renew(key, now_s)
    return agenda


def next_of(agenda: Agenda, now_s: float) -> Turn:
    found = agenda.next_turn(now_s)
    assert found is not None
    return found


def wishes_of(turns: dict[Key, list[Turn]]) -> Wishes:
    wishes = Wishes()
    wishes.turns = turns
    return wishes


def test_nobody_is_due_on_an_empty_line() -> None:
    agenda = agenda_of(Wishes())
    assert agenda.next_turn(T) is None
    assert agenda.next_due_s() is None


def test_who_is_worth_most_goes_first() -> None:
    wishes = wishes_of({A: [turn(T)], B: [turn(T, 5.0)], ALL_NODES: [turn(T, 2.0)]})
    agenda = agenda_of(wishes)
    seen = []
    for _ in range(3):
        found = next_of(agenda, T)
        seen.append(found.worth)
        key = next(key for key, turns in wishes.turns.items() if found in turns)
        wishes.turns[key] = []
        agenda.renew(key, T)
    assert seen == [5.0, 2.0, 1.0]
    assert agenda.next_turn(T) is None


def test_of_somebodys_own_turns_the_best_that_is_due_is_taken() -> None:
    wishes = wishes_of({A: [turn(T, 1.0), turn(T - 1, 3.0), turn(T + 60, 9.0)]})
    assert next_of(agenda_of(wishes), T).worth == 3.0


def test_who_had_a_turn_of_much_worth_does_not_keep_the_line_for_small_ones() -> None:
    """The place that a turn had is given up with it."""
    wishes = wishes_of({A: [turn(T, 48.0)], B: [turn(T, 8.0)]})
    agenda = agenda_of(wishes)
    assert next_of(agenda, T).worth == 48.0
    wishes.turns[A] = [turn(T, 0.5)]
    agenda.renew(A, T + 1)
    assert next_of(agenda, T + 1).worth == 8.0


def test_who_is_renewed_with_more_worth_goes_before_the_others() -> None:
    wishes = wishes_of({A: [turn(T, 2.0)], B: [turn(T, 3.0)]})
    agenda = agenda_of(wishes)
    wishes.turns[A] = [turn(T, 4.0)]
    agenda.renew(A, T)
    assert next_of(agenda, T).worth == 4.0


def test_who_is_not_due_sleeps_until_he_is() -> None:
    wishes = wishes_of({A: [turn(T + 30)], B: [turn(T + 10)]})
    agenda = agenda_of(wishes)
    assert agenda.next_turn(T) is None
    assert agenda.next_due_s() == T + 10
    assert next_of(agenda, T + 10).due_at_s == T + 10
    assert agenda.next_due_s() == T + 30


def test_who_is_renewed_sleeps_by_his_new_time_only() -> None:
    wishes = wishes_of({A: [turn(T + 10)]})
    agenda = agenda_of(wishes)
    wishes.turns[A] = [turn(T + 500)]
    agenda.renew(A, T)
    assert agenda.next_turn(T + 400) is None
    assert agenda.next_due_s() == T + 500


def test_who_is_gone_has_no_turn() -> None:
    wishes = wishes_of({A: [turn(T)], B: [turn(T + 5)]})
    agenda = agenda_of(wishes)
    wishes.turns.clear()
    agenda.renew(A, T)
    agenda.renew(B, T)
    assert agenda.next_turn(T + 100) is None
    assert agenda.next_due_s() is None


def test_a_turn_stays_until_its_owner_is_renewed() -> None:
    """Whoever has looked may be cancelled before he has done it."""
    agenda = agenda_of(wishes_of({A: [turn(T)]}))
    assert agenda.next_turn(T) is agenda.next_turn(T) is not None


def test_waiting_makes_worth() -> None:
    """A stream of rows worth more for ever would starve who is worth less."""
    small, great = turn(T, 1.0), turn(T, 3.0)
    wishes = wishes_of({A: [small], B: [great]})
    agenda = agenda_of(wishes)
    now_s, taken = T, []
    while small not in taken:
        found = next_of(agenda, now_s)
        taken.append(found)
        now_s += 10.0
        if found is not small:
            wishes.turns[B] = [turn(now_s, 3.0)]
            agenda.renew(B, now_s)
        assert now_s < T + 3 * PATIENCE_S
    assert now_s == pytest.approx(T + 2 * PATIENCE_S, abs=COMPARED_AGAIN_S + 20)


def test_somebodys_next_wish_is_seen_while_another_of_his_waits() -> None:
    """His daily row falls due while his turn for a row of less worth still waits."""
    wishes = wishes_of({A: [turn(T, 1.0), turn(T + 5, 9.0)], B: [turn(T, 4.0)]})
    agenda = agenda_of(wishes)
    agenda.next_turn(T)
    assert next_of(agenda, T + COMPARED_AGAIN_S + 5).worth == 9.0


@pytest.mark.parametrize("step_s", [-365 * DAY_S, -3600.0, 3600.0, 365 * DAY_S])
def test_after_a_step_of_the_clock_values_are_compared_as_before(step_s: float) -> None:
    """TIM-3: else who waits would never be worth more again until the old time comes back."""
    wishes = wishes_of({A: [turn(T, 1.0)], B: [turn(T, 3.0)]})
    agenda = agenda_of(wishes)
    agenda.next_turn(T)
    now_s = T + step_s
    agenda.forget()
    assert agenda.next_turn(now_s) is None
    assert agenda.next_due_s() is None
    wishes.turns = {A: [turn(now_s, 1.0), turn(now_s + 5, 9.0)], B: [turn(now_s, 3.0)]}
    for key in wishes.turns:
        agenda.renew(key, now_s)
    assert next_of(agenda, now_s).worth == 3.0
    assert next_of(agenda, now_s + COMPARED_AGAIN_S).worth == 9.0


def test_an_idle_line_costs_nothing() -> None:
    """However many meters it has: only who is concerned is renewed."""
    keys = [bytes([number] * 6) for number in range(100)]
    wishes = wishes_of({key: [turn(T + 3600 + at)] for at, key in enumerate(keys)})
    agenda = agenda_of(wishes)
    for second in range(0, 3600, 10):
        assert agenda.next_turn(T + second) is None
    assert set(wishes.made.values()) == {1}


@pytest.mark.parametrize("seed", range(3))
def test_it_is_always_the_best_of_all_who_are_due(seed: int) -> None:
    """Against a judge that looks at everybody each time; worth as of when each was renewed."""
    rng = random.Random(seed)
    keys = [bytes([number] * 6) for number in range(8)]
    wishes = wishes_of({key: [turn(T + rng.randrange(50), rng.random())] for key in keys})
    agenda = agenda_of(wishes)
    now_s = T
    for _ in range(400):
        now_s += rng.random()
        found = agenda.next_turn(now_s)
        due = [one for turns in wishes.turns.values() for one in turns if one.due_at_s <= now_s]
        assert (found is None) == (not due)
        if found is None:
            continue
        best = max(one.value(now_s) for one in due)
        # Values of those who wait are compared anew only now and then.
        assert found.value(now_s) >= best * (1 - COMPARED_AGAIN_S / PATIENCE_S)
        key = next(key for key, turns in wishes.turns.items() if found in turns)
        wishes.turns[key] = [turn(now_s + rng.choice((0, 0, 5, 20)), rng.random())]
        agenda.renew(key, now_s)
