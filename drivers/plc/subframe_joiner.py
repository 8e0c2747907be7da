"""Puts the sub-frames that a listener hears slot by slot together to frames, good or damaged."""

from dataclasses import dataclass

from drivers.errors import MalformedFrame
from drivers.plc.mac_frame import MacFrame, Packing, count_of_code
from drivers.plc.psdu import join_frame

_CODE_OCTETS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardFrame:
    """Sub-frames that belong together.

    Attributes:
        p_sdus: as they were heard, 38 octets each.
        line_octets: from sub-frame code to frame check; empty when too few were heard.
        reason: what is wrong with the frame; None when it is good.
    """

    p_sdus: tuple[bytes, ...]
    line_octets: bytes
    reason: str | None


class SubframeJoiner:
    """Takes P_sdus in the order of their slots; each copy of a frame is a frame of its own.

    The code of the first sub-frame tells how many there are. A code that was damaged further on
    costs nothing: the frame check decides.
    """

    def __init__(self, packing: Packing) -> None:
        self._packing = packing
        self._p_sdus: list[bytes] = []

    @property
    def held(self) -> int:
        """Sub-frames kept for a frame that is not complete: six at most."""
        return len(self._p_sdus)

    def receive(self, p_sdu: bytes) -> list[HeardFrame]:
        """Take the next sub-frame; return the frames that are over now."""
        frames = []
        count = _count(p_sdu)
        if self._p_sdus and count is not None and p_sdu[:_CODE_OCTETS] != self._code():
            frames += self.slot_was_silent()
        self._p_sdus.append(p_sdu)
        if len(self._p_sdus) == (_count(self._p_sdus[0]) or 1):
            frames.append(self._joined())
        return frames

    def slot_was_silent(self) -> list[HeardFrame]:
        """Give up an unfinished frame: a slot held no sub-frame, or the slots are lost."""
        return [self._joined()] if self._p_sdus else []

    def _code(self) -> bytes:
        return self._p_sdus[0][:_CODE_OCTETS]

    def _joined(self) -> HeardFrame:
        p_sdus = tuple(self._p_sdus)
        repaired = [self._code() + each[_CODE_OCTETS:] for each in p_sdus]
        self._p_sdus.clear()
        line_octets = b""
        reason = None
        try:
            line_octets = join_frame(repaired, self._packing)
            MacFrame.decode(line_octets, self._packing)
        except MalformedFrame as error:
            reason = error.reason
        return HeardFrame(p_sdus=p_sdus, line_octets=line_octets, reason=reason)


def _count(p_sdu: bytes) -> int | None:
    return count_of_code(int.from_bytes(p_sdu[:_CODE_OCTETS], "big"))
