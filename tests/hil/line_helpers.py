"""A timer that jumps, and small lines and meters to test with."""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from drivers.dlms.companion import Entity
from hil.household import make_household
from hil.meter.clock import MeterClock
from hil.meter.kinds import SINGLE_PHASE, MeterKind
from hil.meter.module import Identity, MeterModule, MeterSettings
from hil.meter.registers import EnergyRegisters
from hil.meter.rows import Row, RowObserver
from hil.meter.slave import SlaveMeter
from hil.meter.zone import LocalZone

START_S = 1_795_219_203.0  # 2026-11-21 00:00:03 UTC: a Saturday of winter time


@dataclass
class Call:
    """A call to come."""

    callback: Callable[..., object] | None
    args: tuple[object, ...]

    def cancel(self) -> None:
        self.callback = None


@dataclass
class JumpingTimer:
    """Time that passes only by `advance_to`; the calls come in order and at their moments."""

    now: float = 0.0
    _calls: list[tuple[float, int, Call]] = field(default_factory=list)
    _order: Any = field(default_factory=itertools.count)

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[..., object], *args: object) -> Call:
        call = Call(callback, args)
        heapq.heappush(self._calls, (when, next(self._order), call))
        return call

    def advance_to(self, when: float) -> None:
        while self._calls and self._calls[0][0] <= when:
            at, _, call = heapq.heappop(self._calls)
            self.now = max(self.now, at)
            if call.callback is not None:
                call.callback(*call.args)
        self.now = when

    def advance(self, seconds: float) -> None:
        self.advance_to(self.now + seconds)


@dataclass
class Ledger:
    """A RowObserver that mirrors what it is told."""

    held: dict[tuple[str, Entity, int, int], Row] = field(default_factory=dict)

    def row_added(self, usn: str, entity: Entity, row: Row) -> None:
        key = (usn, entity, row.captured_at_s, row.occurrence)
        assert key not in self.held
        self.held[key] = row

    def row_dropped(self, usn: str, entity: Entity, row: Row, overwritten_by: Row) -> None:
        assert overwritten_by is not row
        del self.held[usn, entity, row.captured_at_s, row.occurrence]


def make_module(
    *,
    kind: MeterKind = SINGLE_PHASE,
    settings: MeterSettings | None = None,
    offset_s: float = 0.0,
    seed: int = 7,
    slaves: dict[int, SlaveMeter] | None = None,
    observer: RowObserver | None = None,
    begin: bool = True,
    start_s: float = START_S,
) -> MeterModule:
    """Return a meter that begins its life at START_S."""
    settings = settings or MeterSettings(
        periodic_period_s=10, periodic_history_rows=0, daily_history_rows=0, slave_history_rows=0
    )
    zone = LocalZone()
    module = MeterModule(
        identity=Identity(
            usn=f"U{seed:09d}",
            serial_meter=f"LGZ{seed:08d}",
            serial_module=f"LGZ{seed + 50_000_000:08d}",
            system_title=b"LGZ" + seed.to_bytes(3, "big"),
        ),
        kind=kind,
        settings=settings,
        clock=MeterClock(offset_s=offset_s, sync_limit_s=settings.sync_limit_s, zone=zone),
        registers=EnergyRegisters(
            household=make_household(seed), zone=zone, counted_to_s=start_s - 90_000
        ),
        slaves=slaves or {},
        observer=observer,
    )
    if begin:
        module.begin(start_s)
    return module


def dice(seed: int = 1) -> random.Random:
    """Return seeded dice."""
    return random.Random(seed)
