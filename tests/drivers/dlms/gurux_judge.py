"""gurux-dlms as a judge of our APDUs: an implementation that shares nothing with ours."""

from gurux_dlms import GXDLMSTranslator
from gurux_dlms.GXByteBuffer import GXByteBuffer
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo

_UNCONFIRMED_WRITE = 0x16  # its translator does not know this tag


def as_xml(apdu: bytes) -> str:
    """Return what gurux reads in an APDU; raises whatever gurux raises."""
    # The library calls a method that it does not have (1.0.203); it means this one.
    if not hasattr(GXByteBuffer, "strip"):
        GXByteBuffer.strip = GXByteBuffer.trim
    xml: str = GXDLMSTranslator().pduToXml(apdu)
    return " ".join(xml.split())


def judged(apdu: bytes) -> bytes:
    """Return the APDU when gurux accepts it and takes it for the kind that its tag says."""
    if apdu[0] == _UNCONFIRMED_WRITE:
        apdu_of_same_body = b"\x06" + apdu[1:]
        as_xml(apdu_of_same_body)
        return apdu
    roots = {
        0x05: "ReadRequest",
        0x06: "WriteRequest",
        0x0C: "ReadResponse",
        0x0D: "WriteResponse",
        0x0E: "ConfirmedServiceError",
        0x18: "InformationReportRequest",
        0x60: "AssociationRequest",
        0x61: "AssociationResponse",
        0x62: "ReleaseRequest",
        0x63: "ReleaseResponse",
    }
    assert as_xml(apdu).startswith("<" + roots[apdu[0]])
    return apdu


def value_of(octets: bytes) -> object:
    """Return the Python value that gurux reads in COSEM data."""
    return _GXCommon.getData(None, GXByteBuffer(octets), _GXDataInfo())
