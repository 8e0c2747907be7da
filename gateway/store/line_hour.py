"""What was counted on the power line in one hour: per node, and of the whole channel [PLC-3].

Counts are added as they are. Time is different: the parts of an hour that was counted twice,
because the clock was set back, must not add up to more than sixty minutes of availability.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.purpose import NO_TIME_MS

HOUR_S: Final = 3600
HOURS_A_DAY: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Hops:
    """Repetitions that frames of one direction needed.

    Attributes:
        total: of all answered exchanges.
        fewest, most: of one; None when there was none.
    """

    total: int = 0
    fewest: int | None = None
    most: int | None = None

    def plus(self, other: "Hops") -> "Hops":
        """Return what both are together."""
        return Hops(
            total=self.total + other.total,
            fewest=_either(min, self.fewest, other.fewest),
            most=_either(max, self.most, other.most),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCounts:
    """What was counted of one node in an hour, or in several.

    Attributes:
        observed_s: time in which it was known whether the node is available.
        available_s: of that, time in which it was.
        state_changes: how often it became available or ceased to be.
        tries: requests sent; one that is repeated counts again.
        answered: exchanges that were.
        silent: exchanges of which every try met silence.
        credit_total, credit_most: initial credits of the tries.
        hops_down, hops_up: repetitions that requests and answers needed.
        sent_octets, heard_octets: M_sdu octets of the tries, and of the answers.
        airtime_ms: line time of tries and answers, by Purpose.
        last_answer_at_s: UTC of the last answer; None when there was none.
    """

    observed_s: int = 0
    available_s: int = 0
    state_changes: int = 0
    tries: int = 0
    answered: int = 0
    silent: int = 0
    credit_total: int = 0
    credit_most: int = 0
    hops_down: Hops = Hops()
    hops_up: Hops = Hops()
    sent_octets: int = 0
    heard_octets: int = 0
    airtime_ms: tuple[int, ...] = NO_TIME_MS
    last_answer_at_s: int | None = None

    def plus(self, other: "NodeCounts", share: float = 1.0) -> "NodeCounts":
        """Return what both are together, with only a `share` of the other one's availability."""
        return NodeCounts(
            observed_s=self.observed_s + round(other.observed_s * share),
            available_s=self.available_s + round(other.available_s * share),
            state_changes=self.state_changes + other.state_changes,
            tries=self.tries + other.tries,
            answered=self.answered + other.answered,
            silent=self.silent + other.silent,
            credit_total=self.credit_total + other.credit_total,
            credit_most=max(self.credit_most, other.credit_most),
            hops_down=self.hops_down.plus(other.hops_down),
            hops_up=self.hops_up.plus(other.hops_up),
            sent_octets=self.sent_octets + other.sent_octets,
            heard_octets=self.heard_octets + other.heard_octets,
            airtime_ms=_added(self.airtime_ms, other.airtime_ms),
            last_answer_at_s=_either(max, self.last_answer_at_s, other.last_answer_at_s),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelCounts:
    """What was counted of the whole channel in an hour, or in several.

    Attributes:
        observed_s: how long the daemon watched, by a clock that nobody sets; more than an hour's
            in an hour in which the wall clock was set back.
        available_most: nodes available at the same time, at most.
        held_ms: time in which an exchange held the line, by Purpose; the rest was idle.
        frames_sent, frames_heard: MAC frames of ours, and good ones that came.
        frames_damaged: what the modem heard and could not use.
    """

    observed_s: int = 0
    available_most: int = 0
    held_ms: tuple[int, ...] = NO_TIME_MS
    frames_sent: int = 0
    frames_heard: int = 0
    frames_damaged: int = 0

    def plus(self, other: "ChannelCounts") -> "ChannelCounts":
        """Return what both are together."""
        return ChannelCounts(
            observed_s=self.observed_s + other.observed_s,
            available_most=max(self.available_most, other.available_most),
            held_ms=_added(self.held_ms, other.held_ms),
            frames_sent=self.frames_sent + other.frames_sent,
            frames_heard=self.frames_heard + other.frames_heard,
            frames_damaged=self.frames_damaged + other.frames_damaged,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LineHour:
    """One hour of the line, or a part of one.

    Attributes:
        hour: UTC hours since 1970.
        nodes: by system title; who was neither observed nor asked is left out.
    """

    hour: int
    channel: ChannelCounts
    nodes: Mapping[bytes, NodeCounts]

    def plus(self, later: "LineHour") -> "LineHour":
        """Return this part and a later one of the same hour as one.

        What the later part says of availability counts in so far as the hour has room for it.
        """
        share = share_that_fits(later.channel.observed_s, HOUR_S - self.channel.observed_s)
        nothing = NodeCounts()
        nodes = dict(self.nodes)
        for node, counts in later.nodes.items():
            nodes[node] = nodes.get(node, nothing).plus(counts, share)
        return LineHour(hour=self.hour, channel=self.channel.plus(later.channel), nodes=nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHour:
    """One hour of the channel, and the sums of its nodes.

    Attributes:
        nodes: how many were observed at all.
        nodes_observed_s, nodes_available_s: their times, added.
    """

    hour: int
    counts: ChannelCounts
    nodes: int
    nodes_observed_s: int
    nodes_available_s: int

    @classmethod
    def of(cls, hour: LineHour) -> "ChannelHour":
        """Return the same of an hour that is in memory."""
        observed = [counts for counts in hour.nodes.values() if counts.observed_s]
        return cls(
            hour=hour.hour,
            counts=hour.channel,
            nodes=len(observed),
            nodes_observed_s=sum(counts.observed_s for counts in observed),
            nodes_available_s=sum(counts.available_s for counts in observed),
        )


def share_that_fits(length_s: float, room_s: float) -> float:
    """Return which part of a time span fits into the room that there is, 0 to 1."""
    room_s = max(0.0, room_s)
    return 1.0 if length_s <= room_s else room_s / length_s


def _added(some: tuple[int, ...], others: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(one + other for one, other in zip(some, others, strict=True))


def _either(choose: Callable[[int, int], int], one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)
