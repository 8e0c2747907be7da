"""Where a stream ends, and what its last rows hold."""

from dataclasses import dataclass

Content = tuple[int, int, tuple[int, ...]]
"""Status, clock status, values: rows of one time that agree in these are the same row."""

TimedContent = tuple[int, Content]
"""A captured_at and what was captured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTail:
    """Where a stream ends.

    Attributes:
        growing: columns that are totals.
        last_seq: number of its last row; 0 for none.
        described_after_seq: rows up to this one meant something else.
        edge_s: newest captured_at.
        edge_id: first reading of that time.
        recent: all rows of recent_from_s and later, in order of arrival; None when they were
            not looked up yet. Most comparisons are with them, and need no look at the disk.
    """

    growing: tuple[int, ...]
    last_seq: int = 0
    described_after_seq: int = 0
    edge_s: int | None = None
    edge_id: int | None = None
    recent: tuple[TimedContent, ...] | None = None
    recent_from_s: int = 0
