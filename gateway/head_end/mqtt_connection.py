"""One MQTT connection: a paho client with its threads, and its life as the event loop sees it.

The door of paho-mqtt. Its own queue and its own reconnecting are never used, so nothing is ever
sent that nobody knows of any more. Callbacks come in paho's thread and only pass the news on.
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from gateway.head_end.errors import LinkDown, LinkRefused
from gateway.head_end.settings import HeadEndSettings

TCP_TIMEOUT_S: Final = 5.0
"""For name, TCP and TLS."""

CONNACK_TIMEOUT_S: Final = 10.0
"""For all of that and the broker's answer."""

CLOSE_TIMEOUT_S: Final = 1.0
"""For the last messages to leave; the daemon has 5 s in all to stop."""

_FAILURE: Final = 0x80
"""Reason codes from here on are refusals."""


class MqttVersion(Enum):
    """Versions of the protocol that we speak."""

    V5 = "5"
    V3_1_1 = "3.1.1"


_PAHO_VERSION: Final = {
    MqttVersion.V5: MQTTProtocolVersion.MQTTv5,
    MqttVersion.V3_1_1: MQTTProtocolVersion.MQTTv311,
}


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


class MqttConnection:
    """From connecting to being lost or closed; used once.

    Args:
        settings: where, who and how.
        client_id: unique at the broker.
        topics: see LinkTopics.
        version: of the protocol.
        on_message: called in the loop with each payload.

    Attributes:
        reached: somebody accepted the connection, whether the broker answered or not.
        granted: the broker answered, and the answer was yes.
        lost: set when an open connection is gone.
        reason: why it is gone.
    """

    def __init__(
        self,
        settings: HeadEndSettings,
        client_id: str,
        topics: LinkTopics,
        version: MqttVersion,
        on_message: Callable[[bytes], None],
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._on_message = on_message
        self._client = self._make_client(client_id, version)
        self._loop = asyncio.get_running_loop()
        self._granted: asyncio.Future[None] = self._loop.create_future()
        self._waiting: dict[tuple[str, int], asyncio.Future[int]] = {}
        self._thread = threading.Thread(target=self._life, name="mqtt life", daemon=True)
        self._may_end = threading.Event()
        self._disconnected = threading.Event()
        self._ended = asyncio.Event()
        self.reached = False
        self.granted = False
        self.lost = asyncio.Event()
        self.reason = ""

    async def open(self) -> None:
        """Connect, subscribe, say that we are online.

        Raises:
            LinkDown: nobody there, or the connection went.
            LinkRefused: the broker does not want us.
        """
        self._thread.start()
        try:
            async with asyncio.timeout(CONNACK_TIMEOUT_S):
                await self._granted
                await self._subscribe()
                await self.publish(self._topics.status, self._topics.online, retain=True)
        except TimeoutError as error:
            raise LinkDown(f"no answer within {CONNACK_TIMEOUT_S:.0f} s") from error

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Send with quality of service 1; return the PUBACK's reason code, 0 in 3.1.1.

        Raises:
            LinkDown: the connection went before the PUBACK.
            LinkRefused: the PUBACK is a refusal.
        """
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkDown(mqtt.error_string(info.rc))
        code = await self._answer("publish", info.mid)
        if code >= _FAILURE:
            raise LinkRefused(f"publish to {topic} refused, reason {code:#04x}", code)
        return code

    async def close(self) -> None:
        """Say goodbye if that is possible, and end the threads; harmless when never opened."""
        if self._thread.ident is None:
            return
        self._may_end.set()
        with contextlib.suppress(TimeoutError):  # still looking for the broker: ends by itself
            async with asyncio.timeout(2 * CLOSE_TIMEOUT_S):
                await self._ended.wait()
                self._thread.join(CLOSE_TIMEOUT_S)
        self._fail_all("closed")

    async def _subscribe(self) -> None:
        code, mid = self._client.subscribe(self._topics.subscribe, qos=1)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise LinkDown(mqtt.error_string(code))
        granted = await self._answer("subscribe", mid)
        if granted >= _FAILURE:
            raise LinkRefused(f"subscription refused, reason {granted:#04x}", granted)

    async def _answer(self, what: str, mid: int) -> int:
        # paho's thread hands answers to the loop, so none can come before this line ends.
        if self._disconnected.is_set():
            raise LinkDown(self.reason or "connection lost")
        answer: asyncio.Future[int] = self._loop.create_future()
        self._waiting[what, mid] = answer
        try:
            return await answer
        finally:
            self._waiting.pop((what, mid), None)

    def _make_client(self, client_id: str, version: MqttVersion) -> mqtt.Client:
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=_PAHO_VERSION[version],
            reconnect_on_failure=False,
        )
        client.connect_timeout = TCP_TIMEOUT_S
        client.max_inflight_messages_set(self._settings.in_flight_max + 1)
        client.will_set(self._topics.status, self._topics.offline, qos=1, retain=True)
        client.on_connect = self._told_connect
        client.on_disconnect = self._told_disconnect
        client.on_publish = self._told_publish
        client.on_subscribe = self._told_subscribe
        client.on_message = self._told_message
        return client

    # -- in a thread of our own --------------------------------------------------------------
    def _life(self) -> None:
        client, settings = self._client, self._settings
        try:
            self._prepare(client)
            client.connect(settings.host, settings.port, settings.keepalive_s)
        except (OSError, ValueError) as error:
            self._tell(self._gone, f"{settings.host}:{settings.port}: {error}")
        else:
            self._tell(self._was_reached)
            client.loop_start()
            self._may_end.wait()
            self._part(client)
            client.loop_stop()
        self._tell(self._ended.set)

    def _prepare(self, client: mqtt.Client) -> None:
        settings = self._settings
        if settings.username is not None:
            password = None
            if settings.password_file is not None:
                password = settings.password_file.read_text(encoding="utf-8").rstrip("\r\n")
            client.username_pw_set(settings.username, password)
        if settings.tls is not None:
            context = ssl.create_default_context(cafile=str(settings.tls.ca_file))
            if settings.tls.certificate_file is not None:
                context.load_cert_chain(settings.tls.certificate_file, settings.tls.key_file)
            client.tls_set_context(context)

    def _part(self, client: mqtt.Client) -> None:
        if not self._disconnected.is_set():
            client.publish(self._topics.status, self._topics.offline, qos=1, retain=True)
            client.disconnect()
            self._disconnected.wait(CLOSE_TIMEOUT_S)
        stuck = client.socket()  # a dead link takes no goodbye
        if isinstance(stuck, socket.socket):
            with contextlib.suppress(OSError):
                stuck.shutdown(socket.SHUT_RDWR)

    # -- in paho's thread --------------------------------------------------------------------
    def _told_connect(self, *told: Any) -> None:  # noqa: ANN401  (client, data, flags, code, more)
        self._tell(self._answered, int(told[3].value), str(told[3]))

    def _told_disconnect(self, *told: Any) -> None:  # noqa: ANN401  (client, data, flags, code, more)
        self._disconnected.set()
        self._tell(self._gone, str(told[3]))

    def _told_publish(self, *told: Any) -> None:  # noqa: ANN401  (client, data, mid, code, more)
        self._tell(self._resolve, ("publish", told[2]), int(told[3].value))

    def _told_subscribe(self, *told: Any) -> None:  # noqa: ANN401  (client, data, mid, codes, more)
        self._tell(self._resolve, ("subscribe", told[2]), int(told[3][0].value))

    def _told_message(self, *told: Any) -> None:  # noqa: ANN401  (client, data, message)
        self._tell(self._on_message, told[2].payload)

    def _tell(self, call: Callable[..., object], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed without us
            self._loop.call_soon_threadsafe(call, *values)

    # -- in the loop -------------------------------------------------------------------------
    def _was_reached(self) -> None:
        self.reached = True

    def _answered(self, code: int, text: str) -> None:
        if self._granted.done():
            return
        if code < _FAILURE:
            self.granted = True
            self._granted.set_result(None)
        else:
            self._granted.set_exception(LinkRefused(f"connection refused: {text}", code))

    def _resolve(self, key: tuple[str, int], code: int) -> None:
        if (answer := self._waiting.get(key)) is not None and not answer.done():
            answer.set_result(code)

    def _gone(self, reason: str) -> None:
        self.reason = reason
        self.lost.set()
        self._fail_all(reason)

    def _fail_all(self, reason: str) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(LinkDown(reason))
        if not self._granted.done():
            self._granted.set_exception(LinkDown(reason))
        if not self._granted.cancelled():
            self._granted.exception()  # nobody may be waiting for it any more
