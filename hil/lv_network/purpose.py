"""What the airtime of a frame is used for."""

from enum import StrEnum
from typing import Final


class Purpose(StrEnum):
    """What the airtime of a frame is used for."""

    DISCOVER = "discover"
    REGISTER = "register"
    PING = "ping"
    REPEATERS = "repeaters"
    ALARM = "alarm"
    CLOCK = "clock"
    ASSOCIATE = "associate"
    IDENTIFY = "identify"
    COLLECT = "collect"
    POLL = "poll"
    OTHER = "other"


COLLECTION: Final = frozenset({Purpose.COLLECT})
"""What counts as used for data; everything else is overhead."""
