"""Our decoders as trials: octets in, a value that can be said again or a documented refusal."""

from collections.abc import Callable, Generator
from typing import Any, Final

from drivers.dlms import conversations
from drivers.dlms.apdu_sn import decode_apdu
from drivers.dlms.association import AssociationRequest, decode_acse
from drivers.dlms.axdr import Data, expand
from drivers.dlms.companion import CLOCK
from drivers.dlms.data_types import CompactArray
from drivers.dlms.initiate import OUR_SERVICES
from drivers.dlms.profile_rows import decode_rows
from drivers.plc import llc
from drivers.plc.ciase import decode_ciase
from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import MacFrame, Packing
from drivers.plc.psdu import P_SDU_OCTETS, join_frame, p_sdus_of_slots
from hal.plc_modem.host_codec import decode_message, describe, encode_message
from hal.plc_modem.host_frame import HostFrame
from hal.plc_modem.status import Mode, StatusMessage
from hil.fuzz.trial import ContractBroken, Trial, decoder, frames_in, must_survive

_BLOCKS_MAX: Final = 4
_ACSE_TAGS: Final = (0x60, 0x61, 0x62, 0x63)
_SLOT_HEAD: Final = bytes.fromhex("AAAA54C7")


def mac_decoders() -> list[Trial]:
    """Return what takes octets of the line."""
    return [
        decoder("MacFrame.decode, packing A", lambda o: _line_frame(o, Packing.MODEL_A)),
        decoder("MacFrame.decode, packing B", lambda o: _line_frame(o, Packing.MODEL_B)),
        decoder("MacFrame.from_host", _record),
        decoder("p_sdus_of_slots, join_frame", _slots),
        decoder("LlcPdu.decode and what it carries", _m_sdu),
    ]


def ciase_decoders() -> list[Trial]:
    """Return what takes a CIASE PDU."""
    return [decoder("decode_ciase", _ciase)]


def dlms_decoders() -> list[Trial]:
    """Return what takes an APDU."""
    return [
        decoder("decode_apdu, decode_acse", _apdu),
        decoder("Data.from_octets", lambda octets: _data(octets[1:])),
        decoder("decode_rows", lambda octets: decode_rows(octets[3:]) is not None),
        *(_conversation(name, begin) for name, begin in _CONVERSATIONS.items()),
    ]


def serial_decoders() -> list[Trial]:
    """Return what takes octets of the modem's serial line."""
    return [
        decoder("HostFrame.decode, decode_message", _serial_frame),
        decoder("StatusMessage.decode", _status),
    ]


def _line_frame(octets: bytes, packing: Packing) -> bool:
    frame = MacFrame.decode(octets, packing)
    must_survive(frame, MacFrame.decode(frame.encode(packing), packing))
    return True


def _record(octets: bytes) -> bool:
    frame = MacFrame.from_host(octets)
    must_survive(frame, MacFrame.from_host(frame.to_host()))
    return True


def _slots(octets: bytes) -> bool:
    pieces = [octets[at : at + P_SDU_OCTETS] for at in range(0, len(octets), P_SDU_OCTETS)]
    p_sdus = p_sdus_of_slots(b"".join(_SLOT_HEAD + piece + bytes(3) for piece in pieces))
    for packing in Packing:
        join_frame(p_sdus, packing)
    return True


def _m_sdu(octets: bytes) -> bool:
    accepted = False
    for frame in frames_in(octets):
        pdu = LlcPdu.decode(frame.m_sdu)
        must_survive(pdu, LlcPdu.decode(pdu.encode()))
        carries_ciase = llc.CIASE in {pdu.destination_lsap, pdu.source_lsap}
        accepted = (_ciase if carries_ciase else _apdu)(pdu.l_sdu) or accepted
    return accepted


def _ciase(octets: bytes) -> bool:
    pdu = decode_ciase(octets)
    must_survive(pdu, decode_ciase(pdu.encode()))
    return True


def _apdu(octets: bytes) -> bool:
    decode: Callable[[bytes], Any] = decode_apdu
    if octets[:1] and octets[0] in _ACSE_TAGS:
        decode = decode_acse
    apdu = decode(octets)
    must_survive(apdu, decode(apdu.encode()))
    return True


def _data(octets: bytes) -> bool:
    data = Data.from_octets(octets)
    if isinstance(data.value, CompactArray):
        expand(data.value)
    must_survive(data, Data.from_octets(data.encode()))
    return True


_CONVERSATIONS: Final[dict[str, Callable[[], Generator[bytes, bytes, Any]]]] = {
    "associate": lambda: conversations.associate(
        AssociationRequest(password=None, pdu_octets_max=239, conformance=OUR_SERVICES)
    ),
    "release": conversations.release,
    "read of one": lambda: conversations.read([0x2008]),
    "read of two": lambda: conversations.read([0x2008, 0x2010]),
    "read_clock": lambda: conversations.read_clock(0x2BC8),
    "read_object_list": conversations.read_object_list,
    "read_profile_range": lambda: conversations.read_profile_range(0x3008, CLOCK, 0, 900),
    "read_first_entry_and_count": lambda: conversations.read_first_entry_and_count(0x3000),
    "read_range_with_clock": lambda: conversations.read_range_with_clock(0x2BC8, 0x3008, 0, 900),
    "write": lambda: conversations.write(0x2BC8, Data.u8(1)),
}


def _conversation(name: str, begin: Callable[[], Generator[bytes, bytes, Any]]) -> Trial:
    return decoder(f"conversations.{name}", lambda octets: _talk(begin(), octets))


def _talk(conversation: Generator[bytes, bytes, Any], octets: bytes) -> bool:
    """Give every question the same answer, as far as the conversation goes on."""
    next(conversation)
    try:
        for _ in range(_BLOCKS_MAX):
            conversation.send(octets)
    except StopIteration:
        return True
    finally:
        conversation.close()
    return False


def _serial_frame(octets: bytes) -> bool:
    message = decode_message(HostFrame.decode(octets))
    describe(message)
    if decode_message(encode_message(message)) != message:
        raise ContractBroken(f"{type(message).__name__} does not survive being encoded")
    return True


def _status(octets: bytes) -> bool:
    status = StatusMessage.decode(octets)
    for mode in Mode:
        status.fields(mode)
    must_survive(status, StatusMessage.decode(status.encode()))
    return True
