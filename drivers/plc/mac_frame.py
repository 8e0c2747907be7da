"""The MAC frame of IEC 61334-5-1: credits, addresses, M_sdu, in its two outward forms.

On the line it carries the sub-frame code, padding and the frame check. Between a modem and its
host it is the bare record of credits, addresses, pad length and M_sdu.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from drivers.checksums import fcs24
from drivers.errors import LocalUseError, MalformedFrame
from drivers.octets import OctetReader

NO_BODY: Final = 0x000
INITIATOR: Final = 0xC00
FIMA: Final = 0xC00
LIMA: Final = 0xDFF  # from memory (docs/plc.md 2.3): set it by configuration where a fleet differs
ALL_CONFIGURED: Final = 0xFFC
NEW: Final = 0xFFE
ALL_PHYSICAL: Final = 0xFFF

CREDIT_MAX: Final = 7
DELTA_CREDIT_MAX: Final = 3  # two bits: 3 says "3 or more"
M_SDU_OCTETS_MAX: Final = 242
SUBFRAME_OCTETS: Final = 36
SUBFRAMES_MAX: Final = 7

SUBFRAME_CODES: Final = (0x6C6C, 0x3A3A, 0x5656, 0x7171, 0x1D1D, 0x4B4B, 0x2727)
_COUNT_OF_CODE: Final = {code: count for count, code in enumerate(SUBFRAME_CODES, start=1)}

_CODE_OCTETS: Final = 2
_HEADER_OCTETS: Final = 5  # credits, two addresses, pad length
_FCS_OCTETS: Final = 3


class Packing(StrEnum):
    """How a frame fills its sub-frames; the two readings of the sources (docs/plc.md 2.4).

    MODEL_A: each sub-frame has its own code in front of 36 octets of the frame.
    MODEL_B: the code counts among the 36 octets of the first sub-frame.
    """

    MODEL_A = "A"
    MODEL_B = "B"


_OVERHEAD_OCTETS: Final = {
    Packing.MODEL_A: _HEADER_OCTETS + _FCS_OCTETS,
    Packing.MODEL_B: _CODE_OCTETS + _HEADER_OCTETS + _FCS_OCTETS,
}


def subframe_count(m_sdu_octets: int, packing: Packing) -> int:
    """Return in how many sub-frames, thus slots, an M_sdu of this length travels: 1 to 7.

    Raises:
        LocalUseError: longer than a MAC frame can carry.
    """
    if not 0 <= m_sdu_octets <= M_SDU_OCTETS_MAX:
        raise LocalUseError(f"an M_sdu of {m_sdu_octets} octets does not fit a MAC frame")
    return -(-(m_sdu_octets + _OVERHEAD_OCTETS[packing]) // SUBFRAME_OCTETS)


def pad_octet_count(m_sdu_octets: int, packing: Packing) -> int:
    """Return how many octets fill up the last sub-frame."""
    used = m_sdu_octets + _OVERHEAD_OCTETS[packing]
    return subframe_count(m_sdu_octets, packing) * SUBFRAME_OCTETS - used


def line_octet_count(subframes: int, packing: Packing) -> int:
    """Return the length on the line, from sub-frame code to frame check."""
    in_front = _CODE_OCTETS if packing is Packing.MODEL_A else 0
    return subframes * SUBFRAME_OCTETS + in_front


def count_of_code(code: int) -> int | None:
    """Return how many sub-frames this code announces; None when it is no code."""
    return _COUNT_OF_CODE.get(code)


@dataclass(frozen=True, slots=True, kw_only=True)
class MacFrame:
    """One MAC frame, or one copy of it while it is repeated.

    Attributes:
        initial_credit: how often the frame is repeated after its first transmission, 0 to 7.
        current_credit: repetitions still to come after this copy.
        delta_credit: hops of the last frame heard from the station addressed; 3 is "3 or more".
        source: 12-bit MAC address of the station that made the frame; NO_BODY only in a record
            that a slave's host hands to its modem, which knows better.
        destination: 12-bit MAC address.
        m_sdu: the LLC PDU, at most 242 octets.

    Raises:
        LocalUseError: a field is out of its range.

    Source: docs/plc.md 2.1, 8.8.
    """

    initial_credit: int
    current_credit: int
    delta_credit: int
    source: int
    destination: int
    m_sdu: bytes

    def __post_init__(self) -> None:
        reason = self._fault()
        if reason:
            raise LocalUseError(reason)

    @property
    def hop_distance(self) -> int:
        """How many repetitions this copy had behind it."""
        return self.initial_credit - self.current_credit

    def repeated(self) -> "MacFrame":
        """Return the next copy, one credit poorer.

        Raises:
            LocalUseError: this was the last one.
        """
        return replace(self, current_credit=self.current_credit - 1)

    def encode(self, packing: Packing) -> bytes:
        """Return the octets on the line, from sub-frame code to frame check.

        Raises:
            LocalUseError: nobody sends it.
        """
        if self.source == NO_BODY:
            raise LocalUseError("a frame without a sender cannot go on the line")
        pad_count = pad_octet_count(len(self.m_sdu), packing)
        code = SUBFRAME_CODES[subframe_count(len(self.m_sdu), packing) - 1]
        checked = self._record(pad_count) + bytes(pad_count)
        return code.to_bytes(2, "big") + checked + fcs24(checked)

    @classmethod
    def decode(cls, octets: bytes, packing: Packing) -> "MacFrame":
        """Read one whole frame off the line.

        The value of the pad octets is not looked at: the frame check covers them.

        Raises:
            MalformedFrame: wrong code, length or frame check, or fields that contradict.
        """
        reader = OctetReader(octets)
        subframes = count_of_code(reader.u16())
        if subframes is None:
            raise MalformedFrame("no sub-frame code", octets)
        if len(octets) != line_octet_count(subframes, packing):
            raise MalformedFrame(f"{len(octets)} octets are not {subframes} sub-frames", octets)
        checked = reader.take(reader.left() - _FCS_OCTETS)
        if reader.rest() != fcs24(checked):
            raise MalformedFrame("wrong frame check", octets)
        pad_count = checked[4]
        if pad_count > len(checked) - _HEADER_OCTETS:
            raise MalformedFrame("more padding than frame", octets)
        frame = cls.from_host(checked[: len(checked) - pad_count])
        if frame.source == NO_BODY:  # an all-zero body passes the frame check: it is no frame
            raise MalformedFrame("a frame without a sender", octets)
        return frame

    def to_host(self, *, pad_octets: int = 0) -> bytes:
        """Return the record that passes between modem and host.

        `pad_octets` is what a modem tells its host for information; a host leaves it 0.
        """
        return self._record(pad_octets)

    @classmethod
    def from_host(cls, octets: bytes) -> "MacFrame":
        """Read the record that passes between modem and host; its pad length says nothing.

        Raises:
            MalformedFrame: cut short, too long, or fields that contradict.
        """
        reader = OctetReader(octets)
        credit = reader.u8()
        addresses = int.from_bytes(reader.take(3), "big")
        reader.u8()
        try:
            return cls(
                initial_credit=credit >> 5,
                current_credit=credit >> 2 & 7,
                delta_credit=credit & 3,
                source=addresses >> 12,
                destination=addresses & 0xFFF,
                m_sdu=reader.rest(),
            )
        except LocalUseError as fault:
            raise MalformedFrame(str(fault), octets) from fault

    def _record(self, pad_count: int) -> bytes:
        credit = self.initial_credit << 5 | self.current_credit << 2 | self.delta_credit
        addresses = self.source << 12 | self.destination
        return bytes([credit]) + addresses.to_bytes(3, "big") + bytes([pad_count]) + self.m_sdu

    def _fault(self) -> str | None:
        if not 0 <= self.initial_credit <= CREDIT_MAX:
            return f"initial credit {self.initial_credit}"
        if not 0 <= self.current_credit <= self.initial_credit:
            return f"current credit {self.current_credit} of {self.initial_credit}"
        if not 0 <= self.delta_credit <= DELTA_CREDIT_MAX:
            return f"delta credit {self.delta_credit}"
        if not (0 <= self.source <= 0xFFF and 0 <= self.destination <= 0xFFF):
            return f"addresses {self.source:03X} to {self.destination:03X}"
        if len(self.m_sdu) > M_SDU_OCTETS_MAX:
            return f"an M_sdu of {len(self.m_sdu)} octets does not fit a MAC frame"
        return None
