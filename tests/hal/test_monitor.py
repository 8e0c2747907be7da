"""The driver of a modem in monitor mode, against the emulated chip on a loop whose time jumps."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

import pytest

from drivers.plc.mac_frame import Packing
from drivers.plc.psdu import join_frame
from hal.errors import ModemSilent, PortLost
from hal.plc_modem.host_frame import HostFrame
from hal.plc_modem.messages import (
    SpyAlarmFound,
    SpyMessage,
    SpyNoSubframe,
    SpySearchSynchro,
    SpySubframe,
    SpySynchroFound,
)
from hal.plc_modem.monitor import AmisMonitor
from hal.plc_modem.settings import PlcModemSettings
from hal.plc_modem.status import Mode
from hil.air import AlarmHeard
from tests.drivers.vector_file import octets_of
from tests.gateway.core.jumping_loop import jumping
from tests.hal.modem_bench import REPLY, SETTINGS, ModemBench


class MonitorBench(ModemBench):
    """The same chip and line, and the driver that only listens."""

    def __init__(self, settings: PlcModemSettings = SETTINGS) -> None:
        super().__init__(settings)
        self.monitor = AmisMonitor(self.board.plc_port, self.board.plc_t_req, settings)

    async def heard(self, *kinds: type[SpyMessage]) -> list[SpyMessage]:
        """Return the next messages, which must be of these kinds; search messages do not count."""
        messages: list[SpyMessage] = []
        while len(messages) < len(kinds):
            message = await self.monitor.receive()
            if not isinstance(message, SpySearchSynchro) or SpySearchSynchro in kinds:
                messages.append(message)
        assert tuple(map(type, messages)) == kinds
        return messages


@contextlib.asynccontextmanager
async def listening(bench: MonitorBench) -> AsyncIterator[MonitorBench]:
    task = asyncio.create_task(bench.monitor.run())
    try:
        await bench.monitor.ready()
        yield bench
        assert not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        bench.chip.close()
        await bench.board.close()


def test_the_configuration_is_that_of_the_vector_but_for_the_tic() -> None:
    """docs/plc.md 8.6."""
    settings = PlcModemSettings()
    config = dataclasses.replace(settings.monitor_config(), repeater_options=0)
    assert HostFrame(0x71, config.encode()).encode() == octets_of("uart_writeconfig_monitor")


@jumping
async def test_sub_frames_come_with_signal_and_noise() -> None:
    """PLC-3: what the modem tells of signal and noise is handed out with each sub-frame."""
    async with listening(MonitorBench()) as bench:
        assert bench.chip.firmware.mode is Mode.MONITOR
        long_reply = dataclasses.replace(REPLY, m_sdu=bytes(60))
        bench.say(long_reply)
        found, first, second, silent = await bench.heard(
            SpySynchroFound, SpySubframe, SpySubframe, SpyNoSubframe
        )
        assert isinstance(first, SpySubframe)
        assert isinstance(second, SpySubframe)
        assert first.spy.signal_space > first.spy.noise_space > 0
        assert isinstance(found, SpySynchroFound)
        assert isinstance(silent, SpyNoSubframe)
        joined = join_frame([first.p_sdu, second.p_sdu], Packing.MODEL_A)
        assert joined == long_reply.encode(Packing.MODEL_A)
        assert bench.transmitted == []


@jumping
async def test_it_hands_out_the_search_and_alarms() -> None:
    """PLC-6: an alarm in the pause of a slot is heard."""
    async with listening(MonitorBench()) as bench:
        assert isinstance(await bench.monitor.receive(), SpySearchSynchro)
        bench.say(REPLY)
        await bench.heard(SpySynchroFound, SpySubframe)
        bench.chip.hear(AlarmHeard(b"\x12\x34"))
        (alarm,) = await bench.heard(SpyAlarmFound)
        assert isinstance(alarm, SpyAlarmFound)
        assert alarm.pattern == b"\x12\x34"


@jumping
async def test_a_modem_that_was_reset_listens_again() -> None:
    bench = MonitorBench(dataclasses.replace(SETTINGS, watch_period_s=2.0))
    async with listening(bench):
        bench.chip.reset()
        await asyncio.sleep(0.1)
        bench.say(REPLY)
        await asyncio.sleep(5.0)
        bench.say(REPLY)
        await bench.heard(SpySynchroFound, SpySubframe)


@jumping
async def test_what_nobody_fetches_is_counted() -> None:
    bench = MonitorBench(dataclasses.replace(SETTINGS, frames_kept_max=3))
    async with listening(bench):
        for _ in range(5):
            bench.say(REPLY)
        await asyncio.sleep(0.2)
        assert bench.monitor.dropped_count >= 3
        await bench.heard(SpySubframe)


@jumping
async def test_a_cancelled_wait_loses_nothing() -> None:
    async with listening(MonitorBench()) as bench:
        waiting = asyncio.create_task(bench.monitor.receive())
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        bench.say(REPLY)
        await bench.heard(SpySynchroFound, SpySubframe)


@jumping
async def test_a_port_that_is_gone_ends_it() -> None:
    bench = MonitorBench()
    task = asyncio.create_task(bench.monitor.run())
    await bench.monitor.ready()
    bench.board.line.unplug()
    with pytest.raises(PortLost):
        await task
    bench.chip.close()
    await bench.board.close()


@jumping
async def test_a_modem_that_never_answers_ends_it() -> None:
    bench = MonitorBench()
    bench.chip.be_silent(1000.0)
    with pytest.raises(ModemSilent):
        await bench.monitor.run()
    bench.chip.close()
    await bench.board.close()
