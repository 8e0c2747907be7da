"""The rig's door of paho: one subscriber with a session that outlives its connections.

MQTT 5 is tried first. A broker that refuses it, hangs up or says nothing is asked with 3.1.1
next: one that takes a CONNECT of MQTT 5 for one of 3.1.1 may wait for the rest of it for ever.

What arrives is acknowledged to the broker by hand, after it was stored: the broker keeps what
this process had no time to store.
"""

import asyncio
import logging
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

log = logging.getLogger("hil.head_end.mqtt")

RETRY_AFTER_S: Final = 0.2
CONNECTED_WITHIN_S: Final = 5.0
ANSWERED_WITHIN_S: Final = 2.0
"""From the start of a connection until the broker has taken the subscriptions."""
SESSION_KEPT_S: Final = 7 * 86_400
_QOS: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttTerms:
    """Which broker, and as whom.

    Attributes:
        client_id: always the same, because the broker keeps the session under it.
        filters: topics to subscribe to; wildcards allowed.
    """

    host: str
    port: int
    client_id: str
    filters: tuple[str, ...]
    keepalive_s: int = 30


class _End(StrEnum):
    """How a connection ended."""

    UNREACHABLE = "nobody listens"
    REFUSED = "the broker refuses"
    LOST = "the connection is lost"


class MqttConnection:
    """One connection, with a paho client and a thread of its own; never used again."""

    def __init__(
        self, terms: MqttTerms, version: MQTTProtocolVersion, arrivals: "asyncio.Queue[Arrival]"
    ) -> None:
        self.settled = asyncio.Event()  # subscribed, or ended
        self.ended: asyncio.Future[_End] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._terms = terms
        self._arrivals = arrivals
        self._accepted = False
        v5 = version == MQTTProtocolVersion.MQTTv5
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=terms.client_id,
            clean_session=None if v5 else False,
            protocol=version,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._client.connect_timeout = CONNECTED_WITHIN_S
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.on_disconnect = lambda *_: self._end(_End.LOST)
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._start(kept=_session_kept() if v5 else None)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send with QoS 1; what is lost with the connection is lost."""
        self._client.publish(topic, payload, qos=_QOS)

    def acknowledge(self, mid: int) -> None:
        """Tell the broker that it need not keep a message any longer."""
        self._client.ack(mid, _QOS)

    async def close(self) -> None:
        """Hang up and wait for the thread; the broker keeps the session."""
        self._client.disconnect()
        await asyncio.shield(asyncio.to_thread(self._client.loop_stop))

    def _start(self, kept: Properties | None) -> None:
        if kept is None:
            self._client.connect_async(self._terms.host, self._terms.port, self._terms.keepalive_s)
        else:
            self._client.connect_async(
                self._terms.host,
                self._terms.port,
                self._terms.keepalive_s,
                clean_start=False,
                properties=kept,
            )
        self._client.loop_start()

    # What follows runs in paho's thread.

    def _on_connect(
        self,
        client: Client,
        _data: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        _properties: object,
    ) -> None:
        if reason.is_failure:
            log.warning("the broker refuses: %s", reason)
            self._end(_End.REFUSED)
            return
        self._accepted = True
        log.info("connected; the broker %s us", "knows" if flags.session_present else "forgot")
        client.subscribe([(topic, _QOS) for topic in self._terms.filters])

    def _on_connect_fail(self, client: Client, _data: object) -> None:
        client.disconnect()  # or paho's thread would sleep a second and try again
        self._end(_End.UNREACHABLE)

    def _on_subscribe(
        self,
        _client: Client,
        _data: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: object,
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            log.warning("the broker refuses a subscription: %s", reasons)
            self._end(_End.LOST)
        else:
            self._loop.call_soon_threadsafe(self.settled.set)

    def _on_message(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        arrival = Arrival(
            topic=message.topic,
            payload=bytes(message.payload),
            _mid=message.mid if message.qos else None,
            _connection=self,
        )
        self._loop.call_soon_threadsafe(self._arrivals.put_nowait, arrival)

    def _end(self, how: _End) -> None:
        if how is _End.LOST and not self._accepted:
            how = _End.REFUSED  # hung up before CONNACK: older brokers do when asked with MQTT 5
        self._loop.call_soon_threadsafe(self._note_end, how)

    def _note_end(self, how: _End) -> None:
        if not self.ended.done():
            self.ended.set_result(how)
            self.settled.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One message; the broker keeps it until `done`."""

    topic: str
    payload: bytes
    _mid: int | None
    _connection: MqttConnection

    def done(self) -> None:
        """Acknowledge it to the broker, on the connection it came by: another has other ids."""
        if self._mid is not None:
            self._connection.acknowledge(self._mid)


class MqttSubscriber:
    """Keeps a connection up, whatever happens to it."""

    def __init__(self, terms: MqttTerms) -> None:
        self._terms = terms
        # Bounded by the broker: it sends no more than its window before it hears of a `done`.
        self._arrivals: asyncio.Queue[Arrival] = asyncio.Queue()
        self._connection: MqttConnection | None = None
        self.subscribed = asyncio.Event()

    async def run(self) -> None:
        """Connect again and again, until cancelled."""
        version = MQTTProtocolVersion.MQTTv5
        while True:
            how = await self._connect_once(version)
            if how is _End.REFUSED:
                version = _other(version)
                log.warning("%s; asking with %s next", how, version.name)
            else:
                log.log(logging.DEBUG if how is _End.UNREACHABLE else logging.WARNING, "%s", how)
            await asyncio.sleep(RETRY_AFTER_S)

    async def next_arrival(self) -> Arrival:
        """Return the next message, in the order of arrival."""
        return await self._arrivals.get()

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send, if there is a connection now; tell whether there was one."""
        if self._connection is None:
            return False
        self._connection.publish(topic, payload)
        return True

    async def _connect_once(self, version: MQTTProtocolVersion) -> _End:
        connection = MqttConnection(self._terms, version, self._arrivals)
        self._connection = connection
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                await connection.settled.wait()
            if not connection.ended.done():
                self.subscribed.set()
            return await connection.ended
        except TimeoutError:
            return _End.REFUSED
        finally:
            self._connection = None
            self.subscribed.clear()
            await connection.close()


def _session_kept() -> Properties:
    """Return what MQTT 5 needs to keep a session; 3.1.1 keeps it without being asked."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
    properties.SessionExpiryInterval = SESSION_KEPT_S
    return properties


def _other(version: MQTTProtocolVersion) -> MQTTProtocolVersion:
    if version == MQTTProtocolVersion.MQTTv5:
        return MQTTProtocolVersion.MQTTv311
    return MQTTProtocolVersion.MQTTv5
