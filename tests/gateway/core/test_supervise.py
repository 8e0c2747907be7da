"""Restarts: which errors, how soon, and never for a bug."""

import asyncio
import logging

import pytest

from gateway.core.supervise import RestartPolicy, restart_delay_s, supervise
from hal.errors import HalError, PortLost
from tests.gateway.core.jumping_loop import jumping

POLICY = RestartPolicy(restart_on=(HalError,), first_delay_s=1, delay_max_s=8, stable_after_s=100)


@jumping
async def test_the_delay_doubles_and_a_long_run_resets_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """OPS: a lost port is tried again, ever more slowly, and says so."""
    loop = asyncio.get_running_loop()
    runs_s = [0, 0, 0, 0, 0, 100, 0]
    began: list[float] = []

    async def worker() -> None:
        began.append(loop.time())
        if len(began) > len(runs_s):
            return
        await asyncio.sleep(runs_s[len(began) - 1])
        raise PortLost("unplugged")

    with caplog.at_level(logging.WARNING):
        await supervise("modem", worker, POLICY)
    # Delays 1 2 4 8 8, then a run of 100 s, then 1 and 2 again.
    assert began == pytest.approx([0, 1, 3, 7, 15, 23, 124, 126])
    assert vars(caplog.records[0])["WORKER"] == "modem"
    assert vars(caplog.records[0])["REASON"] == "PortLost: unplugged"


@jumping
async def test_a_bug_is_not_survived() -> None:
    async def worker() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await supervise("worker", worker, POLICY)


@jumping
async def test_cancelling_ends_it_while_it_works_and_while_it_waits() -> None:
    async def failing() -> None:
        raise PortLost("gone")

    async def working() -> None:
        await asyncio.sleep(1000)

    for worker in (failing, working):
        task = asyncio.create_task(supervise("worker", worker, POLICY))
        await asyncio.sleep(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_the_delay_is_bounded_however_long_it_goes_on() -> None:
    assert restart_delay_s(POLICY, 10_000) == 8
