"""Floors of workers: each stands on the one below, and they stop from the top."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, NoReturn

from gateway.core.exit_status import ExitStatus

Worker = Callable[[], Awaitable[None]]
Floor = Sequence[Worker]

STOP_LIMIT_S: Final = 4.5
"""From the signal to the end of the process; systemd and the tests expect less than 5 s."""

_LOG = logging.getLogger(__name__)


class _FloorMayClose(Exception):  # noqa: N818  (never seen outside; Python 3.11 groups lack cancel)
    """Thrown inside a TaskGroup so that it cancels what still runs in it."""


async def run_floors(
    floors: Sequence[Floor], stop: asyncio.Event, when_up: Callable[[], None] | None = None
) -> None:
    """Open the floors from the ground up, wait for `stop`, close them from the top down.

    A floor is closed only when every worker above it has finished, so an upper worker may still
    store what it holds while it is being cancelled. A worker that fails closes the house in the
    same order; its siblings live until it is their floor's turn. One that returns leaves the
    others be.

    Args:
        floors: the ground floor first.
        stop: set from outside to end everything in order; set from here by a failure.
        when_up: called once all workers of all floors have been started.

    Raises:
        ExceptionGroup: workers failed; each failure stands in it once.
    """
    failures: list[Exception] = []

    async def work(worker: Worker) -> None:
        try:
            await worker()
        except Exception as failure:  # noqa: BLE001  (kept, and raised when all is closed)
            failures.append(failure)
            stop.set()

    async with AsyncExitStack() as house:
        for floor in floors:
            await house.enter_async_context(_open_floor(floor, work))
        if when_up is not None and not stop.is_set():
            when_up()
        await stop.wait()
    if failures:
        raise ExceptionGroup("workers failed", failures)


@asynccontextmanager
async def _open_floor(
    floor: Floor, work: Callable[[Worker], Coroutine[None, None, None]]
) -> AsyncIterator[None]:
    try:
        async with asyncio.TaskGroup() as group:
            for worker in floor:
                name = getattr(worker, "__qualname__", repr(worker))
                group.create_task(work(worker), name=name)
            await asyncio.sleep(0)  # each worker reaches its first await before the next floor
            yield
            _close_floor()
    except* _FloorMayClose:
        pass


def _close_floor() -> NoReturn:
    raise _FloorMayClose


def stop_on_signals(stop: asyncio.Event, limit_s: float = STOP_LIMIT_S) -> None:
    """Let SIGTERM (systemd) and SIGINT (Ctrl-C) set `stop`, in the running loop.

    A worker that will not end must not hold the machine: `limit_s` after the first signal the
    process ends by force. The store survives that as it survives a power cut.
    """
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        if not stop.is_set():
            _LOG.info("stopping", extra={"SIGNAL": number.name})
            _end_by_force_after(limit_s)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)


def _end_by_force_after(limit_s: float) -> None:
    # A thread, not a loop timer: what will not end may be the loop itself.
    def end() -> None:
        _LOG.error("did not stop in time, ending by force", extra={"LIMIT_S": limit_s})
        os._exit(ExitStatus.ANSWER_IS_NO)

    timer = threading.Timer(limit_s, end)
    timer.daemon = True
    timer.name = "stop limit"
    timer.start()
