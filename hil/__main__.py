"""The command gridgate-hil: demo, simulations, verdicts, networks, hostile frames."""

import argparse
import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from hil.demo.options import add_demo_options, demo_options
from hil.fuzz.options import FuzzOptions, add_fuzz_options, fuzz_options
from hil.judge.conclusion import as_json as conclusion_json
from hil.judge.conclusion import conclude, in_words
from hil.judge.run_files import is_simulation
from hil.report import verdict_figures, verdict_table
from hil.simulation.command import add_simulate_options, run_simulate
from hil.topology_command import add_topology_options, run_topology
from hil.verdict import VerdictImpossible, judge_directory

EXIT_GOOD = 0
EXIT_NOT_GOOD = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="gridgate-hil", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    purpose = "run the whole bench with the shipped daemon and judge the result"
    demo = commands.add_parser("demo", help=purpose, description=purpose, allow_abbrev=False)
    add_demo_options(demo)
    purpose = "run a scenario in virtual time with the daemon's own code and judge the result"
    simulate = commands.add_parser(
        "simulate", help=purpose, description=purpose, allow_abbrev=False
    )
    add_simulate_options(simulate)
    purpose = "tell what a network is like, or make one from an inventory"
    topology = commands.add_parser(
        "topology", help=purpose, description=purpose, allow_abbrev=False
    )
    add_topology_options(topology)
    purpose = "judge a run again from the files that it left, and nothing else"
    verdict = commands.add_parser("verdict", help=purpose, description=purpose)
    verdict.add_argument("directory", type=Path, metavar="DIR", help="for example build/demo")
    verdict.add_argument("--json", action="store_true", help="the figures as one JSON object")
    purpose = "shoot hostile frames at the decoders, or put them on an emulated line"
    fuzz = commands.add_parser("fuzz", help=purpose, description=purpose, allow_abbrev=False)
    add_fuzz_options(fuzz)
    arguments = parser.parse_args(words)
    if arguments.command == "fuzz":
        return _fuzz(fuzz_options(fuzz, arguments))
    if arguments.command == "verdict":
        return _judge(arguments.directory, as_json=arguments.json)
    try:
        if arguments.command == "simulate":
            return _simulate(arguments)
        if arguments.command == "topology":
            return run_topology(arguments)
        options = demo_options(demo, arguments)
        from hil.demo.command import run_demo  # noqa: PLC0415  (a verdict needs none of the bench)

        return run_demo(options)
    except KeyboardInterrupt:  # before the first process was started, or during the verdict
        return EXIT_INTERRUPTED


def _simulate(arguments: argparse.Namespace) -> int:
    from hil.simulation.run import simulate  # noqa: PLC0415  (who only judges needs no daemon)
    from hil.virtual_rig import MAKERS  # noqa: PLC0415

    return run_simulate(arguments, partial(simulate, MAKERS))


def _fuzz(options: FuzzOptions) -> int:
    try:
        from hil.fuzz.command import run_fuzz  # noqa: PLC0415  (scapy: only here, and late)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "scapy":
            raise
        install = "pip install 'gridgate[capture]'"
        print(
            f"fuzz needs scapy, which is not installed; install it with: {install}", file=sys.stderr
        )
        return EXIT_USAGE
    try:
        return run_fuzz(options)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _judge(directory: Path, *, as_json: bool) -> int:
    try:
        if is_simulation(directory):
            conclusion = conclude(directory)
            print(conclusion_json(conclusion) if as_json else in_words(conclusion))
            return EXIT_GOOD if conclusion.good else EXIT_NOT_GOOD
        verdict = judge_directory(directory)
    except VerdictImpossible as error:
        print(f"no verdict: {error}", file=sys.stderr)
        return EXIT_USAGE
    print(json.dumps(verdict_figures(verdict)) if as_json else verdict_table(verdict))
    return EXIT_GOOD if verdict.good else EXIT_NOT_GOOD


if __name__ == "__main__":
    sys.exit(main())
