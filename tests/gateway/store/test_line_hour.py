"""Parts of an hour, added: counts as they are, time as far as there is room."""

import pytest

from gateway.store.line_hour import (
    HOUR_S,
    ChannelCounts,
    ChannelHour,
    Hops,
    LineHour,
    NodeCounts,
    share_that_fits,
)

ONE = b"NODE01"


def part(length_s: int, observed_s: int = 0, available_s: int = 0) -> LineHour:
    counts = NodeCounts(observed_s=observed_s, available_s=available_s, answered=1)
    nodes = {ONE: counts} if observed_s else {}
    return LineHour(hour=1, channel=ChannelCounts(observed_s=length_s), nodes=nodes)


def test_hops_of_nothing_are_no_extremes() -> None:
    """PLC-3."""
    some = Hops(total=5, fewest=2, most=3)
    assert Hops().plus(some) == some.plus(Hops()) == some
    assert some.plus(Hops(total=1, fewest=1, most=1)) == Hops(total=6, fewest=1, most=3)


def test_the_time_of_a_later_part_counts_as_far_as_the_hour_has_room() -> None:
    """TIM-3: a clock that was set back showed some minutes twice; counts are all true."""
    both = part(2700, 2700, 2700).plus(part(1800, 1800, 900))
    counts = both.nodes[ONE]
    assert (counts.observed_s, counts.available_s, counts.answered) == (3600, 2700 + 450, 2)
    assert both.channel.observed_s == 4500
    more = both.plus(part(600, 600, 600)).nodes[ONE]
    assert (more.observed_s, more.available_s, more.answered) == (3600, 3150, 3)


def test_a_part_of_no_length_fits_anywhere() -> None:
    """TIM-3: into an hour that is fuller than full as well."""
    assert part(5000, HOUR_S).plus(part(0)).channel.observed_s == 5000
    assert part(0).plus(part(0)).nodes == {}


@pytest.mark.parametrize(
    ("length_s", "room_s", "share"),
    [(10, 20, 1.0), (20, 10, 0.5), (10, 0, 0.0), (10, -5, 0.0), (0, 0, 1.0), (0, -5, 1.0)],
)
def test_the_share_that_fits(length_s: float, room_s: float, share: float) -> None:
    assert share_that_fits(length_s, room_s) == share


def test_who_was_only_asked_is_not_in_the_total() -> None:
    """PLC-3: meters that were observed at all."""
    nodes = {ONE: NodeCounts(observed_s=60, available_s=20), b"NODE02": NodeCounts(tries=3)}
    hour = ChannelHour.of(LineHour(hour=1, channel=ChannelCounts(observed_s=60), nodes=nodes))
    assert (hour.nodes, hour.nodes_observed_s, hour.nodes_available_s) == (1, 60, 20)
