"""The line's control socket: one JSON object a line in, one out.

    {"do": "plug_in", "usn": "..."}     a meter that was held back joins the line
    {"do": "power_off", "usn": "..."}   and "power_on": mains of one meter
    {"do": "stop_capture"}              -> {"ok": true, "rows": n}; the truth is complete then
    {"do": "status"}                    -> {"ok": true, ...} see LineBench.status

An answer has "ok"; when it is false, "reason" says why.
"""

import asyncio
import json
from pathlib import Path
from typing import Any, Protocol

_LINE_OCTETS_MAX = 4096


class NoSuchMeter(Exception):  # noqa: N818  (reads as what it is in an except clause)
    """A command named a meter that this line does not have, or not in that state."""


class Commands(Protocol):
    """What can be commanded; hil.line_bench.LineBench is one. All but the last two may refuse."""

    def plug_in(self, usn: str) -> None:
        """Connect a meter that was held back. Raises NoSuchMeter."""

    def power_off(self, usn: str) -> None:
        """Take the mains from a meter. Raises NoSuchMeter."""

    def power_on(self, usn: str) -> None:
        """Give a meter the mains back. Raises NoSuchMeter."""

    def stop_capture(self) -> int:
        """End the arising of rows; return how many the meters hold."""

    def status(self) -> dict[str, object]:
        """Return what an onlooker wants to know."""


class LineControl:
    """Serves the socket."""

    def __init__(self, path: Path, bench: Commands) -> None:
        """Prepare; nothing listens before `start`."""
        self._path = path
        self._bench = bench
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
                writer.write(json.dumps(answer_to(line, self._bench)).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            pass  # hung up, or a line beyond the limit
        finally:
            del self._connections[task]
            writer.transport.abort()


def answer_to(line: bytes, bench: Commands) -> dict[str, object]:
    """Carry out one command and return the answer."""
    try:
        command = json.loads(line)
        if not isinstance(command, dict):
            return _refusal("a command is a JSON object")
        return {"ok": True, **_carry_out(command, bench)}
    except NoSuchMeter as error:
        return _refusal(str(error))
    except ValueError as error:
        return _refusal(f"no JSON: {error}")


def _carry_out(command: dict[str, Any], bench: Commands) -> dict[str, object]:
    usn = str(command.get("usn", ""))
    to_one_meter = {
        "plug_in": bench.plug_in,
        "power_off": bench.power_off,
        "power_on": bench.power_on,
    }
    match command.get("do"):
        case "status":
            return bench.status()
        case "stop_capture":
            return {"rows": bench.stop_capture()}
        case str() as name if name in to_one_meter:
            to_one_meter[name](usn)
            return {"usn": usn}
        case name:
            raise NoSuchMeter(f"no command {name!r}")


def _refusal(reason: str) -> dict[str, object]:
    return {"ok": False, "reason": reason}
