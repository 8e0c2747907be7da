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
        oldest_s: captured_at of its first row; None when it is empty or was not asked.
        row_octets: length of a row in an answer; None when no row was seen yet.
    """

    entity: Entity
    base_name: int
    capture_period_s: int
    columns: tuple[Column, ...]
    oldest_s: int | None = None
    row_octets: int | None = None
