"""A registered meter as the daemon works with it: its link, kind, streams and clock."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.meters.latest import LATEST_S

if TYPE_CHECKING:
    from gateway.meters.meter_kind import MeterKind
    from gateway.meters.node_link import NodeLink
    from gateway.meters.stream_plan import StreamState


@dataclass(slots=True)
class MeterState:
    """One master meter behind a node.

    Attributes:
        link: the way to it.
        usn: its utility serial number.
        kind: what all meters of its kind have in common.
        streams: its own buffered entities and those of its slaves.
        deviation_s: its clock less ours at the last sample; None before the first.
        contact_at_s: UTC second of that sample.
        noted_at_s: contact_at_s of the sample that is on disk.
        clock_to_set_at_s: UTC second from which its clock waits to be set; None: it is right.
        clock_tries_in_a_row: how often that was tried in vain.
        identify_at_s: UTC second from which it is asked again who it is and who its slaves are.
    """

    link: "NodeLink"
    usn: str
    kind: "MeterKind"
    streams: "list[StreamState]" = field(default_factory=list)
    deviation_s: float | None = None
    contact_at_s: float | None = None
    noted_at_s: float | None = None
    clock_to_set_at_s: float | None = None
    clock_tries_in_a_row: int = 0
    identify_at_s: float = math.inf

    def present_s(self, now_s: float) -> float:
        """Return what the meter's clock shows at UTC second `now_s`, as far as is known."""
        return min(now_s + (self.deviation_s or 0.0), LATEST_S)
