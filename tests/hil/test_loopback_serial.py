"""HIL-1, HIL-3: the paced pty: real baud rate, line times, faults, hang-up."""

import asyncio
import itertools
import os
import threading
from pathlib import Path

import pytest

from hal.errors import BoardMismatch, PortBusy, PortLost
from hal.serial_port import SerialPort, SerialSettings, open_serial_port
from hil.line_faults import FaultyLine, LineFaults
from hil.loopback_serial import PacedPty, PtyPair
from hil.uart_waveform import misread

rig = pytest.mark.rig
MESSAGE = bytes(range(200))


async def take(port: SerialPort, count: int, within_s: float = 5.0) -> bytes:
    octets = b""
    async with asyncio.timeout(within_s):
        while len(octets) < count:
            octets += await port.read()
    return octets


@rig
def test_octets_take_their_time_in_both_directions() -> None:
    async def scene() -> None:
        heard: list[tuple[bytes, float]] = []
        done = asyncio.Event()

        def listen(octets: bytes, began_at: float) -> None:
            heard.append((octets, began_at))
            if sum(len(each) for each, _ in heard) == len(MESSAGE):
                done.set()

        pty = PacedPty(baud_bps=9600)
        pty.on_octets = listen
        pty.open()
        port = await open_serial_port(SerialSettings(path=pty.path, baud_bps=9600))
        loop = asyncio.get_running_loop()

        began_at = loop.time()
        await port.write(MESSAGE)
        await asyncio.wait_for(done.wait(), 5)
        assert loop.time() - began_at >= 200 * 10 / 9600
        assert b"".join(octets for octets, _ in heard) == MESSAGE
        for (octets, at), (_, following) in itertools.pairwise(heard):
            assert following == pytest.approx(at + len(octets) * pty.octet_s)  # no gap on the line

        began_at = loop.time()
        ends_at = pty.send(MESSAGE)
        assert ends_at >= began_at + 200 * pty.octet_s
        assert await take(port, 200) == MESSAGE
        assert loop.time() >= ends_at - 0.002
        await port.close()
        pty.close()

    asyncio.run(scene())


@rig
def test_a_wrong_baud_rate_gives_garbage() -> None:
    async def scene() -> None:
        heard = bytearray()
        pty = PacedPty(baud_bps=38_400)
        pty.on_octets = lambda octets, _: heard.extend(octets)
        pty.open()
        port = await open_serial_port(SerialSettings(path=pty.path, baud_bps=19_200))
        await port.write(bytes.fromhex("0203212400"))
        pty.send(bytes.fromhex("3F020021"))
        await asyncio.sleep(0.1)
        assert heard
        assert bytes.fromhex("0203212400") not in heard
        assert b"\x3f\x02\x00\x21" not in await port.read()
        await port.close()
        pty.close()

    asyncio.run(scene())


@rig
def test_a_pair_joins_two_hosts(tmp_path: Path) -> None:
    async def scene() -> None:
        links = tmp_path / "one", tmp_path / "two"
        pair = PtyPair(baud_bps=38_400, links=links)
        pair.open()
        one, two = [
            await open_serial_port(SerialSettings(path=str(link), baud_bps=38_400))
            for link in links
        ]
        await one.write(MESSAGE)
        assert await take(two, 200) == MESSAGE
        await two.write(MESSAGE[:50])
        assert await take(one, 50) == MESSAGE[:50]
        await one.close()
        await two.close()
        pair.close()
        assert not any(link.is_symlink() for link in links)

    asyncio.run(scene())


@rig
def test_a_second_opener_is_refused() -> None:
    async def scene() -> None:
        pty = PacedPty(baud_bps=9600)
        pty.open()
        settings = SerialSettings(path=pty.path, baud_bps=9600)
        port = await open_serial_port(settings)
        with pytest.raises(PortBusy, match="used by another"):
            await open_serial_port(settings)
        await port.close()
        again = await open_serial_port(settings)
        await again.close()
        pty.close()

    asyncio.run(scene())


@rig
def test_a_vanished_device_ends_reads_and_writes() -> None:
    async def scene() -> None:
        pty = PacedPty(baud_bps=9600)
        pty.open()
        port = await open_serial_port(SerialSettings(path=pty.path, baud_bps=9600))
        reading = asyncio.create_task(port.read())
        await asyncio.sleep(0.01)
        pty.close()
        with pytest.raises(PortLost):
            await asyncio.wait_for(reading, 2)
        with pytest.raises(PortLost):
            await port.write(b"x")
        await port.close()
        await port.close()
        with pytest.raises(PortLost):
            await port.read()

    asyncio.run(scene())


@rig
def test_a_cancelled_read_loses_nothing() -> None:
    async def scene() -> None:
        pty = PacedPty(baud_bps=38_400)
        pty.open()
        port = await open_serial_port(SerialSettings(path=pty.path, baud_bps=38_400))
        pty.send(MESSAGE)
        octets = b""
        while len(octets) < len(MESSAGE):
            try:
                async with asyncio.timeout(0.003):
                    octets += await port.read()
            except TimeoutError:
                continue
        assert octets == MESSAGE
        await port.close()
        pty.close()

    asyncio.run(scene())


@rig
def test_a_cancelled_opening_leaves_no_device_open() -> None:
    async def scene() -> None:
        pty = PacedPty(baud_bps=9600)
        pty.open()
        settings = SerialSettings(path=pty.path, baud_bps=9600)
        opening = asyncio.create_task(open_serial_port(settings))
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        port = await open_serial_port(settings)  # not busy
        await port.close()
        pty.close()

    asyncio.run(scene())
    assert threading.active_count() < 10


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path / "none", "no such device"),
        (lambda path: path, "none|directory|not"),
    ],
)
def test_what_cannot_be_opened(tmp_path: Path, make: object, reason: str) -> None:
    assert callable(make)
    settings = SerialSettings(path=str(make(tmp_path)), baud_bps=9600)
    with pytest.raises(PortLost, match=reason):
        asyncio.run(open_serial_port(settings))


def test_a_file_is_no_serial_device(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = SerialSettings(path=str(tmp_path / "file"), baud_bps=9600)
    with pytest.raises(PortLost, match="not a serial device"):
        asyncio.run(open_serial_port(settings))


@rig
def test_a_pty_has_no_rts() -> None:
    async def scene() -> None:
        pty = PacedPty(baud_bps=9600)
        pty.open()
        port = await open_serial_port(SerialSettings(path=pty.path, baud_bps=9600))
        with pytest.raises(BoardMismatch, match="RTS"):
            port.set_rts(active=True)
        await port.close()
        pty.close()

    asyncio.run(scene())


@rig
def test_nobody_reads() -> None:
    """Octets that no host takes are lost and counted; the device never blocks."""

    async def scene() -> None:
        pty = PacedPty(baud_bps=38_400)
        pty.open()
        for _ in range(100):
            pty._write_host(bytes(4096))
        assert pty.octets_lost > 0
        pty.close()

    asyncio.run(asyncio.wait_for(scene(), 20))


def test_faults_are_read_from_text() -> None:
    faults = LineFaults.parse("drop=0.1,flip=0.2,delay=0.5:0.05,cut=12:3,cut=20:1,seed=7")
    assert faults == LineFaults(
        drop=0.1, flip=0.2, delay=0.5, delay_s=0.05, cuts=((12, 3), (20, 1)), seed=7
    )
    assert LineFaults.parse("") == LineFaults()
    with pytest.raises(ValueError, match="no fault 'bite'"):
        LineFaults.parse("bite=1")


def test_faults_hit_as_often_as_ordered_and_alike_for_one_seed() -> None:
    octets = os.urandom(20_000)
    faults = LineFaults(drop=0.1, flip=0.1, seed=3)
    once = FaultyLine(faults, "x").pass_on(octets, 0)
    assert once == FaultyLine(faults, "x").pass_on(octets, 0)
    assert once != FaultyLine(faults, "y").pass_on(octets, 0)
    assert 17_500 < len(once) < 18_500


def test_nothing_passes_a_cut_line() -> None:
    line = FaultyLine(LineFaults(cuts=((1.0, 2.0),)), "x")
    assert [line.pass_on(b"abc", at) for at in (0.9, 1.0, 2.9, 3.0)] == [b"abc", b"", b"", b"abc"]


def test_delays_hold_back_whole_bursts() -> None:
    line = FaultyLine(LineFaults(delay=0.5, delay_s=0.02, seed=1), "x")
    held = [line.hold_back_s() for _ in range(1000)]
    assert set(held) == {0.0, 0.02}
    assert 400 < held.count(0.02) < 600


@pytest.mark.parametrize("octets", [b"\x00", b"\xff", b"U", b"\x3f\x02\x00\x21", bytes(range(256))])
def test_a_receiver_at_the_same_baud_reads_right(octets: bytes) -> None:
    assert misread(octets, sent_bps=9600, received_bps=9600) == octets
    assert misread(octets, sent_bps=9600, received_bps=9500) == octets  # within a UART's tolerance


def test_a_receiver_at_another_baud_reads_what_the_waveform_says() -> None:
    # 0x00 at half the receiver's rate: a start bit and 16 low half-bits, then high.
    assert misread(b"\x00", sent_bps=4800, received_bps=9600)[0] == 0x00
    assert misread(b"\xff", sent_bps=4800, received_bps=9600) == b"\xfe"
