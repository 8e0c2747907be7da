"""The daemon's ear for local questions: one JSON object a line, over a Unix socket."""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from gateway.core.errors import GatewayError

REQUEST_OCTETS_MAX: Final = 64 * 1024
CLIENTS_MAX: Final = 16
IDLE_LIMIT_S: Final = 30.0
"""A client that neither asks nor takes its answer for this long is hung up on."""

SOCKET_PATH_OCTETS_MAX: Final = 107
"""sun_path of unix(7), without its final zero."""

_PROBE_LIMIT_S: Final = 0.5
_SOCKET_MODE: Final = 0o660

_LOG = logging.getLogger(__name__)

Ask = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class ControlSocketTaken(GatewayError):  # noqa: N818  (reads as what it is in an except clause)
    """Another daemon answers on this path."""


class ControlServer:
    """Answer local questions, each with one line.

    A request is an object with at least "ask". The answer is the object that `ask` returns, or
    {"error": sentence} when it raises GatewayError or the line is no JSON object.

    Args:
        path: where the socket is made; mode 0660.
        ask: answers one request; must not take long.
    """

    def __init__(self, path: Path, ask: Ask) -> None:
        self._path = path
        self._ask = ask
        self._server: asyncio.Server | None = None
        self._clients: asyncio.TaskGroup | None = None
        self._clients_now = 0

    async def open(self) -> None:
        """Make the socket; clients are taken once `run` is running.

        Raises:
            ControlSocketTaken: a living daemon answers there; a dead one's socket is replaced.
            OSError: the path cannot be made.
        """
        if self._server is not None:
            return
        if await _somebody_answers(self._path):
            raise ControlSocketTaken(f"another daemon answers on {self._path}")
        self._server = await asyncio.start_unix_server(
            self._on_client,
            path=self._path,
            limit=REQUEST_OCTETS_MAX,
            start_serving=False,
        )
        self._path.chmod(_SOCKET_MODE)

    async def run(self) -> None:
        """Serve until cancelled, then remove the socket; opens it first if nobody did."""
        try:
            await self.open()
            assert self._server is not None
            async with asyncio.TaskGroup() as self._clients:
                await self._server.start_serving()
                await asyncio.Event().wait()
        finally:
            self.close()

    def close(self) -> None:
        """Remove the socket; may be called twice."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        self._path.unlink(missing_ok=True)

    def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._clients is None or self._clients_now >= CLIENTS_MAX:
            writer.close()
            return
        self._clients_now += 1
        self._clients.create_task(self._serve(reader, writer), name="control client")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(IDLE_LIMIT_S):
                    line = await reader.readline()
                if not line:
                    return
                answer = await self._answer(line)
                writer.write(json.dumps(answer, separators=(",", ":")).encode() + b"\n")
                async with asyncio.timeout(IDLE_LIMIT_S):
                    await writer.drain()
        except (TimeoutError, OSError):
            return
        except ValueError:  # StreamReader's word for a line beyond the limit
            _LOG.warning("control request too long", extra={"LIMIT_OCTETS": REQUEST_OCTETS_MAX})
        finally:
            self._clients_now -= 1
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
        except ValueError:
            return {"error": "the request is not JSON"}
        if not isinstance(request, dict):
            return {"error": "the request is not a JSON object"}
        try:
            return await self._ask(request)
        except GatewayError as error:
            return {"error": str(error)}


async def _somebody_answers(path: Path) -> bool:
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # noqa: FBT003  (the socket module's own signature)
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_PROBE_LIMIT_S):
                await loop.sock_connect(probe, str(path))
            return True
    return False
