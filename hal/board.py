"""One place that knows how a kind of board is wired: settings in, ports and pins out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from hal.errors import BoardMismatch
from hal.pin_socket import PinSocket, open_pin_socket
from hal.ports import BytePort, OutputPin
from hal.rts_pin import RtsPin
from hal.serial_port import SerialPort, SerialSettings, open_serial_port
from hal.swappable import SwappablePin, SwappablePort

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


@dataclass(frozen=True, slots=True)
class Devices:
    """What stands behind the ports of a board at one time."""

    port: BytePort
    pin: OutputPin
    pins: PinSocket | None = None

    async def close(self) -> None:
        """Release everything; may be called twice."""
        await self.pin.close()
        await self.port.close()
        if self.pins is not None:
            await self.pins.close()


class Board:
    """What the board offers; made by `open_board`. Its ports survive a device that is replugged."""

    def __init__(self, devices: Devices, open_again: Callable[[], Awaitable[Devices]]) -> None:
        self._devices = devices
        self._open_again = open_again
        self.plc_port = SwappablePort(devices.port)
        self.plc_t_req = SwappablePin(devices.pin)

    async def reopen(self) -> None:
        """Close every device and open it again, for whoever holds the ports already.

        Raises:
            HalError: as `open_board`; the ports stay lost, try again later.
        """
        await self._devices.close()
        self._devices = await self._open_again()
        self.plc_port.device = self._devices.port
        self.plc_t_req.device = self._devices.pin

    async def close(self) -> None:
        """Release everything; may be called twice."""
        await self._devices.close()


async def open_board(settings: BoardSettings) -> Board:
    """Open all ports and pins, and drive T_REQ high once, which shows that it exists.

    Raises:
        BoardMismatch: this kind of board has no such pin.
        PortBusy: another process holds a port.
        PortLost: a port is missing.
    """
    _check(settings)
    open_again = partial(_open_devices, settings)
    return Board(await open_again(), open_again)


async def _open_devices(settings: BoardSettings) -> Devices:
    port = await open_serial_port(
        SerialSettings(path=settings.plc_port, baud_bps=settings.plc_baud_bps)
    )
    pins: PinSocket | None = None
    try:
        if settings.plc_t_req != RTS and settings.pin_chip is not None:
            pins = await open_pin_socket(settings.pin_chip)
        pin = _request_line(settings, port, pins)
        await pin.set_level(high=True)
    except BaseException:
        await port.close()
        if pins is not None:
            await pins.close()
        raise
    return Devices(port, pin, pins)


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
