"""Repeater calls, and alarms that the status tells of, against the emulated chip."""

import asyncio

import pytest

from hal.errors import HalError, ModemReset
from hal.plc_modem.host_deframer import HostDeframer, Role
from hal.plc_modem.host_link import HostLink
from hal.plc_modem.status import ALARM_BIT, Condition, StatusMessage
from hil.air import AlarmHeard
from tests.gateway.core.jumping_loop import jumping
from tests.hal.modem_bench import READ, SETTINGS, ModemBench, running

PATTERN_S = 0.5


@jumping
async def test_a_repeater_call_ends_when_all_have_had_their_places() -> None:
    """Docs/plc.md 3.1: the chip says so."""
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        began_at = bench.now
        await bench.modem.call_repeaters(PATTERN_S)
        assert bench.calls == 1
        assert PATTERN_S < bench.now - began_at < PATTERN_S + 0.05
        assert bench.transmitted == []


@jumping
async def test_a_frame_waits_until_a_repeater_call_is_over() -> None:
    """PLC-4: it would fall into the patterns."""
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        began_at = bench.now
        calling = asyncio.create_task(bench.modem.call_repeaters(PATTERN_S))
        await asyncio.sleep(0)
        await bench.modem.send(READ.to_host())
        assert calling.done()
        assert bench.now - began_at > PATTERN_S
        assert bench.transmitted == [READ]


@jumping
async def test_a_cancelled_caller_leaves_the_modem_well() -> None:
    """PLC-4: the call that was begun ends; whoever comes next waits for it."""
    for cancel_after_s in (0.0, 0.001, 0.01, 0.3):
        async with running(ModemBench()) as bench:
            await bench.modem.ready()
            calling = asyncio.create_task(bench.modem.call_repeaters(PATTERN_S))
            await asyncio.sleep(0)
            await asyncio.sleep(cancel_after_s)
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)
            await bench.modem.send(READ.to_host())
            assert bench.transmitted == [READ]
            assert bench.modem.counters()["times_lost"] == 0


@jumping
async def test_a_call_that_never_ends_is_told_and_the_modem_brought_back() -> None:
    """HIL-3: a chip that does not answer may do nothing else either."""
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.pattern_s = None
        began_at = bench.now
        with pytest.raises(HalError, match="repeater call"):
            await bench.modem.call_repeaters(PATTERN_S)
        waited_s = bench.now - began_at
        assert waited_s > PATTERN_S + 3 * bench.slot_s
        assert waited_s < PATTERN_S + 3 * bench.slot_s + SETTINGS.confirm_slack_s + 0.1
        await bench.modem.ready()
        await bench.modem.send(READ.to_host())
        assert bench.modem.counters()["times_configured"] == 2


@jumping
async def test_a_modem_that_is_not_up_calls_nobody() -> None:
    bench = ModemBench()
    with pytest.raises(ModemReset, match="not up"):
        await bench.modem.call_repeaters(PATTERN_S)
    assert bench.calls == 0


async def _alarms_after_a_frame(bench: ModemBench, *, alarm: bool) -> int:
    """Return what is counted by the next status; an alarm was heard before, or not."""
    if alarm:
        bench.chip.hear(AlarmHeard(b"\x12\x34"))
    await bench.modem.send(READ.to_host())
    return bench.modem.counters()["alarms_heard"]


@jumping
async def test_an_alarm_is_counted_when_it_begins_and_not_while_it_stands() -> None:
    """PLC-6: a node sends its pattern in each pause until somebody asks it what is the matter."""
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        heard = (False, True, True, True, False, False, True, False)
        seen = [await _alarms_after_a_frame(bench, alarm=alarm) for alarm in heard]
        assert seen == [0, 1, 1, 1, 1, 1, 2, 2]


@jumping
async def test_an_alarm_heard_twice_between_two_statuses_is_one() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.chip.hear(AlarmHeard(b"\x12\x34"))
        assert await _alarms_after_a_frame(bench, alarm=True) == 1


@jumping
async def test_an_idle_line_notices_an_alarm_when_it_looks_after_its_modem() -> None:
    """PLC-6: within the period of the watch."""
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.chip.hear(AlarmHeard(b"\x12\x34"))
        await asyncio.sleep(SETTINGS.watch_period_s + 0.5)
        assert bench.modem.counters()["alarms_heard"] == 1


@pytest.mark.parametrize(
    ("conditions", "alarms"), [(Condition(0), 1), (Condition.BUSY, 1), (Condition.NOT_SET, 0)]
)
def test_only_a_master_tells_of_alarms(conditions: Condition, alarms: int) -> None:
    """Docs/plc.md 8.4: in a chip without its configuration the bit means nothing."""
    link = HostLink(SETTINGS, HostDeframer(Role.HOST))
    link.request(None, 0.0)
    link.receive(StatusMessage(conditions, ALARM_BIT | 1, 0).encode(), 0.01)
    assert link.take_result() is not None
    assert link.alarms_heard == alarms
