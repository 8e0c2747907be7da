"""One place that knows how a kind of board is wired: settings in, ports and pins out."""

from dataclasses import dataclass
from enum import StrEnum

from hal.errors import BoardMismatch
from hal.pin_socket import PinSocket, open_pin_socket
from hal.ports import BytePort, OutputPin
from hal.rts_pin import RtsPin
from hal.serial_port import SerialPort, SerialSettings, open_serial_port

RTS = "rts"


class BoardKind(StrEnum):
    """Kinds of boards: the test rig, or a Raspberry Pi."""

    RIG = "rig"
    RASPBERRYPI = "raspberrypi"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSettings:
    """What differs between two boards.

    Attributes:
        kind: how pins are reached.
        plc_port: path of the PLC modem's serial device.
        plc_baud_bps: its straps; 38400 on the AMIS-49587 module.
        plc_t_req: the modem's request line: "rts", or the name of a pin.
        pin_chip: path of the socket of the emulated pins; rig only.
    """

    kind: BoardKind
    plc_port: str
    plc_baud_bps: int = 38_400
    plc_t_req: str = RTS
    pin_chip: str | None = None


class Board:
    """What the board offers; made by `open_board`."""

    def __init__(
        self, *, plc_port: BytePort, plc_t_req: OutputPin, pin_socket: PinSocket | None = None
    ) -> None:
        self.plc_port = plc_port
        self.plc_t_req = plc_t_req
        self._pin_socket = pin_socket

    async def close(self) -> None:
        """Release everything; may be called twice."""
        await self.plc_t_req.close()
        await self.plc_port.close()
        if self._pin_socket is not None:
            await self._pin_socket.close()


async def open_board(settings: BoardSettings) -> Board:
    """Open all ports and pins, and drive T_REQ high once, which shows that it exists.

    Raises:
        BoardMismatch: this kind of board has no such pin.
        PortBusy: another process holds a port.
        PortLost: a port is missing.
    """
    _check(settings)
    port = await open_serial_port(
        SerialSettings(path=settings.plc_port, baud_bps=settings.plc_baud_bps)
    )
    pins: PinSocket | None = None
    try:
        if settings.plc_t_req != RTS and settings.pin_chip is not None:
            pins = await open_pin_socket(settings.pin_chip)
        t_req = _request_line(settings, port, pins)
        await t_req.set_level(high=True)
    except BaseException:
        await port.close()
        if pins is not None:
            await pins.close()
        raise
    return Board(plc_port=port, plc_t_req=t_req, pin_socket=pins)


def _check(settings: BoardSettings) -> None:
    if settings.plc_t_req == RTS:
        return
    if settings.kind is BoardKind.RASPBERRYPI:
        raise BoardMismatch(
            f"T_REQ on pin {settings.plc_t_req!r}: GPIO pins are not supported yet on a"
            f" Raspberry Pi; wire T_REQ to RTS and set plc_t_req to {RTS!r}"
        )
    if settings.pin_chip is None:
        raise BoardMismatch(f"T_REQ on pin {settings.plc_t_req!r}: pin_chip is not set")


def _request_line(settings: BoardSettings, port: SerialPort, pins: PinSocket | None) -> OutputPin:
    return RtsPin(port) if pins is None else pins.output(settings.plc_t_req)
