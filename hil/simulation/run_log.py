"""What the daemons of a run log, in a file, with the time of the run."""

import datetime as dt
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class _RunTime(logging.Formatter):
    def __init__(self, now_s: Callable[[], float]) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")
        self._now_s = now_s

    def formatTime(  # noqa: N802  (the base's)
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        """Return the time of the run, UTC; the record's own is the world's."""
        del record, datefmt
        moment = dt.datetime.fromtimestamp(self._now_s(), dt.UTC)
        return moment.isoformat(timespec="milliseconds")


@contextmanager
def log_into(path: Path, now_s: Callable[[], float], level: int) -> Iterator[None]:
    """Let everything of this level and above be logged into a file, and nowhere else."""
    root = logging.getLogger()
    before, before_level = root.handlers, root.level
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(_RunTime(now_s))
    root.handlers = [handler]
    root.setLevel(level)
    try:
        yield
    finally:
        root.handlers = before
        root.setLevel(before_level)
        handler.close()
