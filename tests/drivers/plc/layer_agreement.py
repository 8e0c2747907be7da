"""What it means that scapy's layers and our codecs read the same octets alike, field by field."""

from typing import Any

from scapy.packet import NoPayload, Packet, Raw

from drivers.dlms.apdu_sn import (
    BlockNumber,
    ConfirmedServiceError,
    InformationReport,
    ReadRequest,
    ReadResponse,
    SnApdu,
    UnconfirmedWriteRequest,
    WriteRequest,
    WriteResponse,
    decode_apdu,
)
from drivers.dlms.association import Aare, Aarq, AcseApdu, Rlre, Rlrq, decode_acse
from drivers.dlms.axdr import Data
from drivers.dlms.axdr_primitives import with_length
from drivers.dlms.variable_access import (
    BlockNumberAccess,
    DataBlock,
    ParameterizedName,
    VariableName,
    WriteDataBlockAccess,
)
from drivers.plc import ciase
from drivers.plc.ciase import CiasePdu, ClearAlarmChoice, decode_ciase
from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import MacFrame, Packing, pad_octet_count, subframe_count
from drivers.plc.scapy_layers.axdr import DlmsData
from drivers.plc.scapy_layers.ciase import ciase_layer
from drivers.plc.scapy_layers.dlms import apdu_layer
from drivers.plc.scapy_layers.mac import PlcMacFrame, PlcMacRecord

ACSE_TAGS = {0x60, 0x61, 0x62, 0x63}
COMPUTED = ("code", "pad_length", "pad", "fcs", "count", "length", "checksum")


def rebuilt(packet: Packet) -> bytes:
    """Return the octets built from the fields alone, without what scapy remembers of them."""
    copy = packet.copy()
    copy.clear_cache()
    return bytes(copy)


def computed(packet: Packet) -> bytes:
    """Return the octets with every computed field computed anew."""
    copy = packet.copy()
    copy.clear_cache()
    layer = copy
    while not isinstance(layer, NoPayload):
        computed_by = {field.name for field in layer.fields_desc if field.default is None}
        for name in computed_by & set(layer.fields):
            layer.delfieldval(name)
        layer = layer.payload
    return bytes(copy)


def check_whole(packet: Packet, octets: bytes) -> None:
    """Both ways of building must give the octets back, and nothing may be left over."""
    assert rebuilt(packet) == octets
    assert computed(packet) == octets
    assert not isinstance(packet.lastlayer(), Raw), packet


def agree_on_line_frame(octets: bytes, packing: Packing) -> PlcMacFrame:
    frame = MacFrame.decode(octets, packing)
    packet = PlcMacFrame(octets)
    agree_on_mac_fields(packet, frame)
    assert packet.packing == packing
    assert packet.fcs_good
    assert octets[:2] == packet.code.to_bytes(2, "big")
    assert packet.pad_length == len(packet.pad) == pad_octet_count(len(frame.m_sdu), packing)
    assert packet.fcs == octets[-3:]
    assert len(octets) // 36 == subframe_count(len(frame.m_sdu), packing)
    return packet


def agree_on_record(octets: bytes) -> PlcMacRecord:
    packet = PlcMacRecord(octets)
    agree_on_mac_fields(packet, MacFrame.from_host(octets))
    assert packet.pad_length == octets[4]
    return packet


def agree_on_mac_fields(packet: Packet, frame: MacFrame) -> None:
    for name in ("initial_credit", "current_credit", "delta_credit", "source", "destination"):
        assert packet.getfieldval(name) == getattr(frame, name), name
    assert packet.hop_distance == frame.hop_distance
    assert bytes(packet.payload) == frame.m_sdu


def agree_on_m_sdu(packet: Packet, octets: bytes) -> None:
    pdu = LlcPdu.decode(octets)
    assert packet.control == octets[0]
    assert packet.destination_lsap == pdu.destination_lsap
    assert packet.source_lsap == pdu.source_lsap
    assert bytes(packet.payload) == pdu.l_sdu
    if 0 in {pdu.destination_lsap, pdu.source_lsap}:
        agree_on_ciase(packet.payload, decode_ciase(pdu.l_sdu))
    else:
        agree_on_any_apdu(packet.payload, pdu.l_sdu)


def agree_on_ciase(packet: Packet, pdu: CiasePdu) -> None:
    octets = pdu.encode()
    assert type(packet) is ciase_layer(octets)
    assert packet.tag == octets[0]
    match pdu:
        case ciase.Discover():
            for name in ("response_probability", "allowed_time_slots", "report_initial_credit"):
                assert packet.getfieldval(name) == getattr(pdu, name), name
            assert bool(packet.ic_equal_credit) is pdu.ic_equal_credit
        case ciase.DiscoverReport():
            assert packet.count == len(pdu.system_titles)
            assert tuple(packet.system_titles) == pdu.system_titles
            _agree_on_optional(packet, "alarm_present", "alarm_descriptor", pdu.alarm_descriptor)
        case ciase.Register():
            assert packet.initiator_system_title == pdu.initiator_system_title
            assert packet.count == len(pdu.entries)
            entries = [(each.system_title, each.mac) for each in packet.entries]
            assert entries == [(each.system_title, each.mac) for each in pdu.entries]
        case ciase.PingRequest() | ciase.PingResponse():
            assert packet.system_title == pdu.system_title
        case ciase.RepeaterCall():
            assert (packet.max_mac, packet.new_slots) == (pdu.max_mac, pdu.new_slots)
            name = "reception_threshold_dbuv"
            _agree_on_optional(packet, "threshold_present", name, pdu.reception_threshold_dbuv)
        case ciase.ClearAlarm():
            _agree_on_clear_alarm(packet, pdu)
        case ciase.CiaseServiceError():
            codes = (packet.service, packet.group, packet.value)
            assert codes == (pdu.service, pdu.group, pdu.value)


def _agree_on_optional(packet: Packet, flag: str, name: str, value: int | None) -> None:
    assert bool(packet.getfieldval(flag)) is (value is not None)
    assert packet.fields.get(name) == value


def _agree_on_clear_alarm(packet: Packet, pdu: ciase.ClearAlarm) -> None:
    assert packet.choice == pdu.choice
    match pdu.choice:
        case ClearAlarmChoice.ONE_ALARM:
            assert (packet.alarm_descriptor,) == pdu.alarm_descriptors
        case ClearAlarmChoice.ALARM_OF_EACH_SERVER:
            pairs = [(each.system_title, each.alarm_descriptor) for each in packet.pairs]
            assert pairs == list(zip(pdu.servers, pdu.alarm_descriptors, strict=True))
        case _:
            assert tuple(packet.alarm_descriptors) == pdu.alarm_descriptors
            if pdu.choice is ClearAlarmChoice.ALARMS_OF_SERVERS:
                assert tuple(packet.servers) == pdu.servers


def agree_on_any_apdu(packet: Packet, octets: bytes) -> None:
    assert type(packet) is apdu_layer(octets)
    if octets[0] in ACSE_TAGS:
        agree_on_acse(packet, decode_acse(octets))
    else:
        agree_on_apdu(packet, decode_apdu(octets))


def agree_on_apdu(packet: Packet, apdu: SnApdu) -> None:
    assert packet.tag == apdu.TAG
    match apdu:
        case ReadRequest():
            _agree_on_accesses(packet, apdu.accesses)
        case WriteRequest() | UnconfirmedWriteRequest():
            _agree_on_accesses(packet, apdu.accesses)
            _agree_on_data(packet, apdu.data)
        case InformationReport():
            _agree_on_accesses(packet, apdu.accesses)
            _agree_on_data(packet, apdu.data)
            assert bool(packet.time_present) is (apdu.current_time is not None)
            if apdu.current_time is not None:
                assert packet.current_time == apdu.current_time.encode("latin-1")
        case ReadResponse() | WriteResponse():
            assert packet.count == len(packet.results) == len(apdu.results)
            for part, result in zip(packet.results, apdu.results, strict=True):
                _agree_on_result(part, result)
        case ConfirmedServiceError():
            codes = (packet.service, packet.group, packet.value)
            assert codes == (apdu.service, apdu.group, apdu.value)


def _agree_on_accesses(packet: Packet, accesses: tuple[Any, ...]) -> None:
    assert packet.count == len(packet.accesses) == len(accesses)
    for part, access in zip(packet.accesses, accesses, strict=True):
        assert part.choice == access.TAG
        match access:
            case VariableName():
                assert part.short_name == access.name
            case ParameterizedName():
                assert (part.short_name, part.selector) == (access.name, access.selector)
                _agree_on_value(part, access.parameter)
            case BlockNumberAccess():
                assert part.block_number == access.block_number
            case DataBlock():
                _agree_on_block(part, access)
            case _:
                assert isinstance(access, WriteDataBlockAccess)
                assert bool(part.last_block) is access.last_block
                assert part.block_number == access.block_number


def _agree_on_data(packet: Packet, data: tuple[Data, ...]) -> None:
    assert packet.data_count == len(packet.data) == len(data)
    for part, value in zip(packet.data, data, strict=True):
        assert isinstance(part, DlmsData)
        _agree_on_value(part, value)


def _agree_on_value(part: Packet, value: Data) -> None:
    """A value may be said in more than one way: true as any octet, a length in a long form."""
    octets = bytes([part.type]) + part.content
    assert octets == value.encode() or Data.from_octets(octets) == value


def _agree_on_result(part: Packet, result: Any) -> None:
    match result:
        case Data():
            assert part.choice == 0
            _agree_on_value(part, result)
        case DataBlock():
            assert part.choice == 2
            _agree_on_block(part, result)
        case BlockNumber():
            assert part.block_number == result.block_number
        case 0:
            assert part.choice == 0 or part.error == 0
        case _:
            assert (part.choice, part.error) == (1, result)


def _agree_on_block(part: Packet, block: DataBlock) -> None:
    assert bool(part.last_block) is block.last_block
    assert part.block_number == block.block_number
    assert part.length == len(block.raw_data)
    assert part.raw_data == block.raw_data


def agree_on_acse(packet: Packet, apdu: AcseApdu) -> None:
    assert packet.tag == apdu.TAG
    fields = {each.tag: each.value for each in packet.contents}
    match apdu:
        case Aarq():
            assert fields[0xA1] == b"\x06" + with_length(apdu.context)
            assert fields.get(0x8B) == apdu.mechanism
            password = None if apdu.password is None else apdu.password.octets
            assert fields.get(0xAC) == (password and b"\x80" + with_length(password))
            assert fields[0xBE] == b"\x04" + with_length(apdu.initiate.encode())
        case Aare():
            assert fields[0xA1] == b"\x06" + with_length(apdu.context)
            assert fields[0xA2] == bytes([2, 1, apdu.result])
            source = 0xA2 if apdu.from_provider else 0xA1
            assert fields[0xA3] == bytes([source, 3, 2, 1, apdu.diagnostic])
            initiate = apdu.initiate and b"\x04" + with_length(apdu.initiate.encode())
            assert fields.get(0xBE) == initiate
        case Rlrq() | Rlre():
            reason = None if apdu.reason is None else bytes([apdu.reason])
            assert fields.get(0x80) == reason
