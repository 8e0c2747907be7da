"""A low-level security password that no log and no traceback shows."""

import hmac


class Password:
    """The octets of a password.

    Attributes:
        octets: what goes on the wire.
    """

    __slots__ = ("octets",)

    def __init__(self, octets: bytes) -> None:
        self.octets = bytes(octets)

    def __repr__(self) -> str:
        return "Password(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Password) and hmac.compare_digest(self.octets, other.octets)

    def __hash__(self) -> int:
        return hash(self.octets)
