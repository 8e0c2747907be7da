"""What it means that scapy's layers and hal's codecs read the modem's serial line alike."""

import dataclasses
from typing import Any

from scapy.packet import Packet

from drivers.plc.scapy_layers.modem import ModemControl, ModemFrame, ModemStatus, serial_layer
from hal.plc_modem.access_db import DbRecord
from hal.plc_modem.config_record import ModemConfig
from hal.plc_modem.host_codec import decode_message
from hal.plc_modem.host_frame import HostFrame
from hal.plc_modem.mac_record import MacRecord
from hal.plc_modem.messages import (
    AccessDbConfirm,
    AccessDbError,
    AccessDbRequest,
    DataConfirm,
    DataIndication,
    DataIndicationBadCrc,
    DataRequest,
    IsaRequest,
    Message,
    SpyAlarmFound,
    SpyData,
    SpyNoAlarmFound,
    SpyNoSubframe,
    SpySubframe,
    SpySynchroFound,
    SynchroConfirmed,
    SynchroFound,
    SynchroLost,
    WriteConfigConfirm,
    WriteConfigError,
    WriteConfigRequest,
)
from hal.plc_modem.status import Condition, Mode, StatusMessage

_CONFIG_NAMES = {
    "first_initiator_mac": "fima",
    "last_initiator_mac": "lima",
    "active_initiator_mac": "initiator_mac",
}


def agree_on_serial(octets: bytes) -> Packet:
    """Read a whole message of the serial line in both ways."""
    packet = serial_layer(octets)(octets)
    if isinstance(packet, ModemStatus):
        _agree_on_status(packet, StatusMessage.decode(octets))
    elif isinstance(packet, ModemControl):
        assert octets in (b"\x06", b"\x15")
    else:
        frame = HostFrame.decode(octets)
        assert isinstance(packet, ModemFrame)
        assert packet.checksum_good
        assert (packet.code, bytes(packet.payload)) == (frame.command, frame.data)
        agree_on_message(packet.payload, decode_message(frame))
    return packet


def agree_on_message(data: Packet, message: Message) -> None:  # noqa: C901  (a table)
    match message:
        case DataRequest(mac) | DataIndication(mac) | DataIndicationBadCrc(mac):
            _agree_on_record(data, mac)
        case DataConfirm(status):
            assert data.status == status
        case AccessDbRequest(record) | AccessDbConfirm(record):
            _agree_on_object(data, record)
        case AccessDbError(code) | WriteConfigError(code):
            assert data.code == code
        case WriteConfigRequest(config) | WriteConfigConfirm(config):
            _agree_on_config(data, config)
        case IsaRequest() | SynchroConfirmed():
            _agree_on_names(data, message)
        case SynchroLost():
            assert (data.event, data.cause) == (4, message.cause)
            assert (data.first_mac, data.second_mac) == (message.first_mac, message.second_mac)
        case SynchroFound(spy) | SpyNoSubframe(spy) | SpySynchroFound(spy):
            _agree_on_names(data, spy)
        case SpySubframe(spy, p_sdu):
            _agree_on_names(data, spy)
            assert data.p_sdu == p_sdu
        case SpyAlarmFound(spy, pattern) | SpyNoAlarmFound(spy, pattern):
            _agree_on_names(data, spy)
            assert data.pattern == pattern
        case _:
            names = [each.name for each in dataclasses.fields(message)]
            left = getattr(message, "octets", b"") if "octets" in names else b""
            assert bytes(data) == left


def _agree_on_status(packet: Packet, status: StatusMessage) -> None:
    for bit in Condition:
        assert bool(packet.getfieldval(str(bit.name).lower())) is bool(status.conditions & bit)
    assert packet.slot_counter == status.slot_counter
    assert bool(packet.alarm_enabled) is status.alarm_enabled
    assert bool(packet.pll_locked) is status.pll_locked
    assert packet.last_octet == status.last_octet


def _agree_on_record(packet: Packet, record: MacRecord) -> None:
    names = [each.name for each in dataclasses.fields(record) if each.name != "m_sdu"]
    assert [packet.getfieldval(name) for name in names] == [getattr(record, n) for n in names]
    assert bytes(packet.payload) == record.m_sdu


def _agree_on_object(packet: Packet, record: DbRecord) -> None:
    assert packet.ident == record.ident
    for name, number in record.fields:
        assert packet.getfieldval(name) == number, name
    assert bytes(packet.payload) == record.rest


def _agree_on_config(packet: Packet, config: ModemConfig) -> None:
    for each in dataclasses.fields(config):
        value: Any = getattr(config, each.name)
        match each.name:
            case "group_macs":
                found: Any = tuple(packet.getfieldval(f"group{n}") for n in range(1, 6))
            case "line_options":
                assert bool(packet.mains_60_hz) is (config.mains_hz == 60)
                assert config.mode == (packet.mode if packet.mode in tuple(Mode) else 0)
                high = packet.pre_slot << 7 | packet.reserved << 6 | packet.mode << 3
                found = high | packet.rate_code << 1 | packet.mains_60_hz
            case "search_initiator_s":
                found = int.from_bytes(packet.search_initiator_s, "little")
            case name:
                found = packet.getfieldval(_CONFIG_NAMES.get(name, name))
        assert found == value, each.name


def _agree_on_names(packet: Packet, value: SpyData | IsaRequest | SynchroConfirmed) -> None:
    for each in dataclasses.fields(value):
        assert packet.getfieldval(each.name) == getattr(value, each.name), each.name
