"""Nodes and meters in memory as the line works with them, each change on disk first."""

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from drivers.errors import PeerError
from drivers.plc.mac_frame import CREDIT_MAX
from gateway.core.clock import Clock
from gateway.meters.buffer_found import BufferFound
from gateway.meters.meter_kind import MeterKind
from gateway.meters.meter_records import master_record, slave_record
from gateway.meters.meter_resume import IDENTIFY_PERIOD_S, MeterResume
from gateway.meters.meter_state import MeterState
from gateway.meters.node_link import NodeLink
from gateway.store.inventory import Kind, Node, NodeState
from gateway.store.journal import Journal, JournalKind
from gateway.store.meter_registry import MeterRegistry
from gateway.store.reading_buffer import ReadingBuffer
from gateway.store.stream import StreamDescription

if TYPE_CHECKING:
    from gateway.meters.identification import Identity, SlaveFound

_LOG = logging.getLogger(__name__)

_EVER_S: Final = 2**40


class MeterBook:
    """Joins the registry, the streams and what is learnt while the daemon runs.

    Attributes:
        meters: identified meters, by the system title of their node.
    """

    def __init__(
        self, registry: MeterRegistry, buffer: ReadingBuffer, journal: Journal, clock: Clock
    ) -> None:
        self._registry = registry
        self._buffer = buffer
        self._journal = journal
        self._clock = clock
        self._links: dict[bytes, NodeLink] = {}
        self._kinds: dict[tuple[str, str], MeterKind] = {}
        self._conflicts_told: set[tuple[str, bytes, bytes]] = set()
        self._alarms_told: dict[bytes, int] = {}
        self._aside: dict[bytes, MeterState] = {}
        self._resumed = MeterResume(registry, buffer, self.known_kind, clock.now_s)
        self.meters: dict[bytes, MeterState] = {}

    def resume(self) -> None:
        """Take up the nodes and meters that an earlier run left in the store."""
        claimed: set[str] = set()
        for node in self._registry.nodes.values():
            if node.mac is None:
                continue
            # A node that is still NEW here may have heard its Register all the same, and would
            # then not answer a Discover for hours: it is asked at the address it was given.
            link = self._link(node, node.mac)
            if node.usn is not None and node.usn not in claimed:
                claimed.add(node.usn)
                meter = self._resumed.meter(link, node.usn)
                if meter is not None:
                    self.meters[node.system_title] = meter

    def links(self) -> Iterator[NodeLink]:
        """Return the nodes that were given an address."""
        return iter(list(self._links.values()))

    def all_meters(self) -> Iterator[tuple[NodeLink, MeterState, bool]]:
        """Return each meter with its node, and whether it is known to be still behind it."""
        for meter in list(self.meters.values()):
            yield meter.link, meter, True
        for title, meter in list(self._aside.items()):
            yield self._links.get(title, meter.link), meter, False

    def link_of(self, system_title: bytes) -> NodeLink | None:
        """Return the way to a node that answers, or used to."""
        return self._links.get(system_title)

    def known_kind(self, config_id: str, firmware_module: str) -> MeterKind | None:
        """Return what is remembered of a kind of meter."""
        key = (config_id, firmware_module)
        if key not in self._kinds:
            kind = self._registry.find_kind(*key)
            if kind is None:
                return None
            self._kinds[key] = MeterKind.from_json(*key, kind.object_list)
        return self._kinds[key]

    async def give_address(self, system_title: bytes) -> NodeLink:
        """Write an address down for a node that is NEW; a node met before keeps its own."""
        now_s = self._clock.now_s()
        node = self._registry.nodes.get(system_title)
        mac = None if node is None else node.mac
        if mac is None:
            mac = self._registry.allocate_mac()
        renewed = Node(
            system_title=system_title,
            mac=mac,
            state=NodeState.NEW,
            usn=None,  # whoever was NEW may be another meter by now: who it is will be read again
            first_seen_s=int(now_s) if node is None else node.first_seen_s,
            last_seen_s=int(now_s),
        )
        await self._registry.upsert_node(renewed)
        self._lay_aside(system_title)
        told_before = self._links.get(system_title)
        link = NodeLink(system_title=system_title, mac=mac, told_at_s=now_s)
        if told_before is not None and not told_before.is_confirmed:
            link.told_in_vain = told_before.told_in_vain + 1
        self._links[system_title] = link
        return link

    async def doubt(self, link: NodeLink) -> None:
        """Write down that a node may have become NEW: who its meter is must be read again [INV-3].

        So it says on the disk, too: should the daemon die now, the next one asks first.
        """
        link.is_confirmed = False
        self._lay_aside(link.system_title)
        await self._change(link, state=NodeState.NEW, usn=None)

    def put_aside(self, link: NodeLink) -> MeterState | None:
        """Return the meter that was behind a node before it was doubted."""
        return self._aside.get(link.system_title)

    async def confirmed(self, link: NodeLink, meter: MeterState) -> None:
        """Write down that the meter that was put aside is still behind its node.

        Raises:
            PeerError: another node that answers speaks for a meter of this USN.
        """
        await self._leave_to_one_node(link, meter.usn)
        await self._change(link, usn=meter.usn)
        self._aside.pop(link.system_title, None)
        meter.link = link
        self.meters[link.system_title] = meter

    def _lay_aside(self, system_title: bytes) -> None:
        meter = self.meters.pop(system_title, None)
        if meter is not None:
            self._aside[system_title] = meter

    async def registered(self, link: NodeLink) -> None:
        """Write down that a node answered at its address."""
        now_s = self._clock.now_s()
        link.is_confirmed = True
        link.is_lost = False
        await self._change(
            link,
            state=NodeState.REGISTERED,
            registered_at_s=int(now_s),
            last_seen_s=int(now_s),
            credit_need=link.credit.need,
        )
        _LOG.info("node registered", extra={"NODE": link.system_title.hex(), "MAC": link.mac})

    async def alarm(self, system_title: bytes, descriptor: int) -> None:
        """Write down that a registered node reported an alarm, once [PLC-6]."""
        if self._alarms_told.get(system_title) == descriptor:
            return
        node = self._registry.nodes.get(system_title)
        body = {"notice": "alarm", "system_title": system_title.hex(), "descriptor": descriptor}
        usn = None if node is None else node.usn
        await self._journal.write(JournalKind.NOTICE, usn, body)
        self._alarms_told[system_title] = descriptor

    async def lost(self, link: NodeLink) -> None:
        """Write down that a node has been silent for too long [INV-4]."""
        link.is_lost = True
        link.terms = None
        await self._change(link, state=NodeState.LOST, last_seen_s=int(link.heard_at_s))
        meter = self.meters.get(link.system_title)
        usn = None if meter is None else meter.usn
        _LOG.warning("node lost", extra={"NODE": link.system_title.hex(), "METER": usn})

    async def found_again(self, link: NodeLink) -> None:
        """Write down that a lost node answers."""
        link.is_lost = False
        await self._change(link, state=NodeState.REGISTERED, last_seen_s=int(self._clock.now_s()))
        _LOG.info("node found again", extra={"NODE": link.system_title.hex()})

    async def identified(self, link: NodeLink, identity: "Identity") -> MeterState:
        """Write down who a node's meter is, and open its streams [INV-3, INV-8].

        Raises:
            PeerError: another node that answers speaks for a meter of this USN.
            StoreError: not all of it was stored; do it again.
        """
        now_s = self._clock.now_s()
        if identity.kind_is_new:
            await self._remember_kind(identity.kind, now_s)
        await self._leave_to_one_node(link, identity.usn)
        await self._tell_exchange(link, identity.usn)
        await self._buffer.flush()  # what the streams hold is asked of the disk
        before = self._registry.meters.get(identity.usn)
        await self._registry.upsert_meter(master_record(identity, before, now_s))
        slaves = await self._write_down_slaves(identity, now_s)
        await self._change(link, usn=identity.usn)
        meter = MeterState(
            link=link,
            usn=identity.usn,
            kind=identity.kind,
            identify_at_s=now_s + IDENTIFY_PERIOD_S,
        )
        if before is not None:
            meter.deviation_s = before.clock_deviation_s
            meter.contact_at_s = meter.noted_at_s = before.clock_contact_at_s
        for found in identity.buffers:
            await self._open(meter, identity.usn, found, None)
        for slave in slaves:
            await self._open(meter, slave.usn, slave.buffer, identity.usn)
        self.meters[link.system_title] = meter
        _LOG.info(
            "meter identified",
            extra={
                "METER": identity.usn,
                "CONFIG_ID": identity.config_id,
                "SLAVES": len(slaves),
            },
        )
        return meter

    async def note_deviation(self, usn: str, deviation_s: float, contact_at_s: float) -> None:
        """Return once a sample of a meter's clock is on disk."""
        meter = self._registry.meters[usn]
        await self._registry.upsert_meter(
            dataclasses.replace(
                meter,
                clock_deviation_s=round(deviation_s, 2),
                clock_contact_at_s=round(contact_at_s, 2),
            )
        )

    async def doubt_after(self, stream_ids: Sequence[int], from_s: int) -> None:
        """Return once it is on disk that rows from `from_s` on must be read again."""
        for stream_id in stream_ids:
            await self._buffer.uncover(stream_id, from_s, _EVER_S)

    async def _leave_to_one_node(self, link: NodeLink, usn: str) -> None:
        """Let only one node speak for a meter: readings of two must never mix [INV-3].

        A module that was exchanged falls silent, and is followed by the new one. Of two that both
        answer, the first keeps the number and the other one's meter is not read.
        """
        others = [
            other
            for other in self.meters.values()
            if other.link is not link
            and other.link.system_title != link.system_title
            and usn in {stream.usn for stream in other.streams} | {other.usn}
        ]
        for other in others:
            node = other.link.system_title
            if other.link.silent_since_s is None and not other.link.is_lost:
                await self._tell_conflict(usn, node, link.system_title)
                raise PeerError(f"node {node.hex()} speaks for a meter of the same number")
            del self.meters[node]
            await self._change(other.link, usn=None)
            _LOG.warning("meter moved to another node", extra={"METER": usn, "FROM": node.hex()})
            titles = {"before": node.hex(), "now": link.system_title.hex()}
            body = {"notice": "the same meter behind another node", **titles}
            await self._journal.write(JournalKind.NOTICE, usn, body)

    async def _tell_exchange(self, link: NodeLink, usn: str) -> None:
        """Tell that another meter stands behind a node than before [INV-5]."""
        title = link.system_title
        before = self._aside.pop(title, None) or self.meters.get(title)
        if before is None or before.usn == usn:
            return
        body = {
            "notice": "another meter behind the same node",
            "system_title": link.system_title.hex(),
            "before": before.usn,
        }
        await self._journal.write(JournalKind.NOTICE, usn, body)

    async def _tell_conflict(self, usn: str, node: bytes, other: bytes) -> None:
        if (usn, node, other) in self._conflicts_told:
            return
        self._conflicts_told.add((usn, node, other))
        titles = [node.hex(), other.hex()]
        body = {"notice": "two nodes with one utility serial number", "system_titles": titles}
        await self._journal.write(JournalKind.NOTICE, usn, body)

    async def _write_down_slaves(self, identity: "Identity", now_s: float) -> "list[SlaveFound]":
        """Write down who is behind a master, and who is there no longer; return the former."""
        found = {slave.usn for slave in identity.slaves}
        for meter in list(self._registry.meters.values()):
            if meter.parent_usn == identity.usn and meter.usn not in found:
                gone = dataclasses.replace(meter, channel=None, medium=None)
                await self._registry.upsert_meter(gone)
        slaves = []
        for slave in identity.slaves:
            known = self._registry.meters.get(slave.usn)
            if known is not None and known.parent_usn is None:
                _LOG.warning("a slave has a master's number", extra={"METER": slave.usn})
                continue
            await self._registry.upsert_meter(slave_record(slave, identity.usn, known, now_s))
            # Nobody else reads for it from now on, nor whoever is put aside when he comes back.
            for other in (*self.meters.values(), *self._aside.values()):
                other.streams = [each for each in other.streams if each.usn != slave.usn]
            slaves.append(slave)
        return slaves

    async def _change(self, link: NodeLink, **fields: object) -> None:
        node = self._registry.nodes[link.system_title]
        await self._registry.upsert_node(
            dataclasses.replace(node, **fields)  # type: ignore[arg-type]  # fields of Node
        )

    async def _remember_kind(self, kind: MeterKind, now_s: float) -> None:
        self._kinds[kind.key] = kind
        await self._registry.remember_kind(
            Kind(
                config_id=kind.config_id,
                firmware=kind.firmware_module,
                object_list=kind.to_json(),
                read_at_s=int(now_s),
            )
        )

    async def _open(
        self, meter: MeterState, usn: str, found: BufferFound, parent_usn: str | None
    ) -> None:
        description = StreamDescription(
            usn=usn,
            entity=found.entity,
            capture_period_s=found.capture_period_s or None,
            columns=found.columns,
            parent_usn=parent_usn,
        )
        stream_id = await self._buffer.open_stream(description)
        meter.streams.append(self._resumed.stream(stream_id, usn, found))

    def _link(self, node: Node, mac: int) -> NodeLink:
        link = NodeLink(
            system_title=node.system_title,
            mac=mac,
            told_at_s=float(node.registered_at_s or node.last_seen_s),
            is_confirmed=node.state is not NodeState.NEW,
            heard_at_s=float(node.last_seen_s),
            is_lost=node.state is NodeState.LOST,
        )
        if link.is_lost:  # so it is told as found again when it answers
            link.silent_since_s, link.retry_at_s = link.heard_at_s, self._clock.now_s()
        link.credit.start(CREDIT_MAX if node.credit_need is None else node.credit_need)
        self._links[node.system_title] = link
        return link
