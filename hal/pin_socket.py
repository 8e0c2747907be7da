"""Pins of an emulated chip, reached through a Unix socket: the protocol, and the board's end.

Lines of text, UTF-8, ended by a line feed, 200 octets at most. A pin is named by its role
(`plc_t_req`), its level is `0` low or `1` high, whatever it means.

| client says        | chip answers                                                         |
|--------------------|----------------------------------------------------------------------|
| `set NAME LEVEL`   | `ok NAME LEVEL` once the level is on the pin, or `error TEXT`        |
| `get NAME`         | `ok NAME LEVEL` or `error TEXT`                                      |
| `list`             | `pins NAME=LEVEL NAME=LEVEL ...`                                     |
| `watch NAME`       | `ok NAME LEVEL`, later `edge NAME LEVEL` after each change, unasked  |

Answers come in the order of the requests. When a client hangs up, the pins that it has set fall
back to their rest level, as lines do whose driver is gone.
"""

import asyncio
from collections import deque

from hal.errors import BoardMismatch, PortLost

LINE_OCTETS_MAX = 200
EDGE = "edge"


class PinSocket:
    """The board's end of one chip's socket; made by `open_pin_socket`."""

    def __init__(
        self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._path = path
        self._reader = reader
        self._writer = writer
        self._waiting: deque[asyncio.Future[str]] = deque()
        self._lost: PortLost | None = None
        self._listener = asyncio.create_task(self._listen(), name=f"pins of {path}")

    async def ask(self, request: str) -> str:
        """Return the chip's answer to one request line.

        Raises:
            BoardMismatch: the chip refuses: no such pin, or not one to be set.
            PortLost: the chip is gone.
        """
        if self._lost is not None:
            raise self._lost
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._writer.write(f"{request}\n".encode())
        text = await answer
        if text.startswith("error "):
            raise BoardMismatch(f"pin chip {self._path}: {text.removeprefix('error ')}")
        return text

    def output(self, name: str) -> "SocketPin":
        """Return a pin to be driven; that it exists shows when it is first set."""
        return SocketPin(self, name)

    async def close(self) -> None:
        """Hang up; may be called twice."""
        self._writer.transport.abort()
        await self._listener

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                text = line.decode("utf-8", "replace").rstrip("\n")
                if text.startswith(EDGE) or not self._waiting:
                    continue
                answer = self._waiting.popleft()
                if not answer.done():  # its caller may have been cancelled
                    answer.set_result(text)
        except (OSError, ValueError):
            pass
        self._lost = PortLost(f"pin chip {self._path}: hung up")
        self._writer.transport.abort()
        while self._waiting:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_exception(self._lost)


class SocketPin:
    """One pin to be driven; see hal.ports.OutputPin."""

    def __init__(self, chip: PinSocket, name: str) -> None:
        self._chip = chip
        self._name = name

    async def set_level(self, *, high: bool) -> None:
        """Drive the line; return once the level is on the pin.

        Raises:
            BoardMismatch: the chip has no such output.
            PortLost: the chip is gone.
        """
        await self._chip.ask(f"set {self._name} {int(high)}")

    async def close(self) -> None:
        """Leave the line as it is; the chip lets it go when the socket is closed."""


async def open_pin_socket(path: str) -> PinSocket:
    """Connect to an emulated chip.

    Raises:
        PortLost: nobody listens there.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=LINE_OCTETS_MAX)
    except OSError as error:
        raise PortLost(f"pin chip {path}: {error.strerror}") from error
    return PinSocket(path, reader, writer)
