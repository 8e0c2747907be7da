"""`gridgate sniff` as a process, at an emulated modem, on lines with traffic."""

import asyncio
import json
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from scapy.utils import rdpcap

from drivers.plc.airtime import LineTiming
from drivers.plc.ciase import Discover, RegisterEntry
from drivers.plc.discovery import DiscoverRound, HeardReport, PingExchange, Registration
from drivers.plc.mac_frame import ALL_PHYSICAL, INITIATOR, NEW, MacFrame, Packing
from drivers.plc.scapy_layers.capture import PlcCapture
from drivers.plc.scapy_layers.ciase import (
    CiaseDiscover,
    CiaseDiscoverReport,
    CiasePingRequest,
    CiasePingResponse,
    CiaseRegister,
)
from drivers.plc.scapy_layers.mac import PlcMacFrame
from hal.board import BoardKind, BoardSettings, open_board
from hal.plc_modem.modem import AmisModem
from hal.plc_modem.settings import PlcModemSettings
from hil.air import AirEvent, AlarmHeard, Heard, HeardBad, LineTerms
from hil.air_socket import AirServer
from tests.gateway.line_events import frame_of
from tests.hil.test_line_whole import line_process

pytestmark = pytest.mark.rig

BAUD_BPS = 115_200
RATE_BPS = 24_000
TIMING = LineTiming(bit_rate_bps=RATE_BPS, host_latency_s=0.1)
OUR_TITLE = b"GGW\x00\x00\x01"
READ = frame_of(bytes.fromhex("0501022008"))
RESPONSE = frame_of(
    bytes.fromhex("0C0100060001E240"), lsaps=(0x10, 0x01), source=0x001, destination=INITIATOR
)


@dataclass
class EmulatedModem:
    """A modem's process, and where its port and pins are."""

    board: BoardSettings
    process: asyncio.subprocess.Process


@asynccontextmanager
async def modem_process(room: Path, name: str, air: Path) -> AsyncIterator[EmulatedModem]:
    """Run an emulated modem; its port and pins are there when the block begins."""
    port, pins = room / f"{name}.port", room / f"{name}.pins"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hil.modem_process", "--log", str(room / f"{name}.log")),
        *("--pty-link", str(port), "--pin-socket", str(pins), "--air", str(air)),
        *("--baud", str(BAUD_BPS)),
    )
    try:
        async with asyncio.timeout(20):
            while not port.is_symlink():
                assert process.returncode is None
                await asyncio.sleep(0.02)
        board = BoardSettings(
            kind=BoardKind.RIG,
            plc_port=str(port),
            plc_baud_bps=BAUD_BPS,
            plc_t_req="plc_t_req",
            pin_chip=str(pins),
        )
        yield EmulatedModem(board, process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


class Sniffer:
    """A running `gridgate sniff`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def says(self) -> str:
        """Return the next line of its output."""
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().rstrip("\n")

    async def says_aside(self) -> str:
        """Return the next line of what it tells the person at the console."""
        assert self.process.stderr is not None
        return (await self.process.stderr.readline()).decode().rstrip("\n")

    async def ended(self) -> tuple[int, str, str]:
        """Return its exit status, and all that it has said and that was not read yet."""
        out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def sniff(board: BoardSettings, *words: str) -> AsyncIterator[Sniffer]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "sniff", "--port", board.plc_port),
        *("--baud", str(BAUD_BPS), "--bit-rate", str(RATE_BPS)),
        *("--t-req", board.plc_t_req, "--pin-chip", str(board.pin_chip), *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    sniffer = Sniffer(process)
    try:
        assert (await sniffer.says_aside()).startswith(f"listening on {board.plc_port} at 24000")
        yield sniffer
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
        process._transport.close()  # type: ignore[attr-defined]


@asynccontextmanager
async def silent_line(room: Path) -> AsyncIterator[Callable[[AirEvent], object]]:
    """A line that says only what the test says."""
    terms = LineTerms(bit_rate_bps=RATE_BPS, packing="A")
    server = AirServer(room / "air", terms=terms, on_transmit=lambda _octets: None)
    await server.start()
    try:
        yield server.tell
    finally:
        await server.close()


def within(seconds: float, scene: Any) -> None:
    asyncio.run(asyncio.wait_for(scene, seconds))


def test_frames_damage_and_alarms_live_until_ctrl_c(tmp_path: Path) -> None:
    """PLC-3, PLC-6: each event is a line at once; Ctrl-C ends with a count and a whole file."""
    pcap = tmp_path / "line.pcap"

    async def scene() -> None:
        async with (
            silent_line(tmp_path) as tell,
            modem_process(tmp_path, "spy", tmp_path / "air") as modem,
            sniff(modem.board, "--pcap", str(pcap)) as sniffer,
        ):
            tell(Heard(READ.encode(Packing.MODEL_A)))
            assert (await sniffer.says()).endswith("  slot found: the modem hears the line")
            said = await sniffer.says()
            assert said[12:] == (
                "  C00 > 001  credit 2/2/0 hop 0 s/n 75  ReadRequest 2008  [L-SAP 10 > 01]"
            )
            tell(Heard(replace(RESPONSE, current_credit=1).encode(Packing.MODEL_A)))
            said = await sniffer.says()
            assert "001 > C00  credit 2/1/0 hop 1 s/n 75  ReadResponse u32 123456" in said
            tell(AlarmHeard(b"\x12\x34"))
            assert "ALARM  pattern 1234" in await sniffer.says()
            damaged = bytearray(READ.encode(Packing.MODEL_A))
            damaged[9] ^= 1
            tell(HeardBad(bytes(damaged)))
            assert "DAMAGED  1 sub-frame(s): wrong frame check" in await sniffer.says()
            assert len(rdpcap(str(pcap))) == 4  # each packet is on disk when its line is shown
            sniffer.process.send_signal(signal.SIGINT)
            status, out, err = await sniffer.ended()
            assert (status, out) == (0, "")
            assert err == "2 frames, 1 damaged, 1 alarms\n"

    within(40, scene())
    assert [each.kind for each in rdpcap(str(pcap))] == [0, 0, 2, 1]


def test_it_ends_after_a_count_or_a_time(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            silent_line(tmp_path) as tell,
            modem_process(tmp_path, "spy", tmp_path / "air") as modem,
        ):
            async with sniff(modem.board, "--count", "2", "--json") as sniffer:
                for _ in range(3):
                    tell(Heard(READ.encode(Packing.MODEL_A)))
                status, out, err = await sniffer.ended()
                kinds = [json.loads(line)["kind"] for line in out.splitlines()]
                assert (status, err) == (0, "2 frames, 0 damaged, 0 alarms\n")
                assert kinds == ["slot found", "frame", "frame"]
            async with sniff(modem.board, "--seconds", "1.5") as sniffer:
                status, out, err = await sniffer.ended()
                assert (status, err) == (0, "0 frames, 0 damaged, 0 alarms\n")
                assert out.count("no slot: the modem searches for the line") == 1

    within(40, scene())


def test_a_modem_that_is_unplugged_ends_it_with_a_reason(tmp_path: Path) -> None:
    async def scene() -> None:
        async with (
            silent_line(tmp_path) as tell,
            modem_process(tmp_path, "spy", tmp_path / "air") as modem,
            sniff(modem.board) as sniffer,
        ):
            tell(Heard(READ.encode(Packing.MODEL_A)))
            await sniffer.says()
            await sniffer.says()
            modem.process.terminate()
            status, _out, err = await sniffer.ended()
            assert status == 1
            reason, summary = err.splitlines()
            assert reason.startswith("gridgate: ")
            assert summary == "1 frames, 0 damaged, 0 alarms"

    within(40, scene())


class Master:
    """A concentrator's end of the line: one modem, and exchanges one after the other."""

    def __init__(self, modem: AmisModem) -> None:
        self.sent: list[bytes] = []
        self._modem = modem

    async def carry_out(self, exchange: Any) -> Any:
        loop = asyncio.get_running_loop()
        exchange.start(loop.time())
        while (outcome := exchange.outcome()) is None:
            if octets := exchange.octets_to_send():
                self.sent.append(octets)
                await self._modem.send(octets)
            try:
                async with asyncio.timeout_at(exchange.deadline()):
                    exchange.receive(await self._modem.receive(), loop.time())
            except TimeoutError:
                pass
            exchange.tick(loop.time())
        return outcome


@asynccontextmanager
async def master_at(
    board_settings: BoardSettings, rate_bps: int = RATE_BPS
) -> AsyncIterator[Master]:
    board = await open_board(board_settings)
    settings = PlcModemSettings(baud_bps=BAUD_BPS, bit_rate_bps=rate_bps)
    modem = AmisModem(board.plc_port, board.plc_t_req, settings)
    running = asyncio.create_task(modem.run())
    try:
        await modem.ready()
        yield Master(modem)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await board.close()


async def _register_all(master: Master) -> list[HeardReport]:
    """Find, register and ping every meter, as a concentrator does."""
    discover = Discover(response_probability=100, allowed_time_slots=30, report_initial_credit=4)
    reports = await master.carry_out(
        DiscoverRound(initiator=INITIATOR, discover=discover, initial_credit=4, timing=TIMING)
    )
    entries = tuple(
        RegisterEntry(system_title=each.system_title, mac=number)
        for number, each in enumerate(reports, start=1)
    )
    await master.carry_out(
        Registration(
            initiator=INITIATOR,
            initiator_system_title=OUR_TITLE,
            entries=entries,
            initial_credit=7,
            timing=TIMING,
        )
    )
    for entry in entries:
        await master.carry_out(
            PingExchange(
                initiator=INITIATOR,
                node=entry.mac,
                system_title=entry.system_title,
                initial_credit=5,
                timing=TIMING,
            )
        )
    return list(reports)


def test_a_second_modem_sees_all_that_a_master_and_its_meters_say(tmp_path: Path) -> None:
    """HIL-1, PLC-1: real meters on a line; every copy of every frame is in the capture."""
    pcap = tmp_path / "line.pcap"
    sent: list[bytes] = []
    found: list[HeardReport] = []

    async def scene() -> None:
        options = ("--meters", "4", "--seed", "3", "--tap", str(tmp_path / "tap"))
        async with (
            line_process(tmp_path, *options),
            modem_process(tmp_path, "master", tmp_path / "air") as first_modem,
            modem_process(tmp_path, "spy", tmp_path / "tap") as modem,
            master_at(first_modem.board) as master,
            sniff(modem.board, "--pcap", str(pcap), "--json") as sniffer,
        ):
            found.extend(await _register_all(master))
            sent.extend(master.sent)
            await asyncio.sleep(1.0)
            sniffer.process.send_signal(signal.SIGINT)
            status, out, err = await sniffer.ended()
            assert status == 0
            shown = [json.loads(line) for line in out.splitlines()]
            frames = [each for each in shown if each["kind"] == "frame"]
            assert err.startswith(f"{len(frames)} frames, ")
            assert all(each["layers"][-1]["layer"].startswith("CIASE") for each in frames)

    within(60, scene())
    assert len(found) >= 2
    packets = rdpcap(str(pcap))
    assert all(isinstance(each, PlcCapture) for each in packets)
    whole = [each for each in packets if each.kind == 0]
    copies = Counter(
        replace(frame, current_credit=frame.initial_credit).to_host()
        for frame in (MacFrame.decode(bytes(each[PlcMacFrame]), Packing.MODEL_A) for each in whole)
        if frame.source == INITIATOR
    )
    # Each frame of the master was heard once for each credit it had, and one time more.
    expected = {octets: (1 + (octets[0] >> 5)) * n for octets, n in Counter(sent).items()}
    assert copies == expected
    reported = {
        bytes(each[CiaseDiscoverReport].system_titles[0])
        for each in whole
        if CiaseDiscoverReport in each
    }
    assert {each.system_title for each in found} <= reported
    assert {each[PlcMacFrame].source for each in whole if CiaseDiscoverReport in each} == {NEW}
    assert {each[PlcMacFrame].destination for each in whole if CiaseDiscover in each} == {
        ALL_PHYSICAL
    }
    (registered,) = {bytes(each[CiaseRegister]) for each in whole if CiaseRegister in each}
    assert len(CiaseRegister(registered).entries) == len(found)
    for layer in (CiasePingRequest, CiasePingResponse):
        pinged = {bytes(each[layer].system_title) for each in whole if layer in each}
        assert pinged == {each.system_title for each in found}
