"""What a frame on the line is for, as its content says; the rig's own classification.

An answer has the purpose of its question. A question for rows that is answered by none becomes a
POLL: only the meter's answer tells.
"""

from typing import Final

from drivers.errors import DriverError
from drivers.plc import llc
from drivers.plc.ciase import (
    CiasePdu,
    ClearAlarm,
    Discover,
    DiscoverReport,
    PingRequest,
    PingResponse,
    Register,
    RepeaterCall,
    decode_ciase,
)
from hil.lv_network.purpose import Purpose

_CIASE: Final[dict[type, Purpose]] = {
    Discover: Purpose.DISCOVER,
    DiscoverReport: Purpose.DISCOVER,
    Register: Purpose.REGISTER,
    PingRequest: Purpose.PING,
    PingResponse: Purpose.PING,
    RepeaterCall: Purpose.REPEATERS,
    ClearAlarm: Purpose.ALARM,
}
_AARQ: Final = 0x60
_WRITES: Final = (0x06, 0x16)
_READ: Final = 0x05
_PLAIN_NAME: Final = 0x02
_PLAIN_NAME_OCTETS: Final = 3
_SELECTED: Final = 0x04  # a name of which a part is selected (docs/plc.md 6.2)


def purpose_of(m_sdu: bytes) -> Purpose:
    """Return what a frame from a concentrator is for."""
    try:
        pdu = llc.LlcPdu.decode(m_sdu)
        if pdu.destination_lsap == llc.CIASE:
            return _of_ciase(decode_ciase(pdu.l_sdu))
        return _of_apdu(pdu.l_sdu)
    except DriverError:
        return Purpose.OTHER


def _of_ciase(pdu: CiasePdu) -> Purpose:
    return _CIASE.get(type(pdu), Purpose.OTHER)


def _of_apdu(apdu: bytes) -> Purpose:
    tag = apdu[0] if apdu else 0
    if tag == _AARQ:
        return Purpose.ASSOCIATE
    if tag in _WRITES:
        return Purpose.CLOCK
    if tag != _READ:
        return Purpose.OTHER
    return Purpose.COLLECT if _asks_for_rows(apdu) else Purpose.IDENTIFY


def _asks_for_rows(apdu: bytes) -> bool:
    """Tell whether a ReadRequest selects rows, with the clock before them at most.

    Who asks who a meter is asks for several plain names first.
    """
    at, plain = 2, 0
    while apdu[at : at + 1] == bytes([_PLAIN_NAME]):
        at += _PLAIN_NAME_OCTETS
        plain += 1
    return plain <= 1 and apdu[at : at + 1] == bytes([_SELECTED])
