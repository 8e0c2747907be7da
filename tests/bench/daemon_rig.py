"""The shipped daemon as a process on an emulated line, started and stopped at will."""

import asyncio
import os
import shutil
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Self

from hil.broker import wait_for_port
from hil.demo.child_process import ChildProcess
from hil.demo.json_line import NoJsonAnswer, ask

HOST: Final = "127.0.0.1"
BAUD_BPS: Final = 115_200
WITHIN_S: Final = 30.0
_LOOK_AGAIN_S: Final = 0.02
_LOOK_QUICKLY_S: Final = 0.005

_CONFIG: Final = """
[concentrator]
data_directory = "{data}"
control_socket = "{run}/control.sock"
[board]
kind = "rig"
plc_port = "{run}/plc_port"
plc_t_req = "plc_t_req"
plc_baud_bps = {baud_bps}
pin_chip = "{run}/pins.sock"
[plc]
bit_rate_bps = {line_rate_bps}
discover_period_s = 20.0
discover_quick_period_s = 0.5
discover_slots_min = 30
host_latency_s = 0.25
[collection]
row_age_max_s = 8.0
read_delay_s = 1.0
retry_after_s = 3.0
[head_end]
port = {broker_port}
push_interval_s = 1.0
[log]
target = "stderr"
"""


class RigFailed(Exception):  # noqa: N818  (reads as what it is in an except clause)
    """A process of the rig did not do what it is there for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RigOptions:
    """What the line is like.

    Attributes:
        directory: for sockets, logs and the daemon's store; emptied first.
        line_rate_bps: of the emulated power line.
    """

    directory: Path
    meters: int
    line_rate_bps: int


class DaemonRig:
    """Broker, head-end, line and modem around a daemon.

    Attributes:
        ready_means: what `start_daemon` waits for, in words.
    """

    def __init__(self, options: RigOptions) -> None:
        self._options = options
        self._run = options.directory.absolute()
        self._config = self._run / "gridgate.toml"
        self._notify_path = self._run / "notify.sock"
        self._port = _free_port()
        self._children: list[ChildProcess] = []
        self._notify: socket.socket | None = None
        self._notified = find_spec("systemd") is not None
        self.ready_means = "READY=1 on its NOTIFY_SOCKET"
        if not self._notified:
            self.ready_means = "an answer on its control socket (systemd-python is not installed)"
        words = ("gateway", "run", "--config", str(self._config))
        environment = ("env", f"NOTIFY_SOCKET={self._notify_path}")
        self._daemon = ChildProcess(
            "daemon", (*environment, sys.executable, "-m", *words), self._run / "daemon.log"
        )

    async def __aenter__(self) -> Self:
        shutil.rmtree(self._run, ignore_errors=True)
        self._run.mkdir(parents=True)
        self._write_config()
        try:
            await self._start_surroundings()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def start_daemon(self) -> float:
        """Start the daemon; return the seconds from spawning it until it is ready."""
        notify = self._listen_for_ready()
        began_s = time.perf_counter()
        await self._daemon.start()
        try:
            async with asyncio.timeout(WITHIN_S):
                await (self._told_ready(notify) if self._notified else self._answers())
        except TimeoutError:
            raise RigFailed(
                f"no {self.ready_means} within {WITHIN_S:.0f} s; see {self._daemon.log}"
            ) from None
        return time.perf_counter() - began_s

    async def stop_daemon(self) -> None:
        """Stop the daemon in order.

        Raises:
            RigFailed: it did not end as it should.
        """
        status = await self._daemon.stop()
        if status != 0:
            raise RigFailed(f"the daemon ended with {status}; see {self._daemon.log}")

    async def ask(self, what: str) -> dict[str, Any]:
        """Ask the daemon over its control socket."""
        return await ask(self._run / "control.sock", {"ask": what})

    async def plug_in_all(self) -> None:
        """Connect the meter that the line held back."""
        line = self._run / "line.sock"
        for usn in (await ask(line, {"do": "status"}))["waiting"]:
            await ask(line, {"do": "plug_in", "usn": usn})

    def resident_mb(self) -> float:
        """Return the daemon's resident memory, VmRSS, in MB of 10**6 octets."""
        status = Path(f"/proc/{self._daemon.pid}/status").read_text(encoding="ascii")
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024 / 1e6

    def _listen_for_ready(self) -> socket.socket:
        """Open what systemd would have open; it stays open, for the daemon tells of its end too."""
        self._close_notify()
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(self._notify_path))
        self._notify.setblocking(False)  # noqa: FBT003  (its only form)
        return self._notify

    def _close_notify(self) -> None:
        if self._notify is not None:
            self._notify.close()
            self._notify = None
            self._notify_path.unlink(missing_ok=True)

    async def _told_ready(self, notify: socket.socket) -> None:
        while b"READY=1" not in await asyncio.get_running_loop().sock_recv(notify, 4096):
            pass

    async def _answers(self) -> None:
        async def is_there() -> bool:
            try:
                await self.ask("status")
            except NoJsonAnswer:
                return False
            return True

        await _until(is_there, "an answer of the daemon", _LOOK_QUICKLY_S)

    async def _start_surroundings(self) -> None:
        run, rate = self._run, str(self._options.line_rate_bps)
        await self._start("broker", "hil.broker", "--host", HOST, "--port", str(self._port))
        await wait_for_port(self._port, HOST)
        await self._start(
            *("head_end", "hil.head_end_process", "--host", HOST, "--port", str(self._port)),
            *("--database", f"{run}/head_end.sqlite", "--control", f"{run}/head_end.sock"),
        )
        await self._start(
            *("line", "hil.line_process", "--air", f"{run}/air.sock"),
            *("--control", f"{run}/line.sock", "--truth", f"{run}/truth.sqlite"),
            *("--meters", str(self._options.meters), "--line-rate", rate),
            *("--periodic-history-rows", "6", "--capture-period-s", "60"),
        )
        await _until(_exists(run / "line.sock"), "the line", _LOOK_AGAIN_S)
        await self._start(
            *("modem", "hil.modem_process", "--pty-link", f"{run}/plc_port"),
            *("--pin-socket", f"{run}/pins.sock", "--air", f"{run}/air.sock"),
            *("--baud", str(BAUD_BPS)),
        )
        await _until(_exists(run / "plc_port"), "the modem", _LOOK_AGAIN_S)
        await _until(_exists(run / "head_end.sock"), "the head-end", _LOOK_AGAIN_S)

    async def _start(self, name: str, *words: str) -> None:
        child = ChildProcess(name, (sys.executable, "-m", *words), self._run / f"{name}.log")
        self._children.append(child)
        await child.start()

    async def _stop(self) -> None:
        await self._daemon.stop()
        for child in reversed(self._children):
            await child.stop()
        self._close_notify()

    def _write_config(self) -> None:
        text = _CONFIG.format(
            data=self._run / "data",
            run=self._run,
            baud_bps=BAUD_BPS,
            line_rate_bps=self._options.line_rate_bps,
            broker_port=self._port,
        )
        self._config.write_text(text, encoding="utf-8")


def _exists(path: Path) -> Callable[[], Awaitable[bool]]:
    async def is_there() -> bool:
        return os.path.lexists(path)

    return is_there


async def _until(is_so: Callable[[], Awaitable[bool]], what: str, look_again_s: float) -> None:
    try:
        async with asyncio.timeout(WITHIN_S):
            while not await is_so():
                await asyncio.sleep(look_again_s)
    except TimeoutError:
        raise RigFailed(f"{what} is not there within {WITHIN_S:.0f} s") from None


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
    return port
