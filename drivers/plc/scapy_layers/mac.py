"""The MAC frame as it is on the line, and as the record between a modem and its host.

    PlcMacFrame(source=0xC00, destination=0xFFF) / PlcLlc() / CiaseDiscover()

What is not set is computed when the packet is built: sub-frame code, pad length, padding, frame
check. What is set stays, also when it is wrong.
"""

from typing import Final

from scapy.fields import BitField, Field, XByteField, XShortField
from scapy.packet import Packet, Raw

from drivers.checksums import fcs24
from drivers.plc import mac_frame
from drivers.plc.scapy_layers.field_kinds import MacAddressField, NotSentField, TrailerField
from drivers.plc.scapy_layers.llc import DL_DATA, PlcLlc

FCS_OCTETS: Final = 3
HEAD_OCTETS: Final = 7  # code, credits, addresses, pad length
_SUBFRAME_OCTETS: Final = 36
_OVERHEAD_OCTETS: Final = {"A": 8, "B": 10}
_ADDRESS_NAMES: Final = {
    mac_frame.NO_BODY: "no-body",
    mac_frame.ALL_CONFIGURED: "all configured",
    mac_frame.NEW: "new",
    mac_frame.ALL_PHYSICAL: "all physical",
}


def _credits_and_addresses() -> list[Field[int, int]]:
    return [
        BitField("initial_credit", 0, 3),
        BitField("current_credit", 0, 3),
        BitField("delta_credit", 0, 2),
        MacAddressField("source", mac_frame.INITIATOR, _ADDRESS_NAMES),
        MacAddressField("destination", mac_frame.ALL_PHYSICAL, _ADDRESS_NAMES),
    ]


class _MacLayer(Packet):
    """What both forms of the frame have in common."""

    @property
    def hop_distance(self) -> int:
        """How many repetitions this copy had behind it; negative when the credits contradict."""
        return int(self.initial_credit) - int(self.current_credit)

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """Return the layer of the M_sdu."""
        return PlcLlc if payload[:1] == bytes([DL_DATA]) else Raw

    def mysummary(self) -> str:
        """Return who sends to whom, with which credits."""
        credit = f"{self.initial_credit}/{self.current_credit}/{self.delta_credit}"
        return f"{self.source:03X} > {self.destination:03X} credit {credit}"


class PlcMacRecord(_MacLayer):
    """The frame between a modem and its host: no code, no padding, no frame check."""

    name = "PLC MAC record"
    fields_desc = [*_credits_and_addresses(), XByteField("pad_length", 0)]


class PlcMacFrame(_MacLayer):
    """The frame on the line, from its sub-frame code to its frame check.

    `packing` is "A" or "B" (docs/plc.md 2.4); when a frame is dissected, its length tells it.
    """

    name = "PLC MAC frame"
    fields_desc = [
        NotSentField("packing", "A"),
        XShortField("code", None),
        *_credits_and_addresses(),
        XByteField("pad_length", None),
        TrailerField("pad", lambda frame: frame.pad_length, octets_behind=FCS_OCTETS),
        TrailerField("fcs", lambda _frame: FCS_OCTETS),
    ]

    @property
    def fcs_good(self) -> bool:
        """Whether the frame check fits the frame."""
        octets = bytes(self)
        return octets[-FCS_OCTETS:] == fcs24(octets[2:-FCS_OCTETS])

    def post_dissect(self, s: bytes) -> bytes:
        """Learn the packing."""
        octets = HEAD_OCTETS + len(s) + len(self.pad) + len(self.fcs)
        if octets % _SUBFRAME_OCTETS == 0:
            self.packing = "B"
        self.raw_packet_cache = None  # trailers were cut out of its middle
        return s

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Compute what is not set, and put padding and frame check behind the M_sdu."""
        used = len(pay) + _OVERHEAD_OCTETS[self.packing]
        count = -(-used // _SUBFRAME_OCTETS)
        fill = count * _SUBFRAME_OCTETS - used
        head = bytearray(pkt)
        if self.code is None:
            code = mac_frame.SUBFRAME_CODES[min(count, mac_frame.SUBFRAMES_MAX) - 1]
            head[:2] = code.to_bytes(2, "big")
        if self.pad_length is None:
            head[HEAD_OCTETS - 1] = fill
        checked = bytes(head[2:]) + pay + (bytes(fill) if self.pad is None else self.pad)
        fcs = fcs24(checked) if self.fcs is None else self.fcs
        return bytes(head[:2]) + checked + bytes(fcs)

    def mysummary(self) -> str:
        """Return who sends to whom, and whether the frame check is wrong."""
        return super().mysummary() + ("" if self.fcs_good else " FCS WRONG")
