"""The shape of every protocol machine that waits for time."""

from typing import Protocol, TypeVar

Outcome_co = TypeVar("Outcome_co", covariant=True)


class Exchange(Protocol[Outcome_co]):
    """One question put to the far end, driven by the owner of the wire.

    `start` comes first; then `receive` and `tick` in any order, after each of which the owner
    sends `octets_to_send`, until `outcome` is no longer None. All times are seconds of one
    monotonic clock that the owner chose. On the power line one call of `octets_to_send` or
    `receive` carries one whole MAC frame in the modem's form (drivers.plc.mac_frame).
    """

    def start(self, now: float) -> None:
        """Begin; the first octets become available."""

    def receive(self, octets: bytes, now: float) -> None:
        """Take what the line gave; never raises for what the far end sent."""

    def tick(self, now: float) -> None:
        """Act on a deadline that has passed: try again or give up."""

    def octets_to_send(self) -> bytes:
        """Return, once, what must go out now; empty when there is nothing."""

    def deadline(self) -> float | None:
        """Return when `tick` is due; None while nothing is awaited."""

    def outcome(self) -> Outcome_co | None:
        """Return the result once there is one; raise DriverError when the exchange failed."""
