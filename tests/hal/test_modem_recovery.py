"""HIL-3: whatever chip and line do, the driver comes back by itself and says so."""

import asyncio
import dataclasses
import logging
import random
from collections.abc import Callable

import pytest

from hal.errors import HalError, ModemReset, ModemSilent
from tests.gateway.core.jumping_loop import jumping
from tests.hal.modem_bench import READ, REPLY, SETTINGS, ModemBench, running


async def send_until_it_works(bench: ModemBench, tries: int = 200) -> int:
    """Return how many tries failed."""
    for failed in range(tries):
        try:
            await bench.modem.ready()
            await bench.modem.send(READ.to_host())
        except HalError:
            await asyncio.sleep(0.01)
        else:
            return failed
    pytest.fail("never works again")


@jumping
async def test_silence_under_way() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.chip.be_silent(3.0)
        with pytest.raises(ModemSilent):
            await bench.modem.send(READ.to_host())
        assert await send_until_it_works(bench) >= 0
        assert bench.modem.counters()["times_lost"] == 1


@jumping
async def test_silence_of_an_idle_modem_is_noticed() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.chip.be_silent(14.0)
        await asyncio.sleep(20)
        assert bench.modem.counters()["times_lost"] == 1
        await bench.modem.ready()


@jumping
async def test_a_storm_of_naks(caplog: pytest.LogCaptureFixture) -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.chip.refuse_all(2.0)
        with caplog.at_level(logging.INFO), pytest.raises(HalError, match="NAK"):
            await bench.modem.send(READ.to_host())
        assert "modem lost" in caplog.text
        caplog.clear()
        with caplog.at_level(logging.INFO):
            await send_until_it_works(bench)
        assert "modem does not come up" in caplog.text
        assert "modem is up" in caplog.text
        assert bench.transmitted == [READ]
        assert bench.modem.counters()["naks_received"] > 5


@jumping
async def test_a_reset_between_two_frames() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.chip.reset()
        with pytest.raises(ModemReset):
            await bench.modem.send(READ.to_host())
        assert await send_until_it_works(bench) == 0
        assert bench.modem.counters()["times_configured"] == 2


@jumping
async def test_a_reset_of_an_idle_modem_is_noticed() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.chip.reset()
        await asyncio.sleep(SETTINGS.watch_period_s + 1)
        assert bench.chip.firmware.data_base is not None


@pytest.mark.parametrize("after_octets", [0, 1, 2, 3, 8, 20])
def test_a_reset_in_mid_frame(after_octets: int) -> None:
    @jumping
    async def scene() -> None:
        async with running(ModemBench()) as bench:
            await bench.modem.ready()
            bench.chip.reset_in_mid_frame(after_octets)
            bench.say(REPLY)
            await asyncio.sleep(0.5)
            assert bench.modem.counters()["frames_heard"] == 0
            await send_until_it_works(bench)
            bench.say(REPLY)
            assert (await bench.modem.receive())[5:] == REPLY.m_sdu
            assert bench.modem.counters()["times_configured"] == 2

    scene()


@jumping
async def test_a_reset_while_the_confirm_is_due() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        sending = asyncio.create_task(bench.modem.send(READ.to_host()))
        await asyncio.sleep(0.015)
        bench.chip.reset()
        with pytest.raises(ModemReset):
            await sending
        await send_until_it_works(bench)


@jumping
async def test_garbage_at_every_moment() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        rng = random.Random(5)
        for _ in range(60):
            bench.loop.call_later(rng.uniform(0, 0.03), bench.chip.send_garbage, rng.randrange(40))
            await send_until_it_works(bench)
        heard = []
        for _ in range(20):
            bench.chip.send_garbage(rng.randrange(1, 30))
            await asyncio.sleep(0.2)
            bench.say(REPLY)
            heard.append(await bench.modem.receive())
        assert {octets[5:] for octets in heard} == {REPLY.m_sdu}
        assert bench.modem.counters()["junk_octets"] > 100


@jumping
async def test_a_late_confirm_is_not_taken_for_that_of_the_next_frame() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        wait_s = SETTINGS.confirm_wait_s(len(READ.to_host()))
        long_frame = dataclasses.replace(READ, m_sdu=bytes(230))
        bench.chip.confirm_late(wait_s + 0.06)
        with pytest.raises(HalError, match="unknown"):
            await bench.modem.send(READ.to_host())
        await asyncio.sleep(0.02)
        began_at = bench.now
        await bench.modem.send(long_frame.to_host())
        assert bench.now - began_at >= 7 * bench.slot_s  # its own, not the late one
        assert bench.transmitted == [READ, long_frame]
        assert bench.modem.counters()["times_configured"] == 1


@jumping
async def test_confirms_that_never_come_end_in_a_reset() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        for _ in range(3):
            bench.chip.confirm_late(1e6)
        for _ in range(3):
            with pytest.raises(HalError):
                await bench.modem.send(READ.to_host())
        await send_until_it_works(bench)
        assert bench.modem.counters()["times_configured"] == 2


def on_first(
    match: Callable[[bytes], bool], change: Callable[[bytes], bytes]
) -> Callable[..., bytes]:
    """Return a fault that hits the first burst that matches, once."""
    done = False

    def fault(octets: bytes) -> bytes:
        nonlocal done
        if done or not match(octets):
            return octets
        done = True
        return change(octets)

    return fault


@jumping
async def test_an_ack_read_as_nak_sends_the_frame_to_the_meter_once() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.board.line.to_host = on_first(lambda o: o == b"\x06", lambda _: b"\x15")
        await bench.modem.send(READ.to_host())
        assert bench.transmitted == [READ]


@jumping
async def test_an_ack_lost_is_made_good_by_the_confirm() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.board.line.to_host = on_first(lambda o: o == b"\x06", lambda _: b"")
        await bench.modem.send(READ.to_host())
        assert bench.transmitted == [READ]
        assert bench.modem.counters()["acks_missing"] == 0


@jumping
async def test_a_damaged_request_is_repeated() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.board.line.to_device = on_first(
            lambda o: o[:1] == b"\x02", lambda o: o[:8] + b"\x55" + o[9:]
        )
        await bench.modem.send(READ.to_host())
        assert bench.transmitted == [READ]
        assert bench.modem.counters()["naks_received"] == 1


@jumping
async def test_a_damaged_indication_is_asked_for_again() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.board.line.to_host = on_first(
            lambda o: o[:1] == b"\x02", lambda o: o[:8] + b"\x55" + o[9:]
        )
        bench.say(REPLY)
        assert (await bench.modem.receive())[5:] == REPLY.m_sdu
        assert bench.modem.counters()["frames_damaged"] == 1


@jumping
async def test_an_indication_repeated_by_the_chip_is_heard_once() -> None:
    """Our ACK became a NAK on the way: the chip repeats what we have."""
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.board.line.to_device = on_first(lambda o: o == b"\x06", lambda _: b"\x15")
        bench.say(REPLY)
        await bench.modem.receive()
        await asyncio.sleep(1)
        counts = bench.modem.counters()
        assert (counts["frames_heard"], counts["repeats_received"]) == (1, 1)


@jumping
async def test_a_status_that_wrongly_says_not_set_does_not_cost_the_configuration() -> None:
    async with running(ModemBench()) as bench:
        await bench.modem.ready()
        bench.board.line.to_host = on_first(
            lambda o: o[:1] == b"\x3f", lambda o: o[:1] + bytes([o[1] | 2]) + o[2:]
        )
        await bench.modem.send(READ.to_host())
        assert bench.modem.counters()["times_configured"] == 1


@pytest.mark.parametrize("seed", range(4))
def test_a_bad_serial_line_delays_and_never_invents(seed: int) -> None:
    """One octet in 500 changed in both directions: nothing wrong is ever handed up."""

    @jumping
    async def scene() -> None:
        rng = random.Random(seed)

        def damage(octets: bytes) -> bytes:
            return bytes(
                octet ^ (1 << rng.randrange(8)) if rng.random() < 0.002 else octet
                for octet in octets
            )

        async with running(ModemBench()) as bench:
            bench.board.line.to_host = bench.board.line.to_device = damage
            bench.answers = True
            failed = heard = 0
            for number in range(150):
                frame = dataclasses.replace(READ, m_sdu=READ.m_sdu[:-1] + bytes([number]))
                try:
                    await bench.modem.ready()
                    await bench.modem.send(frame.to_host())
                    async with asyncio.timeout(0.5):
                        answer = (await bench.modem.receive())[5:]
                    assert answer[:-1] == REPLY.m_sdu[:-1]
                    assert answer[-1] <= number
                    heard += 1
                except (HalError, TimeoutError):
                    failed += 1
            assert heard > 130, failed

    scene()
