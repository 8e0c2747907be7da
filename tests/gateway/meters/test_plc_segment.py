"""One exchange at a time, the most urgent first, whatever becomes of the others."""

import asyncio

import pytest

from gateway.meters.plc_segment import MODEM_PATIENCE_S, PlcSegment, Priority
from hal.errors import ModemSilent
from tests.gateway.core.jumping_loop import jumping


class EchoModem:
    """Answers each frame with itself after a second; implements hal.ports.PlcModem.

    Attributes:
        sent: frames, in order.
        up: clear while the modem is being brought up.
    """

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.up = asyncio.Event()
        self.up.set()
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def ready(self) -> None:
        await self.up.wait()

    async def send(self, frame: bytes) -> None:
        self.sent.append(frame)
        asyncio.get_running_loop().call_later(1.0, self.heard.put_nowait, frame)

    async def receive(self) -> bytes:
        return await self.heard.get()

    def counters(self) -> dict[str, int]:
        return {}

    async def read_statistics(self) -> dict[str, int]:
        return {}


class OneFrame:
    """Sends a frame and waits for the same; implements Exchange[bytes]."""

    def __init__(self, frame: bytes) -> None:
        self._frame = self._to_send = frame
        self._heard: bytes | None = None
        self._deadline = 0.0

    def start(self, now: float) -> None:
        self._deadline = now + 5.0

    def receive(self, octets: bytes, now: float) -> None:
        del now
        if octets == self._frame:
            self._heard = octets

    def tick(self, now: float) -> None:
        assert now < self._deadline

    def octets_to_send(self) -> bytes:
        frame, self._to_send = self._to_send, b""
        return frame

    def deadline(self) -> float | None:
        return self._deadline

    def outcome(self) -> bytes | None:
        return self._heard


def _segment() -> tuple[EchoModem, PlcSegment]:
    modem = EchoModem()
    return modem, PlcSegment(modem, asyncio.get_running_loop().time)


async def _ask(segment: PlcSegment, frame: bytes, priority: Priority) -> bytes:
    return await segment.exchange(lambda: OneFrame(frame), priority)


@jumping
async def test_the_most_urgent_goes_first() -> None:
    """ACQ-5: a command jumps the queue; equals keep their order."""
    modem, segment = _segment()
    wanted = [
        (b"first", Priority.PROFILE),
        (b"profile", Priority.PROFILE),
        (b"later", Priority.PROFILE),
        (b"billing", Priority.BILLING),
        (b"command", Priority.COMMAND),
    ]
    async with asyncio.TaskGroup() as group:
        for frame, priority in wanted:
            group.create_task(_ask(segment, frame, priority))
            await asyncio.sleep(0)
    assert modem.sent == [b"first", b"command", b"billing", b"profile", b"later"]
    assert segment.busy_s == pytest.approx(5.0)


@jumping
async def test_a_cancelled_one_gives_the_line_to_the_next() -> None:
    """PLC-1: while it waits, or while it holds the line."""
    modem, segment = _segment()
    holding = asyncio.create_task(_ask(segment, b"holding", Priority.PROFILE))
    waiting = asyncio.create_task(_ask(segment, b"waiting", Priority.COMMAND))
    last = asyncio.create_task(_ask(segment, b"last", Priority.PROFILE))
    await asyncio.sleep(0.5)
    waiting.cancel()
    holding.cancel()
    assert await last == b"last"
    assert modem.sent == [b"holding", b"last"]
    await asyncio.gather(holding, waiting, return_exceptions=True)


@jumping
async def test_cancelled_in_the_moment_of_its_turn() -> None:
    """PLC-1: the line was just given to it, and is not lost with it."""
    _, segment = _segment()
    first = asyncio.create_task(_ask(segment, b"first", Priority.PROFILE))
    await asyncio.sleep(0)
    second = asyncio.create_task(_ask(segment, b"second", Priority.PROFILE))
    third = asyncio.create_task(_ask(segment, b"third", Priority.PROFILE))
    await asyncio.sleep(0)
    first.add_done_callback(lambda _: second.cancel())
    assert await third == b"third"
    await asyncio.gather(first, second, return_exceptions=True)


@jumping
async def test_what_nobody_asked_for_is_no_answer() -> None:
    """INV-7: frames that came before the question are counted and forgotten."""
    modem, segment = _segment()
    modem.heard.put_nowait(b"late")
    modem.heard.put_nowait(b"foreign")
    assert await _ask(segment, b"question", Priority.PROFILE) == b"question"
    assert segment.overheard_count == 2


@jumping
async def test_a_modem_that_stays_down_is_said() -> None:
    """REL-1: whoever waits hears of it, so the watchdog need not end the daemon."""
    modem, segment = _segment()
    modem.up.clear()
    began_s = asyncio.get_running_loop().time()
    with pytest.raises(ModemSilent):
        await _ask(segment, b"question", Priority.PROFILE)
    assert asyncio.get_running_loop().time() - began_s == MODEM_PATIENCE_S
    modem.up.set()
    assert await _ask(segment, b"again", Priority.PROFILE) == b"again"
