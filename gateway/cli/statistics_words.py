"""`statistics` and `availability` as people read them, and as a table for other programs.

The answers are JSON objects with these keys:

    statistics    from_at_s, to_at_s,
                  channel: utilisation_percent, held_s, held_by_purpose, idle_s, frames_*
                  channel_by_hour or node_by_hour: [hour_at_s, ...]
                  nodes: [usn, system_title, state, frames_sent, answered, silent, ...]
    availability  hourly: [hour_at_s, meters_available_mean, meters_available_max,
                           meters_total, availability_percent]
               or daily: [day, meter, minutes_available, state_changes, minutes_observed,
                          availability_percent]
"""

import csv
import datetime as dt
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.cli.tables import named_values, span, table, utc

Answer = Mapping[str, Any]

_HOURLY: Final = (
    "meters_available_mean",
    "meters_available_max",
    "meters_total",
    "availability_percent",
)
_DAILY: Final = (
    "day",
    "meter",
    "minutes_available",
    "state_changes",
    "minutes_observed",
    "availability_percent",
)
_NODE_HEADS: Final = (
    *("USN", "STATE", "SENT", "ANSWERED", "SILENT", "SUCCESS", "LAST HOUR"),
    *("CREDIT", "DOWN", "UP", "AIRTIME", "AVAILABLE", "LAST ANSWER"),
)
_NODE_HOUR_HEADS: Final = (
    *("HOUR", "SENT", "ANSWERED", "SILENT", "SUCCESS", "CREDIT", "AIRTIME"),
    *("MINUTES", "CHANGES", "OF"),
)
_HOURLY_HEADS: Final = ("HOUR", "MEAN", "MAX", "TOTAL", "PERCENT")
_DAILY_HEADS: Final = ("DAY", "METER", "MINUTES", "CHANGES", "OF", "PERCENT")


def statistics_in_words(answer: Answer) -> str:
    """Return all nodes in a table, or one node in full and hour by hour."""
    when = f"from {utc(answer.get('from_at_s'))} to {utc(answer.get('to_at_s'))}"
    nodes: Sequence[Answer] = answer.get("nodes", [])
    if "node_by_hour" in answer:
        parts = [*(named_values(node) for node in nodes), _node_by_hour(answer["node_by_hour"])]
        return "\n\n".join([when, *parts])
    rows = [_node_cells(node) for node in nodes]
    tables = [table(_NODE_HEADS, rows)] if rows else ["no nodes yet"]
    return "\n\n".join([when, *tables, _channel(answer.get("channel", {}))])


def availability_in_words(answer: Answer) -> str:
    """Return hours or days in a table."""
    if "daily" in answer:
        rows = [[_plain(entry.get(name)) for name in _DAILY] for entry in answer["daily"]]
        return table(_DAILY_HEADS, rows) if rows else "no meter was observed"
    hours: Sequence[Answer] = answer.get("hourly", [])
    rows = [
        [_minute(entry.get("hour_at_s")), *(_plain(entry.get(name)) for name in _HOURLY)]
        for entry in hours
    ]
    return table(_HOURLY_HEADS, rows) if rows else "no hour was observed"


def availability_as_csv(answer: Answer) -> str:
    """Return the same with the columns of the usual field figures."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    if "daily" in answer:
        lines.writerow(_DAILY)
        lines.writerows([entry.get(name) for name in _DAILY] for entry in answer["daily"])
    else:
        lines.writerow(("hour_utc", *_HOURLY))
        lines.writerows(
            [_minute(entry.get("hour_at_s")), *(entry.get(name) for name in _HOURLY)]
            for entry in answer.get("hourly", [])
        )
    return out.getvalue().removesuffix("\n")


def _node_cells(node: Answer) -> tuple[str, ...]:
    return (
        str(node.get("usn") or node.get("system_title")),
        _plain(node.get("state")),
        *(_plain(node.get(name)) for name in ("frames_sent", "answered", "silent")),
        *(_plain(node.get(name)) for name in ("success_percent", "success_last_hour_percent")),
        _plain(node.get("credit_mean")),
        *(_plain(node.get(name, {}).get("mean")) for name in ("hops_down", "hops_up")),
        span(node.get("airtime_s", 0)),
        _plain(node.get("availability_percent")),
        utc(node.get("last_answer_at_s")),
    )


def _node_by_hour(hours: Sequence[Answer]) -> str:
    names = ("frames_sent", "answered", "silent", "success_percent", "credit_mean")
    rows = [
        (
            _minute(hour.get("hour_at_s")),
            *(_plain(hour.get(name)) for name in names),
            span(hour.get("airtime_s", 0)),
            *(_plain(hour.get(name)) for name in _DAILY[2:5]),
        )
        for hour in hours
    ]
    return table(_NODE_HOUR_HEADS, rows) if rows else "nothing was counted"


def _channel(channel: Answer) -> str:
    used: Mapping[str, float] = channel.get("held_by_purpose", {})
    parts = [f"{name.removesuffix('_s')} {span(time_s)}" for name, time_s in used.items() if time_s]
    return (
        f"channel {_plain(channel.get('utilisation_percent'))} % used"
        + (f" ({', '.join(parts)})" if parts else "")
        + f"; {_plain(channel.get('frames_sent'))} frames sent,"
        + f" {_plain(channel.get('frames_heard'))} heard,"
        + f" {_plain(channel.get('frames_damaged'))} damaged"
    )


def _minute(at_s: float | None) -> str:
    if at_s is None:
        return "-"
    return dt.datetime.fromtimestamp(at_s, dt.UTC).strftime("%Y-%m-%dT%H:%MZ")


def _plain(value: object) -> str:
    return "-" if value is None else str(value)
