"""Notices a decoder that does not come back, and a process that grows without bound."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

CPU_MAX_S = 2.0  # of one decoder with one frame; a thousand times what any needs
GROWTH_MAX_MIB: Final = 64
_OCTETS_PER_MIB: Final = 1024 * 1024


class Hang(BaseException):  # no `except Exception` of a decoder may swallow it
    """A decoder took more processor time than CPU_MAX_S."""


@contextmanager
def hangs_are_noticed() -> Iterator[None]:
    """Raise Hang in whatever runs inside `limited` for too long; main thread only."""

    def give_up(_number: int, _frame: object) -> None:
        raise Hang(f"no end after {CPU_MAX_S:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, give_up)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def limited() -> Iterator[None]:
    """Give what runs inside CPU_MAX_S of processor time; a busy machine does not count."""
    signal.setitimer(signal.ITIMER_VIRTUAL, CPU_MAX_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


class Growth:
    """How much larger the process has become since the first look that counts."""

    def __init__(self) -> None:
        self._at_first_mib: float | None = None

    def look(self) -> float:
        """Return by how many MiB the process has grown; the first look is the measure."""
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        now_mib = pages * resource.getpagesize() / _OCTETS_PER_MIB
        if self._at_first_mib is None:
            self._at_first_mib = now_mib
        return now_mib - self._at_first_mib
