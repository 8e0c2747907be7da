"""Answer what the control socket asks about statistics and availability [PLC-3, REQ-1].

Minutes are whole ones, and percentages are cut off after two places: 100 is all of it, nothing
less. What they are made of is kept in seconds, so that days are exactly the sums of their hours.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, Final

from gateway.core.errors import RequestRefused
from gateway.core.purpose import PURPOSE_NAMES
from gateway.line_history import LineHistory
from gateway.store.hour_queries import NodeDay
from gateway.store.inventory import Node
from gateway.store.line_hour import (
    HOUR_S,
    HOURS_A_DAY,
    ChannelCounts,
    ChannelHour,
    Hops,
    NodeCounts,
)
from gateway.store.meter_registry import MeterRegistry

HOURS_MAX: Final = 366 * HOURS_A_DAY
ROWS_MAX: Final = 10_000
"""Days times meters in one answer: the daemon has a line to serve meanwhile."""

DAY_S: Final = HOUR_S * HOURS_A_DAY

Answer = dict[str, Any]


class StatisticsAnswers:
    """Looks back at the hours of the line; changes nothing."""

    def __init__(
        self, history: LineHistory, registry: MeterRegistry, now_s: Callable[[], float]
    ) -> None:
        self._history = history
        self._registry = registry
        self._now_s = now_s

    async def statistics(self, request: Answer) -> Answer:
        """Tell what was counted in the last whole hours, and in the running one so far.

        Raises:
            RequestRefused: a part of the request is wrong.
            StoreError: the store cannot be read.
        """
        now = self._hour()
        first = now - _number(request, "hours", HOURS_A_DAY, HOURS_MAX)
        channel = await self._history.of_channel(first, now)
        answer: Answer = {
            "from_at_s": first * HOUR_S,
            "to_at_s": int(self._now_s()),
            "channel": _channel(_sum([hour.counts for hour in channel.values()])),
        }
        usn = request.get("meter")
        if usn is None:
            answer["channel_by_hour"] = [
                {"hour_at_s": at * HOUR_S, **_channel(hour.counts)} for at, hour in channel.items()
            ]
            counted = await self._history.by_node(first, now)
            lately = await self._history.by_node(now - 1, now)
            nodes = sorted(self._registry.nodes.values(), key=_place)
        else:
            node = self._node_of(usn)
            by_hour = await self._history.of_node(node.system_title, first, now)
            answer["node_by_hour"] = [
                {"hour_at_s": at * HOUR_S, **_counts(counts)} for at, counts in by_hour.items()
            ]
            counted = {node.system_title: _total(list(by_hour.values()))}
            last_two = [counts for at, counts in by_hour.items() if at >= now - 1]
            lately = {node.system_title: _total(last_two)}
            nodes = [node]
        answer["nodes"] = [_node(node, counted, lately) for node in nodes]
        return answer

    async def availability(self, request: Answer) -> Answer:
        """Tell how many meters were available hour by hour, or each meter's share day by day.

        Raises:
            RequestRefused: a part of the request is wrong.
            StoreError: the store cannot be read.
        """
        by = request.get("by", "hour")
        if by not in ("hour", "day"):
            raise RequestRefused(f"by is {by!r}; give hour or day")
        if by == "day":
            return {"daily": await self._daily(request)}
        if request.get("meter") is not None:
            raise RequestRefused("hourly availability is of all meters; ask for one by day")
        return {"hourly": await self._hourly(request)}

    async def channel_in_brief(self) -> Answer:
        """Tell how much of the last hour and of the running one the line was held.

        Raises:
            StoreError: the store cannot be read.
        """
        now = self._hour()
        hours = await self._history.of_channel(now - 1, now)
        nothing = ChannelCounts()
        last, running = (hours[at].counts if at in hours else nothing for at in (now - 1, now))
        return {
            "utilisation_last_hour_percent": _utilisation(last),
            "utilisation_this_hour_percent": _utilisation(running),
            "frames_damaged": last.frames_damaged + running.frames_damaged,
        }

    async def _hourly(self, request: Answer) -> list[Answer]:
        first, last = self._hours_asked(request)
        hours = await self._history.of_channel(first, last)
        return [_hour_of_meters(hour) for hour in hours.values()]

    async def _daily(self, request: Answer) -> list[Answer]:
        first, last = self._days_asked(request)
        usn = request.get("meter")
        if usn is not None:
            days = await self._history.days_of(self._node_of(usn).system_title, first, last)
        else:
            rows = (last - first + 1) * len(self._registry.nodes)
            if rows > ROWS_MAX:
                raise RequestRefused(
                    f"{rows} rows are too many for one answer; ask for fewer days, or for one meter"
                )
            days = await self._history.days(first, last)
        named = [(self._name(day.node), day) for day in days]
        named.sort(key=lambda each: (each[1].day, each[0]))
        return [_day_of_meter(name, day) for name, day in named]

    def _hours_asked(self, request: Answer) -> tuple[int, int]:
        day = _day(request)
        if day is not None:
            return day * HOURS_A_DAY, (day + 1) * HOURS_A_DAY - 1
        now = self._hour()
        return now - _number(request, "last", HOURS_A_DAY, HOURS_MAX), now

    def _days_asked(self, request: Answer) -> tuple[int, int]:
        day = _day(request)
        if day is not None:
            return day, day
        today = self._hour() // HOURS_A_DAY
        return today - _number(request, "last", 1, HOURS_MAX // HOURS_A_DAY), today

    def _hour(self) -> int:
        return int(self._now_s() // HOUR_S)

    def _node_of(self, usn: object) -> Node:
        if not isinstance(usn, str):
            raise RequestRefused(f"meter is {usn!r}; give a text")
        meter = self._registry.meters.get(usn)
        parent = None if meter is None else meter.parent_usn
        node = self._registry.node_of(parent or usn)
        if node is None:
            raise RequestRefused(f"no node speaks for a meter {usn}")
        return node

    def _name(self, system_title: bytes) -> str:
        node = self._registry.nodes.get(system_title)
        return (node.usn if node is not None else None) or system_title.hex()


def _number(request: Answer, key: str, default: int, most: int) -> int:
    number = request.get(key, default)
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= most:
        raise RequestRefused(f"{key} is {number!r}; give a number from 1 to {most}")
    return number


def _day(request: Answer) -> int | None:
    text = request.get("day")
    if text is None:
        return None
    try:
        date = dt.date.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise RequestRefused(f"day is {text!r}; give a date such as 2026-11-20") from error
    return date.toordinal() - dt.date(1970, 1, 1).toordinal()


def _place(node: Node) -> tuple[bool, str, bytes]:
    return node.usn is None, node.usn or "", node.system_title


def _total(parts: Sequence[NodeCounts]) -> NodeCounts:
    total = NodeCounts()
    for part in parts:
        total = total.plus(part)
    return total


def _sum(parts: Sequence[ChannelCounts]) -> ChannelCounts:
    total = ChannelCounts()
    for part in parts:
        total = total.plus(part)
    return total


def _node(node: Node, counted: dict[bytes, NodeCounts], lately: dict[bytes, NodeCounts]) -> Answer:
    nothing = NodeCounts()
    recent = lately.get(node.system_title, nothing)
    return {
        "usn": node.usn,
        "system_title": node.system_title.hex(),
        "state": node.state.value,
        **_counts(counted.get(node.system_title, nothing)),
        "success_last_hour_percent": _success(recent),
    }


def _counts(counts: NodeCounts) -> Answer:
    return {
        "frames_sent": counts.tries,
        "answered": counts.answered,
        "silent": counts.silent,
        "tries_unanswered": max(0, counts.tries - counts.answered),
        "success_percent": _success(counts),
        "credit_mean": _mean(counts.credit_total, counts.tries),
        "credit_most": counts.credit_most if counts.tries else None,
        "hops_down": _hops(counts.hops_down, counts.answered),
        "hops_up": _hops(counts.hops_up, counts.answered),
        "sent_octets": counts.sent_octets,
        "heard_octets": counts.heard_octets,
        "airtime_s": round(sum(counts.airtime_ms) / 1000, 1),
        "airtime_by_purpose": _by_purpose(counts.airtime_ms),
        "last_answer_at_s": counts.last_answer_at_s,
        **_availability(counts.observed_s, counts.available_s, counts.state_changes),
    }


def _availability(observed_s: int, available_s: int, state_changes: int) -> Answer:
    return {
        "minutes_available": available_s // 60,
        "state_changes": state_changes,
        "minutes_observed": observed_s // 60,
        "availability_percent": percent(available_s, observed_s),
    }


def _hops(hops: Hops, answers: int) -> Answer:
    return {"mean": _mean(hops.total, answers), "fewest": hops.fewest, "most": hops.most}


def _channel(counts: ChannelCounts) -> Answer:
    return {
        "observed_s": counts.observed_s,
        "utilisation_percent": _utilisation(counts),
        "held_s": round(sum(counts.held_ms) / 1000, 1),
        "held_by_purpose": _by_purpose(counts.held_ms),
        "idle_s": max(0.0, round(counts.observed_s - sum(counts.held_ms) / 1000, 1)),
        "frames_sent": counts.frames_sent,
        "frames_heard": counts.frames_heard,
        "frames_damaged": counts.frames_damaged,
    }


def _by_purpose(times_ms: Sequence[int]) -> Answer:
    return {
        f"{name}_s": round(time_ms / 1000, 1)
        for name, time_ms in zip(PURPOSE_NAMES, times_ms, strict=True)
    }


def _hour_of_meters(hour: ChannelHour) -> Answer:
    counts = hour.counts
    watched_s = min(HOUR_S, counts.observed_s)
    mean = _mean(hour.nodes_available_s, watched_s)
    return {
        "hour_at_s": hour.hour * HOUR_S,
        "meters_available_mean": None if mean is None else min(mean, counts.available_most),
        "meters_available_max": counts.available_most,
        "meters_total": hour.nodes,
        "availability_percent": percent(hour.nodes_available_s, hour.nodes_observed_s),
    }


def _day_of_meter(name: str, day: NodeDay) -> Answer:
    return {
        "day": dt.date.fromordinal(dt.date(1970, 1, 1).toordinal() + day.day).isoformat(),
        "meter": name,
        **_availability(day.observed_s, day.available_s, day.state_changes),
    }


def _success(counts: NodeCounts) -> float | None:
    return percent(counts.answered, counts.answered + counts.silent)


def _utilisation(counts: ChannelCounts) -> float | None:
    return percent(min(sum(counts.held_ms), counts.observed_s * 1000), counts.observed_s * 1000)


def percent(part: int, whole: int) -> float | None:
    """Return a share in percent, cut off after two places; None of nothing."""
    return 10_000 * part // whole / 100 if whole else None


def _mean(total: int, count: int) -> float | None:
    return round(total / count, 1) if count else None
