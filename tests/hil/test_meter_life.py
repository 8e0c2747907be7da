"""The meter without any protocol: clock, captures, events, power."""

import itertools

import pytest

from drivers.dlms.companion import Entity, Medium, RowStatus, StandardEvent
from hil.meter.clock import MeterClock
from hil.meter.module import MeterModule, MeterSettings
from hil.meter.rows import Row
from hil.meter.slave import SlaveMeter, slave_flow
from tests.hil.line_helpers import START_S, Ledger, make_module


def rows(module: MeterModule, entity: Entity = Entity.PERIODIC) -> list[Row]:
    return list(module.rings[entity])


def times(module: MeterModule, entity: Entity = Entity.PERIODIC) -> list[int]:
    return [row.captured_at_s for row in rows(module, entity)]


def test_rows_arise_at_the_boundaries_of_the_meters_own_clock() -> None:
    """ACQ-4: a row carries the boundary, not the moment at which somebody looked."""
    module = make_module(offset_s=2.5)
    module.run_due(START_S + 34.0)
    first = int(START_S) + 7  # 00:00:03 + 2.5 s is 00:00:05.5: the next is 00:00:10
    assert times(module) == [first, first + 10, first + 20]
    assert module.next_due_s() == first + 30 - 2.5


def test_a_late_call_gives_the_same_rows_as_punctual_ones() -> None:
    """ACQ-4: rows do not depend on when the process found time for them."""
    late, punctual = make_module(), make_module()
    late.run_due(START_S + 3600)
    while (due_s := punctual.next_due_s()) is not None and due_s <= START_S + 3600:
        punctual.run_due(due_s)
    assert rows(late) == rows(punctual)
    assert len(rows(late)) == 360


def test_history_ends_where_life_begins() -> None:
    """ACQ-3: a meter comes with rows behind it and goes on without gap or repeat."""
    settings = MeterSettings(periodic_period_s=10, periodic_history_rows=60, daily_history_rows=3)
    module = make_module(settings=settings, begin=False, start_s=START_S)
    module.registers.counted_to_s = START_S - 5 * 86_400
    module.begin(START_S)
    assert len(rows(module)) == 60
    assert len(rows(module, Entity.DAILY)) == 3
    module.run_due(START_S + 100)
    found = times(module)
    assert found == list(range(found[0], found[0] + 10 * len(found), 10))
    assert found[-1] <= START_S + 100 < found[-1] + 10


def test_daily_rows_stand_at_local_midnight_and_carry_summer_time() -> None:
    """ACQ-1, TIM-4: a day ends at local midnight, also when the clocks change."""
    sunday_before_change = 1_792_792_800.0  # 2026-10-23 22:00 UTC: midnight of summer time
    module = make_module(start_s=sunday_before_change)
    module.run_due(sunday_before_change + 3 * 86_400)
    daily = rows(module, Entity.DAILY)
    assert [row.captured_at_s - int(sunday_before_change) for row in daily] == [86_400, 176_400]
    assert [row.deviation_min for row in daily] == [-120, -60]
    assert [row.clock_status for row in daily] == [0x80, 0x00]


def test_energy_rises_and_adds_up() -> None:
    """ACQ-4: registers of a household never fall, and the rates add up to the total."""
    module = make_module()
    module.run_due(START_S + 86_400)
    imported = [row.values[0] for row in rows(module)]
    assert all(later >= earlier for earlier, later in itertools.pairwise(imported))
    day_wh = imported[-1] - imported[0]
    assert 1_500 < day_wh < 60_000
    daily = rows(module, Entity.DAILY)[0].values
    assert abs(daily[0] - daily[1] - daily[2]) <= 1


def test_a_full_ring_drops_its_oldest_row_and_says_so() -> None:
    """ACQ-3: 2160 rows, the oldest overwritten; the observer knows what is still there."""
    ledger = Ledger()
    module = make_module(observer=ledger)
    module.run_due(START_S + 10 * 2200)
    assert len(rows(module)) == 2160
    held = [key for key in ledger.held if key[1] is Entity.PERIODIC]
    assert sorted(key[2] for key in held) == times(module)


@pytest.mark.parametrize("shift_s", [-9.5, -4.0, 4.0, 9.5])
def test_a_small_shift_leaves_no_mark_and_no_boundary_twice(shift_s: float) -> None:
    """TIM-2: below sync_limit nothing is registered, and each boundary is captured once."""
    module = make_module()
    module.run_due(START_S + 31)
    change = module.set_clock(module.clock.time_s(START_S + 31) + shift_s, START_S + 31)
    assert change.accepted
    assert not change.registered
    module.run_due(START_S + 120)
    found = times(module)
    assert found == list(range(found[0], found[0] + 10 * len(found), 10))
    assert not any(row.status & RowStatus.CLOCK_ADJUSTED for row in rows(module))
    assert not rows(module, Entity.STANDARD_EVENTS)


def test_a_clock_set_far_back_captures_times_again_and_marks_the_period() -> None:
    """TIM-2: over sync_limit: an event, the flag on one row, and rows with the same time."""
    module = make_module(offset_s=90.0)
    module.run_due(START_S + 120)
    module.set_clock(START_S + 120, START_S + 120)
    module.run_due(START_S + 240)
    again = [row for row in rows(module) if row.occurrence == 2]
    assert len(again) == 9
    originals = {row.captured_at_s: row for row in rows(module) if row.occurrence == 1}
    assert all(row.values[0] >= originals[row.captured_at_s].values[0] for row in again)
    flagged = [row for row in rows(module) if row.status & RowStatus.CLOCK_ADJUSTED]
    assert [(row.captured_at_s, row.occurrence) for row in flagged] == [(again[0].captured_at_s, 2)]
    (event,) = rows(module, Entity.STANDARD_EVENTS)
    assert event.values == (StandardEvent.CLOCK_ADJUSTED,)
    assert event.captured_at_s == int(START_S) + 120


def test_a_clock_set_far_forward_leaves_rows_out() -> None:
    """TIM-2: what lies between old and new time was never measured."""
    module = make_module(offset_s=-90.0)
    module.run_due(START_S + 60)
    last = times(module)[-1]
    module.set_clock(START_S + 60, START_S + 60)
    module.run_due(START_S + 80)
    assert times(module)[-2] - last == 100
    assert max(row.occurrence for row in rows(module)) == 1


def test_many_small_shifts_in_one_direction_are_refused() -> None:
    """TIM-2: a clock cannot be walked away in steps that leave no mark."""
    clock = MeterClock(sync_limit_s=10.0)
    answers = [clock.set_time(clock.time_s(at) + 4.0, at).accepted for at in (0.0, 60.0, 120.0)]
    assert answers == [True, True, False]
    assert clock.offset_s == 8.0
    assert clock.set_time(clock.time_s(180.0) - 4.0, 180.0).accepted
    assert clock.set_time(clock.time_s(200_000.0) + 4.0, 200_000.0).accepted


def test_without_power_nothing_is_captured_and_both_ends_are_logged() -> None:
    """ACQ-1, HIL-1: outage in the event log, in the counters and in the next row's status."""
    module = make_module()
    module.power_off(START_S + 25)
    assert module.next_due_s() is None
    energy = module.registers.value_wh
    before = {quantity: energy(quantity) for quantity in module.kind.daily}
    module.run_due(START_S + 60)
    module.power_on(START_S + 65)
    assert {quantity: energy(quantity) for quantity in module.kind.daily} == before
    module.run_due(START_S + 90)
    events = [(row.captured_at_s, row.values[0]) for row in rows(module, Entity.STANDARD_EVENTS)]
    assert events == [
        (int(START_S) + 25, StandardEvent.POWER_DOWN),
        (int(START_S) + 65, StandardEvent.POWER_UP),
    ]
    gap = [row for row in rows(module) if row.status & RowStatus.POWER_FAIL]
    assert [row.captured_at_s for row in gap] == [int(START_S) + 67]
    assert times(module) == [int(START_S) + at for at in (7, 17, 67, 77, 87)]
    assert (module.power_failures.all, module.power_failures.long) == (1, 0)


def test_a_clock_without_reserve_is_lost_until_it_is_set() -> None:
    """ACQ-7: after more than seven days without power rows say that the clock is lost."""
    module = make_module()
    module.power_off(START_S)
    module.power_on(START_S + 8 * 86_400)
    assert module.clock.lost
    assert module.clock.offset_s == -86_400
    module.run_due(START_S + 8 * 86_400 + 10)
    assert rows(module)[-1].status & RowStatus.CLOCK_LOST
    assert rows(module)[-1].clock_status & 0x01
    module.set_clock(START_S + 8 * 86_400 + 20, START_S + 8 * 86_400 + 20)
    module.run_due(START_S + 8 * 86_400 + 40)
    assert not rows(module)[-1].status & RowStatus.CLOCK_LOST
    assert rows(module, Entity.STANDARD_EVENTS)[-2].values == (StandardEvent.LONG_POWER_UP,)


def test_after_stop_nothing_arises_any_more() -> None:
    """HIL-1: what the meters hold when capture stops is what they hold for good."""
    ledger = Ledger()
    module = make_module(observer=ledger)
    module.stop_capture(START_S + 60)
    held = dict(ledger.held)
    assert module.next_due_s() is None
    module.run_due(START_S + 600)
    module.set_clock(START_S, START_S + 600)
    module.power_off(START_S + 700)
    module.power_on(START_S + 800)
    assert ledger.held == held
    assert len(held) == 6


def test_a_slave_has_rows_of_its_own() -> None:
    """INV-8, ACQ-1: one register an hour, under the slave's own number."""
    ledger = Ledger()
    slave = SlaveMeter(
        channel=0,
        medium=Medium.GAS,
        usn="S1",
        serial="ELS1",
        ocr_serial="XEM1",
        config_id="SLAVE-GAS",
        flow=slave_flow(Medium.GAS, 3),
        counted_to_s=START_S,
        count=5_000.0,
    )
    module = make_module(slaves={0: slave}, observer=ledger)
    module.run_due(START_S + 5 * 3600)
    counts = [row.values for row in module.slave_rings[0]]
    assert len(counts) == 5
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    assert {key[0] for key in ledger.held if key[1] is Entity.SLAVE} == {"S1"}
