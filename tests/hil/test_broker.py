"""Both brokers of the rig as processes: started, spoken to, ended."""

import asyncio
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hil.broker import BrokerKind, NoBroker, broker_command, choose_broker, main, wait_for_port
from tests.hil.head_end_bench import (
    WITHIN_S,
    broker,
    ends_in_order,
    free_port,
    installed,
    listens,
    process,
    sender,
    until,
)

pytestmark = pytest.mark.rig

V5, V3_1_1 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311


@pytest.fixture(params=list(BrokerKind))
def kind(request: pytest.FixtureRequest) -> BrokerKind:
    return installed(request.param)


def test_it_listens_on_its_port_and_ends_when_told(kind: BrokerKind) -> None:
    """HIL-1: a broker of either kind is a process like any other."""
    port = free_port()
    with broker(kind, port) as running:
        assert listens(port)
        assert ends_in_order(running)
    assert not listens(port)


def test_it_carries_messages(kind: BrokerKind) -> None:
    """HIL-1: quality of service 1, with PUBACK, to a subscriber."""
    port = free_port()
    with broker(kind, port), sender(port) as connected:
        connected.send(b'{"hello": 1}', "gridgate/v1/GG-000001/ack")
        assert connected.next_ack() == {"hello": 1}


def answers_to(port: int, version: MQTTProtocolVersion, *, session_kept: bool) -> bool:
    """Tell whether the broker accepts a client of this version; it must say so either way."""
    answers: list[bool] = []
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id="asks",
        clean_session=None if version == V5 else not session_kept,
        protocol=version,
        reconnect_on_failure=False,
    )
    client.will_set("will", b"gone", qos=1)
    client.on_connect = lambda *told: answers.append(not told[3].is_failure)
    if version == V5:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
        properties.SessionExpiryInterval = 60
        clean = not session_kept
        client.connect("127.0.0.1", port, clean_start=clean, properties=properties)
    else:
        client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        until(lambda: answers, "CONNACK")
    finally:
        client.disconnect()
        client.loop_stop()
    return answers[0]


@pytest.mark.parametrize("session_kept", [False, True])
def test_which_versions_it_accepts(kind: BrokerKind, *, session_kept: bool) -> None:
    """amqtt refuses MQTT 5 with a word, at once, whatever the CONNECT looks like."""
    port = free_port()
    with broker(kind, port):
        began_s = time.monotonic()
        assert answers_to(port, V5, session_kept=session_kept) is (kind is BrokerKind.MOSQUITTO)
        assert answers_to(port, V3_1_1, session_kept=session_kept)
        assert time.monotonic() - began_s < WITHIN_S / 2


def test_noise_does_not_end_it(kind: BrokerKind) -> None:
    """HIL-3: what is no MQTT at all is one connection's own trouble."""
    port = free_port()
    noises = [b"", b"\x10", b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff\xff" * 9, bytes(99)]

    async def make_noise(octets: bytes) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(octets)
        await writer.drain()
        writer.close()

    with broker(kind, port):
        for octets in noises:
            asyncio.run(make_noise(octets))
        assert answers_to(port, V3_1_1, session_kept=False)


def test_the_command_starts_it(kind: BrokerKind, tmp_path: Path) -> None:
    """HIL-1: for those who start processes themselves."""
    port = free_port()

    async def wait() -> None:
        await wait_for_port(port, within_s=WITHIN_S)

    with subprocess.Popen(broker_command(kind, port, tmp_path)) as running:
        try:
            asyncio.run(wait())
        finally:
            running.terminate()
        assert running.wait(WITHIN_S) == 0


def test_a_port_that_is_taken_ends_it(kind: BrokerKind) -> None:
    """HIL-1: two brokers never share a port."""
    port = free_port()
    with (
        broker(kind, port),
        process("hil.broker", "--port", str(port), "--kind", str(kind)) as second,
    ):
        assert second.wait(WITHIN_S) != 0


def test_nobody_listens() -> None:
    with pytest.raises(NoBroker, match="nobody listens on 127"):
        asyncio.run(wait_for_port(free_port(), within_s=0.2))


@pytest.fixture
def _no_mosquitto(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr("hil.broker._PLACES", ())


@pytest.mark.usefixtures("_no_mosquitto")
def test_without_mosquitto_the_embedded_one_is_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No broker installed must not stop the demo."""
    assert choose_broker() is BrokerKind.AMQTT
    with pytest.raises(NoBroker, match="apt-get install mosquitto"):
        broker_command(BrokerKind.MOSQUITTO, 1883, tmp_path)
    assert main(["--port", "1883", "--kind", "mosquitto"]) == 2
    assert "not installed" in capsys.readouterr().err
