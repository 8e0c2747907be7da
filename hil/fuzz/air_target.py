"""Puts hostile frames on an emulated line, one after the other, as fast as the line carries them.

At the line's tap (hil.line_process --tap) the frames are heard by the modem, and so by the daemon,
and by every meter. At its modem's socket they take the modem's place, and only meters hear them.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drivers.plc.mac_frame import SUBFRAME_OCTETS
from hil.air import AirBroken, LineTerms
from hil.air_socket import AirClient, connect_air

_SLOT_BITS: Final = 360
_CREDIT_AT: Final = 2
_AFTERWARDS_S: Final = 1.0  # so long the line must still be there after the last frame


@dataclass(frozen=True, slots=True, kw_only=True)
class AirResult:
    """How it went.

    Attributes:
        sent: frames handed over.
        seconds: how long it took.
        broken: why the line hung up; None when it is still there.
    """

    sent: int
    seconds: float
    broken: str | None


async def shoot_line(frames: Sequence[bytes], socket: Path) -> AirResult:
    """Send every frame; end early when the line hangs up.

    Raises:
        AirBroken: nobody listens at the socket.
    """
    loop = asyncio.get_running_loop()
    air = await connect_air(socket)
    sent = 0
    broken: str | None = None
    began_at = loop.time()
    try:
        slot_s = await _slot_s(air)
        for octets in frames:
            air.transmit(octets)
            sent += 1
            await _listen(air, _airtime_s(octets, slot_s))
        await _listen(air, _AFTERWARDS_S)
    except AirBroken as error:
        if not sent:
            raise
        broken = str(error)
    finally:
        await air.close()
    return AirResult(sent=sent, seconds=loop.time() - began_at, broken=broken)


async def _slot_s(air: AirClient) -> float:
    """Return the line's slot; its terms come first."""
    terms = await air.next_event()
    if not isinstance(terms, LineTerms):
        raise AirBroken("the line did not say its terms")
    return _SLOT_BITS / terms.bit_rate_bps


async def _listen(air: AirClient, for_s: float) -> None:
    """Let time pass; what the line tells is taken, so that it never piles up."""
    until = asyncio.get_running_loop().time() + for_s
    while asyncio.get_running_loop().time() < until:
        try:
            async with asyncio.timeout_at(until):
                await air.next_event()
        except TimeoutError:
            return


def _airtime_s(octets: bytes, slot_s: float) -> float:
    """Return how long a frame takes with all its repetitions, by what its credits say."""
    copies = 1 + (octets[_CREDIT_AT] >> 5) if len(octets) > _CREDIT_AT else 1
    return (len(octets) // SUBFRAME_OCTETS + 1) * copies * slot_s
