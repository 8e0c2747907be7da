"""What a modem and the power line tell each other, as values and as records of octets.

A record is `length u16 | kind u8 | body`; length counts kind and body; most significant first.

| kind | from  | body                           | meaning                                        |
|------|-------|--------------------------------|------------------------------------------------|
| 01   | modem | line octets, NS..FCS           | send this frame now, first copy (CC = IC)      |
| 02   | modem | none                           | send the repeater pattern (ISA_Request)        |
| 80   | line  | bit rate u32, packing 1 letter | the line's terms, first record of a connection |
| 81   | line  | none                           | the first copy of the modem's frame is out     |
| 82   | line  | line octets, NS..FCS           | the modem decoded this copy (CC tells which)   |
| 83   | line  | line octets, damaged           | the modem heard a frame with a bad frame check |
| 84   | line  | pattern, 2 octets              | an alarm stood in the pause of a slot          |
| 85   | line  | none                           | the repeater call is over                      |

The terms carry the bit rate because a bench rate has no code in the modem's configuration: the
emulated modem takes the line's word for it.
"""

from dataclasses import dataclass
from typing import Protocol

RECORD_OCTETS_MAX = 1024  # the longest MAC frame has 7 * 38 octets

_TRANSMIT = 0x01
_CALL_REPEATERS = 0x02
_TERMS = 0x80
_FIRST_COPY_SENT = 0x81
_HEARD = 0x82
_HEARD_BAD = 0x83
_ALARM_HEARD = 0x84
_REPEATERS_CALLED = 0x85
_PATTERN_OCTETS = 2


class AirBroken(Exception):  # noqa: N818  (reads as what it is in an except clause)
    """The link between modem and line is gone, or spoke nonsense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTerms:
    """What both sides of the line must agree on: bits per second, sub-frame packing "A" or "B"."""

    bit_rate_bps: int
    packing: str


@dataclass(frozen=True, slots=True)
class Transmit:
    """The modem's order: line octets NS..FCS of the first copy."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class CallRepeaters:
    """The modem's order to send the repeater pattern at the client's place."""


@dataclass(frozen=True, slots=True)
class FirstCopySent:
    """The first transmission of the modem's frame has ended."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One copy of a frame, decoded with a good frame check; line octets NS..FCS."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class HeardBad:
    """A frame that was damaged on the line, as far as it was heard."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class AlarmHeard:
    """A physical alarm: the pattern of two octets that stood in the pause of a slot."""

    pattern: bytes


@dataclass(frozen=True, slots=True)
class RepeatersCalled:
    """Every station has had its place in the repeater call."""


AirEvent = LineTerms | FirstCopySent | Heard | HeardBad | AlarmHeard | RepeatersCalled
AirOrder = Transmit | CallRepeaters


class Air(Protocol):
    """The power line as its modem sees it."""

    def transmit(self, octets: bytes) -> None:
        """Send a frame's first copy; FirstCopySent follows. Octets vanish while the link is cut."""

    def call_repeaters(self) -> None:
        """Send the repeater pattern; RepeatersCalled follows."""

    async def next_event(self) -> AirEvent:
        """Return what the line does next; cancelling loses nothing. Raises AirBroken."""


def encode_record(record: AirEvent | AirOrder) -> bytes:
    """Return the octets of one record."""
    match record:
        case Transmit(octets):
            return _record(_TRANSMIT, octets)
        case LineTerms():
            packing = record.packing.encode("ascii")
            return _record(_TERMS, record.bit_rate_bps.to_bytes(4, "big") + packing)
        case Heard(octets):
            return _record(_HEARD, octets)
        case HeardBad(octets):
            return _record(_HEARD_BAD, octets)
        case AlarmHeard(pattern):
            return _record(_ALARM_HEARD, pattern)
        case _:
            return _record(_KIND_OF[type(record)], b"")


def decode_record(kind: int, body: bytes) -> AirEvent | AirOrder:
    """Return the value of one record.

    Raises:
        AirBroken: no such record.
    """
    if kind == _TRANSMIT:
        return Transmit(body)
    if kind == _TERMS and len(body) == 5:
        packing = body[4:].decode("ascii", "replace")
        return LineTerms(bit_rate_bps=int.from_bytes(body[:4], "big"), packing=packing)
    if kind in _BARE and not body:
        return _BARE[kind]()
    if kind == _HEARD:
        return Heard(body)
    if kind == _HEARD_BAD:
        return HeardBad(body)
    if kind == _ALARM_HEARD and len(body) == _PATTERN_OCTETS:
        return AlarmHeard(body)
    raise AirBroken(f"no record of kind {kind:02X} with {len(body)} octets")


_BARE: dict[int, type[CallRepeaters | FirstCopySent | RepeatersCalled]] = {
    _CALL_REPEATERS: CallRepeaters,
    _FIRST_COPY_SENT: FirstCopySent,
    _REPEATERS_CALLED: RepeatersCalled,
}
_KIND_OF = {record: kind for kind, record in _BARE.items()}


def _record(kind: int, body: bytes) -> bytes:
    return (len(body) + 1).to_bytes(2, "big") + bytes([kind]) + body
