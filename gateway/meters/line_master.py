"""Work the line: one turn after the other, for as long as the daemon runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from drivers.errors import NoAnswer, PeerError
from gateway.core.clock import Clock
from gateway.meters.look_rhythm import LookOutcome, LookRhythm
from gateway.meters.meter_kind import MeterKind
from gateway.meters.meter_state import MeterState
from gateway.meters.node_link import NodeLink
from gateway.meters.patience import RETRY_FIRST_S
from gateway.meters.plc_segment import Priority
from gateway.meters.schedule import Schedule, Task, Turn
from gateway.meters.stream_plan import StreamState
from gateway.meters.wall_steps import follow_step
from gateway.store.intervals import IntervalSet
from hal.errors import HalError

if TYPE_CHECKING:
    from drivers.dlms.conversations import Conversation
    from gateway.meters.identification import Identity, KnownKind
    from gateway.meters.meter_access import MeterAccess

_LOG = logging.getLogger(__name__)

IDLE_MAX_S: Final = 1.0
"""An idle line looks this often whether something became due, as the wall clock may step."""

MODEM_PAUSE_S: Final = 0.5
"""Wait after the modem failed; it comes back by itself."""

TURN_MAX_S: Final = 900.0
"""No turn takes longer, not even a whole object list at 300 bit/s: beyond it something hangs."""

CLOCK_RETRY_S: Final = 60.0
"""Between two tries to set the same meter's clock."""


IDENTIFY_RETRY_S: Final = 3_600.0
"""Between two tries to ask a known meter again who it is."""

KIND_DOUBTED_AFTER: Final = 3
"""So many useless answers in a row, and the remembered object list is not believed any more."""

TOLD_IN_VAIN_MAX: Final = 5
"""Who was told its address so often, and never answers there, is no reason to look again soon."""


class Finder(Protocol):
    """Who finds nodes: gateway.meters.discovery."""

    @property
    def expects_more(self) -> bool:
        """Whether nodes may be left that nobody has heard yet."""

    @property
    def likely_more(self) -> bool:
        """Whether that is likelier than not."""

    async def look(self, collisions: Callable[[], Awaitable[int]]) -> list[NodeLink]:
        """Look once; return the nodes registered."""


class Reader(Protocol):
    """Who reads buffers: gateway.meters.collector."""

    async def collect(self, meter: MeterState, stream: StreamState) -> None:
        """Ask one question and store what came."""


class ClockKeeper(Protocol):
    """Who keeps clocks: gateway.meters.timekeeper."""

    async def keep(self, meter: MeterState) -> None:
        """Read a meter's clock and set it when it is too far off."""

    def should_set(self, deviation_s: float | None) -> bool:
        """Return whether a meter with this deviation is to be set."""

    async def broadcast(self, kinds: Iterable[MeterKind]) -> bool:
        """Give the time to all."""


class Book(Protocol):
    """Who remembers nodes and meters: gateway.meters.meter_book."""

    meters: dict[bytes, MeterState]

    def known_kind(self, config_id: str, firmware_module: str) -> MeterKind | None:
        """Return what is remembered of a kind of meter."""

    def links(self) -> Iterator[NodeLink]:
        """Return the nodes that have an address."""

    async def identified(self, link: NodeLink, identity: "Identity") -> MeterState:
        """Write down who a node's meter is."""

    async def registered(self, link: NodeLink) -> None:
        """Write down that a node answered at its address."""

    async def lost(self, link: NodeLink) -> None:
        """Write down that a node has been silent for too long."""

    async def found_again(self, link: NodeLink) -> None:
        """Write down that a lost node answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """The rhythm of what concerns all nodes.

    Attributes:
        look_period_s: between two looks for new meters.
        look_again_s: the same, while looks find somebody or somebody is expected.
        broadcast_period_s: between two broadcasts of the time.
        ping_lost_s: between two pings of a lost node.
        lost_after_s: a node silent for so long is lost.
    """

    look_period_s: float
    look_again_s: float
    broadcast_period_s: float
    ping_lost_s: float
    lost_after_s: float


class LineMaster:
    """The one worker that decides what the line does."""

    def __init__(
        self,
        *,
        access: "MeterAccess",
        identify: "Callable[[KnownKind], Conversation[Identity]]",
        discovery: Finder,
        collector: Reader,
        timekeeper: ClockKeeper,
        book: Book,
        coverage: Callable[[int], IntervalSet],
        schedule: Schedule,
        clock: Clock,
        damaged_frames: Callable[[], Awaitable[int]],
        settings: LineSettings,
    ) -> None:
        self._access = access
        self._ask_who = identify
        self._discovery = discovery
        self._collector = collector
        self._timekeeper = timekeeper
        self._book = book
        self._coverage = coverage
        self._schedule = schedule
        self._clock = clock
        self._damaged_frames = damaged_frames
        self._settings = settings
        self._looks = LookRhythm(quick_s=settings.look_again_s, period_s=settings.look_period_s)
        self._do: dict[Task, Callable[[Turn], Awaitable[None]]] = {
            Task.LOOK_FOR_METERS: self._look_for_meters,
            Task.BROADCAST_TIME: self._broadcast_time,
            Task.IDENTIFY: self._identify,
            Task.SET_CLOCK: self._set_clock,
            Task.PING: self._ping,
            Task.COLLECT: self._collect,
        }
        self.doing: Task | None = None
        self._time = asyncio.get_running_loop().time
        self._stirred_at_s = self._time()
        self._just_sampled: MeterState | None = None

    def is_alive(self) -> bool:
        """Return whether the line moves on; for the watchdog."""
        return self._time() - self._stirred_at_s < TURN_MAX_S

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._stirred_at_s = self._time()
            self._follow_wall_clock()
            turn = self._schedule.next_turn(self._book.links(), self._book.meters, self._coverage)
            wait_s = turn.due_at_s - self._clock.now_s()
            if wait_s > 0:
                await asyncio.sleep(min(wait_s, IDLE_MAX_S))
                continue
            self.doing = turn.task
            contact_at_s = None if turn.meter is None else turn.meter.contact_at_s
            try:
                await self._take(turn)
            finally:
                self.doing = None
            if turn.meter is not None and turn.meter.contact_at_s != contact_at_s:
                self._just_sampled = turn.meter

    async def _take(self, turn: Turn) -> None:
        try:
            if turn.link is not None and turn.link.failures_in_a_row and turn.task is not Task.PING:
                # Silence is cheaper to hear after a short question than after a long one.
                await self._access.ping(turn.link, Priority.NETWORK)
            await self._do[turn.task](turn)
        except NoAnswer:
            await self._failed(turn, silent=True)
        except PeerError as error:
            _LOG.warning(
                "meter refused or answered nonsense",
                extra={**_names(turn), "TASK": turn.task.value, "REASON": str(error)},
            )
            await self._failed(turn, silent=False)
        except HalError as error:
            _LOG.warning("modem failed", extra={"TASK": turn.task.value, "REASON": str(error)})
            if turn.link is not None:  # others go first: it may be what this one is asked
                turn.link.retry_at_s = self._clock.now_s() + RETRY_FIRST_S
            await asyncio.sleep(MODEM_PAUSE_S)
        else:
            if turn.stream is not None:
                turn.stream.satisfied()
            elif turn.link is not None and turn.task is not Task.PING:
                turn.link.satisfied()

    async def _failed(self, turn: Turn, *, silent: bool) -> None:
        """Let whatever failed rest: a buffer on its own, so that the others are still read."""
        now_s = self._clock.now_s()
        if turn.stream is not None:
            turn.stream.failed(now_s, silent=silent)
        if turn.link is None:
            return
        if silent:
            await self._was_silent(turn.link)
        elif turn.stream is None:
            turn.link.failed(now_s, silent=False)

    def _follow_wall_clock(self) -> None:
        step_s, just_sampled = self._clock.step_since_last_look_s(), self._just_sampled
        self._just_sampled = None
        if not step_s:
            return
        now_s = self._clock.now_s()
        _LOG.warning("wall clock stepped", extra={"STEP_S": round(step_s, 1)})
        self._schedule.look_at_s = self._schedule.broadcast_at_s = now_s
        meters = self._book.meters.values()
        follow_step(step_s, now_s, self._book.links(), meters, just_sampled)

    async def _look_for_meters(self, turn: Turn) -> None:
        del turn
        self._schedule.look_at_s = self._clock.now_s() + self._settings.look_again_s
        found = await self._discovery.look(self._damaged_frames)
        outcome = LookOutcome(
            ended_at_s=self._clock.now_s(),
            news=sum(link.told_in_vain < TOLD_IN_VAIN_MAX for link in found),
            expects_more=self._discovery.expects_more,
            likely_more=self._discovery.likely_more,
        )
        self._schedule.look_at_s = self._looks.next_look_at_s(outcome)

    async def _broadcast_time(self, turn: Turn) -> None:
        del turn
        self._schedule.broadcast_at_s = self._clock.now_s() + self._settings.broadcast_period_s
        kinds = {meter.kind.key: meter.kind for meter in self._book.meters.values()}
        await self._timekeeper.broadcast(kinds.values())

    async def _identify(self, turn: Turn) -> None:
        assert turn.link is not None
        # A node that stays silent may have heard its Register and lost its mains since: it would
        # then not answer a Discover for hours, so it is asked again and again at its address.
        known_kind = self._book.known_kind
        if turn.link.refusals_in_a_row >= KIND_DOUBTED_AFTER:
            known_kind = _no_kind
        if turn.meter is not None:
            turn.meter.identify_at_s = self._clock.now_s() + IDENTIFY_RETRY_S
        answered = await self._access.converse(
            turn.link, lambda: self._ask_who(known_kind), Priority.NETWORK
        )
        if not turn.link.is_confirmed:
            await self._book.registered(turn.link)
        meter = await self._book.identified(turn.link, answered.result)
        await self._greet(meter)

    async def _greet(self, meter: MeterState) -> None:
        """Compare and set the clock before anything else is believed; events bring the time."""
        logs = [stream for stream in meter.streams if stream.period_s == 0]
        if logs:
            await self._collector.collect(meter, logs[0])
        if not logs or self._timekeeper.should_set(meter.deviation_s):
            await self._timekeeper.keep(meter)

    async def _set_clock(self, turn: Turn) -> None:
        assert turn.meter is not None
        turn.meter.clock_to_set_at_s = self._clock.now_s() + CLOCK_RETRY_S
        await self._timekeeper.keep(turn.meter)
        if not self._timekeeper.should_set(turn.meter.deviation_s):
            turn.meter.clock_to_set_at_s = None

    async def _ping(self, turn: Turn) -> None:
        assert turn.link is not None
        turn.link.ping_at_s = self._clock.now_s() + self._settings.ping_lost_s
        await self._access.ping(turn.link, Priority.STATISTICS)
        if turn.link.is_lost:
            await self._book.found_again(turn.link)

    async def _collect(self, turn: Turn) -> None:
        assert turn.meter is not None
        assert turn.stream is not None
        await self._collector.collect(turn.meter, turn.stream)
        meter = turn.meter
        if meter.clock_to_set_at_s is None and self._timekeeper.should_set(meter.deviation_s):
            meter.clock_to_set_at_s = self._clock.now_s()

    async def _was_silent(self, link: NodeLink) -> None:
        now_s = self._clock.now_s()
        link.failed(now_s, silent=True)
        if link.is_lost or link.silent_since_s is None:
            return
        if now_s - max(link.silent_since_s, link.heard_at_s) >= self._settings.lost_after_s:
            link.ping_at_s = now_s + self._settings.ping_lost_s
            await self._book.lost(link)


def _no_kind(config_id: str, firmware_module: str) -> None:
    del config_id, firmware_module


def _names(turn: Turn) -> dict[str, Any]:
    names: dict[str, Any] = {}
    if turn.link is not None:
        names["NODE"] = turn.link.system_title.hex()
    if turn.meter is not None:
        names["METER"] = turn.meter.usn
    if turn.stream is not None:
        names["STREAM"] = turn.stream.entity.value
    return names
