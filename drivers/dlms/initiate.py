"""What client and server agree on when an association begins: services, sizes, version."""

from dataclasses import dataclass
from enum import IntFlag

from drivers.dlms.axdr_primitives import read_octets
from drivers.errors import MalformedFrame
from drivers.octets import OctetReader

DLMS_VERSION = 6
VAA_NAME = 0xFA00
_CONFORMANCE_HEAD = b"\x5f\x1f\x04\x00"  # tag, length, no unused bits


class Conformance(IntFlag):
    """Services by their bits; bit 0 of the standard is the most significant of 24.

    Source: docs/plc.md 6.3 for those of short names; IEC 62056-53 for the block-transfer bits.
    """

    READ = 1 << 20
    WRITE = 1 << 19
    UNCONFIRMED_WRITE = 1 << 18
    BLOCK_TRANSFER_WITH_GET_OR_READ = 1 << 12
    BLOCK_TRANSFER_WITH_SET_OR_WRITE = 1 << 11
    MULTIPLE_REFERENCES = 1 << 9
    INFORMATION_REPORT = 1 << 8
    PARAMETERIZED_ACCESS = 1 << 5


# All that this package can do.
OUR_SERVICES = (
    Conformance.READ
    | Conformance.WRITE
    | Conformance.UNCONFIRMED_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.INFORMATION_REPORT
    | Conformance.PARAMETERIZED_ACCESS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiateRequest:
    """What the client proposes.

    Attributes:
        client_pdu_octets_max: longest APDU that the client takes; 0 is no limit.
    """

    TAG = 0x01

    conformance: Conformance
    client_pdu_octets_max: int
    dlms_version: int = DLMS_VERSION

    def encode(self) -> bytes:
        """Return the octets: no dedicated key, answer expected, no quality of service."""
        return (
            bytes([self.TAG, 0, 0, 0, self.dlms_version])
            + _conformance_octets(self.conformance)
            + self.client_pdu_octets_max.to_bytes(2, "big")
        )

    @classmethod
    def decode(cls, octets: bytes) -> "InitiateRequest":
        """Read the octets.

        Raises:
            MalformedFrame: they are no InitiateRequest.
        """
        reader = OctetReader(octets)
        _expect(reader, bytes([cls.TAG]))
        if reader.u8():
            read_octets(reader)  # a dedicated key: only ciphered contexts use it
        if reader.u8():
            reader.u8()  # response-allowed
        if reader.u8():
            reader.u8()  # quality of service
        version = reader.u8()
        conformance = _read_conformance(reader)
        request = cls(
            dlms_version=version, conformance=conformance, client_pdu_octets_max=reader.u16()
        )
        reader.end()
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiateResponse:
    """What the server grants.

    Attributes:
        server_pdu_octets_max: longest APDU that the server takes; 0 is no limit.
        vaa_name: FA00 tells that short names are in use.
    """

    TAG = 0x08

    conformance: Conformance
    server_pdu_octets_max: int
    dlms_version: int = DLMS_VERSION
    vaa_name: int = VAA_NAME

    def encode(self) -> bytes:
        """Return the octets: no quality of service."""
        return (
            bytes([self.TAG, 0, self.dlms_version])
            + _conformance_octets(self.conformance)
            + self.server_pdu_octets_max.to_bytes(2, "big")
            + self.vaa_name.to_bytes(2, "big")
        )

    @classmethod
    def decode(cls, octets: bytes) -> "InitiateResponse":
        """Read the octets.

        Raises:
            MalformedFrame: they are no InitiateResponse.
        """
        reader = OctetReader(octets)
        _expect(reader, bytes([cls.TAG]))
        if reader.u8():
            reader.u8()  # quality of service
        version = reader.u8()
        conformance = _read_conformance(reader)
        pdu_octets_max = reader.u16()
        response = cls(
            dlms_version=version,
            conformance=conformance,
            server_pdu_octets_max=pdu_octets_max,
            vaa_name=reader.u16(),
        )
        reader.end()
        return response


def _conformance_octets(conformance: Conformance) -> bytes:
    return _CONFORMANCE_HEAD + conformance.to_bytes(3, "big")


def _read_conformance(reader: OctetReader) -> Conformance:
    _expect(reader, _CONFORMANCE_HEAD)
    return Conformance(int.from_bytes(reader.take(3), "big"))


def _expect(reader: OctetReader, octets: bytes) -> None:
    found = reader.take(len(octets))
    if found != octets:
        raise MalformedFrame(f"{found.hex()} where {octets.hex()} is expected")
