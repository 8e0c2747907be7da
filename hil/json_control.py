"""A control socket of the rig: one JSON object a line in, one out.

An answer has "ok"; when it is false, "reason" says why. What can be asked stands with whoever
answers: hil.line_control, hil.head_end.service.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

_LINE_OCTETS_MAX = 4096

CarryOut = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Carries out one command; raises ValueError with the reason when it cannot."""


class JsonControl:
    """Serves the socket."""

    def __init__(self, path: Path, carry_out: CarryOut) -> None:
        """Prepare; nothing listens before `start`."""
        self._path = path
        self._carry_out = carry_out
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[Any], asyncio.StreamWriter] = {}

    async def start(self) -> None:
        """Listen; a socket left behind by a process that died is replaced."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(
            self._serve, self._path, limit=_LINE_OCTETS_MAX
        )

    async def close(self) -> None:
        """Hang up and remove the socket."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)
        for writer in self._connections.values():
            writer.transport.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            pass  # hung up, or a line beyond the limit
        finally:
            del self._connections[task]
            writer.transport.abort()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        return await answer_to(line, self._carry_out)


async def answer_to(line: bytes, carry_out: CarryOut) -> dict[str, Any]:
    """Carry out one command and return the answer."""
    try:
        command = json.loads(line)
        if not isinstance(command, dict):
            return {"ok": False, "reason": "a command is a JSON object"}
        return {"ok": True, **await carry_out(command)}
    except (ValueError, RecursionError) as error:
        return {"ok": False, "reason": str(error)}
