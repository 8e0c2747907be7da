"""MAC_Frame, the record in which host and modem exchange frames of the power line.

Credit octet, source and destination (12 bits each, most significant first), pad length, M_sdu:
neither the sub-frame count nor the padding nor the frame check is seen by the host.

Source: AMIS-49587 datasheet, MA_Data services (docs/plc.md 8.8).
"""

from dataclasses import dataclass

from hal.errors import MalformedModemFrame

HEADER_OCTETS = 5
M_SDU_OCTETS_MAX = 242


@dataclass(frozen=True, slots=True, kw_only=True)
class MacRecord:
    """One frame as the host sees it.

    In requests current_credit equals initial_credit, delta_credit is "as 3" and pad_length is
    ignored (docs/plc.md 8.8).
    """

    initial_credit: int
    current_credit: int
    delta_credit: int
    source: int
    destination: int
    pad_length: int
    m_sdu: bytes

    @classmethod
    def decode(cls, octets: bytes) -> "MacRecord":
        """Return the record that `octets` are.

        Raises:
            MalformedModemFrame: cut short, longer than the line carries, or CC above IC.
        """
        if not HEADER_OCTETS <= len(octets) <= HEADER_OCTETS + M_SDU_OCTETS_MAX:
            raise MalformedModemFrame(f"MAC_Frame of {len(octets)} octets", octets)
        credit = octets[0]
        addresses = int.from_bytes(octets[1:4], "big")
        record = cls(
            initial_credit=credit >> 5,
            current_credit=credit >> 2 & 7,
            delta_credit=credit & 3,
            source=addresses >> 12,
            destination=addresses & 0xFFF,
            pad_length=octets[4],
            m_sdu=bytes(octets[HEADER_OCTETS:]),
        )
        if record.current_credit > record.initial_credit:
            raise MalformedModemFrame("current credit above initial credit", octets)
        return record

    def encode(self) -> bytes:
        """Return the octets."""
        credit = self.initial_credit << 5 | self.current_credit << 2 | self.delta_credit
        addresses = (self.source << 12 | self.destination).to_bytes(3, "big")
        return bytes([credit]) + addresses + bytes([self.pad_length]) + self.m_sdu
