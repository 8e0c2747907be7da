"""T_REQ on the RTS line of the modem's own serial port."""

from hal.serial_port import SerialPort


class RtsPin:
    """The RTS line as an output; see hal.ports.OutputPin. RTS active is a low pin (TTL level)."""

    def __init__(self, port: SerialPort) -> None:
        self._port = port

    async def set_level(self, *, high: bool) -> None:
        """Drive the line.

        Raises:
            BoardMismatch: the port has no RTS line.
            PortLost: the port is gone.
        """
        self._port.set_rts(active=not high)

    async def close(self) -> None:
        """Leave the line to its port."""
