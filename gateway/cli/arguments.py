"""What may stand on the command line, and the help that explains it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

DEFAULT_CONFIG_FILE: Final = Path("/etc/gridgate/gridgate.toml")

_EXIT_STATUS: Final = """\
exit status:
  0  good
  1  the answer is no
  2  wrong usage or configuration
  3  the daemon is not reachable
"""

_MAIN_EXAMPLES: Final = """\
examples:
  gridgate check-config --config /etc/gridgate/gridgate.toml
  gridgate run --config /etc/gridgate/gridgate.toml
  gridgate meters
  gridgate readings --meter 1KFM0200000123 --last 10
  gridgate export --out GG-000001.takeover.json
  gridgate decode modem 02 03 21 24 00
  gridgate sniff --port /dev/ttyUSB0 --pcap line.pcap

"""

_SNIFF_EXAMPLES: Final = """\
The modem is put into monitor mode: it hears every sub-frame on the line and never sends. It
serves one program at a time, so stop the daemon first, or listen with a second modem.

Each frame is one line: time (UTC), source > destination, credits initial/current/delta, hops so
far, signal to noise of the worse carrier in the modem's own counts, what the frame is. Every
repetition is a frame of its own. A damaged frame and an alarm are said as such.

The capture file (link type 147, DLT_USER0) holds all that was heard, also what is damaged; it can
hold passwords and readings, so only its owner may read it. scapy reads it with the layers:

  python3
  >>> import drivers.plc.scapy_layers.capture
  >>> from scapy.utils import rdpcap
  >>> rdpcap("line.pcap")[0].show()

examples:
  gridgate sniff --config /etc/gridgate/gridgate.toml
  gridgate sniff --port /dev/ttyUSB0 --pcap line.pcap --seconds 600
  gridgate sniff --port /dev/ttyUSB0 --count 20 --json

The exit status is 0 when it was ended by Ctrl-C, --count or --seconds; 1 when the modem was lost
on the way; 2 when it cannot begin.
"""

_DECODE_EXAMPLES: Final = """\
Octets are hexadecimal; spaces, colons and hyphens between them do not matter. Octets typed as
single words make one frame; longer words are one frame each. In a file every line is a frame;
what follows a # is a comment. Without frames and without --file, standard input is read.

examples:
  gridgate decode modem 02 03 21 24 00
  gridgate decode plc 6C6C00C00FFF139000011D64001403000000000000000000000000000000000000000038CC2B
  gridgate decode dlms 0C0100060001E240
  gridgate decode plc --file captured.txt --json

The exit status is 1 if any frame is not well formed; --json then tells the reason.
"""


class _ShowVersion(argparse.Action):
    """Print name and version; reads the package's metadata only when asked."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from importlib.metadata import version  # noqa: PLC0415  (slow; wanted by one option only)

        sys.stdout.write(f"gridgate {version('gridgate')}\n")
        parser.exit()


def read_arguments(words: Sequence[str]) -> argparse.Namespace:
    """Return what the words mean; `command` names the subcommand.

    Raises:
        SystemExit: help or version was asked for (0), or the words make no sense (2).
    """
    parser = argparse.ArgumentParser(
        prog="gridgate",
        description="The data concentrator between a power line of smart meters and a head-end.",
        epilog=_MAIN_EXAMPLES + _EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", nargs=0, action=_ShowVersion, help="show the version and end")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_running(commands)
    _add_asking(commands)
    _add_statistics(commands)
    _add_takeover(commands)
    _add_decode(commands)
    _add_sniff(commands)
    return parser.parse_args(words)


def _add_running(commands: Any) -> None:  # noqa: ANN401  (argparse names the type privately)
    run = _command(
        commands,
        "run",
        "run the daemon until SIGTERM or Ctrl-C",
        "examples:\n  gridgate run --config /etc/gridgate/gridgate.toml\n",
    )
    check = _command(
        commands,
        "check-config",
        "check a configuration file and every file that it names, and touch nothing else",
        "examples:\n  gridgate check-config /etc/gridgate/gridgate.toml\n",
    )
    run.add_argument("--config", type=Path, default=DEFAULT_CONFIG_FILE, metavar="FILE", help=_FILE)
    check.add_argument("file", type=Path, nargs="?", metavar="FILE", help=_FILE)
    check.add_argument("--config", type=Path, metavar="FILE", help="the same, as with `run`")


_FILE: Final = f"the configuration file (default {DEFAULT_CONFIG_FILE})"


def _add_asking(commands: Any) -> None:  # noqa: ANN401  (argparse names the type privately)
    status = _command(
        commands,
        "status",
        "show how the running daemon is doing",
        "examples:\n  gridgate status\n  gridgate status --json | jq .head_end\n",
    )
    meters = _command(
        commands,
        "meters",
        "list the meters with state, address, credit, last contact and row counts",
        "examples:\n  gridgate meters\n  gridgate meters --config build/demo/gridgate.toml\n",
    )
    readings = _command(
        commands,
        "readings",
        "show readings in the store, oldest first",
        "examples:\n  gridgate readings --last 5\n"
        "  gridgate readings --meter 1KFM0200000123 --stream daily --last 31\n",
    )
    lost = _command(
        commands,
        "lost",
        "list what is gone for good and the nodes that no longer answer; exit status 1 if any",
        "examples:\n  gridgate lost\n  gridgate lost --json\n",
    )
    read = _command(
        commands,
        "read",
        "read registers of one meter now, ahead of whatever the line collects",
        "examples:\n  gridgate read 1KFM0200000123 1-0:1.8.0.255\n"
        "  gridgate read 1KFM0200000123 1-1:32.7.0.255 1-1:31.7.0.255 --json\n",
    )
    read.add_argument("meter", metavar="USN", help="the meter, not a slave")
    read.add_argument("registers", nargs="+", metavar="OBIS", help="up to 8 registers")
    for command in (status, meters, readings, lost, read):
        _add_way_to_daemon(command)
    readings.add_argument("--meter", metavar="USN", help="only this meter's or slave's readings")
    readings.add_argument(
        "--stream", metavar="KIND", help="only this kind: periodic, daily, slave, ..."
    )
    readings.add_argument(
        "--last",
        type=_count,
        default=20,
        metavar="N",
        help="the newest N readings of each stream (default 20)",
    )


def _add_statistics(commands: Any) -> None:  # noqa: ANN401  (argparse names the type privately)
    statistics = _command(
        commands,
        "statistics",
        "show what was counted of each node and of the whole channel",
        "examples:\n  gridgate statistics --hours 1\n"
        "  gridgate statistics --meter 1KFM0200000123 --hours 720\n\n"
        "Times are UTC. The running hour is added as it is so far.\n",
    )
    statistics.add_argument("--meter", metavar="USN", help="only this one, hour by hour")
    statistics.add_argument(
        "--hours",
        type=_count,
        default=24,
        metavar="N",
        help="the last N whole hours (default 24)",
    )
    availability = _command(
        commands,
        "availability",
        "show how many meters answered hour by hour, or each meter's share day by day",
        "examples:\n  gridgate availability --last 24\n"
        "  gridgate availability --daily --day 2026-11-20 --csv\n\n"
        "Hours and days are UTC; the running one is added as it is so far.\n",
    )
    by = availability.add_mutually_exclusive_group()
    by.add_argument("--hourly", action="store_true", help="all meters, by the hour (default)")
    by.add_argument("--daily", action="store_true", help="meter by meter, by the day")
    when = availability.add_mutually_exclusive_group()
    when.add_argument("--day", metavar="YYYY-MM-DD", help="this day only")
    when.add_argument(
        "--last", type=_count, metavar="N", help="the last N whole ones (24 hours, or 1 day)"
    )
    availability.add_argument("--meter", metavar="USN", help="only this one; with --daily")
    availability.add_argument(
        "--csv", action="store_true", help="comma-separated, with the columns of field reports"
    )
    for command in (statistics, availability):
        _add_way_to_daemon(command)


def _add_way_to_daemon(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="the daemon's answer as JSON")
    way = command.add_mutually_exclusive_group()
    way.add_argument("--config", type=Path, metavar="FILE", help="the daemon's configuration file")
    way.add_argument("--socket", type=Path, metavar="PATH", help="the daemon's control socket")


def _add_takeover(commands: Any) -> None:  # noqa: ANN401  (argparse names the type privately)
    leave = _command(
        commands,
        "export",
        "write down what another box needs to go on for this one",
        "examples:\n  gridgate export --out /media/stick/GG-000001.takeover.json\n"
        "  gridgate export --config /mnt/card/etc/gridgate/gridgate.toml \\\n"
        "      --store /mnt/card/var/lib/gridgate/gridgate.db\n",
    )
    take = _command(
        commands,
        "import",
        "fill this box's empty store with what another box left",
        "examples:\n  gridgate import GG-000001.takeover.json --dry-run\n"
        "  gridgate import GG-000001.takeover.json --write-config taken_over.toml\n",
    )
    leave.add_argument("--config", type=Path, default=DEFAULT_CONFIG_FILE, metavar="FILE", help=_OF)
    leave.add_argument(
        "--store",
        type=Path,
        metavar="PATH",
        help="the store of a box that is dead: its gridgate.db",
    )
    leave.add_argument(
        "--out", type=Path, metavar="FILE", help="where to (default DC_ID.takeover.json)"
    )
    take.add_argument("document", type=Path, metavar="FILE", help="what `gridgate export` wrote")
    take.add_argument(
        "--config", type=Path, default=DEFAULT_CONFIG_FILE, metavar="FILE", help=_FILE
    )
    take.add_argument("--dry-run", action="store_true", help="show what would be; change nothing")
    take.add_argument(
        "--write-config",
        type=Path,
        metavar="FILE",
        help="write a configuration in which this box is the other one for its nodes",
    )
    take.add_argument(
        "--take-dc-id", action="store_true", help="in it, be the other one for the head-end too"
    )
    for command in (leave, take):
        command.add_argument("--force", action="store_true", help="overwrite a file that exists")
        command.add_argument("--json", action="store_true", help="what was done as JSON")


_OF: Final = f"the configuration file of the box to be replaced (default {DEFAULT_CONFIG_FILE})"


def _add_decode(commands: Any) -> None:  # noqa: ANN401  (argparse names the type privately)
    decode = _command(
        commands, "decode", "explain frames field by field, without a daemon", _DECODE_EXAMPLES
    )
    protocols = decode.add_subparsers(dest="protocol", metavar="PROTOCOL", required=True)
    # One parser a protocol: with a plain argument before HEX, argparse refuses `plc --json HEX`.
    for name, purpose in _PROTOCOLS.items():
        protocol = _command(protocols, name, purpose, _DECODE_EXAMPLES)
        protocol.add_argument("hex", nargs="*", metavar="HEX", help="frames in hexadecimal")
        protocol.add_argument("--file", type=Path, metavar="FILE", help="read frames, one a line")
        protocol.add_argument("--json", action="store_true", help="one JSON object a line")
        if name == "plc":
            _add_forms(protocol)


def _add_forms(plc: argparse.ArgumentParser) -> None:
    plc.add_argument(
        "--packing",
        choices=("A", "B"),
        default="A",
        help="how sub-frames are packed on the line (default A)",
    )
    plc.add_argument(
        "--host-record",
        action="store_true",
        help="the frames are the modem's records, without sub-frame code, padding, frame check",
    )


def _add_sniff(commands: Any) -> None:  # noqa: ANN401  (argparse names the type privately)
    sniff = _command(commands, "sniff", "show every frame on the power line, live", _SNIFF_EXAMPLES)
    add = sniff.add_argument
    way = sniff.add_mutually_exclusive_group()
    way.add_argument("--config", type=Path, metavar="FILE", help=_FILE)
    way.add_argument("--port", type=Path, metavar="DEV", help="the modem's serial device")
    add("--baud", type=int, metavar="N", help="with --port: its straps (default 38400)")
    add("--t-req", metavar="LINE", help="with --port: rts (default), or the name of a pin")
    add("--pin-chip", type=Path, metavar="SOCK", help="with --t-req PIN: socket of emulated pins")
    add("--bit-rate", type=int, metavar="BPS", help="with --port: of the line (default 2400)")
    add("--mains", type=int, choices=(50, 60), help="with --port: mains frequency (default 50)")
    add("--packing", choices=("A", "B"), help="with --port: how sub-frames are packed (default A)")
    add("--pcap", type=Path, metavar="FILE", help="write a capture file; overwrites what is there")
    add("--count", type=_count, metavar="N", help="end after N frames, good or damaged")
    add("--seconds", type=_seconds, metavar="S", help="end after S seconds")
    add("--json", action="store_true", help="one JSON object a line")


_PROTOCOLS: Final = {
    "modem": "explain what passes between host and PLC modem",
    "plc": "explain MAC frames of the power line",
    "dlms": "explain APDUs",
}


def _command(commands: Any, name: str, purpose: str, epilog: str) -> argparse.ArgumentParser:  # noqa: ANN401  (argparse names the type privately)
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=purpose,
        description=purpose[0].upper() + purpose[1:] + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser


def _count(text: str) -> int:
    count = int(text)
    if not 1 <= count <= 10_000:
        raise argparse.ArgumentTypeError("must be from 1 to 10000")
    return count


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return seconds
