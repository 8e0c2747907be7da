"""What may be asked of a fuzz campaign."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

COUNT: Final = 10_000
LAYERS: Final = ("mac", "ciase", "dlms", "uart")
LINE_LAYERS: Final = ("mac", "ciase", "dlms")
_CODECS: Final = "codecs"
_AIR: Final = "air:"

EXAMPLES: Final = """\
Hostile frames begin as valid ones, built field by field, and are then changed: fields at their
limits, lengths and counts that lie, contents that are wrong under a check that is right, cut
short, far too long, nested too deep, random octets. The same seed makes the same frames.

Default: all our decoders, a meter and the exchanges of a concentrator are shot at. A documented
refusal is a good answer; anything else (another error, no end, growth) is shown with the frame
and with the words that make it again, and the exit status is 1.

With --target air:SOCKET they go on an emulated line: at its tap (hil.line_process --tap SOCKET)
its modem, the daemon behind it and every meter hear them.

examples:
  gridgate-hil fuzz
  gridgate-hil fuzz --seed 7 --count 200000
  gridgate-hil fuzz --layer dlms --start 4711 --count 1
  gridgate-hil fuzz --layer mac --count 100 --out hostile.txt
  gridgate decode plc --file hostile.txt
  gridgate-hil fuzz --target air:build/tap --count 500

exit status:
  0  nothing broke
  1  something broke, or the line hung up
  2  wrong usage, scapy is not installed, or no line at the socket
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzOptions:
    """One campaign.

    Attributes:
        seed: the same seed gives the same frames.
        start: number of the first frame of each layer.
        count: frames of all layers together.
        layers: of which frames are made, in turn.
        out: write the frames to this file, and shoot at nobody.
        socket: of the line to send to; None: our own decoders.
    """

    seed: int
    start: int
    count: int
    layers: tuple[str, ...]
    out: Path | None
    socket: Path | None
    as_json: bool


def add_fuzz_options(parser: argparse.ArgumentParser) -> None:
    """Say what may stand behind `gridgate-hil fuzz`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLES
    add = parser.add_argument
    add("--seed", type=int, default=1, metavar="S", help="the same seed, the same frames (1)")
    add("--count", type=int, default=COUNT, metavar="N", help=f"how many frames ({COUNT})")
    add("--start", type=int, default=0, metavar="N", help="number of the first frame (0)")
    add("--layer", choices=LAYERS, help="only frames of this layer (default: all, in turn)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--out", type=Path, metavar="FILE", help="write them, one a line, in hex")
    where.add_argument(
        "--target",
        default=_CODECS,
        metavar="TARGET",
        help="codecs (default), or air:SOCKET for an emulated line",
    )
    add("--json", action="store_true", help="the result as one JSON object")


def fuzz_options(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> FuzzOptions:
    """Return the options.

    Raises:
        SystemExit: a value makes no sense (2).
    """
    socket = None
    if arguments.target.startswith(_AIR) and arguments.target != _AIR:
        socket = Path(arguments.target.removeprefix(_AIR))
    elif arguments.target != _CODECS:
        parser.error("--target is codecs or air:SOCKET")
    if arguments.count < 1 or arguments.start < 0:
        parser.error("--count must be 1 at least, --start 0")
    if socket is not None and arguments.layer == "uart":
        parser.error("--layer uart has no place on a power line")
    layers = LAYERS if socket is None else LINE_LAYERS
    return FuzzOptions(
        seed=arguments.seed,
        start=arguments.start,
        count=arguments.count,
        layers=layers if arguments.layer is None else (arguments.layer,),
        out=arguments.out,
        socket=socket,
        as_json=arguments.json,
    )
