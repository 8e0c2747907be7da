"""One exchange at a time, the most urgent first, whatever becomes of the others."""

import asyncio
from dataclasses import dataclass, field

import pytest

from drivers.errors import NoAnswer
from gateway.core.purpose import Purpose
from gateway.meters.plc_segment import MODEM_PATIENCE_S, PlcSegment, Priority
from hal.errors import HalError, ModemRefused, ModemSilent
from tests.gateway.core.jumping_loop import jumping


class EchoModem:
    """Answers each frame with itself after a second; implements hal.ports.PlcModem.

    Attributes:
        sent: frames, in order; a repeater call is b"call".
        up: clear while the modem is being brought up.
        deaf_to: frames that are not answered.
    """

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.up = asyncio.Event()
        self.up.set()
        self.deaf_to: set[bytes] = set()
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.call_error: HalError | None = None

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def ready(self) -> None:
        await self.up.wait()

    async def send(self, frame: bytes) -> None:
        self.sent.append(frame)
        if frame not in self.deaf_to:
            asyncio.get_running_loop().call_later(1.0, self.heard.put_nowait, frame)

    async def call_repeaters(self, within_s: float) -> None:
        self.sent.append(b"call")
        await asyncio.sleep(within_s)
        if self.call_error is not None:
            raise self.call_error

    async def receive(self) -> bytes:
        return await self.heard.get()

    def counters(self) -> dict[str, int]:
        return {}

    async def read_statistics(self) -> dict[str, int]:
        return {}


@dataclass
class Uses:
    """Counts what the channel was used for; implements ChannelCounter."""

    seen: list[tuple[Purpose, float, int, int]] = field(default_factory=list)

    def channel_used(
        self, at_s: float, purpose: Purpose, *, held_s: float, frames_sent: int, frames_heard: int
    ) -> None:
        del at_s
        self.seen.append((purpose, held_s, frames_sent, frames_heard))


class OneFrame:
    """Sends a frame, again each five seconds, and waits for the same; implements Exchange[bytes].

    Args:
        frame: what is sent.
        tries: how often at most.
    """

    def __init__(self, frame: bytes, tries: int = 1) -> None:
        self._frame = frame
        self._tries = tries
        self._to_send = b""
        self._heard: bytes | None = None
        self._deadline: float | None = None

    def start(self, now: float) -> None:
        self._ask(now)

    def receive(self, octets: bytes, now: float) -> None:
        del now
        if octets == self._frame:
            self._heard = octets

    def tick(self, now: float) -> None:
        if self._deadline is not None and now >= self._deadline:
            self._ask(now)

    def octets_to_send(self) -> bytes:
        frame, self._to_send = self._to_send, b""
        return frame

    def deadline(self) -> float | None:
        return self._deadline

    def outcome(self) -> bytes | None:
        if self._tries < 0:
            raise NoAnswer("silence")
        return self._heard

    def _ask(self, now: float) -> None:
        self._tries -= 1
        if self._tries >= 0:
            self._to_send, self._deadline = self._frame, now + 5.0


class Announcement(OneFrame):
    """Is over after its time, whoever answers; implements Exchange[bytes]."""

    def receive(self, octets: bytes, now: float) -> None:
        pass

    def tick(self, now: float) -> None:
        if self._deadline is not None and now >= self._deadline:
            self._heard = self._frame


def _segment() -> tuple[EchoModem, PlcSegment]:
    modem = EchoModem()
    return modem, PlcSegment(modem, asyncio.get_running_loop().time, Uses())


async def _ask(segment: PlcSegment, frame: bytes, priority: Priority, tries: int = 1) -> bytes:
    return await segment.exchange(lambda: OneFrame(frame, tries), priority)


async def _settle(*tasks: asyncio.Task[bytes] | asyncio.Task[None]) -> list[object]:
    return await asyncio.gather(*tasks, return_exceptions=True)


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


@jumping
async def test_who_is_more_urgent_waits_for_one_try_at_most() -> None:
    """ACQ-5: a silent meter is asked three times; a command goes out after the first of them."""
    modem, segment = _segment()
    modem.deaf_to = {b"silent"}
    silent = asyncio.create_task(_ask(segment, b"silent", Priority.PROFILE, tries=3))
    await asyncio.sleep(0.5)
    began_s = asyncio.get_running_loop().time()
    assert await _ask(segment, b"command", Priority.COMMAND) == b"command"
    assert asyncio.get_running_loop().time() - began_s <= 5.0 + 1.0
    (failed,) = await _settle(silent)
    assert isinstance(failed, NoAnswer)
    assert modem.sent == [b"silent", b"command", b"silent", b"silent"]


@jumping
async def test_all_who_are_more_urgent_go_first_and_equals_wait() -> None:
    """ACQ-5: the most urgent first; whoever is no more urgent waits to the end."""
    modem, segment = _segment()
    modem.deaf_to = {b"silent"}
    silent = asyncio.create_task(_ask(segment, b"silent", Priority.BILLING, tries=2))
    await asyncio.sleep(0.5)
    others = [
        asyncio.create_task(_ask(segment, frame, priority))
        for frame, priority in (
            (b"profile", Priority.PROFILE),
            (b"equal", Priority.BILLING),
            (b"alarm", Priority.ALARM),
            (b"command", Priority.COMMAND),
        )
    ]
    await _settle(silent, *others)
    assert modem.sent[:3] == [b"silent", b"command", b"alarm"]
    assert modem.sent.index(b"profile") == len(modem.sent) - 1
    assert modem.sent.count(b"silent") == 2


@jumping
async def test_an_exchange_that_let_others_go_first_may_still_be_answered() -> None:
    """PLC-1: its next try is as good as if nobody had come between."""
    modem, segment = _segment()
    modem.deaf_to = {b"slow"}
    slow = asyncio.create_task(_ask(segment, b"slow", Priority.PROFILE, tries=2))
    await asyncio.sleep(0.5)
    command = asyncio.create_task(_ask(segment, b"command", Priority.COMMAND))
    await asyncio.sleep(4.6)
    modem.deaf_to.clear()
    assert await _settle(slow, command) == [b"slow", b"command"]
    assert modem.sent == [b"slow", b"command", b"slow"]


@jumping
async def test_cancelled_while_it_lets_others_go_first_it_frees_nobodys_line() -> None:
    """PLC-1: at any moment: of two that are driven at once each would take the other's answer."""
    for cancel_after_s in (0.4, 5.0, 5.001, 5.5, 5.999, 6.0, 6.001, 6.5, 7.1):
        modem, segment = _segment()
        modem.deaf_to = {b"silent"}
        silent = asyncio.create_task(_ask(segment, b"silent", Priority.SUPERVISION, tries=9))
        await asyncio.sleep(0.1)
        first = asyncio.create_task(_ask(segment, b"first", Priority.COMMAND))
        second = asyncio.create_task(_ask(segment, b"second", Priority.PROFILE))
        await asyncio.sleep(cancel_after_s - 0.1)
        silent.cancel()
        assert await _settle(first, second) == [b"first", b"second"]
        await _settle(silent)
        assert silent.cancelled()
        assert [frame for frame in modem.sent if frame != b"silent"] == [b"first", b"second"]
        assert await _ask(segment, b"after", Priority.PROFILE) == b"after"
        assert not segment._taken
        assert not segment._waiting


@jumping
async def test_the_lines_time_is_told_by_what_it_was_used_for() -> None:
    """PLC-3: whoever let others go first had the line twice, and not meanwhile."""
    modem, segment = _segment()
    uses = segment._counter
    assert isinstance(uses, Uses)
    modem.deaf_to = {b"silent"}
    silent = asyncio.create_task(_ask(segment, b"silent", Priority.PROFILE, tries=2))
    await asyncio.sleep(0.5)
    await _settle(asyncio.create_task(_ask(segment, b"command", Priority.COMMAND)), silent)
    assert uses.seen == [
        (Purpose.COLLECTION, 5.0, 1, 0),
        (Purpose.COMMAND, 1.0, 1, 1),
        (Purpose.COLLECTION, 5.0, 1, 0),
    ]
    assert segment.busy_s == 11.0


@jumping
async def test_a_repeater_call_follows_its_announcement() -> None:
    """Docs/plc.md 3.1: the nodes take their places once it is over; nobody may come between."""
    modem, segment = _segment()
    began_s = asyncio.get_running_loop().time()
    calling = asyncio.create_task(
        segment.call_repeaters(lambda: Announcement(b"announce"), pattern_s=2.0)
    )
    await asyncio.sleep(0.5)
    command = asyncio.create_task(_ask(segment, b"command", Priority.COMMAND))
    await calling
    assert asyncio.get_running_loop().time() - began_s == 5.0 + 2.0
    assert await command == b"command"
    assert modem.sent == [b"announce", b"call", b"command"]


@jumping
async def test_a_repeater_call_that_fails_gives_the_line_back() -> None:
    """REL-1."""
    modem, segment = _segment()
    modem.call_error = ModemRefused("not now", 0x03)
    with pytest.raises(ModemRefused):
        await segment.call_repeaters(lambda: Announcement(b"announce"), pattern_s=2.0)
    assert await _ask(segment, b"after", Priority.PROFILE) == b"after"


@jumping
async def test_a_repeater_call_that_is_cancelled_gives_the_line_back() -> None:
    """REL-1: during the announcement, or the call."""
    for cancel_after_s in (1.0, 6.0):
        _, segment = _segment()
        calling = asyncio.create_task(
            segment.call_repeaters(lambda: Announcement(b"announce"), pattern_s=2.0)
        )
        await asyncio.sleep(cancel_after_s)
        calling.cancel()
        await _settle(calling)
        assert await _ask(segment, b"after", Priority.PROFILE) == b"after"


@pytest.mark.parametrize("priority", list(Priority))
def test_every_priority_has_its_purpose(priority: Priority) -> None:
    """PLC-3: or its time would be told in no class."""
    assert priority.purpose in Purpose
