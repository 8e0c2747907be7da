"""A time slot as it is on the line: preamble, delimiter, P_sdu, pause; and frames cut into slots.

slots_of(PlcMacFrame() / PlcLlc() / ...)     # a stack of PlcSlot, one a sub-frame
frame_in(PlcSlot(octets))                    # the PlcMacFrame that a stack carries
"""

from typing import Final

from scapy.fields import XShortField
from scapy.packet import Packet, Raw

from drivers.plc.scapy_layers.field_kinds import octets_field
from drivers.plc.scapy_layers.mac import PlcMacFrame

P_SDU_OCTETS: Final = 38
SLOT_OCTETS: Final = 45
_CODE_OCTETS: Final = 2
_BODY_OCTETS: Final = 36


class PlcSlot(Packet):
    """One slot; the slot behind it is its payload. In the pause an alarm pattern may stand."""

    name = "PLC slot"
    fields_desc = [
        XShortField("preamble", 0xAAAA),
        XShortField("start_delimiter", 0x54C7),
        octets_field("p_sdu", P_SDU_OCTETS),
        octets_field("pause", 3),
    ]

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """Return another slot as long as a whole one is left."""
        return PlcSlot if len(payload) >= SLOT_OCTETS else Raw


def p_sdus_of(frame: PlcMacFrame) -> list[bytes]:
    """Return the P_sdus that carry a frame, also a malformed one; the last is filled with zeros."""
    octets = bytes(frame)
    body = octets[_CODE_OCTETS:] if frame.packing == "A" else octets
    pieces = [body[at : at + _BODY_OCTETS] for at in range(0, len(body), _BODY_OCTETS)]
    return [octets[:_CODE_OCTETS] + piece.ljust(_BODY_OCTETS, b"\0") for piece in pieces]


def slots_of(frame: PlcMacFrame) -> Packet:
    """Return the slots that carry a frame, one upon the other."""
    first, *others = [PlcSlot(p_sdu=p_sdu) for p_sdu in p_sdus_of(frame)]
    for slot in others:
        first.add_payload(slot)
    return first


def frame_in(slots: Packet, packing: str = "A") -> PlcMacFrame:
    """Return the frame that a stack of slots carries, whatever its frame check says."""
    p_sdus = []
    layer = slots
    while isinstance(layer, PlcSlot):
        p_sdus.append(bytes(layer.p_sdu))
        layer = layer.payload
    return frame_of_p_sdus(p_sdus, packing)


def frame_of_p_sdus(p_sdus: list[bytes], packing: str = "A") -> PlcMacFrame:
    """Return the frame that P_sdus carry, whatever its frame check says."""
    body = b"".join(each[_CODE_OCTETS:] for each in p_sdus)
    return PlcMacFrame(p_sdus[0][:_CODE_OCTETS] + body if packing == "A" else body)
