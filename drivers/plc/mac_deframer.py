"""Finds MAC frames in a stream of line octets."""

from drivers.errors import MalformedFrame
from drivers.plc.mac_frame import (
    SUBFRAME_CODES,
    SUBFRAMES_MAX,
    MacFrame,
    Packing,
    count_of_code,
    line_octet_count,
)

_FIRST_OCTETS = bytes(code >> 8 for code in SUBFRAME_CODES)


class MacDeframer:
    """Takes octets as they come; a rejected candidate costs one octet, never the buffer.

    Attributes:
        rejected_count: candidates with a sub-frame code that turned out to be no frame.
    """

    def __init__(self, packing: Packing) -> None:
        self._packing = packing
        self._buffer = bytearray()
        self.rejected_count = 0

    @property
    def held_octets(self) -> int:
        """Octets kept for a frame that is not complete: never more than the longest frame."""
        return len(self._buffer)

    @property
    def held_octets_max(self) -> int:
        """The longest frame on the line."""
        return line_octet_count(SUBFRAMES_MAX, self._packing)

    def receive(self, octets: bytes) -> list[MacFrame]:
        """Return the frames that are complete now."""
        self._buffer += octets
        return self._frames(idle=False)

    def line_went_idle(self) -> list[MacFrame]:
        """Give up an unfinished frame; return those that hid behind its start."""
        return self._frames(idle=True)

    def _frames(self, *, idle: bool) -> list[MacFrame]:
        frames = []
        at = 0
        while at < len(self._buffer):
            if self._buffer[at] not in _FIRST_OCTETS:
                at += 1
                continue
            length = self._length_at(at)
            if length is None and not idle:
                break
            if not length or at + length > len(self._buffer):
                if length and not idle:
                    break
                at += 1
                continue
            frame = self._decoded(bytes(self._buffer[at : at + length]))
            at += length if frame else 1
            if frame:
                frames.append(frame)
        del self._buffer[:at]
        return frames

    def _length_at(self, at: int) -> int | None:
        """Return how long the frame that starts here is; 0 for no frame, None for too early."""
        code = self._buffer[at : at + 2]
        if len(code) < 2:
            return None
        count = count_of_code(int.from_bytes(code, "big"))
        return line_octet_count(count, self._packing) if count else 0

    def _decoded(self, octets: bytes) -> MacFrame | None:
        try:
            return MacFrame.decode(octets, self._packing)
        except MalformedFrame:
            self.rejected_count += 1
            return None
