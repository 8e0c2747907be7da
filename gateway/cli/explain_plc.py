"""Frames of the power line, field by field: MAC, LLC, and what they carry."""

from collections.abc import Iterator
from typing import Any, Final

from drivers.plc import llc, mac_frame
from drivers.plc.ciase import decode_ciase
from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import MacFrame, Packing
from gateway.cli.explain_dlms import explain_apdu
from gateway.cli.explanation import Explainer, Layer, plain

_ADDRESS_NAMES: Final = {
    mac_frame.NO_BODY: "no-body",
    mac_frame.ALL_CONFIGURED: "all configured",
    mac_frame.NEW: "new",
    mac_frame.ALL_PHYSICAL: "all physical",
}


def line_explainer(packing: Packing) -> Explainer:
    """Return what explains a MAC frame as it is on the line."""

    def explain(octets: bytes) -> Iterator[Layer]:
        return explain_mac(MacFrame.decode(octets, packing))

    return explain


def explain_host_record(octets: bytes) -> Iterator[Layer]:
    """Explain a MAC frame in the form in which modem and host exchange it."""
    return explain_mac(MacFrame.from_host(octets))


def explain_mac(frame: MacFrame) -> Iterator[Layer]:
    """Explain a MAC frame and what it carries."""
    yield Layer(
        "MAC frame",
        {
            "initial_credit": frame.initial_credit,
            "current_credit": frame.current_credit,
            "delta_credit": frame.delta_credit,
            "hop_distance": frame.hop_distance,
            "source": mac_address(frame.source),
            "destination": mac_address(frame.destination),
            "m_sdu_octets": len(frame.m_sdu),
        },
    )
    yield from explain_m_sdu(frame.m_sdu)


def explain_m_sdu(octets: bytes) -> Iterator[Layer]:
    """Explain an LLC PDU and the CIASE PDU or APDU in it."""
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


def mac_address(address: int) -> str:
    """Return an address in hex, with its meaning when it is no single meter's."""
    name = _ADDRESS_NAMES.get(address)
    if mac_frame.FIMA <= address <= mac_frame.LIMA:
        name = "initiator"
    return f"{address:03X} ({name})" if name else f"{address:03X}"


def _ciase_layer(octets: bytes) -> Layer:
    pdu = decode_ciase(octets)
    fields: dict[str, Any] = {"pdu": type(pdu).__name__}
    return Layer("CIASE", fields | plain(pdu))
