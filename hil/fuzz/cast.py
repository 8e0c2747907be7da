"""Who is on the line of a campaign: one concentrator, one meter."""

from typing import Final

METER_TITLE: Final = b"LGZ\x00\x00\x07"
CLIENT_TITLE: Final = b"GGW\x00\x00\x01"
INITIATOR: Final = 0xC00
METER: Final = 0x001
CLIENT_LSAP: Final = 0x10
METER_LSAP: Final = 0x01
SHORT_NAMES: Final = (0x2008, 0x2010, 0x2BC8, 0x3008, 0x3010, 0xFA08, 0xFA00, 0xFD08)
"""Of a register, a clock, a profile, the association; what else there may be has none of them."""
