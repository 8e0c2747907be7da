"""What an import did, or would do: as an object for programs, and in words."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from gateway.cli.tables import named_values, table, utc
from gateway.store.takeover_document import TakeoverContent

NEW_AFTER_H: Final = 6
"""A node that its master does not address falls back to NEW [INV-5]."""

OWN_TITLE: Final = (
    "the nodes answer the other box's system title and initiator_mac only, and this box has its"
    f" own: they are found again once they have fallen to NEW, {NEW_AFTER_H} h after the other one"
    " spoke to them last; --write-config takes both over"
)
SAME_TITLE: Final = "this box is the other one for its nodes: never let both on the line"

_COUNTED: Final = (
    "kinds",
    "streams",
    "rows_to_read_again",
    "rows_to_compare_with",
    "journal_entries_untold",
)


def report_of(
    content: TakeoverContent,
    *,
    store: Path,
    written: Path | None,
    same_for_nodes: bool,
    differences: Sequence[str],
    conflicts: Sequence[str],
    done: bool,
) -> dict[str, Any]:
    """Return what happened.

    Args:
        content: what was taken over.
        store: what was filled.
        written: the configuration that was written.
        same_for_nodes: this box has the other one's system title and address on the line.
        differences: in settings, a line each.
        conflicts: what keeps it from being done.
        done: False for a dry run.
    """
    streams: dict[str, int] = {}
    for stream in content.streams:
        streams[stream.usn] = streams.get(stream.usn, 0) + 1
    return {
        "taken_over": done,
        "from": {
            "dc_id": content.dc_id,
            "epoch": content.epoch,
            "made_at_s": content.made_at_s,
            "made_by": content.made_by,
        },
        "store": str(store),
        "config_written": None if written is None else str(written),
        "nodes": [
            {"system_title": n.system_title, "mac": n.mac, "state": n.state.value, "usn": n.usn}
            for n in content.nodes
        ],
        "meters": [
            {"usn": m.usn, "parent_usn": m.parent_usn, "streams": streams.get(m.usn, 0)}
            for m in content.meters
        ],
        "kinds": len(content.kinds),
        "streams": len(content.streams),
        "rows_to_read_again": content.rows_open,
        "rows_to_compare_with": sum(len(stream.known) for stream in content.streams),
        "journal_entries_untold": len(content.journal),
        "differences": list(differences),
        "warnings": [SAME_TITLE if same_for_nodes else OWN_TITLE],
        "conflicts": list(conflicts),
    }


def in_words(report: Mapping[str, Any]) -> str:
    """Return a report as a person reads it."""
    came = report["from"]
    summary = {
        "from": f"{came['dc_id']}, epoch {came['epoch']}, of {utc(came['made_at_s'])}",
        "store": report["store"],
        "configuration": report["config_written"] or "as it was",
        "nodes": len(report["nodes"]),
        "meters and slaves": len(report["meters"]),
        **{name: report[name] for name in _COUNTED},
    }
    parts = [_nodes_in_words(report)] if report["nodes"] else []
    parts.append(named_values(summary))
    parts += [
        "\n".join([f"{name}:", *(f"  {line}" for line in report[name])])
        for name in ("differences", "warnings", "conflicts")
        if report[name]
    ]
    parts.append("taken over" if report["taken_over"] else "dry run: nothing was changed")
    return "\n\n".join(parts)


def _nodes_in_words(report: Mapping[str, Any]) -> str:
    families: dict[str, list[Mapping[str, Any]]] = {}
    for meter in report["meters"]:
        families.setdefault(meter["parent_usn"] or meter["usn"], []).append(meter)
    rows = []
    for node in report["nodes"]:
        family = families.get(node["usn"], [])
        rows.append(
            (
                node["system_title"],
                "-" if node["mac"] is None else f"{node['mac']:03X}",
                node["state"],
                node["usn"] or "-",
                str(max(0, len(family) - 1)),
                str(sum(meter["streams"] for meter in family)),
            )
        )
    return table(("NODE", "MAC", "STATE", "METER", "SLAVES", "STREAMS"), rows)
