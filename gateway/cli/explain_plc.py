"""Frames of the power line, field by field: MAC, LLC, and what they carry."""

from collections.abc import Iterator
from typing import Any, Final

from drivers.plc import llc, mac_frame, psdu
from drivers.plc.ciase import CiaseTag, decode_ciase
from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import MacFrame, Packing
from gateway.cli.explanation import Explainer, Layer, plain

_CIASE_TAGS: Final = {bytes([tag]) for tag in CiaseTag}
_CODES: Final = {code.to_bytes(2, "big") for code in mac_frame.SUBFRAME_CODES}
_DISCOVER: Final = 6  # octets

_ADDRESS_NAMES: Final = {
    mac_frame.NO_BODY: "no-body",
    mac_frame.ALL_CONFIGURED: "all configured",
    mac_frame.NEW: "new",
    mac_frame.ALL_PHYSICAL: "all physical",
}


def line_explainer(packing: Packing, explain_apdu: Explainer) -> Explainer:
    """Return what explains a MAC frame as it is on the line, whole slots, or a PDU inside it.

    An LLC PDU begins with 90 and a CIASE PDU with its tag, no frame does; only a Discover of six
    octets may begin like a frame of five sub-frames.

    Args:
        packing: how sub-frames are packed there.
        explain_apdu: explains what an LLC PDU carries for an application.
    """

    def explain(octets: bytes) -> Iterator[Layer]:
        if octets.startswith(psdu.PREAMBLE + psdu.START_DELIMITER):
            octets = psdu.join_frame(psdu.p_sdus_of_slots(octets), packing)
        if octets[:1] == bytes([llc.DL_DATA]):
            return _explain_m_sdu(octets, explain_apdu)
        if octets[:1] in _CIASE_TAGS and (octets[:2] not in _CODES or len(octets) == _DISCOVER):
            return iter([_ciase_layer(octets)])
        return _explain_mac(MacFrame.decode(octets, packing), explain_apdu)

    return explain


def record_explainer(explain_apdu: Explainer) -> Explainer:
    """Return what explains a MAC frame in the form in which modem and host exchange it."""

    def explain(octets: bytes) -> Iterator[Layer]:
        return _explain_mac(MacFrame.from_host(octets), explain_apdu)

    return explain


def _explain_mac(frame: MacFrame, explain_apdu: Explainer) -> Iterator[Layer]:
    yield Layer(
        "MAC frame",
        {
            "initial_credit": frame.initial_credit,
            "current_credit": frame.current_credit,
            "delta_credit": frame.delta_credit,
            "hop_distance": frame.hop_distance,
            "source": _mac_address(frame.source),
            "destination": _mac_address(frame.destination),
            "m_sdu_octets": len(frame.m_sdu),
        },
    )
    yield from _explain_m_sdu(frame.m_sdu, explain_apdu)


def _explain_m_sdu(octets: bytes, explain_apdu: Explainer) -> Iterator[Layer]:
    pdu = LlcPdu.decode(octets)
    carries_ciase = llc.CIASE in {pdu.destination_lsap, pdu.source_lsap}
    yield Layer(
        "LLC",
        {
            "destination_lsap": f"{pdu.destination_lsap:02X}",
            "source_lsap": f"{pdu.source_lsap:02X}",
            "carries": "CIASE" if carries_ciase else "DLMS",
        },
    )
    if carries_ciase:
        yield _ciase_layer(pdu.l_sdu)
    else:
        yield from explain_apdu(pdu.l_sdu)


def _mac_address(address: int) -> str:
    """Return an address in hex, with its meaning when it is no single meter's."""
    name = _ADDRESS_NAMES.get(address)
    if mac_frame.FIMA <= address <= mac_frame.LIMA:
        name = "initiator"
    return f"{address:03X} ({name})" if name else f"{address:03X}"


def _ciase_layer(octets: bytes) -> Layer:
    pdu = decode_ciase(octets)
    fields: dict[str, Any] = {"pdu": type(pdu).__name__}
    return Layer("CIASE", fields | plain(pdu))
