"""The link over MQTT: tries version 5, goes on with 3.1.1 where that is all the broker speaks.

The door of paho-mqtt. Its own queue and its own reconnecting are never used: each connection has
a client object of its own, which is dropped with it, so nothing is sent that nobody knows of any
more. Callbacks come in paho's thread and only pass the news on to the loop.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from gateway.head_end.errors import LinkDown, LinkError, LinkRefused
from gateway.head_end.link import LinkState, PublishOutcome
from gateway.head_end.messages import StatusMessage, to_octets
from gateway.head_end.mqtt_connection import (
    LinkTopics,
    MqttConnection,
    MqttNews,
    MqttVersion,
)
from gateway.head_end.settings import HeadEndSettings
from gateway.head_end.topics import Topics

TCP_TIMEOUT_S: Final = 5.0
"""For name, TCP and TLS."""

GOODBYE_TIMEOUT_S: Final = 1.0
"""For the last messages to leave a live connection."""

RECONNECT_FIRST_S: Final = 1.0
RECONNECT_MAX_S: Final = 30.0
"""Wait before the first reconnect; doubled each time up to the second."""

CLOSES_BEFORE_DOUBT: Final = 3
"""A version that the broker took before is doubted after so many closes in a row."""

MESSAGES_WAITING_MAX: Final = 1000
"""Messages from the head-end that nobody took; more are dropped, it sends them again."""

_UNSUPPORTED_VERSION: Final = 0x84
_NO_MATCHING_SUBSCRIBERS: Final = 0x10
_PAHO_VERSION: Final = {
    MqttVersion.V5: MQTTProtocolVersion.MQTTv5,
    MqttVersion.V3_1_1: MQTTProtocolVersion.MQTTv311,
}
_LOG = logging.getLogger(__name__)


class MqttLink(LinkState):
    """Implements HeadEndLink.

    Args:
        settings: where, who and how.
        dc_id: who we are: part of the topics, and our name at the broker.
    """

    def __init__(self, settings: HeadEndSettings, dc_id: str) -> None:
        super().__init__()
        topics = Topics(dc_id=dc_id)
        self._settings = settings
        self._client_id = f"gridgate-{dc_id}"
        self._topics = LinkTopics(
            subscribe=topics.ack,
            status=topics.status,
            online=_status(dc_id, online=True),
            offline=_status(dc_id, online=False),
        )
        self._version = MqttVersion.V5
        self._granted: MqttVersion | None = None
        self._closed_in_a_row = 0
        self._current: MqttConnection | None = None
        self._messages: asyncio.Queue[bytes] = asyncio.Queue(MESSAGES_WAITING_MAX)
        self.messages_dropped = 0

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        delay_s = RECONNECT_FIRST_S
        while True:
            transport = _PahoTransport(self._settings, self._client_id, self._topics, self._version)
            connection = MqttConnection(transport, self._topics, self._on_message)
            again_at_once = False
            try:
                await connection.open()
                delay_s = RECONNECT_FIRST_S
                self._begin(connection)
                await connection.lost.wait()
                _LOG.warning("head-end link lost", extra={"REASON": connection.reason})
            except LinkError as error:
                _LOG.warning("head-end link failed", extra={"REASON": str(error)})
                again_at_once = self._try_other_version(connection, error)
            finally:
                self._current = None
                self.went_down()
                await connection.close()
            if not again_at_once:
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, RECONNECT_MAX_S)

    async def publish(self, topic: str, payload: bytes) -> PublishOutcome:
        """See HeadEndLink; quality of service 1."""
        if self._current is None:
            raise LinkDown("not connected")
        code = await self._current.publish(topic, payload)
        if code == _NO_MATCHING_SUBSCRIBERS:
            return PublishOutcome.NO_SUBSCRIBER
        return PublishOutcome.ACCEPTED

    async def receive(self) -> list[bytes]:
        """See HeadEndLink."""
        messages = [await self._messages.get()]
        while not self._messages.empty():
            messages.append(self._messages.get_nowait())
        return messages

    def describe(self) -> dict[str, str | int | bool]:
        """See HeadEndLink."""
        return {
            "connected": self.is_up,
            "broker": f"{self._settings.host}:{self._settings.port}",
            "mqtt_version": self._version.value,
            "acks_dropped": self.messages_dropped,
        }

    def _begin(self, connection: MqttConnection) -> None:
        self._current = connection
        self._granted = self._version
        self._closed_in_a_row = 0
        self.went_up()
        _LOG.info("head-end link up", extra={"MQTT_VERSION": self._version.value})

    def _try_other_version(self, connection: MqttConnection, error: LinkError) -> bool:
        """Change the version when the last one may be what the broker minds.

        Return whether to connect at once: with 3.1.1, for old brokers close a connection of
        version 5 without a word. Back to 5 it goes after a wait like any other. A version that
        the broker took before is given up only after some closes in a row: a cut line closes, too.
        """
        if isinstance(error, LinkRefused):
            worth_it = error.reason_code == _UNSUPPORTED_VERSION
        else:
            closed = connection.was_reached and not connection.was_granted
            self._closed_in_a_row += closed
            patience = CLOSES_BEFORE_DOUBT if self._version is self._granted else 1
            worth_it = closed and self._closed_in_a_row >= patience
        if not worth_it:
            return False
        refused = self._version
        self._closed_in_a_row = 0
        self._version = MqttVersion.V3_1_1 if refused is MqttVersion.V5 else MqttVersion.V5
        _LOG.warning(
            "broker does not answer to this MQTT version, trying the other",
            extra={"REFUSED": refused.value, "TRYING": self._version.value},
        )
        return refused is MqttVersion.V5

    def _on_message(self, payload: bytes) -> None:
        try:
            self._messages.put_nowait(payload)
        except asyncio.QueueFull:
            self.messages_dropped += 1


class _PahoTransport:
    """A paho client and its two threads. Implements MqttTransport."""

    def __init__(
        self,
        settings: HeadEndSettings,
        client_id: str,
        topics: LinkTopics,
        version: MqttVersion,
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._loop = asyncio.get_running_loop()
        self._may_end = threading.Event()
        self._disconnected = threading.Event()
        self._context: _RememberingContext | None = None
        self._client: mqtt.Client | None = None
        self._client = client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=_PAHO_VERSION[version],
            reconnect_on_failure=False,
        )
        client.connect_timeout = TCP_TIMEOUT_S
        client.max_inflight_messages_set(settings.in_flight_max + 1)
        client.will_set(topics.status, topics.offline, qos=1, retain=True)

    def start(self, news: MqttNews) -> None:
        """See MqttTransport."""

        # paho hands over client and data first, which we do not need.
        def told_connect(
            _c: object, _d: object, _flags: object, code: ReasonCode, _p: object
        ) -> None:
            self._tell(news.answered, int(code.value), str(code))

        def told_disconnect(
            _c: object, _d: object, _flags: object, code: ReasonCode, _p: object
        ) -> None:
            self._disconnected.set()
            self._tell(news.gone, str(code))

        def told_publish(_c: object, _d: object, mid: int, code: ReasonCode, _p: object) -> None:
            self._tell(news.acknowledged, mid, int(code.value))

        def told_subscribe(
            _c: object, _d: object, mid: int, codes: list[ReasonCode], _p: object
        ) -> None:
            self._tell(news.acknowledged, mid, int(codes[0].value))

        def told_message(_c: object, _d: object, message: mqtt.MQTTMessage) -> None:
            self._tell(news.arrived, message.payload)

        client = self._live()
        client.on_connect, client.on_disconnect = told_connect, told_disconnect
        client.on_publish, client.on_subscribe = told_publish, told_subscribe
        client.on_message = told_message
        threading.Thread(
            target=self._life, args=(client, news), name="mqtt connection", daemon=True
        ).start()

    def publish(self, topic: str, payload: bytes, *, retain: bool) -> int:
        """See MqttTransport."""
        info = self._live().publish(topic, payload, qos=1, retain=retain)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkDown(mqtt.error_string(info.rc))
        return info.mid

    def subscribe(self, topic: str) -> int:
        """See MqttTransport."""
        code, mid = self._live().subscribe(topic, qos=1)
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise LinkDown(mqtt.error_string(code))
        return mid

    def _live(self) -> mqtt.Client:
        if self._client is None:
            raise LinkDown("closed")
        return self._client

    def end(self) -> None:
        """See MqttTransport."""
        self._may_end.set()

    def _life(self, client: mqtt.Client, news: MqttNews) -> None:
        settings = self._settings
        try:
            self._prepare(client)
            client.connect(settings.host, settings.port, settings.keepalive_s)
        except (OSError, ValueError) as error:
            if self._context is not None:
                self._context.close_last()
            self._tell(news.gone, f"{settings.host}:{settings.port}: {error}")
        else:
            self._tell(news.reached)
            client.loop_start()
            self._may_end.wait()
            self._part(client)
            client.loop_stop()
        # paho closes its inner sockets when the client goes: it must go now, not when the garbage
        # collector finds time.
        self._client = None
        client.on_connect = client.on_disconnect = client.on_publish = None
        client.on_subscribe = client.on_message = None
        del client
        self._tell(news.ended)

    def _prepare(self, client: mqtt.Client) -> None:
        settings = self._settings
        if settings.username is not None:
            password = None
            if settings.password_file is not None:
                password = settings.password_file.read_text(encoding="utf-8").rstrip("\r\n")
            client.username_pw_set(settings.username, password)
        if settings.tls is not None:
            self._context = _RememberingContext(ssl.PROTOCOL_TLS_CLIENT)  # TLS 1.2 or later
            self._context.load_verify_locations(settings.tls.ca_file)
            if settings.tls.certificate_file is not None:
                self._context.load_cert_chain(settings.tls.certificate_file, settings.tls.key_file)
            client.tls_set_context(self._context)

    def _part(self, client: mqtt.Client) -> None:
        if not self._disconnected.is_set():
            client.publish(self._topics.status, self._topics.offline, qos=1, retain=True)
            client.disconnect()
            self._disconnected.wait(GOODBYE_TIMEOUT_S)
        stuck = client.socket()
        if isinstance(stuck, socket.socket):  # a dead link takes no goodbye
            with contextlib.suppress(OSError):
                stuck.shutdown(socket.SHUT_RDWR)

    def _tell(self, call: Callable[..., object], *news: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed without waiting for us
            self._loop.call_soon_threadsafe(call, *news)


class _RememberingContext(ssl.SSLContext):
    """Knows its last socket: paho leaves it open when the handshake fails."""

    _last: ssl.SSLSocket | None = None

    def wrap_socket(self, *wrapped: Any, **more: Any) -> ssl.SSLSocket:  # noqa: ANN401  (handed on)
        """See ssl.SSLContext."""
        self._last = super().wrap_socket(*wrapped, **more)
        return self._last

    def close_last(self) -> None:
        """Close it."""
        if self._last is not None:
            self._last.close()


def _status(dc_id: str, *, online: bool) -> bytes:
    return to_octets(StatusMessage(schema="gridgate.status.1", dc_id=dc_id, online=online))
