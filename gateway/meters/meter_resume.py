"""Take up the meters that an earlier run left in the store, as the line works with them."""

from collections.abc import Callable
from typing import Final

from drivers.dlms.companion import Entity, Medium
from gateway.meters.buffer_found import BufferFound
from gateway.meters.meter_kind import MeterKind, SlavePlace
from gateway.meters.meter_state import MeterState
from gateway.meters.node_link import NodeLink
from gateway.meters.stream_plan import StreamState
from gateway.store.meter_registry import MeterRegistry
from gateway.store.reading_buffer import ReadingBuffer

IDENTIFY_PERIOD_S: Final = 86_400.0
"""So often a meter is asked who it is: slaves come and go, and periods change, without a word."""


class MeterResume:
    """Makes meters and streams in memory of what the store holds.

    Args:
        registry: the inventory.
        buffer: the streams.
        known_kind: returns what is remembered of a kind of meter.
        now_s: UTC.
    """

    def __init__(
        self,
        registry: MeterRegistry,
        buffer: ReadingBuffer,
        known_kind: Callable[[str, str], MeterKind | None],
        now_s: Callable[[], float],
    ) -> None:
        self._registry = registry
        self._buffer = buffer
        self._known_kind = known_kind
        self._now_s = now_s

    def stream(self, stream_id: int, usn: str, found: BufferFound) -> StreamState:
        """Return a stream as far as reading it has come."""
        edge_s = newest_s = self._buffer.newest_captured_at_s(stream_id)
        covered_to_s = self._buffer.coverage(stream_id).last()
        if edge_s is not None and covered_to_s is not None:
            newest_s = min(edge_s, covered_to_s)
            if edge_s > covered_to_s + found.capture_period_s:  # from a clock that was ahead
                edge_s = newest_s
        return StreamState(
            stream_id=stream_id,
            usn=usn,
            buffer=found,
            newest_s=newest_s,
            oldest_s=found.oldest_s,
            known_to_s=edge_s,
            opened_at_s=self._now_s(),
        )

    def meter(self, link: NodeLink, usn: str) -> MeterState | None:
        """Return a meter as the store knows it; None when it must be asked again who it is."""
        known = self._registry.meters.get(usn)
        if known is None or known.config_id is None or known.firmware_module is None:
            return None
        kind = self._known_kind(known.config_id, known.firmware_module)
        if kind is None:
            return None
        meter = MeterState(
            link=link,
            usn=usn,
            kind=kind,
            deviation_s=known.clock_deviation_s,
            contact_at_s=known.clock_contact_at_s,
            noted_at_s=known.clock_contact_at_s,
            identify_at_s=self._now_s() + IDENTIFY_PERIOD_S * (link.mac % 97 + 1) / 97,
        )
        for entity, base_name in kind.buffers().items():
            if not self._resume_stream(meter, usn, entity, base_name):
                return None
        for slave in self._registry.meters.values():
            if slave.parent_usn != usn or slave.channel is None or slave.medium is None:
                continue
            place = SlavePlace(medium=Medium(slave.medium), channel=slave.channel)
            base = kind.slave_buffer(place)
            if base is None or not self._resume_stream(meter, slave.usn, Entity.SLAVE, base):
                return None
        return meter

    def _resume_stream(self, meter: MeterState, usn: str, entity: Entity, base_name: int) -> bool:
        stream_id = self._buffer.stream_id_of(usn, entity)
        if stream_id is None:
            return False
        description = self._buffer.description(stream_id)
        found = BufferFound(
            entity=entity,
            base_name=base_name,
            capture_period_s=description.capture_period_s or 0,
            columns=description.columns,
        )
        meter.streams.append(self.stream(stream_id, usn, found))
        return True
