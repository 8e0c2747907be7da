"""The driver at work: up, sending, hearing, cancelled."""

import asyncio
import dataclasses

import pytest

from hal.errors import ModemRefused, ModemReset, ModemSilent, PortLost
from hal.plc_modem.config_record import ModemConfig
from hal.plc_modem.host_codec import encode_message
from hal.plc_modem.messages import WriteConfigRequest
from hal.plc_modem.modem import AmisModem
from hal.plc_modem.settings import PlcModemSettings
from tests.gateway.core.jumping_loop import jumping
from tests.hal.modem_bench import READ, REPLY, SETTINGS, ModemBench, running


@jumping
async def test_it_comes_up_as_master_with_the_settings() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        assert bench.now < 0.1
        data_base = bench.chip.firmware.data_base
        assert data_base is not None
        assert data_base.config == SETTINGS.master_config()


@jumping
async def test_a_chip_that_is_configured_already_is_reset_first() -> None:
    """HIL-3: a daemon that was killed comes back to a chip that still is master."""
    bench = ModemBench()
    other = dataclasses.replace(SETTINGS, initiator_mac=0xC01).master_config()
    bench.chip.firmware.handle(encode_message(WriteConfigRequest(other)), 0.0)
    async with running(bench):
        await bench.modem.ready()
        data_base = bench.chip.firmware.data_base
        assert data_base is not None
        assert data_base.config.local_mac == 0xC00


@jumping
async def test_send_returns_at_the_end_of_the_first_copy() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        began_at = bench.now
        await bench.modem.send(READ.to_host())
        taken_s = bench.now - began_at
        assert bench.transmitted == [READ]
        assert bench.slot_s < taken_s < bench.slot_s + 0.012  # the serial line, and little else


@jumping
async def test_one_exchange_costs_little_beyond_serial_line_and_air() -> None:
    """PLC-7: airtime is money: no wait of the driver's own between request and answer."""
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.answers = True
        began_at = bench.now
        for _ in range(20):
            await bench.modem.send(READ.to_host())
            await bench.modem.receive()
        air_s = 3 * bench.slot_s  # request, turn-round, answer of the bench
        octets = 4 + 18 + 1 + 6 + 1 + 21 + 1  # status, request, ACK, confirm, ACK, answer, ACK
        assert (bench.now - began_at) / 20 < air_s + octets * SETTINGS.octet_s + 0.005


@jumping
async def test_frames_heard_come_in_order_and_cancelling_receive_loses_none() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        waiting = asyncio.create_task(bench.modem.receive())
        await asyncio.sleep(0.1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        frames = [dataclasses.replace(REPLY, source=mac) for mac in range(1, 40)]
        for frame in frames:
            bench.say(frame)
        heard = [await bench.modem.receive() for _ in frames]
        assert [octets[:4] for octets in heard] == [frame.to_host()[:4] for frame in frames]
        assert heard[0] == REPLY.to_host(pad_octets=17)


@jumping
async def test_nobody_fetches_what_is_heard() -> None:
    """The queue is bounded; what is dropped is counted."""
    settings = dataclasses.replace(SETTINGS, frames_kept_max=5)
    async with running(ModemBench(settings)) as bench:
        await bench.modem.ready()
        for mac in range(1, 9):
            bench.say(dataclasses.replace(REPLY, source=mac))
        await asyncio.sleep(1)
        counts = bench.modem.counters()
        assert (counts["frames_heard"], counts["frames_dropped"]) == (8, 3)
        assert (await bench.modem.receive())[1:3] == b"\x00\x4c"  # source 004


@jumping
async def test_a_cancelled_send_leaves_the_modem_well() -> None:
    """PLC-4: cancelling is safe at any await; a frame begun ends, the next one waits for it."""
    for cancel_after_s in (0.0, 0.0005, 0.002, 0.004, 0.006, 0.012, 0.02, 0.03):
        async with running(ModemBench()) as bench:
            await bench.modem.ready()
            sending = asyncio.create_task(bench.modem.send(READ.to_host()))
            await asyncio.sleep(0)
            await asyncio.sleep(cancel_after_s)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            other = dataclasses.replace(READ, destination=2)
            await bench.modem.send(other.to_host())
            assert bench.transmitted in ([READ, other], [other])
            assert bench.modem.counters()["confirms_missing"] == 0


@jumping
async def test_many_senders_take_turns() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        frames = [dataclasses.replace(READ, destination=mac) for mac in range(1, 11)]
        await asyncio.gather(*(bench.modem.send(frame.to_host()) for frame in frames))
        assert bench.transmitted == frames


@jumping
async def test_a_frame_waits_while_the_chip_repeats_the_one_before() -> None:
    """The status says BUSY: the driver waits for the repetitions, and loses nothing."""
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        first = dataclasses.replace(READ, initial_credit=7, current_credit=7)
        began_at = bench.now
        await bench.modem.send(first.to_host())
        await bench.modem.send(READ.to_host())
        assert bench.transmitted == [first, READ]
        assert bench.now - began_at > 9 * bench.slot_s
        assert bench.modem.counters()["confirms_negative"] == 0


@jumping
async def test_statistics_join_those_of_chip_and_driver() -> None:
    """PLC-3: what the modem counts, and what its driver counts."""
    async with running(ModemBench()) as bench:
        assert "chip_crc_ok" not in await bench.modem.read_statistics()
        await bench.modem.ready()
        await bench.modem.send(READ.to_host())
        bench.say(REPLY)
        await bench.modem.receive()
        counts = await bench.modem.read_statistics()
        assert (counts["chip_crc_ok"], counts["chip_transmitted"]) == (1, 1)
        assert (counts["frames_heard"], counts["frames_requested"]) == (1, 1)
        assert counts["chip_version"] == 0x21


@jumping
async def test_sending_before_it_is_up_is_refused_at_once() -> None:
    bench = ModemBench()
    with pytest.raises(ModemReset, match="not up"):
        await bench.modem.send(READ.to_host())


@jumping
async def test_our_own_mistakes_are_not_sent() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        for octets in (b"", bytes(4), bytes(248)):
            with pytest.raises(ValueError, match="MAC_Frame"):
                await bench.modem.send(octets)


@jumping
async def test_what_the_chip_finds_wrong_is_refused_and_the_modem_stays_up() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        without_sender = dataclasses.replace(READ, source=0)
        with pytest.raises(ModemRefused) as caught:
            await bench.modem.send(without_sender.to_host())
        assert caught.value.code == 0x03
        await bench.modem.send(READ.to_host())
        assert bench.modem.counters()["times_configured"] == 1


@jumping
async def test_a_lost_port_ends_the_driver_with_that_error() -> None:
    bench = ModemBench()
    task = asyncio.create_task(bench.modem.run())
    await bench.modem.ready()
    sending = asyncio.create_task(bench.modem.send(READ.to_host()))
    await asyncio.sleep(0.003)
    bench.board.line.unplug()
    with pytest.raises(PortLost, match="unplugged"):
        await task
    with pytest.raises(PortLost, match="unplugged"):
        await sending
    bench.chip.close()


@jumping
async def test_a_dead_modem_ends_the_driver() -> None:
    bench = ModemBench()
    bench.chip.be_silent(1e6)
    with pytest.raises(ModemSilent):
        await bench.modem.run()
    assert 1 < bench.now < 30
    bench.chip.close()


@jumping
async def test_a_configuration_that_the_chip_refuses_ends_the_driver() -> None:
    bench = ModemBench()
    settings = dataclasses.replace(SETTINGS, initiator_mac=0x00F)
    modem = AmisModem(bench.board.plc_port, bench.board.plc_t_req, settings)
    with pytest.raises(ModemRefused) as caught:
        await modem.run()
    assert caught.value.code == 0x23
    bench.chip.close()


@jumping
async def test_the_driver_runs_again_after_it_was_stopped() -> None:
    bench = ModemBench()
    for _ in range(3):
        task = asyncio.create_task(bench.modem.run())
        await bench.modem.ready()
        await bench.modem.send(READ.to_host())
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        with pytest.raises(ModemReset):
            await bench.modem.send(READ.to_host())
    assert len(bench.transmitted) == 3
    bench.chip.close()


@jumping
async def test_the_whole_range_of_baud_rates() -> None:
    for baud_bps in (4800, 9600, 19_200, 115_200):
        settings = PlcModemSettings(bit_rate_bps=2400, baud_bps=baud_bps)
        async with running(ModemBench(settings)) as bench:
            await bench.modem.ready()
            await bench.modem.send(READ.to_host())
            assert isinstance(settings.master_config(), ModemConfig)
            counts = bench.modem.counters()
            assert (counts["naks_received"], counts["acks_missing"]) == (0, 0)


@jumping
async def test_a_port_that_is_replugged_serves_the_same_driver() -> None:
    """The board opens the device again behind the port that the driver holds."""
    bench = ModemBench()
    task = asyncio.create_task(bench.modem.run())
    await bench.modem.ready()
    bench.board.line.unplug()
    with pytest.raises(PortLost, match="unplugged"):
        await task
    await bench.board.reopen()
    async with running(bench):
        await bench.modem.ready()
        await bench.modem.send(READ.to_host())
    assert len(bench.transmitted) == 1
