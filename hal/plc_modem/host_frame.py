"""The frame of the modem's host protocol: `02 | Length | Command | data | checksum`.

Length counts command, data and checksum (3..250). The checksum is the 16-bit sum of the octets
from Length to the last data octet, least significant octet first.

Source: AMIS-49587 datasheet, host interface; equal to ST UM0934 (docs/plc.md 8.2).
"""

from dataclasses import dataclass
from enum import IntEnum

from hal.errors import MalformedModemFrame

STX = 0x02
DATA_OCTETS_MAX = 247
LENGTH_MIN = 3
LENGTH_MAX = 250
FRAME_OVERHEAD_OCTETS = 5  # start, length, command, checksum 2


class Command(IntEnum):
    """High nibble service, low nibble primitive: 0 indication, 1 request, 2 confirm, 3 error."""

    SYNCHRO_INDICATION = 0x10
    DESYNCHRO_REQUEST = 0x11
    SYNTAX_ERROR = 0x20  # ST's sister chip only
    RESET_REQUEST = 0x21
    OLD_WRITE_CONFIG_REQUEST = 0x31
    OLD_WRITE_CONFIG_CONFIRM = 0x32
    OLD_WRITE_CONFIG_ERROR = 0x33
    ACCESS_DB_REQUEST = 0x41
    ACCESS_DB_CONFIRM = 0x42
    ACCESS_DB_ERROR = 0x43
    MA_DATA_INDICATION = 0x50
    MA_DATA_REQUEST = 0x51
    MA_DATA_CONFIRM = 0x52
    MA_DATA_INDICATION_BAD_CRC = 0x53
    ISA_REQUEST = 0x61
    ISA_CONFIRM = 0x62
    WRITE_CONFIG_REQUEST = 0x71
    WRITE_CONFIG_CONFIRM = 0x72
    WRITE_CONFIG_ERROR = 0x73
    SPY_NO_SUBFRAME = 0xA0
    SPY_SUBFRAME = 0xB0
    SPY_SEARCH_SYNCHRO = 0xC0
    SPY_SYNCHRO_FOUND = 0xD0
    SPY_NO_ALARM_FOUND = 0xE0
    SPY_ALARM_FOUND = 0xF0


class ControlOctet(IntEnum):
    """What answers a frame, sent alone."""

    ACK = 0x06
    NAK = 0x15


def checksum(octets: bytes) -> bytes:
    """Return the two checksum octets of Length, Command and data."""
    return (sum(octets) & 0xFFFF).to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class HostFrame:
    """One frame in either direction; a command that is not known here stays a number."""

    command: int
    data: bytes = b""

    def encode(self) -> bytes:
        """Return the octets from STX to the checksum.

        Raises:
            ValueError: more data than a frame carries (our bug).
        """
        if len(self.data) > DATA_OCTETS_MAX:
            raise ValueError(f"{len(self.data)} octets of data, {DATA_OCTETS_MAX} fit")
        body = bytes([len(self.data) + 3, self.command]) + self.data
        return bytes([STX]) + body + checksum(body)

    @classmethod
    def decode(cls, octets: bytes) -> "HostFrame":
        """Return the frame that `octets` are, from STX to the checksum.

        Raises:
            MalformedModemFrame: start, length or checksum is wrong.
        """
        if len(octets) < FRAME_OVERHEAD_OCTETS:
            raise MalformedModemFrame(f"{len(octets)} octets are too few for a frame", octets)
        if octets[0] != STX:
            raise MalformedModemFrame(f"starts with {octets[0]:02X}, not 02", octets)
        if octets[1] != len(octets) - 2 or octets[1] > LENGTH_MAX:
            reason = f"length octet says {octets[1]}, {len(octets) - 2} octets follow"
            raise MalformedModemFrame(reason, octets)
        wanted = checksum(octets[1:-2])
        if octets[-2:] != wanted:
            reason = f"wrong checksum {octets[-2:].hex().upper()}, should be {wanted.hex().upper()}"
            raise MalformedModemFrame(reason, octets)
        return cls(octets[2], bytes(octets[3:-2]))
