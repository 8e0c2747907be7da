"""What may be asked of a demo, and what follows from it."""

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path

METERS = 12
SEED = 1
LINE_RATE_BPS = 24_000
LINE_RATE_BPS_MIN = 300
DEADLINE_S = 120.0
DEADLINE_PER_METER_S = 6.5
CAPTURE_STOPS_BEFORE_END_S = 25.0
CAPTURE_AT_LEAST_S = 10.0
SLOWNESS_MAX = 5.0
WAN_CUT_S = 15.0
METERS_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What one demo is asked to do.

    Attributes:
        line_rate_bps: of the power line; 2400 is the field's.
        deadline_s: after the start, the demo ends at the latest.
        kills: SIGKILLs of the daemon; one stands on the schedule, more come at random moments.
        wan_cut_s: how long the way to the broker is cut; 0 leaves it alone.
        head_end_fault: handed to the head-end's process as it is; None: no fault.
        directory: where the run's files go; what an earlier run left there is removed.
    """

    meters: int = METERS
    seed: int = SEED
    line_rate_bps: int = LINE_RATE_BPS
    deadline_s: float = DEADLINE_S
    kills: int = 1
    wan_cut_s: float = WAN_CUT_S
    head_end_fault: str | None = None
    directory: Path = Path("build/demo")
    as_json: bool = False
    plot: bool = False

    @property
    def slowness(self) -> float:
        """Return how much longer everything takes on this line than on the bench's own."""
        return max(1.0, LINE_RATE_BPS / self.line_rate_bps)

    @property
    def capture_stops_at_s(self) -> float:
        """Return when the meters stop capturing, after the start; a slow line stops earlier."""
        tail_s = CAPTURE_STOPS_BEFORE_END_S
        if self.slowness > 1.0:
            tail_s = max(tail_s, min(tail_s * self.slowness, self.deadline_s / 4))
        return max(CAPTURE_AT_LEAST_S, self.deadline_s - tail_s)

    def told(self) -> dict[str, object]:
        """Return the options as the report shows them."""
        return {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
        }


def default_deadline_s(meters: int, line_rate_bps: int = LINE_RATE_BPS) -> float:
    """Return the time a demo may take: a larger line needs more airtime, a slower one, too."""
    bench_s = DEADLINE_S + DEADLINE_PER_METER_S * max(0, meters - METERS)
    return bench_s * min(SLOWNESS_MAX, max(1.0, LINE_RATE_BPS / line_rate_bps))


def add_demo_options(parser: argparse.ArgumentParser) -> None:
    """Say what may stand behind `gridgate-hil demo`."""
    parser.add_argument(
        "--meters", type=int, default=METERS, metavar="N", help="electricity meters (default 12)"
    )
    parser.add_argument(
        "--seed", type=int, default=SEED, metavar="S", help="of households, line and kills"
    )
    parser.add_argument(
        "--line-rate",
        type=int,
        default=LINE_RATE_BPS,
        metavar="BPS",
        help="bit rate of the power line (default 24000; the field has 2400)",
    )
    parser.add_argument(
        "--deadline-s",
        type=float,
        metavar="T",
        help="end at the latest (default 120 s, and 6.5 s for each meter over 12; five times that"
        " at the field's line rate)",
    )
    parser.add_argument(
        "--kills", type=int, default=1, metavar="N", help="SIGKILLs of the daemon (default 1)"
    )
    parser.add_argument(
        "--wan-cut-s",
        type=float,
        default=WAN_CUT_S,
        metavar="T",
        help="cut the way to the broker for so long (default 15; 0: not at all)",
    )
    parser.add_argument(
        "--head-end-fault", metavar="FAULT", help="make the head-end misbehave, see hil.head_end"
    )
    parser.add_argument(
        "--directory", type=Path, default=Path("build/demo"), metavar="DIR", help="for all files"
    )
    parser.add_argument("--json", action="store_true", help="print the report, and nothing else")
    parser.add_argument("--plot", action="store_true", help="draw plot.png into the directory")


def demo_options(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> DemoOptions:
    """Return the options.

    Raises:
        SystemExit: a value makes no sense (2).
    """
    if arguments.line_rate < LINE_RATE_BPS_MIN:
        parser.error(f"--line-rate must be {LINE_RATE_BPS_MIN} bit/s at least")
    deadline_s = arguments.deadline_s
    if deadline_s is None:
        deadline_s = default_deadline_s(arguments.meters, arguments.line_rate)
    options = DemoOptions(
        meters=arguments.meters,
        seed=arguments.seed,
        line_rate_bps=arguments.line_rate,
        deadline_s=deadline_s,
        kills=arguments.kills,
        wan_cut_s=arguments.wan_cut_s,
        head_end_fault=arguments.head_end_fault,
        directory=arguments.directory,
        as_json=arguments.json,
        plot=arguments.plot,
    )
    if not 1 <= options.meters <= METERS_MAX:
        parser.error(f"--meters must be from 1 to {METERS_MAX}")
    if options.deadline_s < CAPTURE_STOPS_BEFORE_END_S + CAPTURE_AT_LEAST_S:
        parser.error(
            f"--deadline-s must be {CAPTURE_STOPS_BEFORE_END_S + CAPTURE_AT_LEAST_S:.0f} at least:"
            f" capture stops {CAPTURE_STOPS_BEFORE_END_S:.0f} s before the end"
        )
    if options.kills < 0 or options.wan_cut_s < 0:
        parser.error("--kills and --wan-cut-s cannot be negative")
    return options
