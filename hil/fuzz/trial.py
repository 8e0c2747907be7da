"""What is tried: one decoder or machine that takes hostile octets and must keep its contract.

A decoder may refuse, with PeerError or HalError; what it accepts must survive being encoded and
decoded again. A machine (deframer, node, server, exchange) must never raise, and must not grow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from drivers.errors import PeerError
from drivers.plc.mac_frame import MacFrame, Packing
from hal.errors import HalError

REFUSALS: Final = (PeerError, HalError)
"""The documented ways of saying no; LocalUseError is none: it would be our own bug."""


class ContractBroken(Exception):  # noqa: N818  (reads as what it is in an except clause)
    """A decoder accepted what it cannot say again, or a machine holds more than it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One decoder or machine.

    Attributes:
        name: of what is tried.
        run: gives it the octets; returns whether it accepted them.
        may_refuse: a documented error is a good answer.
    """

    name: str
    run: Callable[[bytes], bool]
    may_refuse: bool


def decoder(name: str, run: Callable[[bytes], bool]) -> Trial:
    """Return the trial of something that may refuse."""
    return Trial(name=name, run=run, may_refuse=True)


def machine(name: str, run: Callable[[bytes], bool]) -> Trial:
    """Return the trial of something that must never raise."""
    return Trial(name=name, run=run, may_refuse=False)


def must_not_hold(held: int, limit: int) -> None:
    """Check what a machine keeps.

    Raises:
        ContractBroken: more than it may.
    """
    if held > limit:
        raise ContractBroken(f"{held} are held, {limit} at most")


def must_survive(value: Any, again: Any) -> None:  # noqa: ANN401  (what any decoder returns)
    """Check that a value was the same after another turn through encoder and decoder.

    Raises:
        ContractBroken: it was not. (A float that is not a number is unlike itself: then the
            octets are compared.)
    """
    if again != value and again.encode() != value.encode():
        raise ContractBroken(f"{type(value).__name__} does not survive being encoded")


def frames_in(octets: bytes) -> list[MacFrame]:
    """Return the frames that octets are to somebody: in either packing, or as a record."""
    readers: list[Callable[[], MacFrame]] = [
        lambda: MacFrame.decode(octets, Packing.MODEL_A),
        lambda: MacFrame.decode(octets, Packing.MODEL_B),
        lambda: MacFrame.from_host(octets[2:-3]),
    ]
    frames = []
    for read in readers:
        try:
            frames.append(read())
        except REFUSALS:
            continue
    return frames
