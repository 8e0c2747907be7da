"""One process of the bench: started with a log of its own, watched, ended on purpose or not."""

import asyncio
import contextlib
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

STOP_WITHIN_S = 6.0
_LOG_TAIL_OCTETS = 2000


class ProcessDied(Exception):  # noqa: N818  (reads as what it is in an except clause)
    """A process of the bench ended although nobody had told it to."""


class ChildProcess:
    """A process that may be started again after it was killed.

    Attributes:
        name: of the process and, with .log, of its log file.
        starts: how often it was started.
    """

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self.name = name
        self.log = log
        self.starts = 0
        self._command = (*_dies_with_us(), *command)
        self._process: asyncio.subprocess.Process | None = None
        self._end_is_planned = False

    @property
    def pid(self) -> int | None:
        """Return its process id while it lives."""
        return None if self._process is None else self._process.pid

    async def start(self) -> None:
        """Start it; what it writes is appended to its log."""
        self._end_is_planned = False
        self.starts += 1
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C reaches the bench only, which then stops all in order.
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def watch(self) -> None:
        """Return when it has ended as planned.

        Raises:
            ProcessDied: it ended by itself.
        """
        assert self._process is not None
        status = await self._process.wait()
        if not self._end_is_planned:
            raise ProcessDied(
                f"the {self.name} process ended unexpectedly ({_in_words(status)});"
                f" its log is {self.log}{self._last_words()}"
            )

    async def kill(self) -> None:
        """End it at once, as a power cut would."""
        if (process := self._living()) is not None:
            self._end_is_planned = True
            process.kill()
            await process.wait()

    async def stop(self) -> int | None:
        """Ask it to end; kill it if it does not. Return its exit status; None: had to be killed."""
        if (process := self._living()) is None:
            return None if self._process is None else self._process.returncode
        self._end_is_planned = True
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                return await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            return None

    def _living(self) -> asyncio.subprocess.Process | None:
        if self._process is None or self._process.returncode is not None:
            return None
        return self._process

    def _last_words(self) -> str:
        octets = self.log.read_bytes()[-_LOG_TAIL_OCTETS:] if self.log.exists() else b""
        lines = octets.decode(errors="replace").strip().splitlines()
        return f" (last line: {lines[-1].strip()})" if lines else ""


def _in_words(status: int) -> str:
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


def _dies_with_us() -> tuple[str, ...]:
    """Return what makes a process end even if the bench itself is killed, where that exists."""
    setpriv = shutil.which("setpriv")
    return () if setpriv is None else (setpriv, "--pdeathsig", "KILL", "--")
