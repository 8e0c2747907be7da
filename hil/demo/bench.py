"""The processes of the demo, wired together: started in order, watched, stopped in order."""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from hil.demo.child_process import ChildProcess, ProcessDied
from hil.demo.json_line import NoJsonAnswer, ask
from hil.demo.layout import DemoLayout
from hil.demo.options import DemoOptions
from hil.wan_forwarder import WanForwarder

READY_WITHIN_S = 20.0
MODEM_BAUD_BPS = 115_200  # the fastest strap of the modem's family; in hil/demo.toml too
_LOOK_AGAIN_S = 0.05
_HOST = "127.0.0.1"


class BenchNotReady(Exception):  # noqa: N818  (reads as what it is in an except clause)
    """A process lives, but does not do in time what it is there for."""


class Bench:
    """Broker, head-end, line, modem and daemon, and the forwarder between daemon and broker.

    Attributes:
        wan: the forwarder; it runs in this process.
        daemon_kills: how often the daemon was killed.
    """

    def __init__(
        self,
        options: DemoOptions,
        layout: DemoLayout,
        group: asyncio.TaskGroup,
        tell: Callable[[str], None],
    ) -> None:
        """Prepare; `tell` is told of each process that starts."""
        self._options = options
        self._layout = layout
        self._group = group
        self._tell = tell
        self.daemon_kills = 0
        broker_port = _free_port()
        self.wan = WanForwarder(far_host=_HOST, far_port=broker_port)
        self._broker_port = broker_port
        self._broker = self._child("broker", *self._broker_words())
        self._head_end = self._child("head_end", *self._head_end_words())
        self._line = self._child("line", *self._line_words())
        self._modem = self._child("modem", *self._modem_words())
        self._daemon = self._child("daemon", *self._daemon_words())

    async def start(self) -> None:
        """Start what stands around the daemon.

        Raises:
            BenchNotReady: a process is not ready in time.
        """
        wan_port = await self.wan.open()
        self._layout.write_daemon_config(self._options, broker_port=wan_port)
        await self._start(self._broker, self._broker_listens)
        await asyncio.gather(
            self._start(self._head_end, _exists(self._layout.socket("head_end.sock"))),
            self._start(self._line, self._line_answers),
            self._start(self._modem, _exists(self._layout.socket("plc_port"))),
        )

    async def start_daemon(self) -> None:
        """Start the daemon, or start it again; does not wait until it is ready."""
        await self._daemon.start()
        self._group.create_task(self._daemon.watch(), name="watch the daemon")
        self._note_pids()

    async def daemon_answers(self) -> None:
        """Return when the daemon answers on its control socket.

        Raises:
            BenchNotReady: it does not in time.
        """
        await self._until(self._daemon, self._daemon_is_there)

    async def kill_daemon(self) -> None:
        """Kill the daemon as a power cut would."""
        await self._daemon.kill()
        self.daemon_kills += 1

    async def tell_line(self, do: str, usn: str | None = None) -> dict[str, object]:
        """Have something done to the line or to one of its meters.

        Raises:
            BenchNotReady: the line's process refuses or does not answer.
        """
        command = {"do": do} if usn is None else {"do": do, "usn": usn}
        try:
            answer = await ask(self._layout.socket("line.sock"), command)
        except NoJsonAnswer as error:
            raise BenchNotReady(f"the line process: {error}") from error
        if not answer.get("ok"):
            raise BenchNotReady(f"the line process refuses {command}: {answer.get('reason')}")
        return answer

    async def stop(self) -> int | None:
        """End everything; return the daemon's exit status, None if it had to be killed."""
        status = await self._daemon.stop()
        for child in (self._head_end, self._modem, self._line, self._broker):
            await child.stop()
        await self.wan.close()
        return status

    def _broker_words(self) -> tuple[str, ...]:
        return ("hil.broker", "--host", _HOST, "--port", str(self._broker_port))

    def _head_end_words(self) -> tuple[str, ...]:
        words = (
            *("hil.head_end_process", "--host", _HOST, "--port", str(self._broker_port)),
            *("--database", str(self._layout.head_end)),
            *("--control", str(self._layout.socket("head_end.sock"))),
        )
        fault = self._options.head_end_fault
        return words if fault is None else (*words, "--fault", fault)

    def _line_words(self) -> tuple[str, ...]:
        options = self._options
        return (
            *("hil.line_process", "--air", str(self._layout.socket("air.sock"))),
            *("--control", str(self._layout.socket("line.sock"))),
            *("--truth", str(self._layout.truth)),
            *("--meters", str(options.meters), "--seed", str(options.seed)),
            *("--line-rate", str(options.line_rate_bps)),
        )

    def _modem_words(self) -> tuple[str, ...]:
        return (
            *("hil.modem_process", "--pty-link", str(self._layout.socket("plc_port"))),
            *("--pin-socket", str(self._layout.socket("pins.sock"))),
            *("--air", str(self._layout.socket("air.sock"))),
            *("--baud", str(MODEM_BAUD_BPS), "--seed", str(self._options.seed)),
        )

    def _daemon_words(self) -> tuple[str, ...]:
        return ("gateway", "run", "--config", str(self._layout.daemon_config))

    def _child(self, name: str, *words: str) -> ChildProcess:
        command = (sys.executable, "-m", *words)
        return ChildProcess(name, command, self._layout.logs / f"{name}.log")

    async def _start(self, child: ChildProcess, is_ready: Callable[[], Awaitable[bool]]) -> None:
        await child.start()
        self._group.create_task(self._watch(child), name=f"watch the {child.name}")
        self._tell(f"the {child.name} process is started")
        self._note_pids()
        await self._until(child, is_ready)

    async def _watch(self, child: ChildProcess) -> None:
        while True:
            try:
                await child.watch()
            except ProcessDied:
                if child is not self._head_end or self._options.head_end_fault is None:
                    raise
                self._tell("the head-end has died, as it was told to, and is started again")
                await child.start()
                self._note_pids()
            else:
                return

    async def _until(self, child: ChildProcess, is_ready: Callable[[], Awaitable[bool]]) -> None:
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                while not await is_ready():  # noqa: ASYNC110  (another process sets no event)
                    await asyncio.sleep(_LOOK_AGAIN_S)
        except TimeoutError:
            raise BenchNotReady(
                f"the {child.name} process was not ready within {READY_WITHIN_S:.0f} s;"
                f" its log is {child.log}"
            ) from None

    async def _broker_listens(self) -> bool:
        try:
            _reader, writer = await asyncio.open_connection(_HOST, self._broker_port)
        except OSError:
            return False
        writer.transport.abort()
        return True

    async def _line_answers(self) -> bool:
        return await _answers(self._layout.socket("line.sock"), {"do": "status"})

    async def _daemon_is_there(self) -> bool:
        return await _answers(self._layout.socket("control.sock"), {"ask": "status"})

    def _note_pids(self) -> None:
        """Say in a file which process is which, for whoever wants to look at one or to end it."""
        children = (self._broker, self._head_end, self._line, self._modem, self._daemon)
        lines = [f"{child.name} {child.pid}\n" for child in children if child.pid is not None]
        self._layout.socket("processes").write_text("".join(lines), encoding="utf-8")


def _exists(path: Path) -> Callable[[], Awaitable[bool]]:
    async def is_there() -> bool:
        return await asyncio.to_thread(path.exists)

    return is_there


async def _answers(path: Path, question: dict[str, object]) -> bool:
    try:
        await ask(path, question)
    except NoJsonAnswer:
        return False
    return True


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as free:
        free.bind((_HOST, 0))
        port: int = free.getsockname()[1]
    return port
