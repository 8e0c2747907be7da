"""The life of one meter: it counts, captures, logs, loses power and has its clock set.

Nothing here knows a protocol. Time comes in as an argument, always true UTC seconds; what the
meter believes is the business of its clock. No task ticks: the owner calls `run_due` at
`next_due_s` or before it asks anything, and every row arises with the right time however late
that call comes.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from drivers.dlms.companion import (
    BUFFER_ROWS_MAX,
    DisconnecterEvent,
    Entity,
    RowStatus,
    StandardEvent,
)
from hil.meter.capture import CaptureProfile, EvenPeriod, EveryMidnight, EveryMonth, Schedule
from hil.meter.clock import ClockChange, MeterClock
from hil.meter.kinds import MeterKind
from hil.meter.registers import EnergyRegisters
from hil.meter.rows import RowObserver, RowRing
from hil.meter.slave import SlaveMeter

_ROUNDING_S = 1e-6  # true time and back again costs a few bits
_HEAD_OCTETS = 2 + 14  # structure and clock
_VALUE_OCTETS = 5
_CLOCK_STATUS_INVALID = 0x01
_CLOCK_STATUS_DST = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The numbers that tell one meter from all others."""

    usn: str
    serial_meter: str
    serial_module: str
    system_title: bytes
    param_id: str = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterSettings:
    """How the meters of a line are set.

    Attributes:
        periodic_period_s: capture period of the periodic profile.
        slave_period_s: capture period of slave profiles.
        sync_limit_s: a larger clock shift is registered.
        not_addressed_timeout_s: silence after which a node is NEW again.
        search_initiator_s: how long a node without an address compares clients; 0: not at all.
        long_power_down_s: an outage of this length is a long one.
        clock_reserve_s: how long the clock runs without power.
        periodic_history_rows and its like: rows that are there at the start.
    """

    periodic_period_s: int = 900
    slave_period_s: int = 3600
    sync_limit_s: float = 10.0
    not_addressed_timeout_s: float = 6 * 3600.0
    search_initiator_s: float = 0.0
    long_power_down_s: float = 180.0
    clock_reserve_s: float = 7 * 86_400.0
    periodic_history_rows: int = 60
    daily_history_rows: int = 3
    slave_history_rows: int = 10
    monthly_history_rows: int = 0


@dataclass(slots=True, kw_only=True)
class PowerFailures:
    """Counters of the supply."""

    all: int = 0
    long: int = 0


@dataclass(slots=True, kw_only=True)
class MeterModule:
    """A meter's communication module and what is behind it.

    Attributes:
        rings: rows by entity, the meter's own; slaves have theirs in `slave_rings` by channel.
        notes: texts that the utility may write, by OBIS code.
        powered: mains is there.
        capturing: False after `stop_capture`, for good.
    """

    identity: Identity
    kind: MeterKind
    settings: MeterSettings
    clock: MeterClock
    registers: EnergyRegisters
    slaves: dict[int, SlaveMeter]
    observer: RowObserver | None = None
    powered: bool = True
    capturing: bool = True
    notes: dict[str, str] = field(default_factory=dict)
    power_failures: PowerFailures = field(default_factory=PowerFailures)
    rings: dict[Entity, RowRing] = field(init=False, default_factory=dict)
    slave_rings: dict[int, RowRing] = field(init=False, default_factory=dict)
    profiles: dict[tuple[Entity, int], CaptureProfile] = field(init=False, default_factory=dict)
    _down_since_s: float = 0.0

    def __post_init__(self) -> None:
        for entity in Entity:
            if entity is not Entity.SLAVE:
                self.rings[entity] = self._ring(self.identity.usn, entity)
        zone, settings = self.clock.zone, self.settings
        self._add_profile(Entity.PERIODIC, EvenPeriod(settings.periodic_period_s))
        self._add_profile(Entity.DAILY, EveryMidnight(zone))
        self._add_profile(Entity.MONTHLY, EveryMonth(zone))
        for channel, slave in self.slaves.items():
            ring = self.slave_rings[channel] = self._ring(slave.usn, Entity.SLAVE)
            self.profiles[Entity.SLAVE, channel] = CaptureProfile(
                ring=ring,
                schedule=EvenPeriod(settings.slave_period_s),
                next_capture_s=0,
                registers=_one_value(slave.value),
            )

    def begin(self, true_s: float) -> None:
        """Start the life, with the history that the settings ask for up to this time."""
        time_s = self.clock.time_s(true_s)
        history_rows = {
            Entity.PERIODIC: self.settings.periodic_history_rows,
            Entity.DAILY: self.settings.daily_history_rows,
            Entity.MONTHLY: self.settings.monthly_history_rows,
            Entity.SLAVE: self.settings.slave_history_rows,
        }
        for (entity, _), profile in self.profiles.items():
            profile.start_with_history(time_s, history_rows[entity])
        self.run_due(true_s)

    def next_due_s(self) -> float | None:
        """Return the true time of the next capture; None while there will be none."""
        if not (self.powered and self.capturing):
            return None
        first = min(profile.next_capture_s for profile in self.profiles.values())
        return self.clock.true_s(first)

    def run_due(self, true_s: float) -> None:
        """Capture all rows that are due, in order and with their own times."""
        while (due_s := self.next_due_s()) is not None and due_s <= true_s + _ROUNDING_S:
            profile = min(self.profiles.values(), key=lambda profile: profile.next_capture_s)
            profile.capture(
                true_s=due_s,
                zone=self.clock.zone,
                status=self._status(profile.next_capture_s),
                clock=self.clock_status(profile.next_capture_s),
            )

    def set_clock(self, time_s: float, true_s: float) -> ClockChange:
        """Set the clock; a shift over sync_limit is logged and marks the current periods.

        After such a shift a profile goes on with the first boundary of the new time: set back, it
        captures known times a second time; set forward, it leaves rows out. After a smaller shift
        it goes on where it was, so that no boundary is captured twice or left out.
        """
        self.run_due(true_s)
        change = self.clock.set_time(time_s, true_s)
        if change.registered:
            self.log(StandardEvent.CLOCK_ADJUSTED, true_s)
            for profile in self.profiles.values():
                profile.next_capture_s = profile.schedule.after(time_s)
                profile.pending |= RowStatus.CLOCK_ADJUSTED
        self.run_due(true_s)
        return change

    def power_off(self, true_s: float) -> None:
        """Lose the mains: the clock runs on, nothing is captured."""
        if not self.powered:
            return
        self.run_due(true_s)
        self.registers.advance(true_s)
        self.log(StandardEvent.POWER_DOWN, true_s)
        self.powered = False
        self.power_failures.all += 1
        self._down_since_s = true_s

    def power_on(self, true_s: float) -> None:
        """Get the mains back."""
        if self.powered:
            return
        outage_s = true_s - self._down_since_s
        self.registers.advance(true_s, powered=False)
        if outage_s > self.settings.clock_reserve_s:
            self.clock.lost = True
            self.clock.offset_s -= outage_s - self.settings.clock_reserve_s
        is_long = outage_s >= self.settings.long_power_down_s
        self.power_failures.long += is_long
        self.powered = True
        self.log(StandardEvent.LONG_POWER_UP if is_long else StandardEvent.POWER_UP, true_s)
        time_s = self.clock.time_s(true_s)
        for profile in self.profiles.values():
            profile.next_capture_s = profile.schedule.after(time_s)
            profile.pending |= RowStatus.POWER_FAIL | RowStatus.POWER_UP

    def log(self, event: StandardEvent | DisconnecterEvent, true_s: float) -> None:
        """Append to the event log in question, at the meter's own time."""
        if not self.capturing:
            return
        standard = isinstance(event, StandardEvent)
        ring = self.rings[Entity.STANDARD_EVENTS if standard else Entity.DISCONNECTER_EVENTS]
        at_s = math.floor(self.clock.time_s(true_s))
        ring.add(
            captured_at_s=at_s,
            deviation_min=self.clock.zone.deviation_min(at_s),
            clock_status=self.clock_status(at_s),
            status=int(self._status(at_s)) & 0xFF,
            values=(int(event),),
        )

    def stop_capture(self, true_s: float) -> None:
        """Take what is due and then no row or event any more; everything else goes on."""
        self.run_due(true_s)
        self.capturing = False

    def clock_status(self, time_s: float) -> int:
        """Return the status octet of a date-time of this meter."""
        invalid = _CLOCK_STATUS_INVALID if self.clock.lost else 0
        return invalid | (_CLOCK_STATUS_DST if self.clock.zone.is_dst(time_s) else 0)

    def all_rings(self) -> Iterable[RowRing]:
        """Return every ring, slaves included."""
        return (*self.rings.values(), *self.slave_rings.values())

    def row_octets(self, entity: Entity) -> int:
        """Return the length of a row of one of the meter's own buffers in an answer."""
        if entity is Entity.PERIODIC:
            return _profile_row_octets(self.kind.status_octets, len(self.kind.periodic))
        if entity in (Entity.DAILY, Entity.MONTHLY):
            return _profile_row_octets(self.kind.status_octets, len(self.kind.daily))
        if entity is Entity.SLAVE:
            return _profile_row_octets(1, 1)
        return _HEAD_OCTETS + 2 + 2  # status and event number

    def slave_ring(self, channel: int) -> RowRing:
        """Return a channel's rows; none where there is no slave."""
        ring = self.slave_rings.get(channel)
        return self._ring("", Entity.SLAVE) if ring is None else ring

    def _status(self, time_s: float) -> RowStatus:
        lost = RowStatus.CLOCK_LOST if self.clock.lost else RowStatus(0)
        return lost | (RowStatus.DST if self.clock.zone.is_dst(time_s) else RowStatus(0))

    def _ring(self, usn: str, entity: Entity) -> RowRing:
        # Monthly values are an emergency copy that nobody collects by himself: no truth needed.
        observer = None if entity is Entity.MONTHLY else self.observer
        return RowRing(usn=usn, entity=entity, depth=BUFFER_ROWS_MAX[entity], observer=observer)

    def _add_profile(self, entity: Entity, schedule: Schedule) -> None:
        quantities = self.kind.periodic if entity is Entity.PERIODIC else self.kind.daily

        def values(true_s: float) -> tuple[int, ...]:
            self.registers.advance(true_s)
            return tuple(self.registers.value_wh(quantity) for quantity in quantities)

        self.profiles[entity, -1] = CaptureProfile(
            ring=self.rings[entity],
            schedule=schedule,
            next_capture_s=0,
            registers=values,
            status_octets=self.kind.status_octets,
        )


def _profile_row_octets(status_octets: int, values: int) -> int:
    return _HEAD_OCTETS + 1 + status_octets + _VALUE_OCTETS * values


def _one_value(read: Callable[[float], int]) -> Callable[[float], tuple[int]]:
    return lambda true_s: (read(true_s),)
