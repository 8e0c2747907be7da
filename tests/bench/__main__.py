"""Measure what issue 2 aims at: python -m tests.bench [--quick] [--json].

The machine decides some of these figures; so the exit status is 0 whatever they are, and 1 only
if one of them could not be measured.
"""

import argparse
import json
import os
import platform
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.bench.append_speed import append_speed
from tests.bench.daemon_figures import daemon_figures
from tests.bench.decode_speed import decode_speed
from tests.bench.figure import Figure, table
from tests.bench.statistics_cost import statistics_cost

DIRECTORY: Final = Path("build/bench")


def main() -> int:
    """Measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object only")
    parser.add_argument(
        "--quick", action="store_true", help="fewer samples, and no line with 200 meters"
    )
    options = parser.parse_args()
    tell = _tell_on_stderr if options.json else _tell
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    rounds, starts = (5, 3) if options.quick else (15, 7)
    measurements: dict[str, Callable[[], list[Figure]]] = {
        "decode": lambda: decode_speed(rounds, tell),
        "append": lambda: append_speed(DIRECTORY, 2 * rounds, tell),
        "statistics": lambda: statistics_cost(DIRECTORY, 5 if options.quick else 30, tell),
        "daemon": lambda: daemon_figures(DIRECTORY, starts, tell, many=not options.quick),
    }
    figures, failed = _run_all(measurements, tell)
    machine = (
        f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}"
    )
    if options.json:
        found = [figure.as_json() for figure in figures]
        sys.stdout.write(
            json.dumps({"machine": machine, "figures": found, "failed": failed}) + "\n"
        )
    else:
        sys.stdout.write(f"\n{table(figures)}\n\n{machine}; files in {DIRECTORY}\n")
    return 1 if failed else 0


def _run_all(
    measurements: dict[str, Callable[[], list[Figure]]], tell: Callable[[str], None]
) -> tuple[list[Figure], list[str]]:
    figures: list[Figure] = []
    failed: list[str] = []
    for name, measure in measurements.items():
        tell(f"== {name}")
        try:
            figures += measure()
        except Exception:  # noqa: BLE001  (the others are still worth measuring)
            failed.append(name)
            tell(f"{name} could not be measured:\n{traceback.format_exc()}")
    return figures, failed


def _tell(line: str) -> None:
    print(line, flush=True)


def _tell_on_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
