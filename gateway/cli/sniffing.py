"""One run of `sniff`: a modem listens, and what it hears is shown, until told to stop."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from drivers.plc.mac_frame import Packing
from gateway.cli.line_listener import LineEvent, LineEventKind, LineListener
from gateway.core.clock import Clock, ClockTrust
from gateway.core.daemon import run_floors, stop_on_signals
from hal.errors import HalError
from hal.plc_modem.messages import SpyMessage

_FRAMES: Final = (LineEventKind.FRAME, LineEventKind.DAMAGED)
_COUNTED: Final = {
    LineEventKind.FRAME: "frames",
    LineEventKind.DAMAGED: "damaged",
    LineEventKind.ALARM: "alarms",
}


class Monitor(Protocol):
    """A modem that listens; hal.plc_modem.monitor.AmisMonitor is one."""

    dropped_count: int

    async def run(self) -> None:
        """Put the modem into monitor mode and keep it there until cancelled; raise HalError."""

    async def ready(self) -> None:
        """Wait until the modem listens."""

    async def receive(self) -> SpyMessage:
        """Return what the modem says next."""


@dataclass(slots=True, kw_only=True)
class Sniffing:
    """A run, and what it has heard so far.

    Attributes:
        packing: how sub-frames are packed on the line.
        show: gets each event as it happens.
        when_ready: called once the modem listens.
        count: end after so many frames, good or damaged; None for no end.
        seconds: end after so long; None for no end.
        counts: events by kind.
        dropped_count: messages of the modem that came too fast.
        listened: the modem was there and listened.
    """

    packing: Packing
    show: Callable[[LineEvent], None]
    when_ready: Callable[[], None]
    count: int | None = None
    seconds: float | None = None
    counts: Counter[LineEventKind] = field(default_factory=Counter)
    dropped_count: int = 0
    listened: bool = False

    async def run(self, monitor: Monitor) -> None:
        """Listen until Ctrl-C, SIGTERM, the count or the time.

        Raises:
            HalError: the port is lost, or the modem is silent or refuses.
            OSError: what `show` raised.
        """
        stop = asyncio.Event()
        stop_on_signals(stop)
        if self.seconds is not None:
            asyncio.get_running_loop().call_later(self.seconds, stop.set)

        async def show_all() -> None:
            await self._show_all(monitor, stop)

        try:
            await run_floors([[monitor.run], [show_all]], stop)
        except ExceptionGroup as group:
            raise _only_cause(group) from group
        finally:
            self.dropped_count = monitor.dropped_count

    def summary(self) -> str:
        """Return what was heard, in one line."""
        parts = [f"{self.counts[kind]} {word}" for kind, word in _COUNTED.items()]
        if self.dropped_count:
            parts.append(f"{self.dropped_count} messages of the modem lost: they came too fast")
        return ", ".join(parts)

    async def _show_all(self, monitor: Monitor, stop: asyncio.Event) -> None:
        await monitor.ready()
        self.listened = True
        self.when_ready()
        listener = LineListener(self.packing)
        clock = Clock(ClockTrust.NONE)
        while not self._is_over():
            for event in listener.take(await monitor.receive(), clock.now_s()):
                self.counts[event.kind] += 1
                self.show(event)
        stop.set()

    def _is_over(self) -> bool:
        return self.count is not None and sum(self.counts[kind] for kind in _FRAMES) >= self.count


def _only_cause(group: ExceptionGroup[Exception]) -> Exception:
    """Return the first cause; a lost port is the one that a person wants to read."""
    lost = [each for each in group.exceptions if isinstance(each, HalError)]
    return [*lost, *group.exceptions][0]
