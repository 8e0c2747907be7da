"""What can go wrong with a port."""


class HalError(Exception):
    """Root of every error of this package: the device may come back, its owner tries again."""


class PortLost(HalError):  # noqa: N818
    """The device vanished, hung up or could not be opened."""


class PortBusy(HalError):  # noqa: N818
    """Another process holds the device."""


class ModemRefused(HalError):  # noqa: N818
    """The modem answered a request with an error.

    Attributes:
        code: the modem's own status octet.
    """

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code


class ModemSilent(HalError):  # noqa: N818
    """The modem did not answer, not even after a reset."""


class BoardMismatch(HalError):  # noqa: N818
    """The settings name a port or pin that this board does not have."""


class ModemReset(HalError):  # noqa: N818
    """The modem lost its configuration, or is being brought up again: nothing can be sent now."""


class MalformedModemFrame(HalError):  # noqa: N818
    """Octets that are no frame of the modem's host protocol.

    Attributes:
        reason: what is wrong, in a few words.
        octets: what was refused, for a capture; may hold a customer's data, so never logged.
    """

    def __init__(self, reason: str, octets: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.octets = bytes(octets)
