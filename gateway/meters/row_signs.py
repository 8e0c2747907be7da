"""What the status words of rows tell beyond the rows: events to read, clocks that were set."""

import math
from collections.abc import Sequence
from typing import Final

from drivers.dlms.companion import RowStatus
from drivers.dlms.profile_rows import ProfileRow
from gateway.meters.latest import LATEST_S
from gateway.meters.meter_state import MeterState
from gateway.meters.stream_plan import StreamState
from gateway.store.reading_buffer import ReadingBuffer

CLOCK_SET_KNOWN_S: Final = 7 * 86_400.0
"""Rows older than this tell of nothing that is not long known."""

_TOLD_IN_EVENTS: Final = RowStatus(0x01FF) & ~RowStatus.DST & ~RowStatus.SLAVE_UNREACHABLE
"""A status bit other than these comes with an entry in the event log."""


def note_statuses(meter: MeterState, rows: Sequence[ProfileRow]) -> None:
    """Let event logs be read soon that were last read before something happened."""
    happened_s = max((row[0] for row in rows if row[2] & _TOLD_IN_EVENTS), default=None)
    if happened_s is None:
        return
    for stream in meter.streams:
        if stream.period_s == 0 and stream.asked_at_s is not None:
            stream.hurried = stream.hurried or stream.asked_at_s < happened_s


async def notice_a_clock_set(
    buffer: ReadingBuffer,
    meter: MeterState,
    stream: StreamState,
    rows: Sequence[ProfileRow],
    *,
    after_s: int,
    now_s: float,
) -> None:
    """Have read again what was captured again, though nobody saw the clock while it was wrong.

    The first row behind the new time says that it was set, and the event stands at that time.
    Rows that are no later than those read before were captured a second time [ADR 9].

    Args:
        buffer: holds what was read.
        meter: whose rows these are.
        stream: of which buffer.
        rows: as they came.
        after_s: captured_at of the row read before them.
        now_s: UTC.

    Raises:
        StoreError: it is not on the disk.
    """
    present_s = meter.present_s(now_s)
    adjusted = [row[0] for row in rows if row[2] & RowStatus.CLOCK_ADJUSTED]
    first_s = min(adjusted, default=math.floor(present_s))
    if not adjusted or first_s < present_s - CLOCK_SET_KNOWN_S:
        return
    from_s = first_s - stream.period_s
    for each in meter.streams:
        if each.period_s and first_s > after_s:
            continue
        await buffer.uncover(each.stream_id, from_s, LATEST_S)
        each.reads_again(from_s, math.floor(now_s))
        each.hurried = each.hurried or not each.period_s
