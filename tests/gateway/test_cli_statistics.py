"""`statistics` and `availability`: what a person and a program get to see."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.command_line import gridgate
from tests.gateway.test_cli_ask import AT_S, ask, daemon

CHANNEL = {
    "observed_s": 7200,
    "utilisation_percent": 62.5,
    "held_s": 4500.0,
    "held_by_purpose": {"discovery_s": 300.0, "clock_s": 0.0, "collection_s": 4200.0},
    "frames_sent": 1200,
    "frames_heard": 1100,
    "frames_damaged": 3,
}
COUNTS = {
    "frames_sent": 30,
    "answered": 25,
    "silent": 1,
    "success_percent": 96.15,
    "credit_mean": 2.4,
    "hops_down": {"mean": 1.2},
    "hops_up": {"mean": 1.4},
    "airtime_s": 61.5,
    "minutes_available": 50,
    "state_changes": 2,
    "minutes_observed": 60,
    "availability_percent": 83.33,
    "last_answer_at_s": AT_S,
}
NODE = {
    "usn": "U1",
    "system_title": "4e4f44453031",
    "state": "REGISTERED",
    "success_last_hour_percent": 100.0,
    **COUNTS,
}
NAMELESS = {"usn": None, "system_title": "4e4f44453032", "state": "NEW", "frames_sent": 0}
ALL = {
    "from_at_s": AT_S - 7200,
    "to_at_s": AT_S,
    "channel": CHANNEL,
    "channel_by_hour": [],
    "nodes": [NODE, NAMELESS],
}
ONE = {
    "from_at_s": AT_S - 7200,
    "to_at_s": AT_S,
    "channel": CHANNEL,
    "node_by_hour": [{"hour_at_s": AT_S - 3600, **COUNTS}],
    "nodes": [NODE],
}
HOURLY = {
    "hourly": [
        {
            "hour_at_s": AT_S,
            "meters_available_mean": 101.3,
            "meters_available_max": 109,
            "meters_total": 117,
            "availability_percent": 86.57,
        }
    ]
}
DAILY = {
    "daily": [
        {
            "day": "2026-01-01",
            "meter": "U1",
            "minutes_available": 1439,
            "state_changes": 2,
            "minutes_observed": 1440,
            "availability_percent": 99.95,
        }
    ]
}


def test_statistics_of_all(tmp_path: Path) -> None:
    """PLC-3: a line for each node, and the channel below."""
    ended = ask(tmp_path, "statistics", answers={"statistics": ALL})
    assert ended.status == 0
    when, _, heads, one, other, _, channel = ended.out.splitlines()
    assert when == "from 2025-12-31 22:00:00Z to 2026-01-01 00:00:00Z"
    assert heads.split()[:5] == ["USN", "STATE", "SENT", "ANSWERED", "SILENT"]
    assert one.split() == [
        *("U1", "REGISTERED", "30", "25", "1", "96.15", "100.0", "2.4", "1.2", "1.4"),
        *("1", "min", "2", "s", "83.33", "2026-01-01", "00:00:00Z"),
    ]
    assert other.split()[:3] == ["4e4f44453032", "NEW", "0"]
    assert channel == (
        "channel 62.5 % used (discovery 5 min, collection 1 h 10 min);"
        " 1200 frames sent, 1100 heard, 3 damaged"
    )


def test_statistics_of_one(tmp_path: Path) -> None:
    """PLC-3: everything that is known of it, and hour by hour."""
    ended = ask(tmp_path, "statistics", "--meter", "U1", answers={"statistics": ONE})
    assert "success last hour percent  100" in ended.out
    assert ended.out.splitlines()[-1].split() == [
        *("2025-12-31T23:00Z", "30", "25", "1", "96.15", "2.4", "1", "min", "2", "s"),
        *("50", "2", "60"),
    ]


def test_statistics_of_nobody(tmp_path: Path) -> None:
    nothing = {"from_at_s": 0, "to_at_s": AT_S, "channel": {}, "nodes": []}
    out = ask(tmp_path, "statistics", answers={"statistics": nothing}).out
    assert "no nodes yet" in out
    alone = {**nothing, "node_by_hour": []}
    assert "nothing was counted" in ask(tmp_path, "statistics", answers={"statistics": alone}).out


def test_availability_by_the_hour(tmp_path: Path) -> None:
    """PLC-3: in the terms of field reports."""
    ended = ask(tmp_path, "availability", answers={"availability": HOURLY})
    assert ended.out.splitlines() == [
        "HOUR                MEAN  MAX  TOTAL  PERCENT",
        "2026-01-01T00:00Z  101.3  109    117    86.57",
    ]


def test_availability_by_the_day(tmp_path: Path) -> None:
    """PLC-3."""
    ended = ask(tmp_path, "availability", "--daily", answers={"availability": DAILY})
    assert ended.out.splitlines() == [
        "       DAY  METER  MINUTES  CHANGES    OF  PERCENT",
        "2026-01-01  U1        1439        2  1440    99.95",
    ]


def test_availability_of_nobody(tmp_path: Path) -> None:
    for rows in ("hourly", "daily"):
        ended = ask(tmp_path, "availability", answers={"availability": {rows: []}})
        assert (ended.status, ended.out.endswith("was observed\n")) == (0, True)


@pytest.mark.parametrize(
    ("answer", "columns"),
    [
        (
            HOURLY,
            [
                *("hour_utc", "meters_available_mean", "meters_available_max"),
                *("meters_total", "availability_percent"),
            ],
        ),
        (
            DAILY,
            [
                *("day", "meter", "minutes_available", "state_changes"),
                *("minutes_observed", "availability_percent"),
            ],
        ),
    ],
)
def test_availability_as_a_table_for_programs(
    tmp_path: Path, answer: dict[str, Any], columns: list[str]
) -> None:
    """PLC-3: with the columns of field reports, to be compared with them line by line."""
    ended = ask(tmp_path, "availability", "--csv", answers={"availability": answer})
    (row,) = csv.DictReader(io.StringIO(ended.out))
    assert list(row) == columns
    (entry,) = next(iter(answer.values()))
    assert list(row.values())[1:] == [str(entry[name]) for name in columns[1:]]


def test_what_is_asked_reaches_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    words = (
        "statistics",
        "statistics --meter U1 --hours 720",
        "availability",
        "availability --hourly --last 48",
        "availability --daily --day 2026-01-01",
        "availability --daily --last 7 --meter U1 --csv",
    )
    with daemon(path, {"statistics": ALL, "availability": HOURLY}) as heard:
        for each in words:
            assert gridgate(*each.split(), "--socket", str(path)).status == 0
    assert heard == [
        {"ask": "statistics", "hours": 24},
        {"ask": "statistics", "hours": 720, "meter": "U1"},
        {"ask": "availability", "by": "hour"},
        {"ask": "availability", "by": "hour", "last": 48},
        {"ask": "availability", "by": "day", "day": "2026-01-01"},
        {"ask": "availability", "by": "day", "last": 7, "meter": "U1"},
    ]


def test_json_is_the_answer_as_it_is(tmp_path: Path) -> None:
    for command, answer in (("statistics", ONE), ("availability", DAILY)):
        ended = ask(tmp_path, command, "--json", answers={command: answer})
        assert json.loads(ended.out) == answer


@pytest.mark.parametrize(
    "words",
    [
        "availability --hourly --daily",
        "availability --day 2026-01-01 --last 3",
        "availability --last 0",
        "statistics --hours 0",
        "statistics --hours many",
    ],
)
def test_wrong_words_are_status_2(words: str) -> None:
    assert gridgate(*words.split()).status == 2
