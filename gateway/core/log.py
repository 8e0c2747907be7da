"""Where log records go, and what one looks like as a line."""

import logging
import os
import sys
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO

from gateway.core.systemd import JournalHandler, find_journal


class LogTarget(StrEnum):
    """Where log records go."""

    AUTO = "auto"
    STDERR = "stderr"
    JOURNAL = "journal"


class LogLevel(StrEnum):
    """The least important record that is still written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """The [log] section.

    Attributes:
        level: the least important record that is still written; frames on the wires are debug.
        target: "auto" is the journal when systemd started the daemon, else stderr.
    """

    level: LogLevel = LogLevel.INFO
    target: LogTarget = LogTarget.AUTO


class LineFormatter(logging.Formatter):
    """One record as one line: UTC time, level, logger, event, then NAME=value of the extras."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and a traceback below it if the record carries one."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        words = [
            f"{at}.{int(record.msecs):03d}Z",
            f"{record.levelname:<7}",
            record.name,
            _on_one_line(record.getMessage()),
        ]
        words += [
            f"{name}={_quoted(str(value))}"
            for name, value in vars(record).items()
            if name.isupper()
        ]
        line = " ".join(words)
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def set_up_logging(settings: LogSettings, stream: TextIO | None = None) -> None:
    """Send every record of the process where `settings` say; replaces an earlier set-up.

    Args:
        settings: level and target.
        stream: what "stderr" means; sys.stderr unless given.
    """
    handler = _journal_handler(settings.target)
    if handler is None:
        handler = logging.StreamHandler(stream or sys.stderr)
        handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(settings.level.upper())
    if settings.level is not LogLevel.DEBUG:
        logging.getLogger("asyncio").setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def _journal_handler(target: LogTarget) -> logging.Handler | None:
    if target is LogTarget.STDERR:
        return None
    if target is LogTarget.AUTO and "JOURNAL_STREAM" not in os.environ:
        return None
    send = find_journal()
    return None if send is None else JournalHandler(send)


def _on_one_line(text: str) -> str:
    return text.replace("\n", " ")


def _quoted(value: str) -> str:
    value = _on_one_line(value)
    if value and " " not in value and '"' not in value:
        return value
    return '"' + value.replace('"', "'") + '"'
