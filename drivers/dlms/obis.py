"""The name of what an object measures: an OBIS code of six value groups."""

import re
from dataclasses import dataclass

from drivers.errors import LocalUseError, MalformedFrame

OBIS_OCTETS = 6
_TEXT = re.compile(r"(\d{1,3})-(\d{1,3}):(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:[.*](\d{1,3}))?")


@dataclass(frozen=True, slots=True, order=True)
class Obis:
    """One OBIS code, also called a logical name.

    Attributes:
        octets: the value groups A to F, one octet each.

    Source: IEC 62056-61.
    """

    octets: bytes

    def __post_init__(self) -> None:
        if len(self.octets) != OBIS_OCTETS:
            raise MalformedFrame("a logical name has six octets", self.octets)

    @classmethod
    def from_octets(cls, octets: bytes) -> "Obis":
        """Read six octets.

        Raises:
            MalformedFrame: they are not six.
        """
        return cls(bytes(octets))

    @classmethod
    def parse(cls, text: str) -> "Obis":
        """Read the form "1-0:1.8.0.255"; a missing last group is 255.

        Raises:
            LocalUseError: the text is no OBIS code.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise LocalUseError(f"{text!r} is no OBIS code")
        groups = [int(group) for group in match.groups(default="255")]
        if max(groups) > 0xFF:
            raise LocalUseError(f"{text!r} is no OBIS code: a value group is over 255")
        return cls(bytes(groups))

    def __str__(self) -> str:
        a, b, c, d, e, f = self.octets
        return f"{a}-{b}:{c}.{d}.{e}.{f}"
