"""A broker, a head-end and a sender for tests: real processes, and paho used directly."""

import contextlib
import hashlib
import json
import os
import queue
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from hil.broker import BrokerKind, choose_broker
from hil.head_end.service import EXIT_DIED

WITHIN_S = 20.0
QUIET_S = 0.7
DC_ID = "GG-000001"
EPOCH = "e0e1"
COLUMN = {"obis": "1-0:1.8.0.255", "unit": 30, "scaler": 0}


def batch_octets(number: int, rows: list[list[int | None]], **changed: object) -> bytes:
    """Return a batch of one periodic stream; `changed` replaces top-level fields."""
    stream = {
        "usn": "METER-1",
        "stream": "periodic",
        "parent_usn": None,
        "capture_period_s": 900,
        "columns": [COLUMN, COLUMN],
        "rows": rows,
    }
    entry = {"seq": number, "at_s": 5, "kind": "notice", "usn": None, "body": {"n": number}}
    fields: dict[str, object] = {
        "schema": "gridgate.batch.1",
        "dc_id": DC_ID,
        "epoch": EPOCH,
        "batch": number,
        "streams": [stream],
        "journal": [entry],
    }
    return json.dumps(fields | changed).encode()


def some_rows(first_seq: int, count: int = 3) -> list[list[int | None]]:
    """Return rows with consecutive seq."""
    return [
        [seq, 900 * seq, 1, 0, 0, 900 * seq + 5, 10 * seq, None]
        for seq in range(first_seq, first_seq + count)
    ]


def digest(octets: bytes) -> str:
    """Return what the acknowledgement of these octets must say."""
    return hashlib.sha256(octets).hexdigest()


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def until(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {what}"
        time.sleep(0.02)


def listens(port: int) -> bool:
    """Tell whether somebody listens."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


def installed(kind: object) -> BrokerKind:
    """Return a broker's kind; skip the test where it is not installed."""
    if kind is BrokerKind.MOSQUITTO and choose_broker() is BrokerKind.AMQTT:
        pytest.skip("mosquitto is not installed")
    return BrokerKind(str(kind))


@contextlib.contextmanager
def process(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run one of the rig's processes; it ends with the block."""
    # Its log goes where pytest's own output goes: it is shown when a test fails.
    with subprocess.Popen([sys.executable, "-m", *words]) as running:
        try:
            yield running
        finally:
            running.kill()


@contextlib.contextmanager
def broker(kind: BrokerKind, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a broker; it listens when the block begins."""
    with process("hil.broker", "--port", str(port), "--kind", str(kind)) as running:
        until(lambda: listens(port), f"{kind} listens")
        yield running


class HeadEndBench:
    """A head-end's process on a broker, started as often as a test likes."""

    def __init__(self, folder: Path, port: int) -> None:
        self.file = folder / "head_end.sqlite"
        self.control = folder / "control.sock"
        self.port = port

    @contextlib.contextmanager
    def starting(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run it; it need not be ready when the block begins."""
        self.control.unlink(missing_ok=True)
        command = ("--port", str(self.port), "--database", str(self.file))
        control = ("--control", str(self.control))
        with process("hil.head_end_process", *command, *control, *words) as running:
            yield running

    @contextlib.contextmanager
    def running(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run it; it is subscribed when the block begins."""
        with self.starting(*words) as running:
            until(self.control.exists, "the head-end is ready")
            yield running

    def ask(self, command: dict[str, object] | bytes) -> dict[str, Any]:
        """Return the answer to one command, or to one line."""
        line = command if isinstance(command, bytes) else json.dumps(command).encode()
        with socket.socket(socket.AF_UNIX) as asked:
            asked.settimeout(WITHIN_S)
            asked.connect(str(self.control))
            asked.sendall(line + b"\n")
            answer: dict[str, Any] = json.loads(asked.makefile("rb").readline())
        return answer

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Look into the file, as the verdict does."""
        with contextlib.closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as found:
            return found.execute(sql).fetchall()

    def seqs(self) -> list[int]:
        """Return the seq of every committed row, in order."""
        return [seq for (seq,) in self.query("SELECT seq FROM rows ORDER BY seq")]


class Sender:
    """Plays the concentrator: publishes with PUBACK, hears acknowledgements. MQTT 3.1.1."""

    def __init__(self, port: int) -> None:
        self.acks: queue.Queue[dict[str, Any]] = queue.Queue()
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=DC_ID, protocol=MQTTProtocolVersion.MQTTv311
        )
        subscribed: queue.Queue[object] = queue.Queue()
        self._client.on_message = lambda *told: self.acks.put(json.loads(told[2].payload))
        self._client.on_subscribe = lambda *told: subscribed.put(told)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe("gridgate/v1/+/ack", qos=1)
        subscribed.get(timeout=WITHIN_S)

    def send(self, octets: bytes, topic: str = f"gridgate/v1/{DC_ID}/batch") -> None:
        """Publish; return when the broker has sent PUBACK."""
        self._client.publish(topic, octets, qos=1).wait_for_publish(WITHIN_S)

    def next_ack(self) -> dict[str, Any]:
        """Return the next acknowledgement of a head-end."""
        return self.acks.get(timeout=WITHIN_S)

    def hears_nothing(self) -> bool:
        """Tell whether no acknowledgement comes for a while."""
        with contextlib.suppress(queue.Empty):
            self.acks.get(timeout=QUIET_S)
            return False
        return True

    def close(self) -> None:
        """Hang up and wait for the thread."""
        self._client.disconnect()
        self._client.loop_stop()
        del self._client  # paho closes its last sockets when the client object goes


@contextlib.contextmanager
def sender(port: int) -> Iterator[Sender]:
    """Connect a sender for the time of the block."""
    connected = Sender(port)
    try:
        yield connected
    finally:
        connected.close()


def ends_in_order(running: subprocess.Popen[bytes]) -> bool:
    """Ask a process to end; tell whether it did, with status 0."""
    running.send_signal(signal.SIGTERM)
    return running.wait(WITHIN_S) == os.EX_OK


def died_as_told(running: subprocess.Popen[bytes]) -> bool:
    """Wait for the end of a process; tell whether it was the death on purpose."""
    return running.wait(WITHIN_S) == EXIT_DIED
