"""The LLC PDU: which access point talks to which, and what layer it carries."""

from typing import Final

from scapy.fields import ByteEnumField, XByteField
from scapy.packet import Packet

from drivers.plc.scapy_layers.ciase import ciase_layer
from drivers.plc.scapy_layers.dlms import apdu_layer

DL_DATA: Final = 0x90
CIASE: Final = 0x00
_LSAP_NAMES: Final = {0x00: "CIASE", 0xFD: "report", 0xFF: "all stations"}


class PlcLlc(Packet):
    """One unconfirmed data PDU: to CIASE or from it a CIASE PDU, else a DLMS APDU."""

    name = "PLC LLC"
    fields_desc = [
        XByteField("control", DL_DATA),
        ByteEnumField("destination_lsap", CIASE, _LSAP_NAMES),
        ByteEnumField("source_lsap", 1, _LSAP_NAMES),
    ]

    @property
    def carries_ciase(self) -> bool:
        """Whether one of the access points is CIASE's."""
        return CIASE in (self.destination_lsap, self.source_lsap)

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """Return the layer of the L_sdu."""
        return ciase_layer(payload) if self.carries_ciase else apdu_layer(payload)

    def mysummary(self) -> str:
        """Return from which access point to which."""
        return f"L-SAP {self.source_lsap:02X} > {self.destination_lsap:02X}"
