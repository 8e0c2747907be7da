"""HIL-3: layers and codecs agree on random valid frames, in both directions."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from drivers.dlms.apdu_sn import SnApdu
from drivers.dlms.association import AcseApdu
from drivers.plc.ciase import CiasePdu
from drivers.plc.llc import L_SDU_OCTETS_MAX, LlcPdu
from drivers.plc.mac_frame import MacFrame, Packing
from drivers.plc.scapy_layers.ciase import ciase_layer
from drivers.plc.scapy_layers.dlms import apdu_layer
from drivers.plc.scapy_layers.llc import PlcLlc
from drivers.plc.scapy_layers.plain import plain_layers
from hal.plc_modem.host_codec import encode_message
from hal.plc_modem.messages import Message
from hal.plc_modem.status import StatusMessage
from tests.drivers.dlms.apdu_strategies import acse, apdus
from tests.drivers.plc.layer_agreement import (
    agree_on_acse,
    agree_on_apdu,
    agree_on_ciase,
    agree_on_line_frame,
    agree_on_m_sdu,
    agree_on_record,
    check_whole,
    computed,
    rebuilt,
)
from tests.drivers.plc.serial_agreement import agree_on_serial
from tests.drivers.plc.test_ciase import pdus
from tests.drivers.plc.test_mac_frame import frames
from tests.hal.message_strategies import messages

octets = st.integers(0, 0xFF)
l_sdus = st.one_of(
    pdus.map(lambda pdu: (0, pdu.encode())),
    apdus.map(lambda apdu: (0x10, apdu.encode())),
    acse.map(lambda apdu: (0x10, apdu.encode())),
).filter(lambda each: len(each[1]) <= L_SDU_OCTETS_MAX)


@given(frames(), l_sdus, st.integers(1, 255), st.sampled_from(Packing), octets)
def test_whole_frames(
    frame: MacFrame, l_sdu: tuple[int, bytes], source: int, packing: Packing, pad: int
) -> None:
    """Line form and record form, from the credits to the last value."""
    lsap, carried = l_sdu
    m_sdu = LlcPdu(destination_lsap=lsap, source_lsap=source, l_sdu=carried).encode()
    frame = replace(frame, m_sdu=m_sdu)
    octets_on_line = frame.encode(packing)
    packet = agree_on_line_frame(octets_on_line, packing)
    check_whole(packet, octets_on_line)
    agree_on_m_sdu(packet.payload, m_sdu)
    record = agree_on_record(frame.to_host(pad_octets=pad))
    assert rebuilt(record) == frame.to_host(pad_octets=pad)
    agree_on_m_sdu(record.payload, m_sdu)


@given(frames(), st.sampled_from(Packing))
def test_frames_that_carry_anything(frame: MacFrame, packing: Packing) -> None:
    octets_on_line = frame.encode(packing)
    packet = agree_on_line_frame(octets_on_line, packing)
    assert rebuilt(packet) == computed(packet) == octets_on_line


@given(pdus)
def test_ciase(pdu: CiasePdu) -> None:
    packet = ciase_layer(pdu.encode())(pdu.encode())
    agree_on_ciase(packet, pdu)
    check_whole(packet, pdu.encode())


@given(apdus)
def test_apdus(apdu: SnApdu) -> None:
    packet = apdu_layer(apdu.encode())(apdu.encode())
    agree_on_apdu(packet, apdu)
    check_whole(packet, apdu.encode())


@given(acse)
def test_associations(apdu: AcseApdu) -> None:
    packet = apdu_layer(apdu.encode())(apdu.encode())
    agree_on_acse(packet, apdu)
    check_whole(packet, apdu.encode())


@given(messages)
def test_the_modem_s_frames(message: Message) -> None:
    octets_on_line = encode_message(message).encode()
    packet = agree_on_serial(octets_on_line)
    assert rebuilt(packet) == computed(packet) == octets_on_line


@given(st.integers(0, 0x1F), octets, octets)
def test_the_modem_s_statuses(conditions: int, second: int, last: int) -> None:
    octets_on_line = bytes([0x3F, conditions, second, last])
    assert rebuilt(agree_on_serial(octets_on_line)) == octets_on_line
    assert StatusMessage.decode(octets_on_line).encode() == octets_on_line


@given(st.sampled_from([0x00, 0x10]), st.binary(max_size=60))
def test_any_octets_are_some_layer_and_come_back(lsap: int, l_sdu: bytes) -> None:
    """Damaged PDUs are dissected as far as they go; no octet of them is lost."""
    m_sdu = bytes([0x90, lsap, 0x01]) + l_sdu
    packet = PlcLlc(m_sdu)
    assert bytes(packet) == m_sdu
    assert packet.summary()
    assert len(plain_layers(packet)) == len(packet.layers())
