"""The link over MQTT: tries version 5, goes on with 3.1.1 where that is all the broker speaks.

Each connection has a client object of its own, which is dropped with it.
"""

import asyncio
import logging
from typing import Final

from gateway.head_end.errors import LinkError, LinkRefused
from gateway.head_end.link import LinkState, PublishOutcome
from gateway.head_end.mqtt_connection import (
    LinkTopics,
    MqttConnection,
    MqttVersion,
)
from gateway.head_end.settings import HeadEndSettings

RECONNECT_FIRST_S: Final = 1.0
RECONNECT_MAX_S: Final = 30.0
"""Wait before the first reconnect; doubled each time up to the second."""

MESSAGES_WAITING_MAX: Final = 1000
"""Messages from the head-end that nobody took; more are dropped, it sends them again."""

_UNSUPPORTED_VERSION: Final = 0x84
_NO_MATCHING_SUBSCRIBERS: Final = 0x10
_LOG = logging.getLogger(__name__)


class MqttLink(LinkState):
    """Implements HeadEndLink.

    Args:
        settings: where, who and how.
        client_id: unique at the broker.
        topics: see LinkTopics.
    """

    def __init__(self, settings: HeadEndSettings, client_id: str, topics: LinkTopics) -> None:
        super().__init__()
        self._settings = settings
        self._client_id = client_id
        self._topics = topics
        self._version = MqttVersion.V5
        self._current: MqttConnection | None = None
        self._messages: asyncio.Queue[bytes] = asyncio.Queue(MESSAGES_WAITING_MAX)
        self.messages_dropped = 0
        self.last_problem = ""

    @property
    def protocol(self) -> str:
        """The MQTT version in use: "5" or "3.1.1"."""
        return self._version.value

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        delay_s = RECONNECT_FIRST_S
        while True:
            connection = MqttConnection(
                self._settings, self._client_id, self._topics, self._version, self._on_message
            )
            try:
                try:
                    await connection.open()
                    delay_s = RECONNECT_FIRST_S
                    self._begin(connection)
                    await connection.lost.wait()
                    self._tell("head-end link lost", connection.reason)
                except LinkError as error:
                    self._tell("head-end link failed", str(error))
                    if self._try_other_version(connection, error):
                        continue
                finally:
                    self._end()
            finally:
                await connection.close()
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, RECONNECT_MAX_S)

    async def publish(self, topic: str, payload: bytes) -> PublishOutcome:
        """See HeadEndLink; quality of service 1."""
        self.check_up()
        assert self._current is not None
        code = await self._current.publish(topic, payload, retain=False)
        if code == _NO_MATCHING_SUBSCRIBERS:
            return PublishOutcome.NO_SUBSCRIBER
        return PublishOutcome.ACCEPTED

    async def receive(self) -> list[bytes]:
        """See HeadEndLink."""
        messages = [await self._messages.get()]
        while not self._messages.empty():
            messages.append(self._messages.get_nowait())
        return messages

    def _begin(self, connection: MqttConnection) -> None:
        self._current = connection
        self.last_problem = ""
        self.went_up()
        _LOG.info("head-end link up", extra={"MQTT_VERSION": self.protocol})

    def _end(self) -> None:
        self._current = None
        self.went_down()

    def _tell(self, event: str, reason: str) -> None:
        self.last_problem = reason
        _LOG.warning(event, extra={"REASON": reason})

    def _try_other_version(self, connection: MqttConnection, error: LinkError) -> bool:
        """Change the version when the last one may be what the broker minds.

        From 5 to 3.1.1 at once, for old brokers close the connection without a word. Back to 5
        after a wait like any other.
        """
        if isinstance(error, LinkRefused):
            worth_it = error.reason_code == _UNSUPPORTED_VERSION
        else:
            worth_it = connection.reached and not connection.granted
        if not worth_it:
            return False
        refused_version = self._version
        self._version = MqttVersion.V3_1_1 if refused_version is MqttVersion.V5 else MqttVersion.V5
        _LOG.warning(
            "broker does not answer to this MQTT version, trying the other",
            extra={"REFUSED": refused_version.value, "TRYING": self._version.value},
        )
        return refused_version is MqttVersion.V5

    def _on_message(self, payload: bytes) -> None:
        try:
            self._messages.put_nowait(payload)
        except asyncio.QueueFull:
            self.messages_dropped += 1
