"""Count what each node and the whole channel do in the running hour [PLC-3].

Pure: whoever calls says what time it is. Two times come in. `at_s` is the loop's, which nobody
sets: all spans are measured with it. UTC comes in by `tick` only, and decides in which hour
something is counted. So a step of the wall clock makes no node more or less available:

- it ends the running hour early when it leads into another one;
- an hour that lasts longer than sixty minutes, because the clock was set back in it, is told in
  proportion: its availability is scaled to sixty minutes, its counts stay what they are;
- while the clock shows a time that cannot be, no hour ends. What was counted meanwhile belongs
  to the first hour that has a name.

A node is *available* from its first good answer until its silence is established, which is the
moment in which an exchange has used all its tries in vain. Why that moment, and not the last
answer before: docs/statistics.md. Until the first proof of either the node is not *observed*:
after a start nobody knows, and a node that never answered may be another master's. Nodes that
an earlier run had registered are observed from the first proof, of silence too. A LOST node
stays observed, and not available, until it answers or is forgotten.
"""

import math
from collections.abc import Iterable
from typing import Final

from gateway.core.clock import EARLIEST_PLAUSIBLE_S
from gateway.core.purpose import PURPOSES, Purpose
from gateway.store.line_hour import (
    HOUR_S,
    ChannelCounts,
    Hops,
    LineHour,
    NodeCounts,
    share_that_fits,
)

TRIES_THAT_PROVE: Final = 2
"""An exchange of one try only, such as setting a clock, proves no silence."""

REOPENED_AFTER_S: Final = 60.0
"""A clock that is set back by less, just after an hour began, does not begin the old one again."""

_NO_LEAST: Final = 1_000


class _Running:
    """One node in the running hour; its spans are settled up to `since_s`."""

    __slots__ = (
        "airtime_s",
        "answered",
        "available_s",
        "credit_most",
        "credit_total",
        "down_least",
        "down_most",
        "down_total",
        "heard_octets",
        "is_available",
        "last_answer_s",
        "observed_s",
        "sent_octets",
        "silent",
        "since_s",
        "state_changes",
        "tries",
        "up_least",
        "up_most",
        "up_total",
    )

    def __init__(self) -> None:
        self.is_available: bool | None = None  # None: not observed
        self.since_s = 0.0
        self.begin()

    def begin(self) -> None:
        """Begin an hour: all counts are nought, the state goes on."""
        self.observed_s = self.available_s = 0.0
        self.state_changes = self.tries = self.answered = self.silent = 0
        self.credit_total = self.credit_most = 0
        self.down_total = self.down_most = self.up_total = self.up_most = 0
        self.down_least = self.up_least = _NO_LEAST
        self.sent_octets = self.heard_octets = 0
        self.airtime_s = [0.0] * len(PURPOSES)
        self.last_answer_s: float | None = None

    def settle(self, at_s: float) -> None:
        """Count the time until `at_s` for the state that was."""
        if self.is_available is not None and at_s > self.since_s:
            self.observed_s += at_s - self.since_s
            if self.is_available:
                self.available_s += at_s - self.since_s
        self.since_s = max(at_s, self.since_s)

    def is_blank(self) -> bool:
        """Return whether there is nothing to tell."""
        return not (self.observed_s or self.tries or self.answered or self.silent)


class NodeStatistics:
    """The running hour of one line.

    The line calls `tried`, `answered`, `silent` and `channel_used`, the inventory `forget`, and
    one worker everything else. None of the calls waits, and none may fail.

    Args:
        at_s: the loop's time now.
        utc_s: the wall clock's.
    """

    def __init__(self, at_s: float, utc_s: float) -> None:
        self._nodes: dict[bytes, _Running] = {}
        self._expected: set[bytes] = set()
        self._available = 0
        self._hour: int | None = None
        self._known_at_s, self._known_utc_s = at_s, utc_s
        self._ends_at_s = math.inf
        self._damaged_total: int | None = None
        self._begin(at_s)
        self.tick(at_s, utc_s)

    @property
    def ends_at_s(self) -> float:
        """When the running hour ends, by the loop's time and the wall clock as last told."""
        return self._ends_at_s

    def tried(
        self,
        node: bytes,
        purpose: Purpose,
        *,
        credit: int,
        octets: int,
        airtime_s: float,
    ) -> None:
        """Note that a request goes out; each try of it is one.

        Args:
            node: system title of the node that is asked.
            purpose: why it is asked.
            credit: the frame's initial credit.
            octets: of its M_sdu.
            airtime_s: line time of the frame with all its repetitions.
        """
        running = self._nodes.get(node) or self._meet(node)
        running.tries += 1
        running.credit_total += credit
        running.credit_most = max(running.credit_most, credit)
        running.sent_octets += octets
        running.airtime_s[purpose] += airtime_s

    def answered(
        self,
        node: bytes,
        at_s: float,
        purpose: Purpose,
        *,
        hops_down: int,
        hops_up: int,
        octets: int,
        airtime_s: float,
    ) -> None:
        """Note a good answer of a node at its address; from now on it is available.

        Args:
            node: its system title.
            at_s: the loop's time.
            purpose: why it was asked.
            hops_down: repetitions that the request needed (delta credit; 3 may mean more).
            hops_up: repetitions that the answer needed (hop distance).
            octets: of the answer's M_sdu.
            airtime_s: line time of the answer with all its repetitions.
        """
        running = self._nodes.get(node) or self._meet(node)
        running.answered += 1
        running.down_total += hops_down
        running.down_least = min(running.down_least, hops_down)
        running.down_most = max(running.down_most, hops_down)
        running.up_total += hops_up
        running.up_least = min(running.up_least, hops_up)
        running.up_most = max(running.up_most, hops_up)
        running.heard_octets += octets
        running.airtime_s[purpose] += airtime_s
        running.last_answer_s = at_s
        if running.is_available is not True:
            self._change(running, at_s, available=True)

    def silent(self, node: bytes, at_s: float, tries: int) -> None:
        """Note an exchange of which every try met silence; from now on the node is not available.

        A modem that failed is no silence of the node: nothing is noted then.

        Args:
            node: its system title.
            at_s: the loop's time when the last try was given up.
            tries: how many there were; a single one proves nothing.
        """
        running = self._nodes.get(node) or self._meet(node)
        running.silent += 1
        if tries < TRIES_THAT_PROVE or running.is_available is False:
            return
        if running.is_available or node in self._expected:
            self._change(running, at_s, available=False)

    def channel_used(
        self,
        at_s: float,
        purpose: Purpose,
        *,
        held_s: float,
        frames_sent: int,
        frames_heard: int,
    ) -> None:
        """Note that an exchange gave the line back, however it ended.

        Args:
            at_s: the loop's time.
            purpose: why it had the line.
            held_s: for how long; what of it lies before the running hour is not counted.
            frames_sent: MAC frames that went out.
            frames_heard: good ones that came in, whoever they were for.
        """
        self._held_s[purpose] += min(held_s, max(0.0, at_s - self._began_at_s))
        self._frames_sent += frames_sent
        self._frames_heard += frames_heard

    def forget(self, node: bytes, at_s: float) -> None:
        """Observe a node no longer: its meter speaks through another one, or was taken away."""
        self._expected.discard(node)
        running = self._nodes.get(node)
        if running is not None:
            running.settle(at_s)
            self._available -= running.is_available is True
            running.is_available = None

    def expect(self, nodes: Iterable[bytes]) -> None:
        """Name nodes that an earlier run had registered: their silence is proof from the start."""
        self._expected.update(nodes)

    def modem_counted(self, damaged_total: int) -> None:
        """Note how many damaged frames the modem has heard since it was reset last."""
        before = self._damaged_total
        if before is not None:  # what it counted before we came is not of this hour
            since = damaged_total - before
            self._frames_damaged += since if since >= 0 else damaged_total
        self._damaged_total = damaged_total

    def tick(self, at_s: float, utc_s: float) -> LineHour | None:
        """Take the wall clock's time; return the hour that has ended, if one has.

        Call it when `ends_at_s` has come, and now and then in between.
        """
        if utc_s < EARLIEST_PLAUSIBLE_S:
            self._ends_at_s = math.inf
            return None
        hour, ended = int(utc_s // HOUR_S), None
        if self._hour is None:
            self._hour = hour
        elif hour != self._hour and utc_s < self._hour * HOUR_S - REOPENED_AFTER_S:
            ended = self._end(at_s, hour)
        elif hour > self._hour:
            # Late by a moment is not late: the hour ended when its end had come.
            on_time = hour == self._hour + 1 and self._ends_at_s <= at_s
            ended = self._end(self._ends_at_s if on_time else at_s, hour)
        self._known_at_s, self._known_utc_s = at_s, utc_s
        self._ends_at_s = at_s + (self._hour + 1) * HOUR_S - utc_s
        return ended

    def so_far(self, at_s: float) -> LineHour | None:
        """Return the running hour as it is; None while no clock has told which one it is."""
        if self._hour is None:
            return None
        for running in self._nodes.values():
            running.settle(at_s)
        length_s = max(0.0, at_s - self._began_at_s)
        share = share_that_fits(length_s, HOUR_S)
        most_s = min(HOUR_S, round(length_s))
        return LineHour(
            hour=self._hour,
            channel=ChannelCounts(
                observed_s=round(length_s),
                available_most=self._available_most,
                held_ms=_in_ms(self._held_s),
                frames_sent=self._frames_sent,
                frames_heard=self._frames_heard,
                frames_damaged=self._frames_damaged,
            ),
            nodes={
                node: self._told(running, share, most_s)
                for node, running in self._nodes.items()
                if not running.is_blank()
            },
        )

    def _end(self, at_s: float, next_hour: int) -> LineHour | None:
        ended = self.so_far(at_s)
        self._nodes = {
            node: running
            for node, running in self._nodes.items()
            if running.is_available is not None
        }
        for running in self._nodes.values():
            running.begin()
        self._begin(at_s)
        self._hour = next_hour
        return ended

    def _begin(self, at_s: float) -> None:
        self._began_at_s = at_s
        self._available_most = self._available
        self._held_s = [0.0] * len(PURPOSES)
        self._frames_sent = self._frames_heard = self._frames_damaged = 0

    def _meet(self, node: bytes) -> _Running:
        running = self._nodes[node] = _Running()
        return running

    def _change(self, running: _Running, at_s: float, *, available: bool) -> None:
        running.settle(at_s)
        running.state_changes += running.is_available is not None
        self._available += available - (running.is_available is True)
        self._available_most = max(self._available_most, self._available)
        running.is_available = available

    def _told(self, running: _Running, share: float, most_s: int) -> NodeCounts:
        last_s = running.last_answer_s
        return NodeCounts(
            observed_s=min(most_s, round(running.observed_s * share)),
            available_s=min(most_s, round(running.available_s * share)),
            state_changes=running.state_changes,
            tries=running.tries,
            answered=running.answered,
            silent=running.silent,
            credit_total=running.credit_total,
            credit_most=running.credit_most,
            hops_down=_hops(running.down_total, running.down_least, running.down_most),
            hops_up=_hops(running.up_total, running.up_least, running.up_most),
            sent_octets=running.sent_octets,
            heard_octets=running.heard_octets,
            airtime_ms=_in_ms(running.airtime_s),
            last_answer_at_s=None if last_s is None else self._utc_in_hour(last_s),
        )

    def _utc_in_hour(self, at_s: float) -> int:
        assert self._hour is not None
        utc_s = int(self._known_utc_s + at_s - self._known_at_s)
        return min(max(utc_s, self._hour * HOUR_S), (self._hour + 1) * HOUR_S - 1)


def _hops(total: int, least: int, most: int) -> Hops:
    if least == _NO_LEAST:
        return Hops()
    return Hops(total=total, fewest=least, most=most)


def _in_ms(seconds: Iterable[float]) -> tuple[int, ...]:
    return tuple(round(each * 1000) for each in seconds)
