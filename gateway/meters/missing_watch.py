"""Tell the head-end what could not be read, and why, while it cannot [UPL-2, ACQ-3].

A stream with rows that should have been read by now is told once, from its first missing row on,
open to the present; again when the reason changes; and once more when nothing is missing any
longer. So whoever has the journal knows a reason for each row that he does not have.
"""

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from gateway.meters.meter_state import MeterState
from gateway.meters.node_link import NodeLink
from gateway.meters.stream_plan import StreamState
from gateway.store.journal import Body, Journal, JournalKind

LOOK_EVERY_S: Final = 600.0

SILENCE_TOLD_AFTER_S: Final = 3_600.0
"""Rows of a node that has been silent for so long are told, however young they are."""

SPARE_S: Final = 7_200.0
"""Rows may wait for company, and for their turn: so much beyond the age at which they are due."""


class Reason(StrEnum):
    """Why rows are missing; the list is closed."""

    SILENT = "the node does not answer"
    LOST = "the node is lost"
    NOT_IDENTIFIED = "who the meter is has to be read again"
    REFUSED = "the meter refuses, or answers nonsense"
    WAITING = "the line had no time for it yet"


class MeterList(Protocol):
    """Who knows all meters: gateway.meters.meter_book."""

    def all_meters(self) -> Iterable[tuple[NodeLink, MeterState, bool]]:
        """Return each meter with its node, and whether it is known to be still behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """When a row should have been read.

    Attributes:
        row_age_max_s: age at which a row is fetched at the latest.
        events_period_s: between two reads of an event log.
    """

    row_age_max_s: float
    events_period_s: float


@dataclass(frozen=True, slots=True)
class _Told:
    from_s: int
    reason: Reason


class MissingWatch:
    """Looks at all streams now and then, and tells what changed."""

    def __init__(
        self,
        meters: MeterList,
        journal: Journal,
        now_s: Callable[[], float],
        settings: WatchSettings,
    ) -> None:
        self._meters = meters
        self._journal = journal
        self._now_s = now_s
        self._settings = settings
        self._told: dict[int, _Told] = {}

    async def run(self) -> None:
        """Look until cancelled.

        Raises:
            StoreError: the disk refused; run again.
        """
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Compare once, and tell."""
        now_s = self._now_s()
        entries: list[tuple[JournalKind, str | None, Body]] = []
        told = dict(self._told)
        for link, meter, is_known in self._meters.all_meters():
            for stream in meter.streams:
                missing = self._missing(link, meter, stream, now_s, is_known=is_known)
                before = told.get(stream.stream_id)
                if missing == before:
                    continue
                if missing is not None:
                    told[stream.stream_id] = missing
                elif before is not None:
                    del told[stream.stream_id]
                entries.append((JournalKind.MISSING, stream.usn, _body(stream, missing, before)))
        if entries:
            await self._journal.write_with(lambda _: None, entries)
        self._told = told

    def _missing(
        self,
        link: NodeLink,
        meter: MeterState,
        stream: StreamState,
        now_s: float,
        *,
        is_known: bool,
    ) -> _Told | None:
        read_to_s = stream.newest_s if stream.period_s else stream.asked_at_s
        since_s = stream.opened_at_s if read_to_s is None else read_to_s
        step_s = stream.period_s or self._settings.events_period_s
        due_s = since_s + step_s + SPARE_S
        if stream.period_s:
            due_s += self._settings.row_age_max_s
        silent_s = 0.0 if link.silent_since_s is None else now_s - link.heard_at_s
        present_s = meter.present_s(now_s)
        is_late = present_s >= due_s
        is_cut_off = silent_s >= SILENCE_TOLD_AFTER_S and present_s >= since_s + stream.period_s
        if not (is_late or is_cut_off):
            return None
        reason = Reason.WAITING
        if link.is_lost:
            reason = Reason.LOST
        elif link.silent_since_s is not None:
            reason = Reason.SILENT
        elif not is_known:
            reason = Reason.NOT_IDENTIFIED
        elif stream.refusals_in_a_row or link.refusals_in_a_row:
            reason = Reason.REFUSED
        before = self._told.get(stream.stream_id)
        from_s = math.floor(since_s) + 1
        if before is not None and before.reason is reason:
            from_s = min(from_s, before.from_s)
        return _Told(from_s, reason)


def _body(stream: StreamState, missing: _Told | None, before: _Told | None) -> Body:
    told = missing or before
    assert told is not None
    until_s = stream.newest_s if stream.period_s else stream.asked_at_s
    return {
        "stream": stream.entity.value,
        "from_s": told.from_s,
        "to_s": None if missing is not None else math.floor(until_s or 0.0),
        "reason": "read" if missing is None else told.reason.value,
    }
