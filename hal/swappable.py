"""Ports that outlive their device: what is behind them can be opened anew."""

from hal.ports import BytePort, OutputPin


class SwappablePort:
    """A duplex line of octets whose device may be exchanged; see hal.ports.BytePort."""

    def __init__(self, device: BytePort) -> None:
        self.device = device

    async def write(self, octets: bytes) -> None:
        """Return once the octets are handed over; raise PortLost."""
        await self.device.write(octets)

    async def read(self) -> bytes:
        """Return at least one octet; raise PortLost."""
        return await self.device.read()

    async def close(self) -> None:
        """Release the device."""
        await self.device.close()


class SwappablePin:
    """A driven line whose device may be exchanged; see hal.ports.OutputPin."""

    def __init__(self, device: OutputPin) -> None:
        self.device = device

    async def set_level(self, *, high: bool) -> None:
        """Drive the line; raise PortLost."""
        await self.device.set_level(high=high)

    async def close(self) -> None:
        """Release the line."""
        await self.device.close()
