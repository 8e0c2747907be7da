"""Questions to the chip and their answers, one after the other, over one serial line.

Only the modem's owner task may be inside; it alone writes, drives T_REQ and reads the inbox.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hal.errors import HalError, MalformedModemFrame, ModemRefused, ModemReset, ModemSilent
from hal.plc_modem.host_codec import decode_message, encode_message
from hal.plc_modem.host_frame import HostFrame
from hal.plc_modem.host_link import Deframer, HostLink, LinkOutcome, LinkResult
from hal.plc_modem.messages import (
    AccessDbError,
    DataIndication,
    DataIndicationBadCrc,
    Message,
    SpyMessage,
    WriteConfigError,
)
from hal.plc_modem.settings import PlcModemSettings
from hal.plc_modem.status import StatusMessage
from hal.ports import BytePort, OutputPin

_REPLIES_MAX = 16
_INBOX_OCTETS_MAX = 65_536

Reply = TypeVar("Reply")


class ModemDisobeys(HalError):  # noqa: N818
    """The modem is there, but takes no frame or does not do what it confirmed."""


class ChipDialogue:
    """The serial line of one modem, from the host's end."""

    def __init__(
        self,
        port: BytePort,
        t_req: OutputPin,
        settings: PlcModemSettings,
        deframer: Deframer,
        on_indication: Callable[[DataIndication | DataIndicationBadCrc], None] = lambda _frame: (
            None
        ),
        on_spy: Callable[[SpyMessage], None] = lambda _message: None,
    ) -> None:
        """Prepare; `on_indication` gets each frame that the modem heard, in order.

        `on_spy` gets what a modem in monitor mode says.
        """
        self.link = HostLink(settings, deframer)
        self._port = port
        self._t_req = t_req
        self._settings = settings
        self._on_indication = on_indication
        self._on_spy = on_spy
        self._inbox = bytearray()
        self._wake = asyncio.Event()
        self._lost: HalError | None = None
        self._t_req_is_low: bool | None = None
        self._replies: deque[Message] = deque(maxlen=_REPLIES_MAX)
        self.now = asyncio.get_running_loop().time

    async def run(self, work: Callable[["ChipDialogue"], Awaitable[None]]) -> None:
        """Let the owner work while the port is read; what ends the work is raised as it is."""
        try:
            async with asyncio.TaskGroup() as tasks:
                reader = tasks.create_task(self._read_port(), name="plc modem reader")
                try:
                    await work(self)
                finally:
                    reader.cancel()
        except BaseExceptionGroup as group:
            raise _only_cause(group) from group

    async def _read_port(self) -> None:
        try:
            while True:
                octets = await self._port.read()
                if len(self._inbox) < _INBOX_OCTETS_MAX:
                    self._inbox += octets
                self._wake.set()
        except HalError as error:
            self._lost = error
            self._wake.set()

    def wake(self) -> None:
        """End the owner's present wait: there is something new to do."""
        self._wake.set()

    async def step(self, until: float | None = None) -> None:
        """Do what is due, then wait for octets, a wake-up, the link's timer or `until`.

        Raises:
            PortLost: the serial line or the pin is gone.
        """
        await self._flush()
        times = [time for time in (until, self.link.deadline()) if time is not None]
        try:
            async with asyncio.timeout_at(min(times, default=None)):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()
        if self._lost is not None:
            raise self._lost
        now = self.now()
        if self._inbox:
            octets = bytes(self._inbox)
            self._inbox.clear()
            self.link.receive(octets, now)
        self.link.tick(now)
        for frame in self.link.take_frames():
            self._dispatch(frame)
        await self._flush()

    async def pause(self, seconds: float) -> None:
        """Let time pass; the modem's frames are still acknowledged."""
        until = self.now() + seconds
        while self.now() < until:
            await self.step(until)

    async def poll(self) -> StatusMessage:
        """Fetch a status.

        Raises:
            ModemSilent: none came.
        """
        result = await self._run_request(None, needs_config=False)
        if result.status is None:
            raise ModemSilent("no status message after T_REQ")
        return result.status

    async def deliver(self, message: Message | HostFrame, *, needs_config: bool = True) -> None:
        """Hand one request to the modem; return when it has acknowledged.

        Replies that came earlier are forgotten.

        Raises:
            ModemReset: the modem has no configuration (asked twice).
            ModemSilent: no status came.
            ModemDisobeys: NAK or no acknowledgement to every try, or busy for too long.
        """
        frame = message if isinstance(message, HostFrame) else encode_message(message)
        self._replies.clear()
        result = await self._run_request(frame, needs_config=needs_config)
        if result.outcome is LinkOutcome.NOT_SET:
            # A status has no checksum: one octet changed on the line looks like a lost
            # configuration, so it is asked for again.
            result = await self._run_request(frame, needs_config=needs_config)
        if result.outcome is LinkOutcome.DELIVERED:
            return
        if result.outcome is LinkOutcome.NOT_SET:
            raise ModemReset("the modem has lost its configuration")
        if result.outcome is LinkOutcome.SILENT:
            raise ModemSilent("no status message after T_REQ")
        raise ModemDisobeys(f"request {frame.command:02X}: {result.outcome.value}")

    async def reply(self, kind: type[Reply], until: float) -> Reply | None:
        """Return the next reply of this kind; None when none came until then.

        Raises:
            ModemRefused: an error came instead.
        """
        while True:
            while self._replies:
                message = self._replies.popleft()
                if isinstance(message, kind):
                    return message
                if isinstance(message, AccessDbError | WriteConfigError):
                    raise ModemRefused(f"{type(message).__name__} {message.code:02X}", message.code)
            if self.now() >= until:
                return None
            await self.step(until)

    async def _run_request(self, frame: HostFrame | None, *, needs_config: bool) -> LinkResult:
        self.link.request(frame, self.now(), needs_config=needs_config)
        while (result := self.link.take_result()) is None:
            await self.step()
        return result

    def _dispatch(self, frame: HostFrame) -> None:
        try:
            message = decode_message(frame)
        except MalformedModemFrame:
            return  # the deframer has tried this already
        if isinstance(message, DataIndication | DataIndicationBadCrc):
            self._on_indication(message)
        elif isinstance(message, SpyMessage):
            self._on_spy(message)
        else:
            self._replies.append(message)

    async def _flush(self) -> None:
        if octets := self.link.octets_to_send():
            await self._port.write(octets)
        if self._t_req_is_low is not self.link.t_req_low:
            self._t_req_is_low = self.link.t_req_low
            await self._t_req.set_level(high=not self._t_req_is_low)


def _only_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the one error of the owner task and the reader; the reader itself never raises."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first
