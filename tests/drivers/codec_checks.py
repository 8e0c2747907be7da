"""The trials that every decoder of a stream must survive, written once for all of them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

Frame_co = TypeVar("Frame_co", covariant=True)
Frame = TypeVar("Frame")

PLAIN_NOISE = (b"\x00", b"\xff" * 40, b"\x55\xaa" * 9, bytes(range(0x80, 0xA0)))


class Deframer(Protocol[Frame_co]):
    """What turns the octets of a line into frames."""

    def receive(self, octets: bytes) -> Sequence[Frame_co]:
        """Return the frames that are complete now."""

    def line_went_idle(self) -> Sequence[Frame_co]:
        """Give up an unfinished candidate; return the frames that hid behind its start."""


Factory = Callable[[], Deframer[Frame]]


def check_stream(
    make: Factory[Frame], octets: bytes, frame: Frame, *, noises: Iterable[bytes] = ()
) -> None:
    """Deliver `octets` in every harmless way there is; exactly `frame` must come out.

    Whole, octet by octet, at every cut in two, back to back, and behind and before noise.
    `noises` are what looks most like a frame of this codec: a start mark, a cut-off header.
    """
    assert list(make().receive(octets)) == [frame], "whole"
    _check_octet_by_octet(make, octets, frame)
    for cut in range(1, len(octets)):
        deframer = make()
        assert list(deframer.receive(octets[:cut])) == [], f"early, cut at {cut}"
        assert list(deframer.receive(octets[cut:])) == [frame], f"cut at {cut}"
    assert list(make().receive(octets * 3)) == [frame] * 3, "back to back"
    for noise in (*PLAIN_NOISE, *noises):
        assert _all_of(make(), noise + octets) == [frame], f"behind {noise.hex()}"
        assert _all_of(make(), octets + noise) == [frame], f"before {noise.hex()}"
        assert _all_of(make(), octets + noise + octets) == [frame] * 2, f"around {noise.hex()}"


def check_every_cut(make: Factory[Frame], octets: bytes, frame: Frame) -> None:
    """Send each true beginning of the frame, then silence, then the whole frame."""
    for cut in range(1, len(octets)):
        deframer = make()
        early = [*deframer.receive(octets[:cut]), *deframer.line_went_idle()]
        assert early == [], f"cut at {cut}"
        assert _all_of(deframer, octets) == [frame], f"after a cut at {cut}"


def check_every_single_octet_error(
    make: Factory[Frame], octets: bytes, frame: Frame, *, values: Iterable[int] = range(256)
) -> int:
    """Damage each octet in each way, then send the good frame; return the cases tried.

    The good frame must come out every time, and nothing that was never sent.
    """
    tried = 0
    wanted = list(values)
    for at, good in enumerate(octets):
        for value in wanted:
            if value == good:
                continue
            tried += 1
            damaged = octets[:at] + bytes([value]) + octets[at + 1 :]
            got = _all_of(make(), damaged + octets)
            assert frame in got, f"deaf after octet {at} became {value:02X}"
            assert all(each == frame for each in got), f"invented: octet {at} became {value:02X}"
    assert tried > 0
    return tried


def check_bounded_memory(
    make: Factory[Frame], held: Callable[[Deframer[Frame]], int], limit: int, starts: bytes
) -> None:
    """Feed noise without end; what the decoder holds (`held`) must stay within `limit` octets.

    `starts` is the most tempting endless input: start marks, each promising a frame.
    """
    for noise in (starts, b"\x00" * 64, bytes(range(256))):
        deframer = make()
        for _ in range(20_000 // max(1, len(noise))):
            deframer.receive(noise)
            assert held(deframer) <= limit, f"holds {held(deframer)} octets"


def _check_octet_by_octet(make: Factory[Frame], octets: bytes, frame: Frame) -> None:
    deframer = make()
    for octet in octets[:-1]:
        assert list(deframer.receive(bytes([octet]))) == [], "early, octet by octet"
    assert list(deframer.receive(octets[-1:])) == [frame], "octet by octet"


def _all_of(deframer: Deframer[Frame], octets: bytes) -> list[Frame]:
    return [*deframer.receive(octets), *deframer.line_went_idle()]
