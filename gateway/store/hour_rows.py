"""How the counts of an hour stand in the rows of node_hour and channel_hour."""

from collections.abc import Sequence
from typing import Any, Final

from gateway.core.purpose import PURPOSE_NAMES, PURPOSES
from gateway.store.line_hour import HOUR_S, ChannelCounts, Hops, NodeCounts

Row = Sequence[Any]

_AIRTIME: Final = tuple(f"{name}_ms" for name in PURPOSE_NAMES)

NODE_COLUMNS: Final = (
    *("observed_s", "available_s", "state_changes", "tries", "answered", "silent"),
    *("credit_total", "credit_most", "down_total", "down_fewest", "down_most"),
    *("up_total", "up_fewest", "up_most", "sent_octets", "heard_octets", *_AIRTIME),
    "last_answer_s",
)
CHANNEL_COLUMNS: Final = (
    *("observed_s", "available_most", *_AIRTIME),
    *("frames_sent", "frames_heard", "frames_damaged"),
)
SUM_COLUMNS: Final = ("nodes", "nodes_observed_s", "nodes_available_s")

_EXTREMES: Final = {"fewest": "MIN({0})", "most": "MAX({0})"}


def node_row(hour: int, counts: NodeCounts) -> tuple[int | None, ...]:
    """Return what stands in NODE_COLUMNS."""
    last_s, down, up = counts.last_answer_at_s, counts.hops_down, counts.hops_up
    return (
        *(counts.observed_s, counts.available_s, counts.state_changes),
        *(counts.tries, counts.answered, counts.silent),
        *(counts.credit_total, counts.credit_most),
        *(down.total, down.fewest, down.most, up.total, up.fewest, up.most),
        *(counts.sent_octets, counts.heard_octets, *counts.airtime_ms),
        None if last_s is None else last_s - hour * HOUR_S,
    )


def node_counts(row: Row, hour: int = 0) -> NodeCounts:
    """Return the counts in NODE_COLUMNS; hour 0 when the row's last answer is UTC already."""
    counts, hops, rest = row[:8], row[8:14], row[14:]
    airtime, last_s = rest[2:-1], rest[-1]
    return NodeCounts(
        observed_s=counts[0],
        available_s=counts[1],
        state_changes=counts[2],
        tries=counts[3],
        answered=counts[4],
        silent=counts[5],
        credit_total=counts[6],
        credit_most=counts[7],
        hops_down=Hops(total=hops[0], fewest=hops[1], most=hops[2]),
        hops_up=Hops(total=hops[3], fewest=hops[4], most=hops[5]),
        sent_octets=rest[0],
        heard_octets=rest[1],
        airtime_ms=tuple(airtime),
        last_answer_at_s=None if last_s is None else hour * HOUR_S + last_s,
    )


def node_sums() -> str:
    """Return the SQL that makes one row of NODE_COLUMNS of several; the last answer is in UTC."""
    sums = [
        _EXTREMES.get(name.rpartition("_")[2], "SUM({0})").format(name)
        for name in NODE_COLUMNS[:-1]
    ]
    return ", ".join([*sums, f"MAX(hour * {HOUR_S} + last_answer_s)"])


def channel_row(counts: ChannelCounts) -> tuple[int, ...]:
    """Return what stands in CHANNEL_COLUMNS."""
    return (
        *(counts.observed_s, counts.available_most, *counts.held_ms),
        *(counts.frames_sent, counts.frames_heard, counts.frames_damaged),
    )


def channel_counts(row: Row) -> ChannelCounts:
    """Return the counts in CHANNEL_COLUMNS."""
    held = row[2 : 2 + len(PURPOSES)]
    sent, heard, damaged = row[2 + len(PURPOSES) :]
    return ChannelCounts(
        observed_s=row[0],
        available_most=row[1],
        held_ms=tuple(held),
        frames_sent=sent,
        frames_heard=heard,
        frames_damaged=damaged,
    )
