"""The ports a board offers, as everybody else sees them."""

from typing import Protocol


class BytePort(Protocol):
    """A duplex line of octets."""

    async def write(self, octets: bytes) -> None:
        """Return once the octets are handed over; raise PortLost."""

    async def read(self) -> bytes:
        """Return at least one octet; a cancelled read loses nothing; raise PortLost."""

    async def close(self) -> None:
        """Release the device; may be called twice."""


class OutputPin(Protocol):
    """A line that the board drives."""

    async def set_level(self, *, high: bool) -> None:
        """Drive the line; return once the level is on the pin; raise PortLost."""

    async def close(self) -> None:
        """Release the line; may be called twice."""


class PlcModem(Protocol):
    """A power-line modem that is master of its line.

    A frame is the modem's MAC_Frame record: credit octet, three address octets, pad length,
    M_sdu (AMIS-49587: neither frame check nor padding is seen by the host).
    """

    async def run(self) -> None:
        """Bring the modem up and keep it up until cancelled.

        Recovers from whatever the modem does; raises HalError only when the port itself is lost
        or the modem stays silent through every reset.
        """

    async def ready(self) -> None:
        """Wait until the modem is configured as master and may send."""

    async def send(self, frame: bytes) -> None:
        """Send one frame; return at the end of its first transmission.

        Raises:
            HalError: refused, reset or silent; whether the frame went out is then unknown.
        """

    async def call_repeaters(self, within_s: float) -> None:
        """Send the repeater pattern at the master's place; return when all have had theirs.

        The frame that announces it has been sent before. `within_s` is how long all patterns take.

        Raises:
            HalError: refused, reset or silent.
        """

    async def receive(self) -> bytes:
        """Return the next frame heard with a good frame check; cancelling loses nothing."""

    def counters(self) -> dict[str, int]:
        """Return this driver's own counters, by name."""

    async def read_statistics(self) -> dict[str, int]:
        """Return the modem's counters (`chip_...`) and this driver's own, by name."""
