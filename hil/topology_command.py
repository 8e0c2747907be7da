"""`gridgate-hil topology`: what a network is like, and networks made from an inventory."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from hil.lv_network.from_inventory import read_hours, read_meters, topology_text
from hil.lv_network.survey import Survey, survey
from hil.lv_network.topology import Topology
from hil.lv_network.topology_file import TopologyFault, load_topology, topology_names
from hil.report import table

EXIT_GOOD = 0
EXIT_USAGE = 2
START_S = 1_795_219_200.0
_SHARES = (0, 5, 10, 18, 25, 50, 75, 95, 100)


def add_topology_options(parser: argparse.ArgumentParser) -> None:
    """Say what may stand behind `gridgate-hil topology`."""
    parser.add_argument(
        "topology", metavar="TOPOLOGY", help=f"a file, or one of {', '.join(topology_names())}"
    )
    parser.add_argument("--days", type=int, default=7, metavar="D", help="of weather (default 7)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the weather")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object")
    parser.add_argument(
        "--from-inventory",
        type=Path,
        metavar="CSV",
        help="make the file TOPOLOGY from what `gridgate availability --daily --csv` wrote",
    )
    parser.add_argument(
        "--hours",
        type=Path,
        metavar="CSV",
        help="the same, by hour of local time",
    )


def run_topology(arguments: argparse.Namespace) -> int:
    """Make the topology if that is asked for, let its weather go by, and tell what it is like."""
    try:
        if arguments.from_inventory is not None:
            _make(Path(arguments.topology), arguments.from_inventory, arguments.hours)
        topology = load_topology(arguments.topology)
    except (TopologyFault, OSError) as error:
        print(f"no topology: {error}", file=sys.stderr)
        return EXIT_USAGE
    found = survey(topology, seed=arguments.seed, start_s=START_S, days=max(1, arguments.days))
    if arguments.json:
        print(json.dumps(_figures(topology, found)))
    else:
        print("\n".join(_words(topology, found)))
    return EXIT_GOOD


def _make(file: Path, inventory: Path, hours: Path | None) -> None:
    text = topology_text(
        file.stem, read_meters(inventory), [] if hours is None else read_hours(hours)
    )
    file.write_text(text, encoding="utf-8")
    print(f"{file} is written", file=sys.stderr)


def _figures(topology: Topology, found: Survey) -> dict[str, object]:
    return {
        "name": topology.name,
        "meters": len(topology.places),
        "percent": [round(each, 2) for each in found.percent],
        "changes_per_day": [round(each, 2) for each in found.changes_per_day],
        "by_hour": [round(each, 2) for each in found.by_hour],
        "told_percent": topology.told_percent,
        "told_by_hour": topology.told_by_hour,
        "needs": [round(each, 4) for each in found.needs],
    }


def _words(topology: Topology, found: Survey) -> Iterator[str]:
    yield f"{topology.name}: {len(topology.places)} meters, {len(topology.cables)} cables"
    yield ""
    told = sorted(topology.told_percent)
    heads = ("AVAILABILITY OF A METER, %", "FIELD", "HERE") if told else ("AVAILABILITY", "HERE")
    yield from table(heads, iter(_availability(found, told)))
    if topology.told_by_hour:
        yield ""
        hours = [
            (f"{hour:02d}", f"{theirs:.1f}", f"{ours:.1f}")
            for hour, (theirs, ours) in enumerate(
                zip(topology.told_by_hour, found.by_hour, strict=True)
            )
        ]
        yield from table(("METERS AVAILABLE, HOUR", "FIELD", "HERE"), iter(hours))
    yield ""
    needs = [(str(credit), f"{100 * share:.1f}") for credit, share in enumerate(found.needs[:8])]
    yield from table(("CREDIT THAT JUST SUFFICES", "% OF THE TIME"), iter(needs))


def _availability(found: Survey, told: Sequence[float]) -> Iterator[Sequence[str]]:
    ours = sorted(found.percent)
    for share in _SHARES:
        cells = [f"{share} % of the meters have at most"]
        if told:
            cells.append(f"{_quantile(told, share):.2f}")
        yield (*cells, f"{_quantile(ours, share):.2f}")
    for name, figure in (("mean", _mean), ("under 90 %", _under_90), ("at 0 %", _at_0)):
        cells = [name]
        if told:
            cells.append(figure(told))
        yield (*cells, figure(ours))


def _quantile(ordered: Sequence[float], percent: int) -> float:
    return ordered[round((len(ordered) - 1) * percent / 100)]


def _mean(percents: Sequence[float]) -> str:
    return f"{sum(percents) / len(percents):.2f}"


def _under_90(percents: Sequence[float]) -> str:
    return str(sum(each < 90.0 for each in percents))


def _at_0(percents: Sequence[float]) -> str:
    return str(sum(each == 0.0 for each in percents))
