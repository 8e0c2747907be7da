"""`sniff`: everything that happens on the power line, live, through a modem that only listens."""

import argparse
import asyncio
import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, TextIO

from drivers.plc.mac_frame import Packing
from gateway.cli.arguments import DEFAULT_CONFIG_FILE
from gateway.cli.line_listener import LineEvent
from gateway.cli.pcap_file import PcapFile
from gateway.cli.sniffing import Sniffing
from gateway.core.errors import GatewayError
from gateway.core.exit_status import ExitStatus
from hal.board import RTS, BoardKind, BoardSettings, open_board
from hal.errors import BoardMismatch, HalError, PortBusy, PortLost
from hal.plc_modem.monitor import AmisMonitor
from hal.plc_modem.settings import PlcModemSettings

INSTALL: Final = (
    "sniff needs scapy, which is not installed; install it with: pip install 'gridgate[capture]'"
)
BUSY: Final = (
    "a modem serves one program at a time; stop the other one, perhaps the daemon,"
    " or connect a second modem to listen with"
)
_OF_PORT: Final = ("baud", "t_req", "pin_chip", "bit_rate", "mains", "packing")


class _CaptureFileLost(GatewayError):  # noqa: N818  (reads as what it is in an except clause)
    """The capture file cannot be written any further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """Which modem listens, and to what."""

    board: BoardSettings
    modem: PlcModemSettings
    packing: Packing

    def in_words(self) -> str:
        line = f"{self.board.plc_port} at {self.modem.bit_rate_bps} bit/s, packing {self.packing}"
        return f"listening on {line}; times are UTC; Ctrl-C ends"


def execute(arguments: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    """Listen until told to stop; return the exit status.

    Raises:
        SettingError: the configuration file is wrong.
    """
    reason = _contradiction(arguments)
    if reason is not None:
        return _refuse(reason, err)
    try:
        import drivers.plc.scapy_layers.capture  # noqa: F401, PLC0415  (scapy: only here, and late)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "scapy":
            raise
        return _refuse(INSTALL, err)
    line = _line_of_config(arguments) if arguments.port is None else _line_of_words(arguments)
    with ExitStack() as files:
        try:
            show = _shower(arguments, line.packing, out, files)
        except OSError as error:
            return _refuse(f"{arguments.pcap} cannot be written: {error.strerror}", err)
        sniffing = Sniffing(
            packing=line.packing,
            show=show,
            when_ready=lambda: print(line.in_words(), file=err, flush=True),
            count=arguments.count,
            seconds=arguments.seconds,
        )
        return _run(sniffing, line, err)


def _run(sniffing: Sniffing, line: _Line, err: TextIO) -> int:
    status = ExitStatus.GOOD
    try:
        asyncio.run(_listen(sniffing, line))
    except PortBusy as error:
        return _refuse(f"{error}; {BUSY}", err)
    except BoardMismatch as error:
        return _refuse(str(error), err)
    except PortLost as error:
        if not sniffing.listened:
            return _refuse(str(error), err)
        status = _say_no(str(error), err)
    except (HalError, _CaptureFileLost) as error:
        status = _say_no(str(error), err)
    print(sniffing.summary(), file=err)
    return status


async def _listen(sniffing: Sniffing, line: _Line) -> None:
    board = await open_board(line.board)
    try:
        await sniffing.run(AmisMonitor(board.plc_port, board.plc_t_req, line.modem))
    finally:
        await board.close()


def _shower(
    arguments: argparse.Namespace, packing: Packing, out: TextIO, files: ExitStack
) -> Callable[[LineEvent], None]:
    """Return what prints an event and writes it into the capture file, if there is one.

    Raises:
        OSError: the capture file cannot be created.
    """
    from drivers.plc.scapy_layers.capture import LINK_TYPE  # noqa: PLC0415
    from gateway.cli.line_event_words import as_object, as_packet, as_text  # noqa: PLC0415

    pcap = None
    if arguments.pcap is not None:
        pcap = files.enter_context(PcapFile(arguments.pcap, LINK_TYPE))

    def show(event: LineEvent) -> None:
        if pcap is not None and (packet := as_packet(event, packing)) is not None:
            try:
                pcap.write(packet, event.at_s)
            except OSError as error:
                reason = f"{arguments.pcap} cannot be written any further: {error.strerror}"
                raise _CaptureFileLost(reason) from error
        text = json.dumps(as_object(event)) if arguments.json else as_text(event)
        print(text, file=out, flush=True)

    return show


def _refuse(reason: str, err: TextIO) -> int:
    print(f"gridgate: {reason}", file=err)
    return ExitStatus.USAGE


def _say_no(reason: str, err: TextIO) -> ExitStatus:
    print(f"gridgate: {reason}", file=err)
    return ExitStatus.ANSWER_IS_NO


def _contradiction(arguments: argparse.Namespace) -> str | None:
    """Return what makes no sense about the words, or None."""
    for name in _OF_PORT:
        if arguments.port is None and getattr(arguments, name) is not None:
            option = name.replace("_", "-")
            return f"--{option} goes with --port only: a configuration file says it itself"
    if arguments.t_req not in (None, RTS) and arguments.pin_chip is None:
        return f"--t-req {arguments.t_req} is a pin: say with --pin-chip where it is"
    return None


def _line_of_config(arguments: argparse.Namespace) -> _Line:
    from gateway.core.config import load_config  # noqa: PLC0415  (slow; --port does without)

    config = load_config(arguments.config or DEFAULT_CONFIG_FILE)
    return _Line(board=config.board, modem=config.plc_modem, packing=config.plc.packing)


def _line_of_words(arguments: argparse.Namespace) -> _Line:
    given = {name: getattr(arguments, name) for name in _OF_PORT}
    words = {name: value for name, value in given.items() if value is not None}
    standard = PlcModemSettings()
    baud_bps = words.get("baud", standard.baud_bps)
    return _Line(
        board=BoardSettings(
            kind=BoardKind.RIG,  # the one that knows T_REQ on a pin socket and on RTS
            plc_port=str(arguments.port),
            plc_baud_bps=baud_bps,
            plc_t_req=words.get("t_req", RTS),
            pin_chip=str(words["pin_chip"]) if "pin_chip" in words else None,
        ),
        modem=PlcModemSettings(
            baud_bps=baud_bps,
            bit_rate_bps=words.get("bit_rate", standard.bit_rate_bps),
            mains_frequency_hz=words.get("mains", standard.mains_frequency_hz),
        ),
        packing=Packing(words.get("packing", Packing.MODEL_A)),
    )
