"""All talk with systemd; on a machine without it every call does nothing."""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from typing import Final

_LOG = logging.getLogger(__name__)

_SYSLOG_PRIORITIES: Final = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
    (logging.NOTSET, 7),
)


def syslog_priority(level: int) -> int:
    """Return the syslog priority (0 worst to 7 debug) of a level of `logging`."""
    return next(priority for floor, priority in _SYSLOG_PRIORITIES if level >= floor)


class ServiceManager:
    """What the daemon tells the one who started it.

    Args:
        environment: usually os.environ; NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID matter.
        notify: sends one message of sd_notify(3); None takes systemd-python's, if there is one.
    """

    def __init__(
        self, environment: Mapping[str, str], notify: Callable[[str], object] | None = None
    ) -> None:
        if notify is None and "NOTIFY_SOCKET" in environment:
            notify = _find_notify()
        self._notify = notify if "NOTIFY_SOCKET" in environment else None
        self.watchdog_period_s = _watchdog_period_s(environment)

    def ready(self) -> None:
        """Say that the daemon serves."""
        self._tell("READY=1")

    def stopping(self) -> None:
        """Say that the daemon is on its way down."""
        self._tell("STOPPING=1")

    def status(self, sentence: str) -> None:
        """Show one line in `systemctl status`."""
        self._tell("STATUS=" + sentence.replace("\n", " "))

    async def keep_watchdog(self, is_healthy: Callable[[], bool]) -> None:
        """Tell the watchdog, at half its period, that all is well, while it is; never returns.

        Without a watchdog it only waits to be cancelled, so it is a worker like any other.
        """
        if self.watchdog_period_s is None:
            await asyncio.Event().wait()
            return
        while True:
            if is_healthy():
                self._tell("WATCHDOG=1")
            else:
                _LOG.error("unhealthy, the watchdog is not told")
            await asyncio.sleep(self.watchdog_period_s / 2)

    def _tell(self, message: str) -> None:
        if self._notify is None:
            return
        try:
            self._notify(message)
        except OSError as error:
            # Who started us is gone or deaf: no reason to stop metering.
            _LOG.warning("systemd was not told", extra={"REASON": str(error)})


class JournalHandler(logging.Handler):
    """Write log records to the journal: the message and the upper-case extras, nothing else.

    systemd-python's own handler stores the arguments of the call too, and with them a password
    that somebody passed to a debug line.

    Args:
        send: takes the message and, by keyword, the fields.
    """

    def __init__(self, send: Callable[..., object]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Write one entry; what goes wrong here never reaches the caller."""
        try:
            extras = {name: str(value) for name, value in vars(record).items() if name.isupper()}
            standard = {
                "PRIORITY": str(syslog_priority(record.levelno)),
                "SYSLOG_IDENTIFIER": "gridgate",
                "LOGGER": record.name,
                "CODE_FILE": record.pathname,
                "CODE_LINE": str(record.lineno),
                "CODE_FUNC": record.funcName or "",
            }
            self._send(self.format(record), **(extras | standard))
        except Exception:  # noqa: BLE001  (a log line must never end the daemon)
            self.handleError(record)


def find_journal() -> Callable[..., object] | None:
    """Return the function that writes to the journal, or None on a machine without one."""
    if not os.path.exists("/run/systemd/journal/socket"):  # noqa: PTH110  (pathlib gains nothing)
        return None
    try:
        from systemd import journal  # noqa: PLC0415  (optional, and slow to load)
    except ImportError:
        return None
    send: Callable[..., object] = journal.send
    return send


def _find_notify() -> Callable[[str], object] | None:
    try:
        from systemd import daemon  # noqa: PLC0415  (optional)
    except ImportError:
        _LOG.warning("systemd waits for READY, but systemd-python is not installed")
        return None
    notify: Callable[[str], object] = daemon.notify
    return notify


def _watchdog_period_s(environment: Mapping[str, str]) -> float | None:
    meant_for = environment.get("WATCHDOG_PID")
    if meant_for is not None and meant_for != str(os.getpid()):
        return None
    try:
        period_s = int(environment.get("WATCHDOG_USEC", "0")) / 1e6
    except ValueError:
        return None
    return period_s if period_s > 0 else None
