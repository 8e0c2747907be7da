"""Bring a worker back after errors that are the world's fault, and after no others."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """Which errors a worker comes back from, and how soon.

    Attributes:
        restart_on: errors of the world. Any other error is a bug: it ends the daemon, and
            systemd starts a fresh one.
        first_delay_s: wait before the first restart; each further wait is twice as long.
        delay_max_s: no wait is longer.
        stable_after_s: a worker that ran this long starts again from the first delay.
    """

    restart_on: tuple[type[Exception], ...]
    first_delay_s: float = 1.0
    delay_max_s: float = 60.0
    stable_after_s: float = 120.0


async def supervise(
    name: str, worker: Callable[[], Awaitable[None]], policy: RestartPolicy
) -> None:
    """Keep `worker` running until it returns by itself or is cancelled.

    Args:
        name: what the log calls the worker.
        worker: called anew for each start.
        policy: what is survived, and the delays.

    Raises:
        Exception: whatever the worker raises that is not in `policy.restart_on`.
    """
    loop_time = asyncio.get_running_loop().time
    failures_in_row = 0
    while True:
        began_at = loop_time()
        try:
            await worker()
        except policy.restart_on as error:
            reason = f"{type(error).__name__}: {error}"
        else:
            return
        if loop_time() - began_at >= policy.stable_after_s:
            failures_in_row = 0
        delay_s = restart_delay_s(policy, failures_in_row)
        failures_in_row += 1
        _LOG.warning(
            "worker failed, will start again",
            extra={"WORKER": name, "REASON": reason, "DELAY_S": delay_s},
        )
        await asyncio.sleep(delay_s)


def restart_delay_s(policy: RestartPolicy, failures_before: int) -> float:
    """Return the wait after a failure that `failures_before` others came before, in a row."""
    doublings = min(failures_before, 30)  # beyond that delay_max_s has long won
    return min(math.ldexp(policy.first_delay_s, doublings), policy.delay_max_s)
