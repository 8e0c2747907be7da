"""Floors: the order of starting and stopping, failures, signals in a real process."""

import asyncio
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable

import pytest

from gateway.core.daemon import run_floors
from tests.gateway.core.jumping_loop import jumping


def worker_named(
    name: str, log: list[str], closing_s: float = 0.0
) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        log.append(f"{name} up")
        try:
            await asyncio.sleep(1e6)
        finally:
            await asyncio.sleep(closing_s)
            log.append(f"{name} down")

    return work


@jumping
async def test_floors_open_from_the_ground_and_close_from_the_top() -> None:
    log: list[str] = []
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(5, stop.set)
    floors = [
        [worker_named("store", log)],
        [worker_named("link", log, closing_s=3)],
        [worker_named("meters", log, closing_s=2)],
    ]
    await run_floors(floors, stop, when_up=lambda: log.append("READY"))
    assert log == [
        "store up",
        "link up",
        "meters up",
        "READY",
        "meters down",
        "link down",
        "store down",
    ]
    assert asyncio.get_running_loop().time() == pytest.approx(10)


@jumping
async def test_what_an_upper_worker_holds_is_stored_while_it_stops() -> None:
    """UPL-1: the lower floor still works while the upper one is being cancelled."""
    stored: list[str] = []
    handed_over: asyncio.Queue[str] = asyncio.Queue()
    stop = asyncio.Event()

    async def store() -> None:
        while True:
            stored.append(await handed_over.get())
            handed_over.task_done()

    async def collector() -> None:
        try:
            await asyncio.sleep(1e6)
        finally:
            handed_over.put_nowait("last row")
            await handed_over.join()

    asyncio.get_running_loop().call_later(1, stop.set)
    await run_floors([[store], [collector]], stop)
    assert stored == ["last row"]


@jumping
async def test_a_failure_on_any_floor_closes_all_of_them_top_first() -> None:
    for failing_floor in (0, 1, 2):
        log: list[str] = []

        async def fail() -> None:
            await asyncio.sleep(1)
            raise ZeroDivisionError

        floors = [[worker_named(name, log)] for name in ("store", "link", "meters")]
        floors[failing_floor].append(fail)
        with pytest.raises(ExceptionGroup) as caught:
            await run_floors(floors, asyncio.Event())
        assert [type(failure) for failure in caught.value.exceptions] == [ZeroDivisionError]
        assert log[3:] == ["meters down", "link down", "store down"]


@jumping
async def test_a_worker_that_returns_leaves_the_others_running() -> None:
    log: list[str] = []
    stop = asyncio.Event()

    async def once() -> None:
        log.append("once")

    asyncio.get_running_loop().call_later(60, stop.set)
    await run_floors([[once, worker_named("store", log)]], stop)
    assert asyncio.get_running_loop().time() == pytest.approx(60)
    assert log == ["once", "store up", "store down"]


PROGRAM = """
    import asyncio, sys, time
    from gateway.core.daemon import run_floors, stop_on_signals

    async def worker():
        try:
            await asyncio.sleep(3600)
        finally:
            if "hang" in sys.argv:
                time.sleep(60)
            print("closed", flush=True)

    async def main():
        stop = asyncio.Event()
        stop_on_signals(stop, limit_s=0.5)
        await run_floors([[worker]], stop, when_up=lambda: print("READY", flush=True))

    asyncio.run(main())
"""


@pytest.mark.rig
@pytest.mark.parametrize(
    ("word", "number", "status", "last_words"),
    [
        ("fine", signal.SIGTERM, 0, "closed\n"),
        ("fine", signal.SIGINT, 0, "closed\n"),
        ("hang", signal.SIGTERM, 1, ""),
    ],
)
def test_signals_in_a_real_process(
    word: str, number: signal.Signals, status: int, last_words: str
) -> None:
    """OPS: SIGTERM ends the daemon in time, even one whose event loop hangs."""
    command = [sys.executable, "-c", textwrap.dedent(PROGRAM), word]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "READY\n"
        began_s = time.monotonic()
        process.send_signal(number)
        out, _ = process.communicate(timeout=10)
    assert (process.returncode, out) == (status, last_words)
    assert time.monotonic() - began_s < 5
