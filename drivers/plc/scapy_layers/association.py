"""The APDUs that open and close an association, as a list of fields with tag and length."""

from typing import Final

from scapy.fields import ByteEnumField, PacketListField, XByteField, XStrLenField
from scapy.packet import Packet

from drivers.plc.scapy_layers.axdr import AxdrLengthField
from drivers.plc.scapy_layers.field_kinds import LIST_ITEMS_MAX

PASSWORD_TAG: Final = 0xAC  # calling-authentication-value: never shown
_RLRE: Final = 0x63
_TAG_NAMES: Final = {0x60: "AARQ", 0x61: "AARE", 0x62: "RLRQ", _RLRE: "RLRE"}


class _ValueField(XStrLenField):
    """The octets of a field; a password is shown as stars."""

    def i2repr(self, pkt: Packet | None, x: bytes) -> str:
        """Return the octets in hexadecimal."""
        if pkt is not None and pkt.tag == PASSWORD_TAG:
            return "***"
        return x.hex().upper()


class _LengthField(AxdrLengthField):
    """The length of the APDU; an RLRE has one octet that may say anything (docs/plc.md 6.7)."""

    def addfield(self, pkt: Packet, s: bytes, val: int | None) -> bytes:
        """Put the length on the line."""
        if pkt.tag == _RLRE and val is not None:
            return s + bytes([val & 0xFF])
        return super().addfield(pkt, s, val)

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, int]:
        """Take the length."""
        if pkt.tag == _RLRE and s:
            return s[1:], s[0]
        return super().getfield(pkt, s)


class DlmsAssociationField(Packet):
    """One field of an association APDU."""

    name = "DLMS association field"
    fields_desc = [
        XByteField("tag", 0xA1),
        AxdrLengthField("length", octets_of="value"),
        _ValueField("value", b"", length_from=lambda field: field.length),
    ]

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        """Leave what follows to the next field."""
        return b"", s


class DlmsAssociation(Packet):
    """AARQ, AARE, RLRQ or RLRE."""

    name = "DLMS association"
    fields_desc = [
        ByteEnumField("tag", 0x60, _TAG_NAMES),
        _LengthField("length", octets_of="contents"),
        PacketListField("contents", [], DlmsAssociationField, max_count=LIST_ITEMS_MAX),
    ]

    @property
    def is_whole(self) -> bool:
        """Whether every octet stands in a field as long as it says."""
        return all(
            isinstance(each, DlmsAssociationField) and each.length == len(each.value)
            for each in self.contents
        )

    def mysummary(self) -> str:
        """Return which of the four it is."""
        return _TAG_NAMES.get(self.tag, f"association APDU {self.tag:02X}")
