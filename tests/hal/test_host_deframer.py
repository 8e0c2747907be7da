"""The stream decoder of the serial line survives codec_checks, and what is special to it."""

import random
from collections.abc import Callable

import pytest

from hal.plc_modem.host_deframer import HostDeframer, Received, Role
from hal.plc_modem.host_frame import Command, ControlOctet, HostFrame
from hal.plc_modem.status import StatusMessage
from tests.drivers.codec_checks import (
    Deframer,
    check_bounded_memory,
    check_every_cut,
    check_every_single_octet_error,
    check_stream,
)
from tests.drivers.vector_file import Vector, name_of, octets_of, of_layer

TEMPTING = (
    b"\x02",
    b"\x02\x02\x02",
    b"\x02\x03",
    b"\x02\xfa\x50",
    b"\x02\xfa",
    b"\x06",
    b"\x15\x15",
    b"\x3f",
    b"\x3f\x00\x01",
    b"\x3f\x02\x06\x15",
)
BUSY = StatusMessage.decode(octets_of("uart_status_master_busy"))


def sent(vector: Vector) -> tuple[bytes, Received, Role]:
    """Return a vector's octets, its frame and who listens to it."""
    octets = bytes.fromhex(vector["hex"])
    frame = HostFrame.decode(octets)
    return octets, frame, Role.MODEM if frame.command & 0x0F == 1 else Role.HOST


def make(role: Role) -> Callable[[], Deframer[Received]]:
    return lambda: HostDeframer(role)


def frames_only(role: Role) -> "FramesOnly":
    return FramesOnly(HostDeframer(role))


class FramesOnly:
    """Control octets are messages of one octet: noise may be one. Frames may not be invented."""

    def __init__(self, deframer: HostDeframer) -> None:
        self.deframer = deframer

    def receive(self, octets: bytes) -> list[HostFrame]:
        return [m for m in self.deframer.receive(octets) if isinstance(m, HostFrame)]

    def line_went_idle(self) -> list[HostFrame]:
        return [m for m in self.deframer.line_went_idle() if isinstance(m, HostFrame)]


@pytest.mark.parametrize("vector", of_layer("uart"), ids=name_of)
def test_stream(vector: Vector) -> None:
    octets, frame, role = sent(vector)
    check_stream(make(role), octets, frame)
    check_every_cut(make(role), octets, frame)
    assert isinstance(frame, HostFrame)
    check_stream(lambda: frames_only(role), octets, frame, noises=TEMPTING)


@pytest.mark.parametrize("vector", of_layer("uart"), ids=name_of)
def test_every_single_octet_error(vector: Vector) -> None:
    """No wrong frame, and no ACK, NAK or status out of the rest of a damaged frame either."""
    octets, frame, role = sent(vector)
    tried = check_every_single_octet_error(make(role), octets, frame)
    assert tried == 255 * len(octets)


def test_length_errors_in_random_frames_stay_within_the_weakness_of_a_sum() -> None:
    """A wrong length octet matches by chance about once in 65,536 candidates, never more."""
    rng = random.Random(2)
    invented = tried = 0
    for _ in range(300):
        head = bytes([rng.choice((0x00, 0x24, 0x48, 0xFC))])
        body = head + rng.randbytes(rng.randrange(10, 120))
        octets = HostFrame(Command.MA_DATA_INDICATION, body).encode()
        for length in rng.sample(range(256), 20):
            if length == octets[1]:
                continue
            tried += 1
            deframer = HostDeframer(Role.HOST)
            damaged = octets[:1] + bytes([length]) + octets[2:]
            got = [*deframer.receive(damaged + octets), *deframer.line_went_idle()]
            assert got[-1] == HostFrame(Command.MA_DATA_INDICATION, body)
            invented += len(got) > 1
    assert tried > 5000
    assert invented <= 2


@pytest.mark.parametrize("role", Role)
def test_memory_is_bounded(role: Role) -> None:
    def held(deframer: Deframer[Received]) -> int:
        assert isinstance(deframer, HostDeframer)
        return len(deframer._octets)

    check_bounded_memory(lambda: HostDeframer(role), held, 252, b"\x02\xfa\x50" * 20)


@pytest.mark.parametrize(
    ("octets", "wanted"),
    [
        ("06", [ControlOctet.ACK]),
        ("15", [ControlOctet.NAK]),
        ("0615", [ControlOctet.ACK, ControlOctet.NAK]),
        ("3F012105", [BUSY]),
        ("063F012105", [ControlOctet.ACK, BUSY]),
        ("06 020452FF5501", [ControlOctet.ACK, HostFrame(0x52, b"\xff")]),
        ("3F012105 020452FF5501", [BUSY, HostFrame(0x52, b"\xff")]),
        ("020452FF5501 06", [HostFrame(0x52, b"\xff"), ControlOctet.ACK]),
        ("00 06", []),  # behind junk nothing short is believed
        ("06 00", []),  # nor before it: it was the beginning of something damaged
        ("3F012105 77", []),
        ("00 3F012105", []),
        ("3FFF2105", []),  # condition bits that do not exist
    ],
)
def test_short_messages(octets: str, wanted: list[Received]) -> None:
    assert HostDeframer(Role.HOST).receive(bytes.fromhex(octets)) == wanted


def test_a_pause_makes_short_messages_count_again() -> None:
    deframer = HostDeframer(Role.HOST)
    assert deframer.receive(b"\x77") == []
    assert deframer.line_went_idle() == []
    assert deframer.receive(b"\x06") == [ControlOctet.ACK]


def test_a_status_comes_octet_by_octet() -> None:
    deframer = HostDeframer(Role.HOST)
    for octet in BUSY.encode()[:-1]:
        assert deframer.receive(bytes([octet])) == []
    assert deframer.receive(BUSY.encode()[-1:]) == [BUSY]


@pytest.mark.parametrize("at", range(4))
def test_a_damaged_status_never_becomes_a_frame(at: int) -> None:
    octets = BUSY.encode()
    for value in range(256):
        deframer = frames_only(Role.HOST)
        damaged = octets[:at] + bytes([value]) + octets[at + 1 :]
        assert deframer.receive(damaged) + deframer.line_went_idle() == []


def test_each_role_is_deaf_to_its_own_commands() -> None:
    request = bytes.fromhex("0203212400")
    assert HostDeframer(Role.HOST).receive(request) == []
    assert HostDeframer(Role.MODEM).receive(bytes.fromhex("020452FF5501")) == []


def test_an_unknown_command_counts_only_where_a_message_may_begin() -> None:
    frame = HostFrame(0x80, b"\x01")
    assert HostDeframer(Role.HOST).receive(frame.encode()) == [frame]
    assert HostDeframer(Role.HOST).receive(b"\x00" + frame.encode()) == []
