"""The power line's only owner: one exchange at a time, the most urgent first."""

import asyncio
import contextlib
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol, TypeVar

from drivers.exchange import Exchange
from drivers.plc.repeated_request import AnswerFacts
from gateway.core.purpose import Purpose
from hal.errors import ModemSilent
from hal.ports import PlcModem

MODEM_PATIENCE_S: Final = 60.0
"""Whoever has the line waits so long for a modem that is being brought up, and then says so."""

Outcome = TypeVar("Outcome")


class Priority(IntEnum):
    """What goes first on a line; the smaller number wins."""

    COMMAND = 0
    AD_HOC_READ = 1
    ALARM = 2
    DISCOVERY = 3
    IDENTIFICATION = 4
    CLOCK = 5
    BILLING = 6
    PROFILE = 7
    SUPERVISION = 8

    @property
    def purpose(self) -> Purpose:
        """Return in which class the line's time is told."""
        return _PURPOSE[self]


_PURPOSE: Final = {
    Priority.COMMAND: Purpose.COMMAND,
    Priority.AD_HOC_READ: Purpose.COMMAND,
    Priority.ALARM: Purpose.DISCOVERY,
    Priority.DISCOVERY: Purpose.DISCOVERY,
    Priority.IDENTIFICATION: Purpose.IDENTIFICATION,
    Priority.CLOCK: Purpose.CLOCK,
    Priority.BILLING: Purpose.COLLECTION,
    Priority.PROFILE: Purpose.COLLECTION,
    Priority.SUPERVISION: Purpose.SUPERVISION,
}


class ChannelCounter(Protocol):
    """Who counts what the channel does: gateway.meters.node_statistics."""

    def channel_used(
        self, at_s: float, purpose: Purpose, *, held_s: float, frames_sent: int, frames_heard: int
    ) -> None:
        """Note that an exchange gave the line back."""


@dataclass(slots=True)
class _Holder:
    """An exchange that wants the line, or has it since a loop time; does it let others go first?"""

    priority: Priority
    gives_way: bool = True
    since_s: float | None = None
    sent: int = 0
    heard: int = 0


class PlcSegment:
    """Runs exchanges over the modem for everybody who asks.

    Attributes:
        busy_s: time in which an exchange held the line, since the start.
        overheard_count: frames that came while nobody had asked anything.
    """

    def __init__(self, modem: PlcModem, time: Callable[[], float], counter: ChannelCounter) -> None:
        self._modem = modem
        self._time = time
        self._counter = counter
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._taken = False
        self._free_at_s = 0.0  # until then the last answer is still being repeated
        self.busy_s = 0.0
        self.overheard_count = 0

    async def exchange(self, make: Callable[[], Exchange[Outcome]], priority: Priority) -> Outcome:
        """Run one exchange when the line is free and nothing more urgent waits.

        Cancelling is safe at any time: the line goes to the next who waits.

        Args:
            make: makes the exchange in the moment it gets the line, so that a time in it is true.
            priority: against others who wait.

        Raises:
            DriverError: the exchange failed.
            HalError: the modem failed; whether the request went out is then unknown.
        """
        holder = _Holder(priority)
        await self._take(holder)
        try:
            await self._line_is_quiet()
            return await self._drive(make(), holder)
        finally:
            self._release(holder)

    async def call_repeaters(self, make: Callable[[], Exchange[Outcome]], pattern_s: float) -> None:
        """Run the exchange that announces a repeater call, then the call itself, undisturbed.

        Args:
            make: makes the exchange.
            pattern_s: how long the stations take to send their patterns.

        Raises:
            HalError: the modem failed.
        """
        holder = _Holder(Priority.DISCOVERY, gives_way=False)
        await self._take(holder)
        try:
            await self._line_is_quiet()
            await self._drive(make(), holder)
            await self._modem.call_repeaters(pattern_s)
        finally:
            self._release(holder)

    async def _take(self, holder: "_Holder") -> None:
        if self._taken or self._waiting:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (int(holder.priority), next(self._order), turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give_to_next()  # the turn came in the very moment of the cancelling
                raise
        self._taken = True
        holder.since_s = self._time()

    def _release(self, holder: "_Holder") -> None:
        if holder.since_s is None:
            return  # cancelled while it let others go first
        now_s = self._time()
        held_s = now_s - holder.since_s
        self.busy_s += held_s
        self._counter.channel_used(
            now_s,
            holder.priority.purpose,
            held_s=held_s,
            frames_sent=holder.sent,
            frames_heard=holder.heard,
        )
        holder.since_s, holder.sent, holder.heard = None, 0, 0
        self._give_to_next()

    def _give_to_next(self) -> None:
        self._taken = False
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._taken = True
                turn.set_result(None)
                return

    async def _line_is_quiet(self) -> None:
        try:
            async with asyncio.timeout(MODEM_PATIENCE_S):
                await self._modem.ready()
        except TimeoutError as error:
            raise ModemSilent("the modem is not up") from error
        await asyncio.sleep(max(0.0, self._free_at_s - self._time()))
        await self._forget_what_was_overheard()

    async def _drive(self, exchange: Exchange[Outcome], holder: "_Holder") -> Outcome:
        exchange.start(self._time())
        while True:
            while frame := exchange.octets_to_send():
                holder.sent += 1
                await self._modem.send(frame)
            outcome = exchange.outcome()
            if outcome is not None:
                if isinstance(outcome, AnswerFacts):
                    self._free_at_s = self._time() + outcome.line_busy_s
                return outcome
            heard = await self._heard_before(exchange.deadline())
            if heard is None:
                await self._let_more_urgent_go_first(holder)
                exchange.tick(self._time())
            else:
                holder.heard += 1
                exchange.receive(heard, self._time())

    async def _let_more_urgent_go_first(self, holder: "_Holder") -> None:
        """Between two tries of a question, let whoever is more urgent have the line [ACQ-5]."""
        while holder.gives_way and self._waiting and self._waiting[0][0] < holder.priority:
            self._release(holder)
            await self._take(holder)
            await self._line_is_quiet()

    async def _heard_before(self, deadline: float | None) -> bytes | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                return await self._modem.receive()
        return None

    async def _forget_what_was_overheard(self) -> None:
        # A late answer to an earlier question must not be taken for the answer to this one.
        while await self._heard_before(self._time()) is not None:
            self.overheard_count += 1
