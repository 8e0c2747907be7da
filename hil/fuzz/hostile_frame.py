"""One hostile frame, and how it can be made again."""

from dataclasses import dataclass
from enum import StrEnum


class FuzzLayer(StrEnum):
    """Which frames are made: on the line, inside it, or on the modem's serial line."""

    MAC = "mac"
    CIASE = "ciase"
    DLMS = "dlms"
    UART = "uart"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostileFrame:
    """One frame, and how it came to be.

    Attributes:
        number: counted from 0; with the seed and the layer it stands for the frame.
        layer: MAC: line octets; CIASE, DLMS: an L_sdu; UART: octets of the serial line.
        recipe: what was done to a valid frame.
        octets: the frame.
    """

    number: int
    layer: FuzzLayer
    recipe: str
    octets: bytes
