"""The modem's host protocol against the vectors, in both directions."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import MalformedModemFrame
from hal.plc_modem.access_db import DbRecord, Ident, confirm_record, request_record
from hal.plc_modem.config_record import ModemConfig, frequency_step, line_options
from hal.plc_modem.host_codec import decode_message, describe, encode_message
from hal.plc_modem.host_frame import Command, HostFrame
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
    OldWriteConfig,
    ResetRequest,
    SpyAlarmFound,
    SpyData,
    SpyNoAlarmFound,
    SpyNoSubframe,
    SpySearchSynchro,
    SpySubframe,
    SpySynchroFound,
    SynchroConfirmed,
    SynchroFound,
    SynchroLost,
    SyntaxErrorReport,
    UnknownCommand,
    WriteConfigConfirm,
    WriteConfigError,
    WriteConfigRequest,
)
from hal.plc_modem.settings import PlcModemSettings
from hal.plc_modem.status import Mode, StatusMessage
from tests.drivers.vector_file import Vector, name_of, octets_of, of_layer

SPY = SpyData(
    signal_space=3000,
    noise_space=40,
    signal_mark=2800,
    noise_mark=35,
    threshold=512,
    method=3,
    bit_and_gain=0x25,
)
READ = MacRecord(
    initial_credit=2,
    current_credit=2,
    delta_credit=0,
    source=0xC00,
    destination=1,
    pad_length=0,
    m_sdu=bytes.fromhex("9001100501022008"),
)
REPLY = replace(
    READ,
    current_credit=1,
    delta_credit=1,
    source=1,
    destination=0xC00,
    pad_length=0x18,
    m_sdu=bytes.fromhex("9010010C0100060001E240"),
)
CONFIG = ModemConfig(
    first_initiator_mac=0xC00,
    last_initiator_mac=0xDFF,
    local_mac=0xC00,
    space_step=0x159B,
    mark_step=0x1942,
    line_options=0x0E,
    repeater_options=0,
)

# What each vector says, written from its "decoded" text and docs/plc.md 8, not from the codec.
MEANING: dict[str, Message] = {
    "uart_reset_request": ResetRequest(),
    "uart_desynchro_request": DesynchroRequest(),
    "uart_fima_lima_write": AccessDbRequest(request_record(Ident.INITIATOR_RANGE, 0xC00, 0xDFF)),
    "uart_local_mac_confirm_published": AccessDbConfirm(confirm_record(Ident.ADDRESSES, 0xC00, 0)),
    "uart_local_mac_write_server_published": AccessDbRequest(
        request_record(Ident.ADDRESSES, 1, 0xC00)
    ),
    "uart_local_mac_confirm_server_published": AccessDbConfirm(
        confirm_record(Ident.ADDRESSES, 1, 0xC00)
    ),
    "uart_min_delta_credit_read": AccessDbRequest(request_record(Ident.MIN_DELTA_CREDIT)),
    "uart_min_delta_credit_confirm": AccessDbConfirm(confirm_record(Ident.MIN_DELTA_CREDIT, 2)),
    "uart_invalid_frame_counter_read": AccessDbRequest(request_record(Ident.INVALID_FRAME_COUNTER)),
    "uart_counters_read_noreset": AccessDbRequest(request_record(Ident.COUNTERS, 0)),
    "uart_counters_confirm": AccessDbConfirm(
        confirm_record(Ident.COUNTERS, 1000, 7, 250, 400, 3, 1)
    ),
    "uart_phy_alarm_request": AccessDbRequest(request_record(Ident.PHY_ALARM)),
    "uart_phy_alarm_confirm": AccessDbConfirm(confirm_record(Ident.PHY_ALARM, 3)),
    "uart_accessdb_error": AccessDbError(0x22),
    "uart_read_softversion": AccessDbRequest(request_record(Ident.SOFTWARE_VERSION)),
    "uart_ma_data_request_read": DataRequest(READ),
    "uart_ma_data_confirm_ok": DataConfirm(0xFF),
    "uart_ma_data_confirm_busy": DataConfirm(0x14),
    "uart_ma_data_indication_response": DataIndication(REPLY),
    "uart_isa_request_master": IsaRequest(level=98, transmission_position=0),
    "uart_isa_request_slave": IsaRequest(level=98, transmission_position=1),
    "uart_synchro_found": SynchroFound(SPY),
    "uart_synchro_confirmed": SynchroConfirmed(source=0xC00, destination=0xFFF),
    "uart_synchro_lost_not_addressed": SynchroLost(cause=1, first_mac=0xFFE, second_mac=0xC00),
    "uart_spy_subframe": SpySubframe(
        SPY,
        bytes.fromhex(
            "6C6C48C000011490011005010220080000000000000000000000000000000000000000820954"
        ),
    ),
    "uart_spy_search": SpySearchSynchro(),
    "uart_writeconfig_master": WriteConfigRequest(CONFIG),
    "uart_writeconfig_slave_new": WriteConfigRequest(
        replace(CONFIG, local_mac=0xFFE, line_options=0x16)
    ),
    "uart_writeconfig_monitor": WriteConfigRequest(replace(CONFIG, local_mac=0, line_options=0x1E)),
}
STATUS_FIELDS: dict[str, tuple[Mode, dict[str, int | str]]] = {
    "uart_status_not_set": (Mode.NOT_SET, {"NotSET": 1, "version": "2.1"}),
    "uart_status_slave_new_unsync": (
        Mode.SLAVE,
        {
            "NotLOCKED": 1,
            "NEW": 1,
            "NotSYNC": 1,
            "TS_Nb": 0,
            "ALARM_EN": 0,
            "PLL_LOCK": 1,
            "DEP": 0,
            "MDC": 7,
            "REP": 0,
        },
    ),
    "uart_status_slave_registered_ok": (
        Mode.SLAVE,
        {"TS_Nb": 2, "ALARM_EN": 0, "PLL_LOCK": 1, "DEP": 1, "MDC": 2, "REP": 0},
    ),
    "uart_status_master_idle": (
        Mode.MASTER,
        {"TS_Nb": 0, "ALARM_EN": 0, "PLL_LOCK": 1, "InvalFrCnt": 0},
    ),
    "uart_status_master_busy": (
        Mode.MASTER,
        {"BUSY": 1, "TS_Nb": 1, "ALARM_EN": 0, "PLL_LOCK": 1, "InvalFrCnt": 5},
    ),
}


def test_every_vector_of_the_serial_line_has_a_meaning_here() -> None:
    assert set(MEANING) == {name_of(vector) for vector in of_layer("uart")}
    assert set(STATUS_FIELDS) == {name_of(vector) for vector in of_layer("uart-status")}


@pytest.mark.parametrize("vector", of_layer("uart"), ids=name_of)
def test_vector_both_ways(vector: Vector) -> None:
    octets = bytes.fromhex(vector["hex"])
    meaning = MEANING[vector["name"]]
    assert decode_message(HostFrame.decode(octets)) == meaning
    assert encode_message(meaning).encode() == octets


@pytest.mark.parametrize("vector", of_layer("uart-status"), ids=name_of)
def test_status_vector_both_ways(vector: Vector) -> None:
    octets = bytes.fromhex(vector["hex"])
    mode, fields = STATUS_FIELDS[vector["name"]]
    status = StatusMessage.decode(octets)
    assert status.fields(mode) == fields
    assert status.encode() == octets


@pytest.mark.parametrize(
    "message",
    [
        DataIndication(replace(READ, m_sdu=bytes(242))),
        SyntaxErrorReport(b"\x01"),
        OldWriteConfig(0x31, bytes(33)),
        IsaConfirm(b"\xff"),
        WriteConfigConfirm(CONFIG),
        WriteConfigError(0x23),
        WriteConfigError(0x99),
        SpyNoSubframe(SPY),
        SpySynchroFound(SPY),
        SpyNoAlarmFound(SPY, b"\x12\x34"),
        SpyAlarmFound(SPY, b"\x12\x34"),
        UnknownCommand(0x81, b"anything"),
        AccessDbConfirm(DbRecord(Ident.READ_CONFIG, (), bytes(36))),
        AccessDbConfirm(DbRecord(0x77, (), b"\x01\x02")),
        AccessDbRequest(DbRecord(Ident.COUNTERS, (("reset", 1),), bytes(23))),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_no_vector_shows_goes_both_ways(message: Message) -> None:
    assert decode_message(HostFrame.decode(encode_message(message).encode())) == message


@pytest.mark.parametrize("ident", Ident)
def test_every_object_has_a_request(ident: Ident) -> None:
    reading = AccessDbRequest(DbRecord(ident, (), b""))
    data = encode_message(reading).data
    sizes = {2: 0, 3: 1, 4: 2, 6: 4, 12: 10}
    for value in sizes.values():
        try:
            message = decode_message(HostFrame(Command.ACCESS_DB_REQUEST, data + bytes(value)))
        except MalformedModemFrame:
            continue
        assert isinstance(message, AccessDbRequest)
        assert message.record.ident is ident
        return
    pytest.fail("no length of request fits")


@pytest.mark.parametrize("octets", [30, 31, 36])
def test_statistics_in_all_the_lengths_the_datasheet_allows(octets: int) -> None:
    data = Ident.STATISTICS.to_bytes(2, "little") + bytes(range(octets))
    frame = HostFrame(Command.ACCESS_DB_CONFIRM, data)
    message = decode_message(frame)
    assert isinstance(message, AccessDbConfirm)
    assert message.record.rest == b""
    assert encode_message(message) == frame


@pytest.mark.parametrize(
    ("command", "data", "reason"),
    [
        (0x10, "01 00", "missing"),
        (0x10, "03 00 0000 0000", "event 03"),
        (0x21, "00", "too many"),
        (0x42, "0D00 00", "missing"),
        (0x42, "0600 00 00", "too many"),
        (0x42, "1200 00", "configuration of 1"),
        (0x42, "1000 00", "statistics of 1"),
        (0x43, "", "missing"),
        (0x50, "00C000", "MAC_Frame of 3"),
        (0x50, "24C0000100", None),
        (0x50, "04C0000100", "above initial"),
        (0x52, "FF00", "too many"),
        (0x71, "00" * 34, "configuration of 34"),
        (0xB0, "00" * 49, "missing"),
    ],
)
def test_data_that_do_not_fit_the_command(command: int, data: str, reason: str | None) -> None:
    frame = HostFrame(command, bytes.fromhex(data))
    if reason is None:
        decode_message(frame)
        return
    with pytest.raises(MalformedModemFrame, match=reason):
        decode_message(frame)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("02 03 21", "too few"),
        ("03 03 21 24 00", "starts with 03"),
        ("02 04 21 24 00", "length octet"),
        ("02 03 21 25 00", "wrong checksum 2500, should be 2400"),
    ],
)
def test_octets_that_are_no_frame(octets: str, reason: str) -> None:
    with pytest.raises(MalformedModemFrame, match=reason):
        HostFrame.decode(bytes.fromhex(octets))


def test_a_short_configuration_is_read_and_the_long_one_is_written() -> None:
    """docs/plc.md 8.6: the text says 36 octets, the printed length fits 35; both are understood."""
    short = HostFrame.decode(octets_of("uart_writeconfig_master")).data[:-1]
    assert ModemConfig.decode(short) == CONFIG
    assert len(ModemConfig.decode(short).encode()) == 36


def test_frequency_steps_are_those_of_the_vectors() -> None:
    assert (frequency_step(63_300), frequency_step(74_000)) == (0x159B, 0x1942)
    assert frequency_step(95_000) == 0x206D


@pytest.mark.parametrize(
    ("rate_bps", "mains_hz", "octet"),
    [(2400, 50, 0x0E), (300, 50, 0x08), (2880, 60, 0x0F), (360, 60, 0x09), (24_000, 50, 0x0E)],
)
def test_line_options(rate_bps: int, mains_hz: int, octet: int) -> None:
    assert line_options(Mode.MASTER, bit_rate_bps=rate_bps, mains_hz=mains_hz) == octet


def test_the_driver_asks_for_the_10_ms_tic_and_is_otherwise_the_master_vector() -> None:
    config = PlcModemSettings(bit_rate_bps=2400).master_config()
    assert config.tic_is_10_ms
    assert replace(config, repeater_options=0) == CONFIG
    assert PlcModemSettings(bit_rate_bps=24_000).is_bench_rate
    assert not PlcModemSettings(bit_rate_bps=2400).is_bench_rate


@pytest.mark.parametrize("name", list(MEANING))
def test_descriptions_are_plain_data(name: str) -> None:
    described = describe(MEANING[name])
    assert json.loads(json.dumps(described)) == described
    assert described["command"] == type(MEANING[name]).__name__


def test_a_description_names_the_fields() -> None:
    described: Any = describe(MEANING["uart_counters_confirm"])
    assert described["record"]["ident"] == "000D COUNTERS"
    assert described["record"]["crc_ok"] == 1000
    described = describe(MEANING["uart_writeconfig_master"])
    assert described["config"]["mode"] == "MASTER"
    assert described["config"]["local_mac"] == "C00"


@given(st.integers(0, 255), st.binary(max_size=247))
def test_decoding_never_does_anything_but_refuse(command: int, data: bytes) -> None:
    frame = HostFrame(command, data)
    try:
        message = decode_message(frame)
    except MalformedModemFrame:
        return
    assert HostFrame.decode(encode_message(message).encode()).command == command
    describe(message)
