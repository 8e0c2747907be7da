"""A buffered entity as a meter describes it."""

from dataclasses import dataclass

from drivers.dlms.companion import Entity
from gateway.store.stream import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferFound:
    """A buffered entity that a meter holds.

    Attributes:
        entity: what it holds.
        base_name: its short name.
        capture_period_s: 0 for buffers that are filled by events.
        columns: the values of a row.
    """

    entity: Entity
    base_name: int
    capture_period_s: int
    columns: tuple[Column, ...]
