"""The emulated chip's pins on a Unix socket; the protocol stands in hal.pin_socket."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hal.pin_socket import LINE_OCTETS_MAX


@dataclass(slots=True)
class ChipPin:
    """One pin: where it rests when nobody drives it, and whether the socket may drive it."""

    rests_high: bool
    may_be_set: bool
    high: bool = field(init=False)

    def __post_init__(self) -> None:
        self.high = self.rests_high


class PinChip:
    """All pins of one chip. `on_edge(name, high)` is called after each change."""

    def __init__(
        self, path: Path, pins: dict[str, ChipPin], on_edge: Callable[[str, bool], None]
    ) -> None:
        self._path = path
        self._pins = pins
        self._on_edge = on_edge
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.StreamWriter, _Client] = {}

    async def start(self) -> None:
        """Listen; a socket left behind by a process that died is replaced."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(
            self._serve, self._path, limit=LINE_OCTETS_MAX
        )

    async def close(self) -> None:
        """Hang up and remove the socket; may be called twice."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)
        tasks = [client.task for client in self._clients.values()]
        for writer in self._clients:
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)

    def is_high(self, name: str) -> bool:
        """Return a pin's level."""
        return self._pins[name].high

    def set_level(self, name: str, *, high: bool) -> None:
        """Change a pin from the chip's side, and tell who watches it."""
        pin = self._pins[name]
        if pin.high is high:
            return
        pin.high = high
        for writer, client in self._clients.items():
            if name in client.watches:
                writer.write(f"edge {name} {int(high)}\n".encode())
        self._on_edge(name, high)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        client = self._clients[writer] = _Client(task)
        try:
            while line := await reader.readline():
                answer = self._answer(line.decode("utf-8", "replace").split(), client)
                writer.write(f"{answer}\n".encode())
        except (OSError, ValueError):  # hung up, or a line too long
            pass
        finally:
            del self._clients[writer]
            writer.transport.abort()
            for name in client.driven:
                self.set_level(name, high=self._pins[name].rests_high)

    def _answer(self, words: list[str], client: "_Client") -> str:
        match words:
            case ["list"]:
                levels = [f"{name}={int(pin.high)}" for name, pin in self._pins.items()]
                return " ".join(["pins", *levels])
            case ["set", name, "0" | "1" as level] if name in self._pins:
                if not self._pins[name].may_be_set:
                    return f"error {name} is not an input of the chip"
                client.driven.add(name)
                self.set_level(name, high=level == "1")
                return f"ok {name} {level}"
            case ["get" | "watch" as verb, name] if name in self._pins:
                if verb == "watch":
                    client.watches.add(name)
                return f"ok {name} {int(self._pins[name].high)}"
            case ["set" | "get" | "watch", name, *_] if name not in self._pins:
                return f"error no pin {name}"
        return "error say: set NAME 0|1, get NAME, list, watch NAME"


@dataclass(slots=True)
class _Client:
    task: asyncio.Task[None]
    driven: set[str] = field(default_factory=set)
    watches: set[str] = field(default_factory=set)
