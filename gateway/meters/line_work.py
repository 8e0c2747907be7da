"""Do what a turn of the line is for, whatever it is."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from drivers.plc.credit import broadcast_credit
from drivers.plc.mac_frame import CREDIT_MAX
from gateway.core.clock import Clock
from gateway.meters.company import Amount
from gateway.meters.look_rhythm import LookOutcome
from gateway.meters.meter_kind import MeterKind
from gateway.meters.meter_state import MeterState
from gateway.meters.network_rhythm import NetworkRhythm
from gateway.meters.node_link import NodeLink
from gateway.meters.patience import rest_after_failures_s
from gateway.meters.plc_segment import Priority
from gateway.meters.stream_plan import StreamState
from gateway.meters.turn import Task, Turn
from gateway.meters.unfinished import Unfinished
from hal.errors import HalError

if TYPE_CHECKING:
    from drivers.dlms.conversations import Conversation
    from gateway.meters.identification import Identity, KnownKind
    from gateway.meters.meter_access import MeterAccess

_LOG = logging.getLogger(__name__)

CLOCK_RETRY_S: Final = 60.0
"""Between two tries to set the same meter's clock, at first; longer each time."""

IDENTIFY_RETRY_S: Final = 3_600.0
"""Between two tries to ask a known meter again who it is."""

KIND_DOUBTED_AFTER: Final = 3
"""So many useless answers in a row, and the remembered object list is not believed any more."""

TOLD_IN_VAIN_MAX: Final = 5
"""Who was told its address so often, and never answers there, is no reason to look again soon."""

TELL_AGAIN_S: Final = 90.0
"""Nodes that may have become NEW are told their addresses again this often, while they are asked
whether they are there: all of them in one frame."""

CLOCK_RESERVE_S: Final = 7 * 86_400.0
"""A meter that had no mains for so long has lost its time (LG 7.5.2)."""


class Finder(Protocol):
    """Who finds nodes: gateway.meters.discovery.

    Attributes:
        damaged: frames heard damaged in the last look.
    """

    damaged: int

    @property
    def expects_more(self) -> bool:
        """Whether nodes may be left that nobody has heard yet."""

    @property
    def likely_more(self) -> bool:
        """Whether that is likelier than not."""

    async def look(self, collisions: Callable[[], Awaitable[int]]) -> list[NodeLink]:
        """Look once; return the nodes registered."""

    async def tell_again(self, links: list[NodeLink]) -> None:
        """Tell nodes their addresses once more."""

    async def call_repeaters(self, last_mac: int) -> None:
        """Let the nodes settle which of them repeat."""


class Reader(Protocol):
    """Who reads buffers: gateway.meters.collector."""

    async def collect(self, meter: MeterState, stream: StreamState, amount: Amount) -> None:
        """Ask one question and store what came."""


class Sizes(Protocol):
    """Who knows how long questions should be: gateway.meters.schedule."""

    def company(self, link: NodeLink, stream: StreamState) -> int:
        """Return how many rows of a stream one question should ask a node for."""

    def names(self, link: NodeLink) -> int:
        """Return how many values one question should ask a node for."""


class ClockKeeper(Protocol):
    """Who keeps clocks: gateway.meters.timekeeper."""

    async def keep(self, meter: MeterState) -> None:
        """Read a meter's clock and set it when it is too far off."""

    def should_set(self, deviation_s: float | None) -> bool:
        """Return whether a meter with this deviation is to be set."""

    async def broadcast(self, kinds: Iterable[MeterKind], credit: int) -> bool:
        """Give the time to all."""


class Book(Protocol):
    """Who remembers nodes and meters: gateway.meters.meter_book."""

    meters: dict[bytes, MeterState]

    def known_kind(self, config_id: str, firmware_module: str) -> MeterKind | None:
        """Return what is remembered of a kind of meter."""

    def links(self) -> Iterator[NodeLink]:
        """Return the nodes that have an address."""

    async def doubt(self, link: NodeLink) -> None:
        """Put the meter of a node aside until it is known to be the same."""

    def put_aside(self, link: NodeLink) -> MeterState | None:
        """Return the meter that was behind a node before it was doubted."""

    async def confirmed(self, link: NodeLink, meter: MeterState) -> None:
        """Write down that the meter that was put aside is still there."""

    async def identified(self, link: NodeLink, identity: "Identity") -> MeterState:
        """Write down who a node's meter is."""

    async def registered(self, link: NodeLink) -> None:
        """Write down that a node answered at its address."""

    async def found_again(self, link: NodeLink) -> None:
        """Write down that a lost node answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """What a meter is asked about itself: gateway.meters.identification.

    Attributes:
        identify: everything, at most so many values at once.
        who: its utility serial number alone.
    """

    identify: "Callable[[KnownKind, int], Conversation[Identity]]"
    who: "Callable[[MeterKind], Conversation[str]]"


class LineWork:
    """Does one turn after the other, as it is told.

    Args:
        access: to meters.
        questions: for identification.
        discovery: finds nodes.
        collector: reads buffers.
        timekeeper: keeps clocks.
        book: remembers.
        rhythm: of what concerns all nodes.
        sizes: how much one question should ask a node for.
        clock: UTC.
        damaged_frames: how many the modem has heard so far.
        forgets_after_s: a node not addressed for so long becomes NEW by itself [INV-5].
    """

    def __init__(
        self,
        *,
        access: "MeterAccess",
        questions: Questions,
        discovery: Finder,
        collector: Reader,
        timekeeper: ClockKeeper,
        book: Book,
        rhythm: NetworkRhythm,
        sizes: Sizes,
        clock: Clock,
        damaged_frames: Callable[[], Awaitable[int]],
        forgets_after_s: float,
    ) -> None:
        self._access = access
        self._questions = questions
        self._discovery = discovery
        self._collector = collector
        self._timekeeper = timekeeper
        self._book = book
        self._rhythm = rhythm
        self._sizes = sizes
        self._clock = clock
        self._damaged_frames = damaged_frames
        self._forgets_after_s = forgets_after_s
        self._do: dict[Task, Callable[[Turn], Awaitable[None]]] = {
            Task.LOOK_FOR_METERS: self._look_for_meters,
            Task.BROADCAST_TIME: self._broadcast_time,
            Task.CALL_REPEATERS: self._call_repeaters,
            Task.IDENTIFY: self._identify,
            Task.SET_CLOCK: self._set_clock,
            Task.PING: self._ping,
            Task.POLL: self._poll,
            Task.COLLECT: self._collect,
        }

    async def do(self, turn: Turn) -> None:
        """Do it.

        Raises:
            NoAnswer: the node stayed silent.
            PeerError: it refused, or answered nonsense.
            HalError: the modem failed.
            StoreError: the disk refused.
        """
        await self._do[turn.task](turn)

    async def _look_for_meters(self, turn: Turn) -> None:
        del turn
        self._rhythm.looks(self._clock.now_s())
        found = await self._discovery.look(self._damaged_frames)
        now_s = self._clock.now_s()
        self._rhythm.looked(
            LookOutcome(
                ended_at_s=now_s,
                news=sum(link.told_in_vain < TOLD_IN_VAIN_MAX for link in found),
                damaged=self._discovery.damaged,
                expects_more=self._discovery.expects_more,
                likely_more=self._discovery.likely_more,
            )
        )
        if found:
            self._rhythm.network_changed(now_s)

    async def _broadcast_time(self, turn: Turn) -> None:
        del turn
        self._rhythm.told_the_time(self._clock.now_s())
        kinds = {meter.kind.key: meter.kind for meter in self._book.meters.values()}
        await self._timekeeper.broadcast(kinds.values(), self._credit_for_all())

    async def _call_repeaters(self, turn: Turn) -> None:
        del turn
        now_s = self._clock.now_s()
        self._rhythm.called(now_s)
        last_mac = max((link.mac for link in self._book.links()), default=0)
        try:
            await self._discovery.call_repeaters(last_mac)
        except HalError:
            self._rhythm.network_changed(now_s)  # the nodes are as they were: another call is due
            raise

    def _credit_for_all(self) -> int:
        """Return the credit that reaches every node that is there."""
        there = [link for link in self._book.links() if link.silent_since_s is None]
        return broadcast_credit(link.credit.credit for link in there)

    async def _identify(self, turn: Turn) -> None:
        assert turn.link is not None
        link = turn.link
        before = self._book.put_aside(link)
        if before is not None and link.refusals_in_a_row < KIND_DOUBTED_AFTER:
            usn = await self._access.converse(
                link, lambda: self._questions.who(before.kind), Priority.IDENTIFICATION
            )
            if usn.result == before.usn:
                await self._is_there_again(link, before)
                return
        # A node that stays silent may have heard its Register and lost its mains since: it would
        # then not answer a Discover for hours, so it is asked again and again at its address.
        known_kind = self._book.known_kind
        if link.refusals_in_a_row >= KIND_DOUBTED_AFTER:
            known_kind = _no_kind
        if turn.meter is not None:
            turn.meter.identify_at_s = self._clock.now_s() + IDENTIFY_RETRY_S
        unfinished = self._unfinished(link)
        identify = self._questions.identify
        answered = await self._access.converse(
            link,
            lambda: unfinished.go_on(identify(known_kind, unfinished.names_max)),
            Priority.IDENTIFICATION,
        )
        link.unfinished = None
        if not link.is_confirmed:
            await self._book.registered(link)
        meter = await self._book.identified(link, answered.result)
        await self._greet(meter)

    def _unfinished(self, link: NodeLink) -> Unfinished:
        now_s, names_max = self._clock.now_s(), self._sizes.names(link)
        if link.unfinished is None or not link.unfinished.is_of_use(names_max, now_s):
            link.unfinished = Unfinished(names_max, now_s)
        return link.unfinished

    async def _is_there_again(self, link: NodeLink, meter: MeterState) -> None:
        if not link.is_confirmed:
            await self._book.registered(link)
        noted_s = meter.contact_at_s
        await self._book.confirmed(link, meter)
        _hurry(meter)
        if noted_s is None or self._clock.now_s() - noted_s >= CLOCK_RESERVE_S:
            await self._greet(meter)

    async def _greet(self, meter: MeterState) -> None:
        """Compare and set the clock before anything else is believed; events bring the time."""
        logs = [stream for stream in meter.streams if stream.period_s == 0]
        if logs:
            await self._collector.collect(meter, logs[0], self._amount(meter.link, logs[0]))
        if not logs or self._timekeeper.should_set(meter.deviation_s):
            await self._timekeeper.keep(meter)

    async def _set_clock(self, turn: Turn) -> None:
        assert turn.meter is not None
        meter = turn.meter
        meter.clock_tries_in_a_row += 1
        rest_s = max(CLOCK_RETRY_S, rest_after_failures_s(meter.clock_tries_in_a_row + 4))
        meter.clock_to_set_at_s = self._clock.now_s() + rest_s
        await self._timekeeper.keep(meter)
        if not self._timekeeper.should_set(meter.deviation_s):
            meter.clock_to_set_at_s, meter.clock_tries_in_a_row = None, 0

    async def _ping(self, turn: Turn) -> None:
        assert turn.link is not None
        await self._access.ping(turn.link, Priority.SUPERVISION)

    async def _poll(self, turn: Turn) -> None:
        """Ask a silent node whether it is back; one that may be NEW is told its address first."""
        assert turn.link is not None
        link, now_s = turn.link, self._clock.now_s()
        may_be_new = self._may_be_new(link, now_s)
        if may_be_new and now_s - link.told_at_s >= TELL_AGAIN_S:
            await self._discovery.tell_again(self._who_may_be_new(now_s))
        await self._access.ping(link, Priority.SUPERVISION, credit=CREDIT_MAX, tries=1)
        if link.is_lost:
            await self._book.found_again(link)
            self._rhythm.network_changed(now_s)
        if may_be_new:
            link.terms = None
            await self._book.doubt(link)
        elif turn.meter is not None:
            _hurry(turn.meter)

    def _may_be_new(self, link: NodeLink, now_s: float) -> bool:
        """Return whether a node has perhaps no address, or another one than is thought.

        It has forgotten it, or never heard its Register, or an earlier box was wrong about it.
        """
        return not link.is_confirmed or now_s - link.heard_at_s >= self._forgets_after_s

    def _who_may_be_new(self, now_s: float) -> list[NodeLink]:
        return [
            link
            for link in self._book.links()
            if link.silent_since_s is not None
            and self._may_be_new(link, now_s)
            and now_s - link.told_at_s >= TELL_AGAIN_S
        ]

    def _amount(self, link: NodeLink, stream: StreamState) -> Amount:
        return Amount(rows=self._sizes.company(link, stream), values=self._sizes.names(link))

    async def _collect(self, turn: Turn) -> None:
        assert turn.meter is not None
        assert turn.stream is not None
        meter = turn.meter
        await self._collector.collect(meter, turn.stream, self._amount(meter.link, turn.stream))
        if meter.clock_to_set_at_s is None and self._timekeeper.should_set(meter.deviation_s):
            meter.clock_to_set_at_s = self._clock.now_s()


def _hurry(meter: MeterState) -> None:
    """Let everything that waits be read soon: its meter may vanish again."""
    for stream in meter.streams:
        stream.hurried = True


def _no_kind(config_id: str, firmware_module: str) -> None:
    del config_id, firmware_module
