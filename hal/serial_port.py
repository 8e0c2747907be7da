"""The door to pyserial: opens a serial device and makes it a port."""

import asyncio
import errno
from dataclasses import dataclass

import serial
import serial_asyncio

from hal.errors import BoardMismatch, PortBusy, PortLost

_UNREAD_OCTETS_MAX = 65_536
_LOCKED = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK}
_REASONS = {
    errno.ENOENT: "no such device",
    errno.ENOTTY: "not a serial device",
    errno.EACCES: "not permitted",
    errno.EPERM: "not permitted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialSettings:
    """One device: 8 data bits, no parity, 1 stop bit. Exclusive: a second opener is refused."""

    path: str
    baud_bps: int
    exclusive: bool = True


class SerialPort(asyncio.Protocol):
    """An open serial device; see hal.ports.BytePort. Made by `open_serial_port`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._transport: serial_asyncio.SerialTransport = None
        self._device: serial.Serial | None = None
        self._unread = bytearray()
        self._connected = asyncio.Event()
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._lost: PortLost | None = None
        self._gone = asyncio.Event()

    async def write(self, octets: bytes) -> None:
        """Return once the octets are handed over.

        Raises:
            PortLost: the device is gone or closed.
        """
        if self._lost is not None:
            raise self._lost
        self._transport.write(octets)
        await self._writable.wait()
        if self._lost is not None:
            raise self._lost

    async def read(self) -> bytes:
        """Return at least one octet; a cancelled read loses nothing.

        Raises:
            PortLost: the device is gone or closed.
        """
        while not self._unread:
            if self._lost is not None:
                raise self._lost
            self._changed.clear()
            await self._changed.wait()
        octets = bytes(self._unread)
        self._unread.clear()
        if self._lost is None:
            self._transport.resume_reading()
        return octets

    def set_rts(self, *, active: bool) -> None:
        """Drive the RTS line; active pulls the pin low on a TTL level port.

        Raises:
            BoardMismatch: the device has no RTS line, as a pseudo-terminal.
            PortLost: the device is gone or closed.
        """
        if self._lost is not None or self._device is None:
            raise self._lost or PortLost(f"{self._path}: closed")
        try:
            self._device.rts = active
        except OSError as error:
            if error.errno in {errno.ENOTTY, errno.EINVAL}:
                raise BoardMismatch(f"{self._path} has no RTS line") from error
            raise PortLost(f"{self._path}: {error.strerror}") from error

    async def close(self) -> None:
        """Release the device; may be called twice."""
        if self._lost is None:
            self._lost = PortLost(f"{self._path}: closed")
            self._changed.set()
            self._writable.set()
        transport = self._transport
        # The transport reports its end once only, and never while octets wait to be written.
        if not self._gone.is_set() and (
            not transport.is_closing() or transport.get_write_buffer_size()
        ):
            if self._device is not None and self._device.is_open:
                self._device.reset_output_buffer()  # its own close would wait for a slow line
            transport.abort()
        await self._gone.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the transport on the loop's next turn."""
        self._transport = transport
        self._connected.set()

    def data_received(self, data: bytes) -> None:
        """Called by the transport."""
        self._unread += data
        if len(self._unread) > _UNREAD_OCTETS_MAX:
            self._transport.pause_reading()
        self._changed.set()

    def pause_writing(self) -> None:
        """Called by the transport when the device does not keep up."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Called by the transport."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the transport, before it closes the device."""
        if self._lost is None:
            hung_up = exc is None or "returned no data" in str(exc)
            self._lost = PortLost(f"{self._path}: {'hung up' if hung_up else exc}")
        self._changed.set()
        self._writable.set()
        asyncio.get_running_loop().call_soon(self._gone.set)

    async def connect(self, device: serial.Serial) -> None:
        """Take over an open device; for `open_serial_port`."""
        self._device = device
        loop = asyncio.get_running_loop()
        await serial_asyncio.connection_for_serial(loop, lambda: self, device)
        await self._connected.wait()


async def open_serial_port(settings: SerialSettings) -> SerialPort:
    """Open a device, off the loop: a driver may take its time.

    RTS and DTR are left inactive, so that a request line on RTS stays high.

    Raises:
        PortBusy: another process holds it.
        PortLost: there is no such device, or it may not be used.
    """
    opening = asyncio.create_task(asyncio.to_thread(_open_device, settings))
    try:
        device = await asyncio.shield(opening)
    except asyncio.CancelledError:
        # The thread cannot be stopped: what it opens must still be closed.
        (result,) = await asyncio.gather(opening, return_exceptions=True)
        if isinstance(result, serial.Serial):
            result.close()
        raise
    port = SerialPort(settings.path)
    await port.connect(device)
    return port


def _open_device(settings: SerialSettings) -> serial.Serial:
    device = serial.Serial(exclusive=settings.exclusive)
    device.port = settings.path
    device.baudrate = settings.baud_bps
    device.rts = False
    device.dtr = False
    try:
        device.open()
    except serial.SerialException as error:
        locked = error.errno in _LOCKED and "lock" in str(error)
        if locked or error.errno == errno.EBUSY:
            raise PortBusy(f"{settings.path} is used by another process") from error
        # A device that takes no settings is reported without an errno.
        number = errno.ENOTTY if "Could not configure" in str(error) else error.errno
        reason = _REASONS.get(number or 0, str(error))
        raise PortLost(f"{settings.path}: {reason}") from error
    except (OSError, ValueError) as error:
        raise PortLost(f"{settings.path}: {error}") from error
    return device
