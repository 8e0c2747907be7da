"""The LLC header of IEC 61334-4-32: which access point talks to which."""

from dataclasses import dataclass
from typing import Final

from drivers.errors import LocalUseError, MalformedFrame
from drivers.octets import OctetReader
from drivers.plc.mac_frame import M_SDU_OCTETS_MAX

DL_DATA: Final = 0x90  # the only service that any code seen uses; the others are not known
HEADER_OCTETS: Final = 3
L_SDU_OCTETS_MAX: Final = M_SDU_OCTETS_MAX - HEADER_OCTETS

# Access points of a server. Beyond CIASE, REPORT and these pairs docs/plc.md 4 has only memory.
CIASE: Final = 0x00
MANAGEMENT_LD: Final = 0x01
FIRST_APPLICATION_LD: Final = 0x10
REPORT: Final = 0xFD
ALL_STATIONS: Final = 0xFF

# Access points of a client (concentrator).
INITIATOR: Final = 0x01
PUBLIC_CLIENT: Final = 0x10


@dataclass(frozen=True, slots=True, kw_only=True)
class LlcPdu:
    """One unconfirmed data PDU.

    Attributes:
        destination_lsap: access point addressed.
        source_lsap: access point that sends.
        l_sdu: what it carries, a CIASE PDU or a DLMS APDU, at most 239 octets.

    Source: docs/plc.md 4.
    """

    destination_lsap: int
    source_lsap: int
    l_sdu: bytes

    def encode(self) -> bytes:
        """Return the PDU, which is the M_sdu of a MAC frame.

        Raises:
            LocalUseError: no such access point, or longer than one MAC frame carries.
        """
        if not (0 <= self.destination_lsap <= 0xFF and 0 <= self.source_lsap <= 0xFF):
            raise LocalUseError(f"L-SAPs {self.destination_lsap} and {self.source_lsap}")
        if len(self.l_sdu) > L_SDU_OCTETS_MAX:
            raise LocalUseError(f"an L_sdu of {len(self.l_sdu)} octets does not fit a MAC frame")
        return bytes([DL_DATA, self.destination_lsap, self.source_lsap]) + self.l_sdu

    @classmethod
    def decode(cls, octets: bytes) -> "LlcPdu":
        """Read one M_sdu.

        Raises:
            MalformedFrame: cut short, or a service that this profile does not have.
        """
        reader = OctetReader(octets)
        control = reader.u8()
        if control != DL_DATA:
            raise MalformedFrame(f"LLC control {control:02X} is not DL_Data", octets)
        return cls(destination_lsap=reader.u8(), source_lsap=reader.u8(), l_sdu=reader.rest())
