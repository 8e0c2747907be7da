"""The configuration file of one simulated concentrator."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

INITIATOR_FIRST = 0xC00


def dc_id(line: str, generation: int) -> str:
    """Return the name of the so many-th concentrator of a substation."""
    return f"GG-{line}{generation}"


def write_daemon_config(
    folder: Path,
    *,
    line: str,
    number: int,
    generation: int,
    speaks_as: int,
    bit_rate_bps: int,
    settings: Sequence[Mapping[str, Mapping[str, Any]]],
) -> Path:
    """Write a file into the folder and return its path.

    Args:
        folder: the concentrator's own.
        line: the substation's name.
        number: of the substation, from 0: neighbours have initiator addresses of their own.
        generation: 0, and one more for each box that took its place.
        speaks_as: the generation whose system title it has: who takes over has that of before.
        bit_rate_bps: of the power line.
        settings: what differs from the shipped defaults; later ones win.
    """
    sections: dict[str, dict[str, Any]] = {
        "concentrator": {
            "dc_id": dc_id(line, generation),
            "system_title": f"4747{ord(line[0]):02x}{number:04x}{speaks_as:02x}",
            "data_directory": "data",
        },
        "plc": {"bit_rate_bps": bit_rate_bps, "initiator_mac": INITIATOR_FIRST + number},
        "log": {"target": "stderr", "level": "warning"},
    }
    for layer in settings:
        for section, keys in layer.items():
            sections.setdefault(section, {}).update(keys)
    lines = ["# Made for a simulation."]
    for section, keys in sections.items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "gridgate.toml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file
