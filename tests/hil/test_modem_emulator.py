"""HIL-1: the emulated chip, byte for byte on its serial line, and as a process."""

import asyncio
import contextlib
import dataclasses
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.plc.mac_frame import MacFrame, Packing
from hal.board import BoardKind, BoardSettings, open_board
from hal.errors import HalError
from hal.plc_modem.access_db import Ident, request_record
from hal.plc_modem.config_record import ModemConfig
from hal.plc_modem.host_codec import decode_message, encode_message
from hal.plc_modem.host_deframer import HostDeframer, Role
from hal.plc_modem.host_frame import HostFrame
from hal.plc_modem.mac_record import MacRecord
from hal.plc_modem.messages import (
    AccessDbConfirm,
    AccessDbError,
    AccessDbRequest,
    DataConfirm,
    DataIndication,
    DataRequest,
    DesynchroRequest,
    IsaConfirm,
    IsaRequest,
    Message,
    ResetRequest,
    SpyAlarmFound,
    SpyNoSubframe,
    SpySearchSynchro,
    SpySubframe,
    SpySynchroFound,
    SynchroConfirmed,
    SynchroFound,
    SynchroLost,
    WriteConfigConfirm,
    WriteConfigError,
    WriteConfigRequest,
)
from hal.plc_modem.modem import AmisModem
from hal.plc_modem.settings import PlcModemSettings
from hil.air import AlarmHeard, FirstCopySent, Heard, HeardBad, LineTerms, RepeatersCalled
from hil.air_socket import AirServer
from hil.modem_faults import ChipFault, parse_faults
from hil.modem_process import main
from hil.plc_modem_emulator import PlcModemEmulator
from tests.drivers.vector_file import octets_of
from tests.gateway.core.jumping_loop import jumping
from tests.hal.modem_bench import READ, REPLY

OCTET_S = 10 / 38_400
SETTINGS = PlcModemSettings(bit_rate_bps=24_000)
MASTER = SETTINGS.master_config()
SLAVE = dataclasses.replace(MASTER, local_mac=0xFFE, line_options=0x16)
MONITOR = dataclasses.replace(MASTER, line_options=0x1E)


class Host:
    """Octets and levels by hand, with the times at which the chip's octets ended."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.sent: list[tuple[bytes, float]] = []
        self.on_air: list[bytes] = []
        self.free_at = 0.0
        self.chip = PlcModemEmulator(
            baud_bps=38_400,
            send=self._hear,
            transmit=self.on_air.append,
            call_repeaters=lambda: self.chip.hear(RepeatersCalled()),
        )
        self.chip.hear(LineTerms(bit_rate_bps=24_000, packing="A"))

    def _hear(self, octets: bytes) -> float:
        self.free_at = max(self.free_at, self.loop.time()) + len(octets) * OCTET_S
        self.sent.append((octets, self.free_at))
        return self.free_at

    def t_req(self) -> bytes:
        """Let T_REQ fall and rise; return the status."""
        self.chip.t_req_changed(high=False)
        self.chip.t_req_changed(high=True)
        return self.sent[-1][0]

    def put(self, octets: bytes, began_at: float | None = None) -> None:
        self.chip.octets_came(octets, self.free_at if began_at is None else began_at)

    async def pass_time(self, seconds: float = 0.1) -> None:
        await asyncio.sleep(seconds)

    async def ask(self, message: Message) -> list[Message]:
        """Send one request properly; return what the chip says, its ACK left out."""
        self.sent.clear()
        self.t_req()
        self.put(encode_message(message).encode())
        await self.pass_time(0.2)
        return self.messages()

    def messages(self) -> list[Message]:
        deframer = HostDeframer(Role.HOST)
        received = [each for octets, _ in self.sent for each in deframer.receive(octets)]
        return [decode_message(each) for each in received if isinstance(each, HostFrame)]

    async def configure(self, config: ModemConfig) -> None:
        assert await self.ask(WriteConfigRequest(config)) == [WriteConfigConfirm(config)]
        self.sent.clear()

    def hears(self, frame: MacFrame) -> None:
        self.chip.hear(Heard(frame.encode(Packing.MODEL_A)))


@jumping
async def test_the_start_scenario_of_the_datasheet() -> None:
    """docs/plc.md 8.11: T_REQ low, status not set, 71, ACK, 72; octet for octet."""
    host = Host()
    assert host.t_req() == octets_of("uart_status_not_set")
    config = octets_of("uart_writeconfig_master")
    host.put(config)
    assert [octets for octets, _ in host.sent[1:]] == [
        b"\x06",
        HostFrame(0x72, config[3:-2]).encode(),
    ]
    host.put(b"\x06")
    await host.pass_time()
    assert host.t_req()[:2] == b"\x3f\x00"
    assert host.t_req()[2] & 1 == 1  # locked on the mains


@jumping
async def test_a_reset_is_answered_by_ack_only() -> None:
    host = Host()
    await host.configure(MASTER)
    assert await host.ask(ResetRequest()) == []
    assert host.sent[-1][0] == b"\x06"
    assert host.t_req()[1] & 0x02


@jumping
async def test_tic_ends_a_frame_on_line_time() -> None:
    host = Host()
    octets = octets_of("uart_reset_request")
    for gap_s, wanted in ((0.0012, b"\x06"), (0.0014, b"\x15")):
        host.sent.clear()
        host.t_req()
        began_at = host.free_at
        host.put(octets[:2], began_at)
        host.put(octets[2:], began_at + 2 * OCTET_S + gap_s)
        await host.pass_time()
        assert host.sent[1][0] == wanted, gap_s


@jumping
async def test_tic_is_10_ms_when_configured_so() -> None:
    host = Host()
    await host.configure(MASTER)
    octets = octets_of("uart_read_softversion")
    for gap_s, wanted in ((0.0099, b"\x06"), (0.0101, b"\x15")):
        host.sent.clear()
        host.t_req()
        began_at = host.free_at
        host.put(octets[:2], began_at)
        host.put(octets[2:], began_at + 2 * OCTET_S + gap_s)
        await host.pass_time()
        assert host.sent[1][0] == wanted, gap_s


@jumping
async def test_a_frame_cut_short_is_refused_after_tic() -> None:
    host = Host()
    host.t_req()
    host.put(octets_of("uart_reset_request")[:3])
    await host.pass_time()
    assert host.sent[-1][0] == b"\x15"


@jumping
async def test_tsr_closes_the_host_s_turn() -> None:
    for late_s, wanted in ((0.199, 2), (0.201, 1)):
        host = Host()
        host.t_req()
        host.put(octets_of("uart_reset_request"), host.free_at + late_s)
        assert len(host.sent) == wanted, late_s


@jumping
async def test_a_frame_without_t_req_is_ignored() -> None:
    host = Host()
    host.put(octets_of("uart_reset_request"))
    assert host.sent == []
    assert host.chip.uart.unsolicited_frames == 1


@jumping
async def test_a_damaged_frame_is_refused() -> None:
    host = Host()
    host.t_req()
    host.put(octets_of("uart_reset_request")[:-1] + b"\x01")
    await host.pass_time()
    assert [octets for octets, _ in host.sent[1:]] == [b"\x15"]


@jumping
async def test_a_nak_is_answered_by_one_repeat_after_twbc() -> None:
    host = Host()
    await host.configure(MASTER)
    host.hears(REPLY)
    indication, ended_at = host.sent[-1]
    await host.pass_time(ended_at - host.loop.time())
    host.put(b"\x15", ended_at + 0.001)
    await host.pass_time(0.02)
    assert [octets for octets, _ in host.sent] == [indication] * 2
    repeat_ended_at = host.sent[-1][1]
    assert repeat_ended_at >= ended_at + 0.005 + len(indication) * OCTET_S
    host.put(b"\x15", repeat_ended_at + 0.001)
    await host.pass_time()
    assert len(host.sent) == 2


@jumping
async def test_no_answer_for_tack_counts_as_ack_and_late_answers_as_nothing() -> None:
    host = Host()
    await host.configure(MASTER)
    host.hears(REPLY)
    host.hears(dataclasses.replace(REPLY, source=2))
    ended_at = host.sent[-1][1]
    assert len(host.sent) == 1
    host.put(b"\x15", ended_at + 0.041)
    await host.pass_time(0.1)
    assert len(host.sent) == 2  # the second frame, and no repeat of the first


@jumping
async def test_a_request_while_busy_is_refused_with_14() -> None:
    host = Host()
    await host.configure(MASTER)
    record = DataRequest(decode_record(READ, credit=3))
    assert await host.ask(record) == []
    assert host.t_req()[1] == 0x01
    assert await host.ask(record) == [DataConfirm(0x14)]
    assert len(host.on_air) == 1
    host.sent.clear()
    host.chip.hear(FirstCopySent())
    assert host.messages() == [DataConfirm(0xFF)]
    assert host.t_req()[1] == 0x01  # three repetitions to go
    await host.pass_time(3 * 0.015)
    assert host.t_req()[1] == 0x00


@jumping
async def test_what_goes_on_air_is_the_first_copy() -> None:
    host = Host()
    await host.configure(MASTER)
    await host.ask(DataRequest(decode_record(READ, credit=2)))
    frame = MacFrame.decode(host.on_air[0], Packing.MODEL_A)
    assert (frame.initial_credit, frame.current_credit, frame.source) == (2, 2, 0xC00)
    assert frame.m_sdu == READ.m_sdu


@jumping
async def test_what_a_master_passes_up() -> None:
    host = Host()
    await host.configure(MASTER)
    wanted = dataclasses.replace(REPLY, initial_credit=2, current_credit=1, delta_credit=1)
    host.hears(wanted)
    host.hears(dataclasses.replace(REPLY, destination=0xC01))
    host.hears(dataclasses.replace(REPLY, source=0xC00))
    await host.pass_time()
    (message,) = host.messages()
    assert isinstance(message, DataIndication)
    assert encode_message(message).encode() == octets_of("uart_ma_data_indication_response")[
        :7
    ] + b"\x11" + octets_of("uart_ma_data_indication_response")[8:-2] + bytes.fromhex("AC02")


@jumping
async def test_frames_damaged_on_the_line_are_counted() -> None:
    host = Host()
    await host.configure(MASTER)
    host.chip.hear(HeardBad(b"\x6c\x6c"))
    octets = bytearray(REPLY.encode(Packing.MODEL_A))
    octets[9] ^= 1
    host.chip.hear(Heard(bytes(octets)))
    assert host.t_req()[3] == 2
    (answer,) = await host.ask(AccessDbRequest(request_record(Ident.INVALID_FRAME_COUNTER)))
    assert isinstance(answer, AccessDbConfirm)
    assert answer.record.number("invalid_frames") == 2
    assert host.t_req()[3] == 0  # cleared by reading
    (answer,) = await host.ask(AccessDbRequest(request_record(Ident.COUNTERS, 1)))
    assert isinstance(answer, AccessDbConfirm)
    assert answer.record.number("crc_nok") == 2


@jumping
async def test_the_data_base() -> None:
    host = Host()
    refused = await host.ask(AccessDbRequest(request_record(Ident.SOFTWARE_VERSION)))
    assert refused == [AccessDbError(0x21)]
    await host.configure(MASTER)
    cases = [
        (request_record(Ident.ADDRESSES, 0xC05, 0), {"local_mac": 0xC05, "initiator_mac": 0}),
        (request_record(Ident.INITIATOR_RANGE, 0xC00, 0xDFE), {"fima": 0xC00, "lima": 0xDFE}),
        (request_record(Ident.MAX_RECEIVING_GAIN, 0x05), {"gain": 2}),
        (request_record(Ident.MAX_RECEIVING_GAIN, 0x00), {"gain": 8}),
        (request_record(Ident.GROUP_ADDRESSES, 0xE00, 0, 0, 0, 0), {"group1": 0xE00}),
        (request_record(Ident.MIN_DELTA_CREDIT), {"min_delta_credit": 7}),
        (request_record(Ident.SOFTWARE_VERSION), {"version": 0x21}),
        (request_record(Ident.PHY_ALARM), {"alarms_sent": 0}),
    ]
    for request, wanted in cases:
        (answer,) = await host.ask(AccessDbRequest(request))
        assert isinstance(answer, AccessDbConfirm)
        assert dict(answer.record.fields) | wanted == dict(answer.record.fields)
    refused = await host.ask(AccessDbRequest(request_record(Ident.ADDRESSES, 0x00F, 0)))
    assert refused == [AccessDbError(0x23)]
    (answer,) = await host.ask(AccessDbRequest(request_record(Ident.READ_CONFIG)))
    assert isinstance(answer, AccessDbConfirm)
    assert ModemConfig.decode(answer.record.rest).local_mac == 0xC05
    assert await host.ask(IsaRequest(level=98, transmission_position=0)) == [IsaConfirm(b"\xff")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"local_mac": 0x001}, 0x23),
        ({"line_options": 0x06}, 0x22),
        ({"active_initiator_mac": 0xC00}, 0x24),
        ({"first_initiator_mac": 0xE00}, 0x22),
    ],
)
def test_configurations_that_are_refused(change: dict[str, int], code: int) -> None:
    @jumping
    async def scene() -> None:
        host = Host()
        wrong = dataclasses.replace(MASTER, **change)  # type: ignore[arg-type]
        assert await host.ask(WriteConfigRequest(wrong)) == [WriteConfigError(code)]
        assert host.t_req()[1] & 0x02

    scene()


@jumping
async def test_the_mode_cannot_change_without_a_reset() -> None:
    host = Host()
    await host.configure(MASTER)
    assert await host.ask(WriteConfigRequest(SLAVE)) == [WriteConfigError(0x12)]
    assert await host.ask(WriteConfigRequest(MASTER)) == [WriteConfigConfirm(MASTER)]


@jumping
async def test_a_slave_finds_its_master() -> None:
    host = Host()
    await host.configure(SLAVE)
    assert host.t_req() == b"\x3f\x1c" + host.t_req()[2:]
    assert await host.ask(DataRequest(decode_record(READ))) == [DataConfirm(0x0A)]
    host.sent.clear()
    discover = dataclasses.replace(
        READ, initial_credit=3, current_credit=1, destination=0xFFF, m_sdu=bytes(9)
    )
    host.hears(discover)
    await host.pass_time(0.3)
    found, confirmed, heard = host.messages()
    assert isinstance(found, SynchroFound)
    assert confirmed == SynchroConfirmed(source=0xC00, destination=0xFFF)
    assert isinstance(heard, DataIndication)
    answer = dataclasses.replace(READ, source=0, destination=0xC00)
    await host.ask(DataRequest(decode_record(answer)))
    sent = MacFrame.decode(host.on_air[-1], Packing.MODEL_A)
    assert (sent.source, sent.delta_credit) == (0xFFE, 2)  # filled in by the chip
    (lost,) = await host.ask(DesynchroRequest())
    assert lost == SynchroLost(cause=5, first_mac=0xFFE, second_mac=0)


@jumping
async def test_a_monitor_passes_every_sub_frame() -> None:
    host = Host()
    await host.configure(MONITOR)
    long_frame = dataclasses.replace(REPLY, m_sdu=bytes(60))
    host.hears(long_frame)
    await host.pass_time(0.5)
    found, first, second, _silence = host.messages()
    assert isinstance(found, SpySynchroFound)
    assert isinstance(first, SpySubframe)
    assert isinstance(second, SpySubframe)
    octets = long_frame.encode(Packing.MODEL_A)
    assert first.p_sdu + second.p_sdu[2:] == octets


@jumping
async def test_a_monitor_says_that_it_searches_and_when_the_line_is_silent() -> None:
    """docs/plc.md 8.5: SPY_Search_Synchro while searching, SPY_No_SubFrame behind a frame."""
    host = Host()
    await host.configure(MONITOR)
    await host.pass_time(3.2)
    assert host.messages() == [SpySearchSynchro()] * 3
    assert host.t_req()[1] == 0x04  # NotSYNC
    host.sent.clear()
    host.chip.hear(AlarmHeard(b"\x12\x34"))  # no slot is known: nobody looks for it
    host.hears(REPLY)
    await host.pass_time(1.0)
    found, subframe, silence = host.messages()
    assert isinstance(found, SpySynchroFound)
    assert isinstance(subframe, SpySubframe)
    assert isinstance(silence, SpyNoSubframe)
    assert host.t_req()[1] == 0x00
    host.sent.clear()
    await host.pass_time(MONITOR.frame_not_ok_s + 1.5)
    assert set(map(type, host.messages())) == {SpySearchSynchro}


@jumping
async def test_a_monitor_passes_damaged_sub_frames_and_alarms() -> None:
    """PLC-6: a physical alarm is seen; HIL-3: what the line damaged, too."""
    host = Host()
    await host.configure(MONITOR)
    octets = bytearray(REPLY.encode(Packing.MODEL_A))
    octets[9] ^= 1
    host.chip.hear(HeardBad(bytes(octets)))
    host.chip.hear(HeardBad(b"\x6c\x6c"))  # not even a sub-frame
    host.chip.hear(AlarmHeard(b"\x12\x34"))
    await host.pass_time(0.5)
    _found, subframe, alarm, _silence = host.messages()
    assert isinstance(subframe, SpySubframe)
    assert subframe.p_sdu == bytes(octets)
    assert isinstance(alarm, SpyAlarmFound)
    assert alarm.pattern == b"\x12\x34"


def decode_record(frame: MacFrame, *, credit: int = 0) -> MacRecord:
    record = MacRecord.decode(frame.to_host())
    return dataclasses.replace(record, initial_credit=credit, current_credit=credit)


def test_fault_orders_are_split() -> None:
    line, chip = parse_faults("flip=0.1,silent=20:3,reset=60,seed=4,break=70:7")
    assert (line.flip, line.seed) == (0.1, 4)
    assert chip == (
        ChipFault("silent", 20, 3),
        ChipFault("reset", 60, 0),
        ChipFault("break", 70, 7),
    )
    with pytest.raises(ValueError, match="no fault"):
        parse_faults("bite=1")


class EchoLine:
    """A power line in this process: each request is answered after its time."""

    def __init__(self, path: Path) -> None:
        self.requests: list[MacFrame] = []
        self.server = AirServer(
            path, terms=LineTerms(bit_rate_bps=24_000, packing="A"), on_transmit=self._transmit
        )

    def _transmit(self, octets: bytes) -> None:
        frame = MacFrame.decode(octets, Packing.MODEL_A)
        self.requests.append(frame)
        answer = dataclasses.replace(REPLY, m_sdu=REPLY.m_sdu[:-1] + frame.m_sdu[-1:])
        loop = asyncio.get_running_loop()
        loop.call_later(0.015, self.server.tell, FirstCopySent())
        loop.call_later(0.045, self.server.tell, Heard(answer.encode(Packing.MODEL_A)))


@contextlib.asynccontextmanager
async def modem_process(room: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the shipped process; its link is there when the block begins."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hil.modem_process", "--log", str(room / "modem.log")),
        *("--pty-link", str(room / "plc"), "--pin-socket", str(room / "pins")),
        *("--air", str(room / "air"), *options),
    )
    try:
        async with asyncio.timeout(20):
            while not (room / "plc").is_symlink():
                assert process.returncode is None
                await asyncio.sleep(0.02)
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


def board_settings(room: Path) -> BoardSettings:
    return BoardSettings(
        kind=BoardKind.RIG,
        plc_port=str(room / "plc"),
        plc_t_req="plc_t_req",
        pin_chip=str(room / "pins"),
    )


@contextlib.asynccontextmanager
async def modem_of(room: Path) -> AsyncIterator[AmisModem]:
    board = await open_board(board_settings(room))
    modem = AmisModem(board.plc_port, board.plc_t_req, SETTINGS)
    running = asyncio.create_task(modem.run())
    try:
        yield modem
        assert not running.done(), running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await board.close()


@pytest.mark.rig
def test_driver_pty_pins_chip_and_line_in_real_time(tmp_path: Path) -> None:
    async def scene() -> None:
        line = EchoLine(tmp_path / "air")
        await line.server.start()
        async with modem_process(tmp_path) as process:
            async with modem_of(tmp_path) as modem:
                await modem.ready()
                loop = asyncio.get_running_loop()
                began_at = loop.time()
                for number in range(20):
                    request = dataclasses.replace(READ, m_sdu=READ.m_sdu[:-1] + bytes([number]))
                    await modem.send(request.to_host())
                    assert (await modem.receive())[-1] == number
                each_s = (loop.time() - began_at) / 20
                assert each_s < 0.045 + 0.014 + 0.06, f"{each_s * 1000:.1f} ms an exchange"
                counts = await modem.read_statistics()
                assert counts["chip_transmitted"] == 20
                assert counts["chip_crc_ok"] == 20
                assert counts["times_configured"] == 1
            # A daemon that was killed comes back to the same modem.
            async with modem_of(tmp_path) as modem:
                await modem.ready()
                await modem.send(READ.to_host())
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
        assert not (tmp_path / "plc").is_symlink()
        assert not (tmp_path / "pins").exists()
        await line.server.close()

    asyncio.run(asyncio.wait_for(scene(), 60))


@pytest.mark.rig
def test_ordered_faults_in_real_time(tmp_path: Path) -> None:
    """HIL-3: silence, NAKs, resets, a broken frame, garbage, a late confirm, a noisy line."""

    async def scene() -> None:
        line = EchoLine(tmp_path / "air")
        await line.server.start()
        faults = (
            "flip=0.0005,drop=0.0005,delay=0.01:0.02,seed=3,reset=1.5,silent=2:0.7,nak=3.5:0.5,"
            "garbage=4.5:60,break=5:4,late=5.5:1.5"
        )
        async with modem_process(tmp_path, "--faults", faults), modem_of(tmp_path) as modem:
            loop = asyncio.get_running_loop()
            began_at = loop.time()
            heard = failed = 0
            while loop.time() < began_at + 9:
                try:
                    await modem.ready()
                    await modem.send(READ.to_host())
                    async with asyncio.timeout(0.5):
                        assert (await modem.receive())[5:] == REPLY.m_sdu[:-1] + READ.m_sdu[-1:]
                    heard += 1
                except (HalError, TimeoutError):
                    failed += 1
                    await asyncio.sleep(0.01)
            counts = modem.counters()
            assert counts["times_configured"] >= 2
            assert counts["naks_received"] >= 3
            assert heard > 20, (heard, failed, counts)
        await line.server.close()

    asyncio.run(asyncio.wait_for(scene(), 60))


@pytest.mark.rig
def test_the_line_comes_and_goes(tmp_path: Path) -> None:
    """HIL-3: without a line the chip sends into nothing; the driver stays up."""

    async def scene() -> None:
        async with modem_process(tmp_path), modem_of(tmp_path) as modem:
            await modem.ready()
            await modem.send(READ.to_host())
            for _ in range(2):
                line = EchoLine(tmp_path / "air")
                await line.server.start()
                while not line.server.modem_present:
                    await asyncio.sleep(0.02)
                await asyncio.sleep(0.1)
                await modem.send(READ.to_host())
                async with asyncio.timeout(5):
                    await modem.receive()
                assert line.requests == [READ]
                await line.server.close()
                await asyncio.sleep(0.2)
            await modem.send(READ.to_host())

    asyncio.run(asyncio.wait_for(scene(), 60))


def test_wrong_usage_of_the_process(tmp_path: Path) -> None:

    paths = ["--pty-link", str(tmp_path / "p"), "--pin-socket", str(tmp_path / "s")]
    with pytest.raises(SystemExit) as caught:
        main([*paths, "--air", str(tmp_path / "a"), "--faults", "bite=1"])
    assert caught.value.code == 2
