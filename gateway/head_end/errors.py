"""What can go wrong on the way to the head-end."""

from gateway.core.errors import GatewayError


class LinkError(GatewayError):
    """Root of what the link raises: the world's fault, tried again."""


class LinkDown(LinkError):  # noqa: N818  (reads as what it is in an except clause)
    """There is no connection, or it went in the middle: whether the message arrived is unknown."""


class LinkRefused(LinkError):  # noqa: N818
    """The broker answered, and does not want us.

    Attributes:
        reason_code: of the CONNACK or PUBACK.
    """

    def __init__(self, reason: str, reason_code: int) -> None:
        super().__init__(reason)
        self.reason_code = reason_code


class MalformedMessage(GatewayError):  # noqa: N818
    """The head-end sent something that docs/head_end_interface.md does not know."""
