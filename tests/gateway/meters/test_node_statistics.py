"""What is counted of nodes and channel, and when a node counts as available."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.purpose import Purpose
from gateway.meters.node_statistics import NodeStatistics
from gateway.store.line_hour import HOUR_S, Hops, LineHour, NodeCounts

BEGIN_S = 1_795_219_200.0  # 2026-11-20T12:00:00Z, a full hour
HOUR = int(BEGIN_S) // HOUR_S
ONE, TWO = b"NODE01", b"NODE02"


class Line:
    """Statistics, and the two clocks of whoever calls them."""

    def __init__(self, *known: bytes, utc_s: float = BEGIN_S) -> None:
        self.at_s = 500.0
        self.utc_s = utc_s
        self.statistics = NodeStatistics(self.at_s, self.utc_s)
        self.statistics.expect(known)
        self.ended: list[LineHour] = []

    def wait(self, seconds: float) -> None:
        """Let time pass, and tell of it as the keeper does: each minute, and when the hour ends."""
        until_s = self.at_s + seconds
        while self.at_s < until_s:
            self.pass_s(min(until_s, self.at_s + 60.0, self.statistics.ends_at_s) - self.at_s)
            self.tick()

    def pass_s(self, seconds: float) -> None:
        """Let time pass, and nobody notice."""
        self.at_s += seconds
        self.utc_s += seconds

    def tick(self) -> None:
        ended = self.statistics.tick(self.at_s, self.utc_s)
        if ended is not None:
            self.ended.append(ended)

    def answer(self, node: bytes = ONE, down: int = 0, up: int = 0) -> None:
        self.statistics.answered(
            node,
            self.at_s,
            Purpose.COLLECTION,
            hops_down=down,
            hops_up=up,
            octets=100,
            airtime_s=0.9,
        )

    def silence(self, node: bytes = ONE, tries: int = 3) -> None:
        self.statistics.silent(node, self.at_s, tries)

    def hours(self) -> list[LineHour]:
        """Return all hours, the running one as it is."""
        running = self.statistics.so_far(self.at_s)
        return [*self.ended, *([] if running is None else [running])]

    def of(self, node: bytes = ONE) -> NodeCounts:
        """Return the running hour of a node."""
        return self.hours()[-1].nodes.get(node, NodeCounts())


def times(hours: Iterable[LineHour], node: bytes = ONE) -> list[tuple[int, int, int, int]]:
    """Return hour, available, observed and changes, for the hours in which there are any."""
    return [
        (hour.hour - HOUR, counts.available_s, counts.observed_s, counts.state_changes)
        for hour in hours
        if (counts := hour.nodes.get(node)) is not None
    ]


def test_each_try_counts_and_so_does_its_credit_and_airtime() -> None:
    """PLC-3: frames sent, answered, credits used, by node."""
    line = Line()
    for credit in (2, 7):
        line.statistics.tried(ONE, Purpose.CLOCK, credit=credit, octets=30, airtime_s=0.15 * credit)
    line.answer(ONE, down=1, up=3)
    line.statistics.tried(ONE, Purpose.COLLECTION, credit=3, octets=40, airtime_s=0.6)
    line.answer(ONE, down=2, up=1)
    line.statistics.tried(TWO, Purpose.SUPERVISION, credit=7, octets=10, airtime_s=1.2)
    line.silence(TWO, tries=1)
    counts = line.of(ONE)
    assert (counts.tries, counts.answered, counts.silent) == (3, 2, 0)
    assert (counts.credit_total, counts.credit_most) == (12, 7)
    assert counts.hops_down == Hops(total=3, fewest=1, most=2)
    assert counts.hops_up == Hops(total=4, fewest=1, most=3)
    assert (counts.sent_octets, counts.heard_octets) == (100, 200)
    assert counts.airtime_ms == (0, 0, 1350, 0, 2400, 0)
    assert counts.last_answer_at_s == BEGIN_S
    other = line.of(TWO)
    assert (other.tries, other.answered, other.silent) == (1, 0, 1)
    assert (other.hops_down, other.last_answer_at_s) == (Hops(), None)


def test_a_node_is_available_from_its_first_good_answer_until_its_silence_is_established() -> None:
    """PLC-3: not from its last answer on, and not from the first try that failed."""
    line = Line()
    line.wait(600)
    line.answer()
    line.wait(1200)
    line.statistics.tried(ONE, Purpose.COLLECTION, credit=7, octets=30, airtime_s=1.2)
    line.wait(60)
    line.silence()
    line.wait(300)
    line.silence()
    line.wait(300)
    line.answer()
    line.wait(100)
    assert times(line.hours()) == [(0, 1200 + 60 + 100, 1960, 2)]


def test_who_never_answered_is_not_observed() -> None:
    """INV-7: it may be another master's; it makes no figure worse."""
    line = Line()
    line.silence()
    line.wait(2 * HOUR_S)
    line.silence()
    assert times(line.hours()) == [(0, 0, 0, 0), (2, 0, 0, 0)]
    assert [hour.channel.available_most for hour in line.hours()] == [0, 0, 0]


def test_after_a_start_a_known_node_is_observed_from_the_first_proof() -> None:
    """PLC-3: hours in which nobody looked are neither good nor bad."""
    line = Line(ONE, TWO)
    line.wait(1800)
    line.silence(ONE)
    line.answer(TWO)
    line.wait(1800)
    assert times(line.hours(), ONE) == [(0, 0, 1800, 0)]
    assert times(line.hours(), TWO) == [(0, 1800, 1800, 0)]


def test_one_try_proves_no_silence() -> None:
    """PLC-3: setting a clock is tried once."""
    line = Line()
    line.answer()
    line.wait(100)
    line.silence(tries=1)
    line.wait(100)
    assert times(line.hours()) == [(0, 200, 200, 0)]
    assert line.of().silent == 1


def test_a_lost_node_stays_unavailable_until_it_answers_or_is_forgotten() -> None:
    """INV-4, INV-5: it counts in the total, as long as it is expected here."""
    line = Line()
    for node in (ONE, TWO):
        line.answer(node)
        line.silence(node)
    line.wait(HOUR_S + 600)
    line.answer(TWO)
    line.statistics.forget(ONE, line.at_s)
    line.wait(600)
    line.silence(ONE)
    line.wait(600)
    assert times(line.hours(), ONE) == [(0, 0, HOUR_S, 1), (1, 0, 600, 0)]
    assert times(line.hours(), TWO) == [(0, 0, HOUR_S, 1), (1, 1200, 1800, 1)]
    line.statistics.forget(b"NOBODY", line.at_s)


def test_the_state_goes_on_from_hour_to_hour() -> None:
    """PLC-3: nobody need be asked for its time to count."""
    line = Line()
    line.answer()
    line.wait(2.5 * HOUR_S)
    hours = line.hours()
    assert times(hours) == [(0, 3600, 3600, 0), (1, 3600, 3600, 0), (2, 1800, 1800, 0)]
    assert [hour.nodes[ONE].answered for hour in hours] == [1, 0, 0]
    assert [hour.channel.observed_s for hour in hours] == [3600, 3600, 1800]
    assert [hour.channel.available_most for hour in hours] == [1, 1, 1]


def test_at_most_so_many_at_a_time() -> None:
    """PLC-3: the greatest number in the hour, not the number of those that ever were."""
    line = Line()
    for node in (ONE, TWO):
        line.answer(node)
        line.wait(60)
        line.silence(node)
    assert line.hours()[0].channel.available_most == 1


def test_the_channel() -> None:
    """PLC-3, PLC-7: time by purpose, frames both ways, what the modem could not use."""
    line = Line()
    use = line.statistics.channel_used
    line.wait(100)
    use(line.at_s, Purpose.DISCOVERY, held_s=12.5, frames_sent=1, frames_heard=4)
    use(line.at_s, Purpose.COLLECTION, held_s=3.25, frames_sent=2, frames_heard=1)
    use(line.at_s, Purpose.COLLECTION, held_s=3.0, frames_sent=1, frames_heard=1)
    for total in (40, 43, 44, 2):  # what was before we came; three; one; a reset and two
        line.statistics.modem_counted(total)
    channel = line.hours()[0].channel
    assert channel.held_ms == (12_500, 0, 0, 0, 6_250, 0)
    assert (channel.frames_sent, channel.frames_heard, channel.frames_damaged) == (4, 6, 6)


def test_an_exchange_over_the_end_of_an_hour_makes_no_hour_fuller_than_full() -> None:
    """PLC-3."""
    line = Line()
    line.wait(HOUR_S + 2)
    line.statistics.channel_used(
        line.at_s, Purpose.COMMAND, held_s=30.0, frames_sent=1, frames_heard=1
    )
    assert line.hours()[1].channel.held_ms[Purpose.COMMAND] == 2000


def test_a_late_tick_ends_the_hour_where_it_ended() -> None:
    """PLC-3: a busy loop takes no second from the next hour."""
    line = Line()
    line.answer()
    line.wait(HOUR_S - 10)
    line.pass_s(13)
    line.silence()
    line.tick()
    line.wait(7)
    assert times(line.hours()) == [(0, 3600, 3600, 1), (1, 0, 7, 0)]
    line.wait(line.statistics.ends_at_s - line.at_s)
    assert line.ended[1].channel.observed_s == HOUR_S


def test_a_clock_set_forward_ends_the_hour_early() -> None:
    """TIM-3: an hour that was left out was not observed."""
    line = Line()
    line.answer()
    line.wait(600)
    line.utc_s += 3 * HOUR_S
    line.wait(600)
    hours = line.hours()
    assert times(hours) == [(0, 660, 660, 0), (3, 540, 540, 0)]
    line.wait(HOUR_S)
    assert [hour.hour - HOUR for hour in line.hours()] == [0, 3, 4]


def test_a_clock_set_back_within_the_hour_makes_it_no_longer_than_an_hour() -> None:
    """TIM-3: availability is scaled to sixty minutes; counts are what they are."""
    line = Line()
    line.answer()
    line.wait(2400)
    line.silence()
    line.utc_s -= 1200
    line.wait(2400)
    (hour,) = line.ended
    assert hour.nodes[ONE].available_s == 1800
    assert hour.nodes[ONE].observed_s == 3600
    assert hour.channel.observed_s == 4800


def test_a_clock_set_back_into_an_earlier_hour_opens_it_again() -> None:
    """TIM-3: what was counted twice becomes one when it is stored."""
    line = Line()
    line.answer()
    line.wait(HOUR_S + 1800)
    line.utc_s -= HOUR_S
    line.wait(2400)
    first, second, again, running = line.hours()
    assert [hour.hour - HOUR for hour in (first, second, again, running)] == [0, 1, 0, 1]
    assert again.channel.observed_s + second.channel.observed_s == HOUR_S
    both = first.plus(again)
    assert (both.nodes[ONE].available_s, both.nodes[ONE].observed_s) == (3600, 3600)
    assert both.channel.observed_s > HOUR_S


def test_a_clock_set_back_by_a_moment_opens_nothing() -> None:
    """TIM-3: NTP corrects by seconds, just when an hour began as well."""
    line = Line()
    line.answer()
    line.wait(HOUR_S + 1)
    line.utc_s -= 3
    line.tick()
    line.wait(HOUR_S)
    assert times(line.hours()) == [(0, 3600, 3600, 0), (1, 3600, 3600, 0)]


def test_without_a_clock_no_hour_ends_and_nothing_is_lost() -> None:
    """TIM-3: a board without a battery wakes up in 1970."""
    line = Line(utc_s=100.0)
    line.answer()
    line.wait(5 * HOUR_S)
    assert line.hours() == []
    assert line.statistics.ends_at_s == math.inf
    line.utc_s = BEGIN_S + 600
    line.wait(60)
    (hour,) = line.hours()
    assert (hour.hour, hour.nodes[ONE].answered) == (HOUR, 1)
    assert hour.nodes[ONE].observed_s == hour.nodes[ONE].available_s == HOUR_S
    line.utc_s = 100.0
    line.wait(2 * HOUR_S)
    assert line.ended == []
    line.utc_s = BEGIN_S + 2 * HOUR_S
    line.wait(60)
    assert [each.hour - HOUR for each in line.hours()] == [0, 2]


ANSWER, SILENCE, ONE_TRY, FORGET = "answer", "silence", "one try", "forget"
NODES = (b"NODE_A", b"NODE_B", b"NODE_C")
EVENTS = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=4000),
        st.sampled_from((ANSWER, ANSWER, SILENCE, SILENCE, ONE_TRY, FORGET)),
        st.sampled_from(NODES),
    ),
    max_size=25,
)
STEPS = st.lists(
    st.one_of(
        st.integers(min_value=-5000, max_value=5000),
        st.sampled_from((-1_795_000_000, 1_795_000_000, 86_400, -86_400)),
    ),
    max_size=25,
)


@dataclass
class Judge:
    """The same, second by second: what is known of a node, and which hour it is.

    Attributes:
        state: of each node that is observed.
        available, observed, changes: by hour and node.
        most: available at the same time, by hour.
    """

    known: set[bytes]
    state: dict[bytes, bool] = field(default_factory=dict)
    available: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    observed: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    changes: Counter[tuple[int, bytes]] = field(default_factory=Counter)
    most: Counter[int] = field(default_factory=Counter)
    second: int = 0

    def wait(self, seconds: int) -> None:
        for _ in range(seconds):
            hour = self.second // HOUR_S
            self._look(hour)
            for node, available in self.state.items():
                self.observed[hour, node] += 1
                self.available[hour, node] += available
            self.second += 1
        self._look(self.second // HOUR_S)

    def hear(self, kind: str, node: bytes) -> None:
        before = self.state.get(node)
        if kind == FORGET:
            self.state.pop(node, None)
            self.known.discard(node)
        elif kind == ANSWER:
            self.state[node] = True
        elif kind == SILENCE and (before is not None or node in self.known):
            self.state[node] = False
        after = self.state.get(node)
        hour = self.second // HOUR_S
        self.changes[hour, node] += before is not None and after is not None and before != after
        self._look(hour)

    def _look(self, hour: int) -> None:
        self.most[hour] = max(self.most[hour], sum(self.state.values()))


def happen(line: Line, kind: str, node: bytes) -> None:
    if kind == ANSWER:
        line.answer(node)
    elif kind == FORGET:
        line.statistics.forget(node, line.at_s)
    else:
        line.silence(node, tries=1 if kind == ONE_TRY else 3)


@given(EVENTS, st.sets(st.sampled_from(NODES)))
@settings(max_examples=60, deadline=None)
def test_any_history_is_counted_as_a_judge_counts_it_second_by_second(
    events: list[tuple[int, str, bytes]], known: set[bytes]
) -> None:
    """PLC-3: minutes available, observed and state changes of every hour, and the most at once."""
    line, judge = Line(*known), Judge(set(known))
    for wait_s, kind, node in events:
        line.wait(wait_s)
        judge.wait(wait_s)
        happen(line, kind, node)
        judge.hear(kind, node)
    hours = line.hours()
    assert [hour.hour - HOUR for hour in hours] == list(range(len(hours)))
    for at, hour in enumerate(hours):
        assert hour.channel.available_most == judge.most[at]
        for node in NODES:
            counts = hour.nodes.get(node, NodeCounts())
            assert counts.observed_s == judge.observed[at, node]
            assert counts.available_s == judge.available[at, node]
            assert counts.state_changes == judge.changes[at, node]


@given(EVENTS, STEPS)
@settings(max_examples=60, deadline=None)
def test_whatever_the_wall_clock_does_the_figures_hold(
    events: list[tuple[int, str, bytes]], steps: list[int]
) -> None:
    """TIM-3: never more available than observed, nor more than an hour; no change is lost."""
    line, judge = Line(), Judge(set())
    for at, (wait_s, kind, node) in enumerate(events):
        line.wait(wait_s)
        happen(line, kind, node)
        judge.hear(kind, node)
        line.utc_s += steps[at] if at < len(steps) else 0
    line.wait(120)
    stored: dict[int, LineHour] = {}
    for hour in line.hours():
        before = stored.get(hour.hour)
        stored[hour.hour] = hour if before is None else before.plus(hour)
        for part in (hour, stored[hour.hour]):
            for counts in part.nodes.values():
                assert 0 <= counts.available_s <= counts.observed_s <= HOUR_S
                assert counts.observed_s <= part.channel.observed_s
    for node in NODES:
        told = [hour.nodes.get(node, NodeCounts()) for hour in stored.values()]
        assert sum(counts.state_changes for counts in told) == judge.changes[0, node]
        assert sum(counts.answered for counts in told) == sum(
            (kind, whose) == (ANSWER, node) for _, kind, whose in events
        )


@pytest.mark.parametrize("reading", ["so_far", "tick"])
def test_looking_changes_nothing(reading: str) -> None:
    """REQ-1: statistics may be asked for at any time."""
    looked, left = Line(ONE), Line(ONE)
    for line in (looked, left):
        line.silence()
        for _ in range(50):
            line.pass_s(7)
            if line is looked and reading == "so_far":
                line.statistics.so_far(line.at_s)
            elif line is looked:
                line.tick()
        line.answer()
        line.pass_s(100)
    assert looked.hours() == left.hours()
