"""Bring each hour's statistics to the disk, once, and what has run of the last one at the end."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from gateway.meters.node_statistics import NodeStatistics
from gateway.store.database import Database
from gateway.store.errors import StoreError, StoreFull
from gateway.store.inventory import NodeState
from gateway.store.line_hour import LineHour
from gateway.store.meter_registry import MeterRegistry
from gateway.store.node_hours import write_hours

_LOG = logging.getLogger(__name__)

NAP_MAX_S: Final = 60.0
"""So long a step of the wall clock may stay unnoticed."""

MODEM_ASKED_BEFORE_S: Final = 2.0
"""The modem's counters are read so long before an hour ends; it may take so long."""

WAITING_HOURS_MAX: Final = 24
"""Hours that a disk refuses wait in memory; beyond these the oldest is given up."""


class StatisticsKeeper:
    """Owns the running hour, ends it in time and writes it.

    A crash loses the running hour at most. What waits for the disk is kept when `run` fails.

    Args:
        database: opened before `load`.
        registry: who was registered before.
        read_modem: returns the modem's counters.
        time: the loop's time.
        now_s: UTC.

    Attributes:
        statistics: the running hour, for those who count.
    """

    def __init__(
        self,
        *,
        database: Database,
        registry: MeterRegistry,
        read_modem: Callable[[], Awaitable[Mapping[str, int]]],
        time: Callable[[], float],
        now_s: Callable[[], float],
    ) -> None:
        self._database = database
        self._registry = registry
        self._read_modem = read_modem
        self._time = time
        self._now_s = now_s
        self._waiting: list[LineHour] = []
        self._told_waiting = 0
        self.statistics = NodeStatistics(time(), now_s())

    async def load(self) -> None:
        """Take up the nodes of an earlier run; once, when the registry is loaded."""
        known = self._registry.nodes.values()
        self.statistics.expect(
            node.system_title for node in known if node.state is not NodeState.NEW
        )

    def unwritten(self) -> list[LineHour]:
        """Return what no question to the store can find: hours that wait, and the running one."""
        running = self.statistics.so_far(self._time())
        return [*self._waiting, *([] if running is None else [running])]

    async def damaged_frames(self) -> int:
        """Return how many damaged frames the modem has heard so far; note it as well."""
        counts = await self._read_modem()
        damaged = counts.get("chip_crc_nok", 0) + counts.get("chip_fi_nok", 0)
        if "chip_crc_nok" in counts:  # a modem that is down tells nothing, which is not nought
            self.statistics.modem_counted(damaged)
        return damaged

    async def run(self) -> None:
        """End and write hours until cancelled, and write what there is then.

        Raises:
            StoreError: the disk refused; what waits is kept, so `run` may be called again.
        """
        try:
            while True:
                await self._write()
                await self._wait()
                ended = self.statistics.tick(self._time(), self._now_s())
                if ended is not None:
                    self._waiting.append(ended)
        except asyncio.CancelledError:
            await self._write_at_the_end()
            raise

    async def _wait(self) -> None:
        left_s = self.statistics.ends_at_s - self._time()
        if left_s > MODEM_ASKED_BEFORE_S:
            await asyncio.sleep(min(NAP_MAX_S, left_s - MODEM_ASKED_BEFORE_S))
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MODEM_ASKED_BEFORE_S):
                await self.damaged_frames()
        await asyncio.sleep(max(0.0, self.statistics.ends_at_s - self._time()))

    async def _write(self) -> None:
        """Write what waits; a store without room is asked again later."""
        if not self._waiting:
            return
        taken = list(self._waiting)
        done = False

        def committed() -> None:
            nonlocal done
            done = True

        try:
            await write_hours(self._database, taken, committed)
        except StoreFull as error:
            self._tell_once(error)
        finally:
            if done:  # even if cancelled meanwhile: nothing is added to the disk twice
                del self._waiting[: len(taken)]
            self._give_up_the_oldest()

    def _tell_once(self, error: StoreFull) -> None:
        if self._told_waiting != len(self._waiting):
            self._told_waiting = len(self._waiting)
            _LOG.warning(
                "statistics wait for room",
                extra={"HOURS": self._told_waiting, "REASON": str(error)},
            )

    def _give_up_the_oldest(self) -> None:
        while len(self._waiting) > WAITING_HOURS_MAX:
            given_up = self._waiting.pop(0)
            _LOG.error("an hour of statistics is given up", extra={"HOUR": given_up.hour})

    async def _write_at_the_end(self) -> None:
        self._waiting = self.unwritten()
        try:
            await self._write()
        except StoreError as error:
            _LOG.error(
                "statistics in memory are given up",
                extra={"HOURS": len(self._waiting), "REASON": str(error)},
            )
