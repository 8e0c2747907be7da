"""Ports without hardware, with the same contract and the faults of a bad line.

Everything happens on the loop's clock, so that it runs under virtual time too.
"""

import asyncio
from collections.abc import Callable

from hal.board import Board, Devices
from hal.errors import PortLost

Fault = Callable[[bytes], bytes]


def _no_fault(octets: bytes) -> bytes:
    return octets


class FakeSerialLine:
    """A serial line in memory; the host's end is a hal.ports.BytePort, the far end is a device.

    Octets arrive after their time on the line. `to_host` and `to_device` may change octets.
    """

    def __init__(self, *, baud_bps: int = 38_400) -> None:
        self.octet_s = 10 / baud_bps
        self.to_host: Fault = _no_fault
        self.to_device: Fault = _no_fault
        self.on_octets: Callable[[bytes, float], object] = lambda _octets, _began_at: None
        self._host_line_free_at = 0.0
        self._device_line_free_at = 0.0
        self._unread = bytearray()
        self._changed = asyncio.Event()
        self._lost: PortLost | None = None

    async def write(self, octets: bytes) -> None:
        """Put octets on the line to the device.

        Raises:
            PortLost: unplugged or closed.
        """
        if self._lost is not None:
            raise self._lost
        loop = asyncio.get_running_loop()
        began_at = max(loop.time(), self._device_line_free_at)
        self._device_line_free_at = began_at + len(octets) * self.octet_s
        if arriving := self.to_device(octets):
            loop.call_at(self._device_line_free_at, self._reach_device, arriving, began_at)

    async def read(self) -> bytes:
        """Return what has arrived from the device, at least one octet.

        Raises:
            PortLost: unplugged or closed.
        """
        while not self._unread:
            if self._lost is not None:
                raise self._lost
            self._changed.clear()
            await self._changed.wait()
        octets = bytes(self._unread)
        self._unread.clear()
        return octets

    async def close(self) -> None:
        """Close the host's end; may be called twice."""
        self._end("fake port: closed")

    def send(self, octets: bytes) -> float:
        """Put the device's octets on the line to the host; return when the last one is out."""
        loop = asyncio.get_running_loop()
        began_at = max(loop.time(), self._host_line_free_at)
        self._host_line_free_at = began_at + len(octets) * self.octet_s
        if arriving := self.to_host(octets):
            loop.call_at(self._host_line_free_at, self._reach_host, arriving)
        return self._host_line_free_at

    def unplug(self) -> None:
        """Make every later call of the host raise PortLost."""
        self._end("fake port: unplugged")

    def replug(self) -> None:
        """Let the line work again; what was in it is gone."""
        self._lost = None
        self._unread.clear()

    def _end(self, reason: str) -> None:
        if self._lost is None:
            self._lost = PortLost(reason)
        self._changed.set()

    def _reach_host(self, octets: bytes) -> None:
        self._unread += octets
        self._changed.set()

    def _reach_device(self, octets: bytes, began_at: float) -> None:
        if self._lost is None:
            self.on_octets(octets, began_at)


class FakePin:
    """A pin in memory that tells its changes; see hal.ports.OutputPin."""

    def __init__(self, on_change: Callable[[bool], None] = lambda _high: None) -> None:
        self.on_change = on_change
        self.high = True

    async def set_level(self, *, high: bool) -> None:
        """Drive the line."""
        if high is not self.high:
            self.high = high
            self.on_change(high)

    async def close(self) -> None:
        """Release the line; may be called twice."""


class FakeBoard(Board):
    """A board whose modem is whatever the test connects to `line` and `t_req`."""

    def __init__(self, *, plc_baud_bps: int = 38_400) -> None:
        self.line = FakeSerialLine(baud_bps=plc_baud_bps)
        self.t_req = FakePin()
        super().__init__(Devices(self.line, self.t_req), self._replug)

    async def _replug(self) -> Devices:
        self.line.replug()
        return Devices(self.line, self.t_req)
