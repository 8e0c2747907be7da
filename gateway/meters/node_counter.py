"""Who counts what nodes are asked, and what they answer [PLC-3]."""

from typing import Protocol

from gateway.core.purpose import Purpose


class NodeCounter(Protocol):
    """Who counts what nodes are asked: gateway.meters.node_statistics."""

    def tried(
        self, node: bytes, purpose: Purpose, *, credit: int, octets: int, airtime_s: float
    ) -> None:
        """Note one try of a question."""

    def answered(
        self,
        node: bytes,
        at_s: float,
        purpose: Purpose,
        *,
        hops_down: int,
        hops_up: int,
        octets: int,
        airtime_s: float,
    ) -> None:
        """Note a good answer."""

    def silent(self, node: bytes, at_s: float, tries: int) -> None:
        """Note a question of which every try met silence."""
