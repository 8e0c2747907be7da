"""A bounds-checked cursor, the only thing here that slices received octets."""

from drivers.errors import MalformedFrame


class OctetReader:
    """Takes fields off the front; a field cut short is MalformedFrame, never IndexError."""

    __slots__ = ("_octets", "position")

    def __init__(self, octets: bytes, position: int = 0) -> None:
        self._octets = octets
        self.position = position

    def take(self, count: int) -> bytes:
        """Return the next `count` octets.

        Raises:
            MalformedFrame: fewer are left.
        """
        end = self.position + count
        if count < 0 or end > len(self._octets):
            missing = end - len(self._octets)
            raise MalformedFrame(f"{missing} octets missing at the end", self._octets)
        taken = self._octets[self.position : end]
        self.position = end
        return taken

    def u8(self) -> int:
        """Return one octet as an unsigned number."""
        return self.take(1)[0]

    def u16(self) -> int:
        """Return two octets as an unsigned number, most significant octet first."""
        return int.from_bytes(self.take(2), "big")

    def u32(self) -> int:
        """Return four octets as an unsigned number, most significant octet first."""
        return int.from_bytes(self.take(4), "big")

    def left(self) -> int:
        """Return how many octets are left."""
        return len(self._octets) - self.position

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(self.left())

    def end(self) -> None:
        """Check that nothing is left.

        Raises:
            MalformedFrame: octets follow where the frame should end.
        """
        if self.left():
            raise MalformedFrame(f"{self.left()} octets too many", self._octets)
