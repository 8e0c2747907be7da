"""Serial lines without hardware: a pseudo-terminal whose far side keeps the real baud rate.

A pty moves octets at once and ignores the baud rate. Here each octet takes its time: what one
side sends reaches the other when its last bit would have. A side that has set another baud rate
gets garbage. Each octet carries its line time, so that who listens can judge gaps and waits by
the line, not by when this process was woken.
"""

import asyncio
import contextlib
import os
import termios
import tty
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hil.line_faults import FaultyLine, LineFaults
from hil.uart_waveform import misread

DELIVERY_S = 0.004  # octets are handed on in portions of this much line time, as a UART's FIFO does

_READ_OCTETS = 4096
_BAUD_RATES = {
    getattr(termios, f"B{bps}"): bps
    for bps in (300, 600, 1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400)
}
_OUT_SPEED = 5  # index in what tcgetattr returns


class PacedPty:
    """One serial line: the host opens `path`, the device is this object's owner.

    `on_octets(octets, began_at)` gets what the host sent; the octets stand on the line back to
    back from `began_at` on, `octet_s` each. All times are the event loop's.
    """

    def __init__(
        self,
        *,
        baud_bps: int,
        faults: LineFaults | None = None,
        link: Path | None = None,
    ) -> None:
        """Prepare; `link` is where a symbolic link to the pty will stand."""
        self.baud_bps = baud_bps
        self.octet_s = 10 / baud_bps
        self.path = ""
        self.on_octets: Callable[[bytes, float], object] = lambda _octets, _began_at: None
        self.octets_lost = 0  # nobody read them, or the device was not open
        self._link = link
        self._portion_octets = max(1, int(DELIVERY_S / self.octet_s))
        self._from_host = FaultyLine(faults or LineFaults(), "from host")
        self._to_host = FaultyLine(faults or LineFaults(), "to host")
        self._loop = asyncio.get_running_loop()
        self._opened_at = 0.0
        self._free_from_host_at = 0.0
        self._free_to_host_at = 0.0
        self._timers: deque[asyncio.TimerHandle] = deque()
        self._master = -1
        self._slave = -1

    def open(self) -> None:
        """Make the pty. Its slave side stays open here, so that a host may come and go."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._opened_at = self._loop.time()
        self._loop.add_reader(self._master, self._read_host)

    def publish(self) -> None:
        """Put the symbolic link in place; whoever waits for it may open the port now."""
        if self._link is not None:
            beside = self._link.with_name(f".{self._link.name}.{os.getpid()}")
            beside.symlink_to(self.path)
            beside.replace(self._link)

    def close(self) -> None:
        """Remove the line; a host that has it open meets a hang-up. May be called twice."""
        if self._master < 0:
            return
        self._loop.remove_reader(self._master)
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1
        if self._link is not None and self._link.is_symlink():
            with contextlib.suppress(OSError):
                self._link.unlink()

    def send(self, octets: bytes) -> float:
        """Put the device's octets on the line; return the line time at which the last one ends."""
        now = self._loop.time()
        began_at = max(now, self._free_to_host_at) + self._to_host.hold_back_s()
        self._free_to_host_at = began_at + len(octets) * self.octet_s
        host_bps = self._host_baud_bps()
        for at in range(0, len(octets), self._portion_octets):
            portion = octets[at : at + self._portion_octets]
            ends_at = began_at + (at + len(portion)) * self.octet_s
            if host_bps != self.baud_bps:
                portion = misread(portion, sent_bps=self.baud_bps, received_bps=host_bps)
            portion = self._to_host.pass_on(portion, ends_at - self._opened_at)
            self._later(ends_at, partial(self._write_host, portion))
        return self._free_to_host_at

    def _read_host(self) -> None:
        try:
            octets = os.read(self._master, _READ_OCTETS)
        except BlockingIOError:
            return
        now = self._loop.time()
        host_bps = self._host_baud_bps()
        began_at = max(now, self._free_from_host_at) + self._from_host.hold_back_s()
        if host_bps != self.baud_bps:
            octets = misread(octets, sent_bps=host_bps, received_bps=self.baud_bps)
        self._free_from_host_at = began_at + len(octets) * self.octet_s
        for at in range(0, len(octets), self._portion_octets):
            portion = octets[at : at + self._portion_octets]
            starts_at = began_at + at * self.octet_s
            ends_at = starts_at + len(portion) * self.octet_s
            portion = self._from_host.pass_on(portion, ends_at - self._opened_at)
            if portion:
                self._later(ends_at, partial(self.on_octets, portion, starts_at))

    def _write_host(self, octets: bytes) -> None:
        try:
            written = os.write(self._master, octets) if octets else 0
        except BlockingIOError:
            written = 0
        self.octets_lost += len(octets) - written

    def _later(self, at: float, action: Callable[[], object]) -> None:
        while self._timers and self._timers[0].when() <= self._loop.time():
            self._timers.popleft()
        self._timers.append(self._loop.call_at(at, action))

    def _host_baud_bps(self) -> int:
        """Return what the host has set: a pty's both sides share their settings."""
        speed = termios.tcgetattr(self._master)[_OUT_SPEED]
        return _BAUD_RATES.get(speed, self.baud_bps)


class PtyPair:
    """Two ptys joined by a paced line, for two processes that each open one."""

    def __init__(
        self, *, baud_bps: int, faults: LineFaults | None = None, links: tuple[Path, Path]
    ) -> None:
        self.one = PacedPty(baud_bps=baud_bps, faults=faults, link=links[0])
        self.two = PacedPty(baud_bps=baud_bps, link=links[1])
        self.one.on_octets = lambda octets, _began_at: self.two.send(octets)
        self.two.on_octets = lambda octets, _began_at: self.one.send(octets)

    def open(self) -> None:
        """Make both and put their links in place."""
        for side in (self.one, self.two):
            side.open()
            side.publish()

    def close(self) -> None:
        """Remove both."""
        self.one.close()
        self.two.close()
