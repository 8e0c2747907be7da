"""PLC-7: what a second of the line brings."""

from gateway.meters.turn import PATIENCE_S, Task, Turn

T = 1_790_000_000.0


def _turn(worth: float, price_s: float, due_at_s: float = T) -> Turn:
    return Turn(task=Task.COLLECT, due_at_s=due_at_s, worth=worth, price_s=price_s)


def test_value_is_worth_for_line_time() -> None:
    assert _turn(8.0, 2.0).value(T) == 4.0
    assert _turn(8.0, 2.0).value(T) == _turn(16.0, 4.0).value(T)


def test_whoever_waits_an_hour_is_worth_twice_as_much_and_so_on() -> None:
    turn = _turn(8.0, 2.0)
    assert [turn.value(T + hours * PATIENCE_S) for hours in range(4)] == [4.0, 8.0, 12.0, 16.0]


def test_who_is_not_due_yet_has_not_waited() -> None:
    assert _turn(8.0, 2.0, T + 500).value(T) == 4.0


def test_who_has_waited_since_ever_has_the_next_turn() -> None:
    """INV-2: a street that comes in is registered in one go: its look is due since second 0."""
    assert _turn(4.0, 60.0, 0.0).value(T) > _turn(48.0, 0.3, T - 86_400).value(T)
