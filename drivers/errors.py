"""What can go wrong in a protocol, told by whose fault it is."""


class DriverError(Exception):
    """Root of every error that this package raises."""


class LocalUseError(DriverError):
    """Our own code asked for something that the protocol forbids: a bug, never retried."""


class PeerError(DriverError):
    """The far end or the wire broke the protocol: worth another try, then a report."""


class MalformedFrame(PeerError):  # noqa: N818  (reads as what it is in an except clause)
    """Octets that are no frame of the protocol in question.

    Attributes:
        reason: what is wrong, in a few words.
        octets: what was refused, for a capture; may hold a customer's data, so never logged.
    """

    def __init__(self, reason: str, octets: bytes = b"") -> None:
        super().__init__(reason)
        self.reason = reason
        self.octets = bytes(octets)


class NoAnswer(PeerError):  # noqa: N818
    """Every try met silence."""


class ServiceRefused(PeerError):  # noqa: N818
    """The meter answered, and the answer is no.

    Attributes:
        code: the data-access-error (IEC 61334-4-41), or None when a service error came instead.
    """

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code
