"""INV-7: a node without an address keeps to the loudest client that it can hear."""

import pytest

from drivers.plc.initiator_search import PATIENCE_S, InitiatorSearch

OURS, NEIGHBOUR = 0xC00, 0xC01
WINDOW_S = 30.0


def _search(*heard: tuple[int, float, float]) -> InitiatorSearch:
    """Return a search that has heard (client, level, when)."""
    search = InitiatorSearch(WINDOW_S)
    for initiator_mac, level_dbuv, now in heard:
        search.heard(initiator_mac, level_dbuv, now)
    return search


def test_without_a_window_whoever_asks_first_is_listened_to() -> None:
    search = InitiatorSearch(0.0)
    search.heard(OURS, 90.0, 0.0)
    assert not search.is_open
    assert search.accepts(NEIGHBOUR, 0.0)
    assert search.accepts(OURS, 1.0)


def test_nobody_is_answered_while_levels_are_compared() -> None:
    search = _search((OURS, 90.0, 100.0), (NEIGHBOUR, 60.0, 110.0))
    assert not search.accepts(OURS, 100.0)
    assert not search.accepts(OURS, 100.0 + WINDOW_S - 0.01)
    assert search.is_open


@pytest.mark.parametrize(("ours_at", "neighbours_at"), [(0.0, 10.0), (10.0, 0.0)])
def test_the_loudest_is_chosen_whoever_came_first(ours_at: float, neighbours_at: float) -> None:
    heard = [(OURS, 80.0, ours_at), (NEIGHBOUR, 70.0, neighbours_at)]
    search = _search(*sorted(heard, key=lambda each: each[2]))
    assert not search.accepts(NEIGHBOUR, WINDOW_S)
    assert search.accepts(OURS, WINDOW_S)
    assert not search.is_open


def test_a_clients_loudest_frame_counts() -> None:
    """What a repeater far away sends is no measure of how near the client is."""
    search = _search(
        (OURS, 40.0, 0.0), (OURS, 80.0, 1.0), (OURS, 40.0, 2.0), (NEIGHBOUR, 70.0, 3.0)
    )
    assert search.accepts(OURS, WINDOW_S)


def test_a_client_alone_is_accepted_however_faint() -> None:
    assert _search((NEIGHBOUR, 20.0, 0.0)).accepts(NEIGHBOUR, WINDOW_S)


def test_the_window_begins_with_the_first_frame_and_not_with_the_nodes_life() -> None:
    search = _search((OURS, 80.0, 5000.0))
    assert not search.accepts(OURS, 5001.0)
    assert search.accepts(OURS, 5000.0 + WINDOW_S)


def test_whoever_was_never_heard_is_not_accepted() -> None:
    search = InitiatorSearch(WINDOW_S)
    assert not search.accepts(OURS, 1e6)
    assert search.is_open


def test_a_louder_client_that_comes_later_changes_nothing() -> None:
    search = _search((OURS, 60.0, 0.0))
    assert search.accepts(OURS, WINDOW_S)
    search.heard(NEIGHBOUR, 90.0, WINDOW_S + 1)
    assert not search.accepts(NEIGHBOUR, 2 * WINDOW_S + 2)
    assert search.accepts(OURS, 2 * WINDOW_S + 2)


def test_a_client_that_falls_silent_is_given_up_for_another() -> None:
    """INV-5: the concentrator was taken away; its neighbour may have the meter."""
    search = _search((OURS, 90.0, 0.0))
    assert search.accepts(OURS, WINDOW_S)
    search.heard(OURS, 90.0, 1000.0)
    search.heard(NEIGHBOUR, 60.0, 1000.0 + PATIENCE_S - 1)
    assert not search.accepts(NEIGHBOUR, 1000.0 + PATIENCE_S - 1)
    again_s = 1000.0 + PATIENCE_S
    search.heard(NEIGHBOUR, 60.0, again_s)
    assert search.is_open
    assert not search.accepts(NEIGHBOUR, again_s)
    assert search.accepts(NEIGHBOUR, again_s + WINDOW_S)


def test_who_is_heard_while_compared_anew_may_be_the_one_before() -> None:
    search = _search((OURS, 90.0, 0.0))
    assert search.accepts(OURS, WINDOW_S)
    again_s = WINDOW_S + PATIENCE_S
    search.heard(NEIGHBOUR, 60.0, again_s)
    search.heard(OURS, 90.0, again_s + 1)
    assert not search.accepts(NEIGHBOUR, again_s + WINDOW_S)
    assert search.accepts(OURS, again_s + WINDOW_S)


def test_beginning_again_forgets_levels_and_choice() -> None:
    search = _search((NEIGHBOUR, 90.0, 0.0))
    assert search.accepts(NEIGHBOUR, WINDOW_S)
    search.begin_again()
    assert search.is_open
    search.heard(OURS, 50.0, 100.0)
    assert not search.accepts(OURS, 100.0)
    assert search.accepts(OURS, 100.0 + WINDOW_S)
