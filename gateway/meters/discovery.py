"""Find nodes on a line nobody has described, and give each an address [INV-1, INV-2]."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

from drivers.plc import llc
from drivers.plc.airtime import LineTiming
from drivers.plc.broadcast import Broadcast
from drivers.plc.ciase import (
    REGISTER_ENTRIES_MAX,
    REPEATER_SUB_SLOTS,
    ClearAlarm,
    ClearAlarmChoice,
    Discover,
    RegisterEntry,
    RepeaterCall,
)
from drivers.plc.discovery import DiscoverRound, HeardReport, Registration
from drivers.plc.mac_frame import ALL_PHYSICAL, CREDIT_MAX, NEW
from drivers.plc.report_credit import ReportCredit
from drivers.plc.slot_choice import SlotChoice
from gateway.meters.node_link import NodeLink
from gateway.meters.plc_segment import PlcSegment, Priority
from gateway.store.errors import NoAddressFree

_LOG = logging.getLogger(__name__)

REPEATER_CALL_NEW_SLOTS: Final = 1
"""Slots of a repeater call for nodes that have no address yet."""


class NodeBook(Protocol):
    """What discovery needs to know and to write down about nodes."""

    def link_of(self, system_title: bytes) -> NodeLink | None:
        """Return the way to a node that has an address."""

    async def give_address(self, system_title: bytes) -> NodeLink:
        """Write down an address before it is told to the node; a known node keeps its own."""

    async def alarm(self, system_title: bytes, descriptor: int) -> None:
        """Write down that a registered node reported an alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoverySettings:
    """Who looks, on which line, and from which level on a repeater makes another one needless."""

    initiator: int
    system_title: bytes
    timing: LineTiming
    repeater_threshold_dbuv: int


class Discovery:
    """Looks for nodes that nobody has registered, and registers them.

    Attributes:
        damaged: frames heard damaged in the answer windows of the last look.
    """

    def __init__(
        self,
        segment: PlcSegment,
        book: NodeBook,
        slots: SlotChoice,
        settings: DiscoverySettings,
        now_s: Callable[[], float],
    ) -> None:
        self._segment = segment
        self._book = book
        self._slots = slots
        self._settings = settings
        self._now_s = now_s
        self._credit = ReportCredit()
        self.damaged = 0

    @property
    def expects_more(self) -> bool:
        """Whether nodes may be left that nobody has heard yet."""
        return self._slots.expects_more

    @property
    def likely_more(self) -> bool:
        """Whether that is likelier than not."""
        return self._slots.likely_more

    async def look(self, collisions: Callable[[], Awaitable[int]]) -> list[NodeLink]:
        """Offer answer windows once, give addresses to who is new, and return them.

        Nobody confirms a Register: only an answer at the new address does.

        Args:
            collisions: returns how many damaged frames the modem has heard so far.

        Raises:
            HalError: the modem failed.
        """
        terms = self._slots.next_terms()
        discover = Discover(
            response_probability=terms.response_probability,
            allowed_time_slots=terms.slots,
            report_initial_credit=self._credit.for_windows(terms.slots),
            ic_equal_credit=False,
        )
        damaged_before = await collisions()
        heard = await self._segment.exchange(
            lambda: DiscoverRound(
                initiator=self._settings.initiator,
                discover=discover,
                initial_credit=CREDIT_MAX,
                timing=self._settings.timing,
            ),
            Priority.DISCOVERY,
        )
        damaged = await collisions() - damaged_before
        self.damaged = damaged
        # A node with an address that reports an alarm, again and again perhaps, is no newcomer.
        newcomers = sum(report.source_mac == NEW for report in heard)
        self._slots.round_over(answers=newcomers, collisions=damaged)
        self._credit.round_over([report.hop_distance for report in heard])
        new = [report for report in heard if await self._is_new(report)]
        if heard or damaged:
            _LOG.info(
                "looked for meters",
                extra={"SLOTS": terms.slots, "HEARD": len(heard), "DAMAGED": damaged},
            )
        return await self._register(new)

    async def _is_new(self, report: HeardReport) -> bool:
        link = self._book.link_of(report.system_title)
        if link is not None and report.source_mac == link.mac:
            if report.alarm_descriptor is not None:
                await self._book.alarm(report.system_title, report.alarm_descriptor)
                await self._clear_alarm(report)
            return False
        # Whoever has an address of another master is that master's, however loud it is [INV-7].
        return report.source_mac == NEW

    async def _register(self, reports: list[HeardReport]) -> list[NodeLink]:
        links = []
        for report in reports:
            try:
                link = await self._book.give_address(report.system_title)
            except NoAddressFree as error:
                _LOG.warning("a node is left out", extra={"REASON": str(error)})
                break
            link.terms = None  # a node that was NEW has forgotten its associations
            link.credit.start(report.hop_distance)
            links.append(link)
        await self._tell_addresses(links)
        return links

    async def tell_again(self, links: list[NodeLink]) -> None:
        """Tell nodes their addresses once more, for they may have become NEW [INV-5].

        A Register names whom it is for, so nobody has to answer a Discover before. One that has
        its address still loses nothing.

        Raises:
            HalError: the modem failed.
        """
        await self._tell_addresses(links)
        for link in links:
            link.told_at_s = self._now_s()

    async def call_repeaters(self, last_mac: int) -> None:
        """Let the nodes settle which of them repeat (docs/plc.md 3.1).

        Args:
            last_mac: highest address given so far.

        Raises:
            HalError: the modem failed.
        """
        call = RepeaterCall(
            max_mac=last_mac,
            new_slots=REPEATER_CALL_NEW_SLOTS,
            reception_threshold_dbuv=self._settings.repeater_threshold_dbuv,
        )
        pattern_slots = -(-(1 + last_mac) // REPEATER_SUB_SLOTS) + REPEATER_CALL_NEW_SLOTS
        await self._segment.call_repeaters(
            lambda: self._to_all(call.encode()), pattern_slots * self._settings.timing.slot_s
        )

    async def _clear_alarm(self, report: HeardReport) -> None:
        assert report.alarm_descriptor is not None
        clear = ClearAlarm(
            choice=ClearAlarmChoice.ALARM_OF_EACH_SERVER,
            servers=(report.system_title,),
            alarm_descriptors=(report.alarm_descriptor,),
        )
        await self._segment.exchange(lambda: self._to_all(clear.encode()), Priority.DISCOVERY)

    async def _tell_addresses(self, links: list[NodeLink]) -> None:
        for at in range(0, len(links), REGISTER_ENTRIES_MAX):
            part = links[at : at + REGISTER_ENTRIES_MAX]
            entries = tuple(RegisterEntry(system_title=n.system_title, mac=n.mac) for n in part)
            registration = Registration(
                initiator=self._settings.initiator,
                initiator_system_title=self._settings.system_title,
                entries=entries,
                initial_credit=CREDIT_MAX,
                timing=self._settings.timing,
            )
            await self._segment.exchange(_constant(registration), Priority.DISCOVERY)

    def _to_all(self, l_sdu: bytes) -> Broadcast:
        return Broadcast(
            initiator=self._settings.initiator,
            destination=ALL_PHYSICAL,
            destination_lsap=llc.CIASE,
            source_lsap=llc.INITIATOR,
            l_sdu=l_sdu,
            initial_credit=CREDIT_MAX,
            timing=self._settings.timing,
        )


def _constant(registration: Registration) -> Callable[[], Registration]:
    return lambda: registration
