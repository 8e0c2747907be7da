"""Make a topology from what a concentrator says of its meters' availability.

The columns are those of `gridgate availability --daily --csv` and of the usual field reports:

    meter, state_changes, availability_percent          a line for each meter, or meter and day
    hour_local, availability_percent                    a line for each hour, or hour and day
"""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from hil.lv_network.topology_file import TopologyFault

METERS_PER_FEEDER = 28
_HOURS = 24
_FEEDERS_M = (380, 520, 300, 450)
"""Usual lengths; a feeder has three branches."""


def read_meters(path: Path) -> list[tuple[str, float, float]]:
    """Return name, availability in percent and changes of state a day of each meter.

    Raises:
        TopologyFault: the file is not there, or not such a file.
    """
    percent: dict[str, list[float]] = defaultdict(list)
    changes: dict[str, list[float]] = defaultdict(list)
    for row in _rows(path, ("meter", "state_changes", "availability_percent")):
        name = row["meter"]
        percent[name].append(_number(path, row["availability_percent"], name))
        changes[name].append(_number(path, row["state_changes"], name))
    return [(name, _mean(percent[name]), _mean(changes[name])) for name in percent]


def read_hours(path: Path) -> list[float]:
    """Return the share of the meters that is available in each hour of local time.

    Raises:
        TopologyFault: the file is not there, not such a file, or an hour is missing.
    """
    shares: dict[int, list[float]] = defaultdict(list)
    for row in _rows(path, ("hour_local", "availability_percent")):
        hour = int(_number(path, row["hour_local"], "hour_local"))
        shares[hour].append(_number(path, row["availability_percent"], f"hour {hour}") / 100.0)
    missing = sorted(set(range(_HOURS)) - shares.keys())
    if missing:
        raise TopologyFault(f"{path}: no line for the hours {missing}")
    return [_mean(shares[hour]) for hour in range(_HOURS)]


def topology_text(
    name: str, meters: Sequence[tuple[str, float, float]], hours: Sequence[float]
) -> str:
    """Return a topology file with so many meters on usual feeders."""
    lines = [
        f"name = {json.dumps(name)}",
        f'about = "{len(meters)} meters, each as available as an inventory says."',
    ]
    if hours:
        lines.append(f"hours_available = {[round(share, 4) for share in hours]}")
    else:
        lines.append("meters = [")
        lines += [
            f"  [{json.dumps(meter)}, {percent:.2f}, {changes:.2f}],"
            for meter, percent, changes in meters
        ]
        lines.append("]")
    lines += ["", "[physics]", "cable_db_per_m = 0.1", "", "[spread]", "noise_db = 4.0"]
    feeders = -(-len(meters) // METERS_PER_FEEDER)
    for number in range(feeders):
        share = len(meters) // feeders + (number < len(meters) % feeders)
        lines += [
            "",
            "[[feeder]]",
            f'name = "{number + 1}"',
            f"length_m = {_FEEDERS_M[number % len(_FEEDERS_M)]}",
            f"meters = {share}",
            "branches = 3",
            "branch_length_m = 110",
        ]
    return "\n".join(lines) + "\n"


def _rows(path: Path, needed: Iterable[str]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = set(needed) - set(reader.fieldnames or ())
            if missing:
                raise TopologyFault(f"{path}: no column {min(missing)!r}")
            return list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise TopologyFault(f"{path} cannot be read: {error}") from error


def _number(path: Path, text: str | None, what: str) -> float:
    try:
        return float(text or "")
    except ValueError as error:
        raise TopologyFault(f"{path}: {what}: {text!r} is no number") from error


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)
