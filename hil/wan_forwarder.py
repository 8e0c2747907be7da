"""The way from the concentrator to the broker: a TCP forwarder that can be cut.

A cut is silent, as in the field: nothing arrives, nothing is refused, and what was under way is
lost. A connection begun meanwhile seems to stand, but nobody answers. When the way is whole
again, every connection from before is reset, as by a router that has forgotten it.
"""

import asyncio
from dataclasses import dataclass

_READ_OCTETS_MAX = 65_536


@dataclass(slots=True, kw_only=True)
class WanCounters:
    """What the forwarder has seen.

    Attributes:
        octets_lost: swallowed while the way was cut.
    """

    connections: int = 0
    cuts: int = 0
    octets_up: int = 0
    octets_down: int = 0
    octets_lost: int = 0


class WanForwarder:
    """Forwards each connection to one far end, until it is cut."""

    def __init__(self, *, far_host: str, far_port: int) -> None:
        self.counters = WanCounters()
        self._far = (far_host, far_port)
        self._server: asyncio.Server | None = None
        self._is_cut = False
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def is_cut(self) -> bool:
        """Tell whether the way is cut now."""
        return self._is_cut

    async def open(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; return the port, a free one when none is given."""
        self._server = await asyncio.start_server(self._accept, host, port)
        listening: int = self._server.sockets[0].getsockname()[1]
        return listening

    def cut(self) -> None:
        """Let nothing through from now on, and say nothing."""
        if not self._is_cut:
            self._is_cut = True
            self.counters.cuts += 1

    def mend(self) -> None:
        """Let through what is new; reset what is from before."""
        if self._is_cut:
            self._is_cut = False
            self._reset_all()

    async def close(self) -> None:
        """Hang up and stop listening; may be called twice."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = list(self._connections)
        self._reset_all()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _reset_all(self) -> None:
        for task, writer in self._connections.items():
            writer.transport.abort()
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        self.counters.connections += 1
        try:
            await self._forward(reader, writer)
        except asyncio.CancelledError:
            # Streams' own callback would log a cancelled handler as an error; the way was cut or
            # closed on purpose, and nobody waits for this task's result.
            return
        except OSError:
            return
        finally:
            del self._connections[task]
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            await self._swallow(reader)
            return
        far_reader, far_writer = await asyncio.open_connection(*self._far)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(reader, far_writer, up=True))
                both.create_task(self._pump(far_reader, writer, up=False))
        except* OSError:
            pass  # either end hung up hard: both do now
        finally:
            far_writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        while octets := await reader.read(_READ_OCTETS_MAX):
            if self._is_cut:
                self.counters.octets_lost += len(octets)
                continue
            if up:
                self.counters.octets_up += len(octets)
            else:
                self.counters.octets_down += len(octets)
            writer.write(octets)
            await writer.drain()
        if self._is_cut:
            await asyncio.Event().wait()  # not even the end of the connection comes through
        writer.write_eof()

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        while octets := await reader.read(_READ_OCTETS_MAX):
            self.counters.octets_lost += len(octets)
