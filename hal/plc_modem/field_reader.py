"""A bounds-checked cursor over the data of a modem frame, least significant octet first."""

from hal.errors import MalformedModemFrame


class FieldReader:
    """Takes fields off the front; a field cut short is MalformedModemFrame, never IndexError."""

    __slots__ = ("_octets", "_position")

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._position = 0

    def take(self, count: int) -> bytes:
        """Return the next `count` octets.

        Raises:
            MalformedModemFrame: fewer are left.
        """
        end = self._position + count
        if end > len(self._octets):
            missing = end - len(self._octets)
            raise MalformedModemFrame(f"{missing} octets of data missing", self._octets)
        taken = self._octets[self._position : end]
        self._position = end
        return taken

    def number(self, octets: int) -> int:
        """Return a number of so many octets, least significant octet first."""
        return int.from_bytes(self.take(octets), "little")

    def left(self) -> int:
        """Return how many octets are left."""
        return len(self._octets) - self._position

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(self.left())

    def end(self) -> None:
        """Check that nothing is left.

        Raises:
            MalformedModemFrame: octets follow where the data should end.
        """
        if self.left():
            raise MalformedModemFrame(f"{self.left()} octets of data too many", self._octets)
