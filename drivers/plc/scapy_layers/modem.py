"""What passes on the serial line between host and modem: frames, control octets, statuses.

    ModemFrame(code=0x51) / PlcMacRecord(initial_credit=2, current_credit=2) / PlcLlc() / ...

Length and checksum are computed when they are not set.
"""

from typing import Final

from scapy.fields import (
    BitField,
    ByteEnumField,
    XByteField,
)
from scapy.packet import Packet, Raw

from drivers.plc.scapy_layers.access_db import access_db_layer
from drivers.plc.scapy_layers.field_kinds import TrailerField
from drivers.plc.scapy_layers.mac import PlcMacRecord
from drivers.plc.scapy_layers.modem_data import DATA_LAYERS

STX: Final = 0x02
STATUS_START: Final = 0x3F
_CHECKSUM_OCTETS: Final = 2
_LENGTH_AT: Final = 1
_ACCESS_DB: Final = (0x41, 0x42)
_MAC_FRAMES: Final = (0x50, 0x51, 0x53)
COMMAND_NAMES: Final = {
    0x10: "Synchro_Indication",
    0x11: "Desynchro_Request",
    0x20: "SyntaxError",
    0x21: "Reset_Request",
    0x31: "old WriteConfig_Request",
    0x32: "old WriteConfig_Confirm",
    0x33: "old WriteConfig_Error",
    0x41: "AccessDB_Request",
    0x42: "AccessDB_Confirm",
    0x43: "AccessDB_Error",
    0x50: "MA_Data_Indication",
    0x51: "MA_Data_Request",
    0x52: "MA_Data_Confirm",
    0x53: "MA_Data_Indication_Bad_CRC",
    0x61: "ISA_Request",
    0x62: "ISA_Confirm",
    0x71: "WriteConfig_Request",
    0x72: "WriteConfig_Confirm",
    0x73: "WriteConfig_Error",
    0xA0: "SPY_No_SubFrame",
    0xB0: "SPY_SubFrame",
    0xC0: "SPY_Search_Synchro",
    0xD0: "SPY_Synchro_Found",
    0xE0: "SPY_No_Alarm_Found",
    0xF0: "SPY_Alarm_Found",
}


class ModemFrame(Packet):
    """A frame in either direction, from STX to the checksum."""

    name = "modem frame"
    fields_desc = [
        XByteField("stx", STX),
        XByteField("length", None),
        ByteEnumField("code", 0x21, COMMAND_NAMES),
        TrailerField("checksum", lambda _frame: _CHECKSUM_OCTETS),
    ]

    @property
    def checksum_good(self) -> bool:
        """Whether the checksum fits the frame."""
        octets = bytes(self)
        return octets[-_CHECKSUM_OCTETS:] == _sum_of(octets[_LENGTH_AT:-_CHECKSUM_OCTETS])

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """Return the layer of the data that the command has."""
        if self.code in _MAC_FRAMES:
            return PlcMacRecord
        if self.code in _ACCESS_DB:
            return access_db_layer(payload, confirm=self.code == _ACCESS_DB[1])
        return DATA_LAYERS.get(self.code, Raw)

    def post_dissect(self, s: bytes) -> bytes:
        """Forget the cache: the checksum was cut out of its middle."""
        self.raw_packet_cache = None
        return s

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        """Compute length and checksum where they are not set."""
        octets = bytearray(pkt + pay)
        if self.length is None:
            octets[_LENGTH_AT] = min(0xFF, len(octets) - _LENGTH_AT - 1 + _CHECKSUM_OCTETS)
        checksum = _sum_of(bytes(octets[_LENGTH_AT:])) if self.checksum is None else self.checksum
        return bytes(octets) + bytes(checksum)

    def mysummary(self) -> str:
        """Return the command."""
        name = COMMAND_NAMES.get(self.code, f"command {self.code:02X}")
        return name if self.checksum_good else f"{name} CHECKSUM WRONG"


class ModemControl(Packet):
    """What answers a frame."""

    name = "modem control octet"
    fields_desc = [ByteEnumField("octet", 0x06, {0x06: "ACK", 0x15: "NAK"})]


class ModemStatus(Packet):
    """What answers a falling T_REQ; the meaning of the last octet depends on the modem's mode."""

    name = "modem status"
    fields_desc = [
        XByteField("start", STATUS_START),
        BitField("reserved", 0, 3),
        BitField("not_locked", 0, 1),
        BitField("new", 0, 1),
        BitField("not_sync", 0, 1),
        BitField("not_set", 0, 1),
        BitField("busy", 0, 1),
        BitField("slot_counter", 0, 3),
        BitField("reserved_2", 0, 3),
        BitField("alarm_enabled", 0, 1),
        BitField("pll_locked", 0, 1),
        XByteField("last_octet", 0),
    ]


def serial_layer(octets: bytes) -> type[Packet]:
    """Return the layer of a whole message on the serial line, by its first octet."""
    if octets[:1] == bytes([STX]):
        return ModemFrame
    return ModemStatus if octets[:1] == bytes([STATUS_START]) else ModemControl


def _sum_of(octets: bytes) -> bytes:
    return (sum(octets) & 0xFFFF).to_bytes(_CHECKSUM_OCTETS, "little")
