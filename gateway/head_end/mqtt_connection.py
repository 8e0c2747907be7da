"""One MQTT connection as the event loop sees it: opened, used, lost, closed.

What talks to the broker is behind `MqttTransport`, which has threads of its own and hands its
news to the loop.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from gateway.head_end.errors import LinkDown, LinkRefused

CONNACK_TIMEOUT_S: Final = 10.0
"""For name, TCP, TLS, the broker's answer, the subscription and the first message."""

CLOSE_TIMEOUT_S: Final = 2.0
"""For the last messages to leave; the daemon has 5 s in all to stop."""

REFUSED_FROM: Final = 0x80
"""Reason codes from here on are refusals."""


class MqttVersion(Enum):
    """Versions of the protocol that we speak."""

    V5 = "5"
    V3_1_1 = "3.1.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTopics:
    """What a link does at each connect.

    Attributes:
        subscribe: where the head-end's messages come.
        status: retained; `online` is told by us, `offline` by us at the end or by the broker.
    """

    subscribe: str
    status: str
    online: bytes
    offline: bytes


class MqttTransport(Protocol):
    """A client of one connection; what it is asked for, it answers through MqttNews."""

    def start(self, news: "MqttNews") -> None:
        """Begin to connect."""

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        """Send with quality of service 1; return the message id.

        Raises:
            LinkDown: not connected.
        """

    def subscribe(self, topic: str) -> int:
        """Subscribe with quality of service 1; return the message id.

        Raises:
            LinkDown: not connected.
        """

    def end(self) -> None:
        """Say goodbye if possible, then end all threads; `ended` is told at last."""


class MqttNews(Protocol):
    """What a transport tells; always in the loop."""

    def reached(self) -> None:
        """Somebody has accepted the connection; whether it is a broker shows later."""

    def answered(self, code: int, text: str) -> None:
        """CONNACK came."""

    def acknowledged(self, message_id: int, code: int) -> None:
        """PUBACK or SUBACK came."""

    def arrived(self, payload: bytes) -> None:
        """A message came on the subscribed topic."""

    def gone(self, reason: str) -> None:
        """There is no connection, or no longer."""

    def ended(self) -> None:
        """No thread is left."""


class MqttConnection:
    """From connecting to being lost or closed; used once. Implements MqttNews.

    Args:
        transport: fresh.
        topics: see LinkTopics.
        on_message: called with each payload.

    Attributes:
        was_reached: somebody accepted the connection.
        was_granted: the broker answered, and the answer was yes.
        lost: set when the connection is gone.
        reason: why it is gone.
    """

    def __init__(
        self, transport: MqttTransport, topics: LinkTopics, on_message: Callable[[bytes], None]
    ) -> None:
        self._transport = transport
        self._topics = topics
        self._on_message = on_message
        loop = asyncio.get_running_loop()
        self._connack: asyncio.Future[None] = loop.create_future()
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._started = False
        self._ended = asyncio.Event()
        self.was_reached = False
        self.was_granted = False
        self.lost = asyncio.Event()
        self.reason = ""

    async def open(self) -> None:
        """Connect, subscribe, say that we are online.

        Raises:
            LinkDown: nobody there, or the connection went.
            LinkRefused: the broker does not want us.
        """
        self._started = True
        self._transport.start(self)
        try:
            async with asyncio.timeout(CONNACK_TIMEOUT_S):
                await self._connack
                await self._acknowledgement(self._transport.subscribe(self._topics.subscribe))
                await self.publish(self._topics.status, self._topics.online, retain=True)
        except TimeoutError as error:
            raise LinkDown(f"no answer within {CONNACK_TIMEOUT_S:.0f} s") from error

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Send with quality of service 1; return the PUBACK's reason code, 0 in 3.1.1.

        Raises:
            LinkDown: the connection went before the PUBACK.
            LinkRefused: the PUBACK is a refusal.
        """
        if self.lost.is_set():
            raise LinkDown(self.reason)
        return await self._acknowledgement(self._transport.publish(topic, payload, retain=retain))

    async def close(self) -> None:
        """End the transport; harmless when it was never started."""
        if not self._started:
            return
        self._transport.end()
        with contextlib.suppress(TimeoutError):  # still looking for the broker: ends by itself
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._ended.wait()
        self.gone("closed")

    async def _acknowledgement(self, message_id: int) -> int:
        # News comes through the loop, so none can have come since the message was handed over.
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = answer
        try:
            code = await answer
        finally:
            del self._waiting[message_id]
        if code >= REFUSED_FROM:
            raise LinkRefused(f"the broker refuses, reason {code:#04x}", code)
        return code

    def reached(self) -> None:
        """See MqttNews."""
        self.was_reached = True

    def answered(self, code: int, text: str) -> None:
        """See MqttNews."""
        if self._connack.done():
            return
        if code >= REFUSED_FROM:
            self._connack.set_exception(LinkRefused(f"connection refused: {text}", code))
        else:
            self.was_granted = True
            self._connack.set_result(None)

    def acknowledged(self, message_id: int, code: int) -> None:
        """See MqttNews."""
        answer = self._waiting.get(message_id)
        if answer is not None and not answer.done():
            answer.set_result(code)

    def arrived(self, payload: bytes) -> None:
        """See MqttNews."""
        self._on_message(payload)

    def gone(self, reason: str) -> None:
        """See MqttNews."""
        if not self.lost.is_set():
            self.reason = reason
            self.lost.set()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(LinkDown(reason))
        if not self._connack.done():
            self._connack.set_exception(LinkDown(reason))
        if not self._connack.cancelled():
            self._connack.exception()  # perhaps nobody waits for it any more

    def ended(self) -> None:
        """See MqttNews."""
        self._ended.set()
