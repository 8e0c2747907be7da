"""What one packet of a capture file holds, behind link type 147 (DLT_USER0).

A fixed head of 16 octets, then what was heard: a whole frame from its sub-frame code to its frame
check, the P_sdus of a damaged one, or the pattern of an alarm. The head is fixed so that other
tools can skip it (Wireshark: preferences, DLT_USER, "header size" 16).

| octets | field                                                                            |
|--------|----------------------------------------------------------------------------------|
| 1      | version, 1                                                                       |
| 1      | kind: 0 frame, 1 damaged frame, 2 alarm                                          |
| 1      | packing, the letter A or B                                                       |
| 1      | sub-frames heard                                                                 |
| 12     | signal and noise of the first sub-frame, as the modem says it (docs/plc.md 8.10) |

Importing this module makes scapy's rdpcap() read such files into these layers.
"""

from typing import Final

from scapy.config import conf
from scapy.fields import ByteEnumField, ByteField, StrFixedLenField
from scapy.packet import Packet, Raw

from drivers.plc.scapy_layers.mac import HEAD_OCTETS, PlcMacFrame
from drivers.plc.scapy_layers.modem_data import spy_fields

LINK_TYPE: Final = 147  # DLT_USER0
VERSION: Final = 1
FRAME, DAMAGED, ALARM = range(3)
_KIND_NAMES: Final = {FRAME: "frame", DAMAGED: "damaged frame", ALARM: "alarm"}


class PlcCapture(Packet):
    """One packet of a capture file."""

    name = "PLC capture"
    fields_desc = [
        ByteField("version", VERSION),
        ByteEnumField("kind", FRAME, _KIND_NAMES),
        StrFixedLenField("packing", b"A", 1),
        ByteField("subframes", 1),
        *spy_fields(),
    ]

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """Return the layer of what was heard."""
        whole = self.kind == FRAME and len(payload) > HEAD_OCTETS
        return PlcMacFrame if whole else Raw

    def mysummary(self) -> str:
        """Return what kind of packet it is; scapy says it where no layer inside says more."""
        return _KIND_NAMES.get(self.kind, f"kind {self.kind}")


conf.l2types.register(LINK_TYPE, PlcCapture)
