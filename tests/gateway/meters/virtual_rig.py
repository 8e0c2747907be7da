"""The daemon as `build` makes it, on an emulated line in jumping time, with its real store."""

import asyncio
import hashlib
import itertools
import json
import random
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from drivers.dlms.password import Password
from drivers.plc.airtime import LineTiming
from drivers.plc.mac_frame import MacFrame, Packing
from gateway.app import Daemon, Ports, build
from gateway.core.clock import Clock, ClockTrust
from gateway.core.config import Config, load_config
from gateway.head_end.link import LinkState, PublishOutcome
from hil.air import AirEvent, AlarmHeard, FirstCopySent, Heard, HeardBad, RepeatersCalled
from hil.dlms_meter import ApduServer
from hil.line_bench import BenchSettings, LineBench
from hil.lv_network.street import plan_street
from hil.meter.module import MeterModule, MeterSettings
from hil.meter.moment import Moment
from hil.meter_server import server_for
from hil.population import plan_population
from hil.rig_clock import RigClock
from hil.truth import TruthWriter
from hil.virtual_loop import InlineExecutor

if TYPE_CHECKING:
    from hal.errors import HalError

Result = TypeVar("Result")
Row = tuple[Any, ...]

START_S = 1_795_219_200.0  # 2026-11-20T12:00:00Z
UART_S = 0.02
BIT_RATE_BPS = 24_000
METER = MeterSettings(periodic_period_s=10, slave_period_s=60)

CONFIG = """
[concentrator]
data_directory = "data"
[board]
plc_port = "unused"
[plc]
bit_rate_bps = 24000
discover_period_s = 20.0
discover_quick_period_s = 1.0
host_latency_s = 0.25
node_silent_ping_s = 60.0
node_lost_after_s = 120.0
[collection]
events_period_s = 60.0
row_age_max_s = 8.0
read_delay_s = 1.0
retry_after_s = 3.0
[head_end]
push_interval_s = 1.0
"""


class AirModem:
    """A modem without a serial line: implements hal.ports.PlcModem on the emulated line.

    Attributes:
        requests: every APDU or CIASE PDU sent, with its destination.
        calls: when repeaters were called.
        error: what it does instead of sending.
    """

    def __init__(self) -> None:
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()
        self._sent: asyncio.Future[None] | None = None
        self._called: asyncio.Future[None] | None = None
        self._bad = 0
        self._alarm_since_status = self._alarm_stood = False
        self._alarms = 0
        self.transmit: Callable[[bytes], object] = lambda _: None
        self.take_places: Callable[[], object] = lambda: None
        self.requests: list[tuple[int, bytes]] = []
        self.calls: list[float] = []
        self.error: HalError | None = None

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def ready(self) -> None:
        pass

    async def send(self, frame: bytes) -> None:
        loop = asyncio.get_running_loop()
        if self.error is not None:
            raise self.error
        self._read_status()
        mac = MacFrame.from_host(frame)
        self.requests.append((mac.destination, mac.m_sdu[3:]))
        self._sent = loop.create_future()
        loop.call_later(UART_S, self.transmit, mac.encode(Packing.MODEL_A))
        await self._sent

    async def call_repeaters(self, within_s: float) -> None:
        loop = asyncio.get_running_loop()
        self._called = loop.create_future()
        self.calls.append(loop.time())
        loop.call_later(UART_S, self.take_places)
        async with asyncio.timeout(within_s + 1.0):
            await self._called

    async def receive(self) -> bytes:
        return await self._heard.get()

    def counters(self) -> dict[str, int]:
        return {"alarms_heard": self._alarms}

    def _read_status(self) -> None:
        """Count an alarm that the status begins to tell of, as hal.plc_modem.host_link does."""
        alarm, self._alarm_since_status = self._alarm_since_status, False
        self._alarms += alarm and not self._alarm_stood
        self._alarm_stood = alarm

    async def read_statistics(self) -> dict[str, int]:
        return {"chip_crc_nok": self._bad}

    def tell(self, event: AirEvent) -> None:
        match event:
            case FirstCopySent():
                if self._sent is not None and not self._sent.done():
                    self._sent.set_result(None)
            case Heard(octets):
                record = MacFrame.decode(octets, Packing.MODEL_A).to_host()
                asyncio.get_running_loop().call_later(UART_S, self._heard.put_nowait, record)
            case HeardBad():
                self._bad += 1
            case AlarmHeard():
                self._alarm_since_status = True
            case RepeatersCalled():
                if self._called is not None and not self._called.done():
                    self._called.set_result(None)
            case _:
                pass


class AckingLink(LinkState):
    """A head-end that commits whatever comes, at once; implements HeadEndLink.

    Attributes:
        batches: what came, decoded, each once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.batches: dict[int, dict[str, Any]] = {}
        self._acks: asyncio.Queue[bytes] = asyncio.Queue()

    async def run(self) -> None:
        self.went_up()
        await asyncio.Event().wait()

    async def publish(self, topic: str, payload: bytes) -> PublishOutcome:
        assert topic.endswith("/batch")
        batch = json.loads(payload)
        self.batches[batch["batch"]] = batch
        ack = {"schema": "gridgate.ack.1", "sha256": hashlib.sha256(payload).hexdigest()}
        ack |= {name: batch[name] for name in ("dc_id", "epoch", "batch")}
        self._acks.put_nowait(json.dumps(ack).encode())
        return PublishOutcome.ACCEPTED

    async def receive(self) -> list[bytes]:
        return [await self._acks.get()]

    def describe(self) -> Mapping[str, str | int | bool]:
        return {"connected": self.is_up}


class VirtualRig:
    """Line, modem, daemon and head-end in one loop.

    Use inside a JumpingLoop: `async with VirtualRig(...)`. `restart` ends the daemon as SIGKILL
    does, what was not committed being lost, and starts another one on the same store.
    """

    def __init__(
        self,
        folder: Path,
        *,
        meters: int = 4,
        seed: int = 1,
        password: Password | None = None,
        trust: ClockTrust = ClockTrust.SYSTEM,
        config: str = CONFIG,
        make_server: Callable[[MeterModule, Moment], ApduServer] | None = None,
        meter: MeterSettings = METER,
    ) -> None:
        (folder / "gridgate.toml").write_text(config)
        self._folder = folder
        self._trust = trust
        self.config: Config = load_config(folder / "gridgate.toml")
        self.truth_path = folder / "truth.sqlite"
        self.modem = AirModem()
        self.link = AckingLink()
        self._settings = BenchSettings(
            topology=plan_street(meters, seed),
            population=plan_population(meters, seed),
            seed=seed,
            timing=LineTiming(bit_rate_bps=BIT_RATE_BPS),
            meter=meter,
        )
        self._make_server = make_server or partial(server_for, password=password)
        self.wall_s = START_S
        self._readers: dict[Path, sqlite3.Connection] = {}

    async def __aenter__(self) -> Self:
        self.loop = asyncio.get_running_loop()
        self.bench = LineBench(
            self._settings,
            timer=self.loop,
            clock=RigClock(START_S - self.loop.time()),
            truth=TruthWriter(self.truth_path),
            make_server=self._make_server,
        )
        network = self.bench.network
        place = network.connect_modem(self.modem.tell)
        self.modem.transmit = partial(network.transmit, place)
        self.modem.take_places = partial(network.call_repeaters, place)
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop_reading()
        self._stop.set()
        await self._running
        await self.daemon.database.close()
        self.bench.close()

    def now_s(self) -> float:
        """Return what the daemon's wall clock shows; tests move `wall_s` to make it step."""
        return self.wall_s + self.loop.time()

    async def _start(self) -> None:
        clock = Clock(self._trust, wall=self.now_s, monotonic=self.loop.time)
        ports = Ports(plc_modem=self.modem, reopen=self.modem.ready)
        rng = random.Random(7)
        self.daemon: Daemon = build(self.config, ports, clock, rng, InlineExecutor(), self.link)
        await self.daemon.load()
        database = self.daemon.database
        assert database._file is not None
        database._file.conn.execute("PRAGMA synchronous = OFF")  # no kill here takes the mains
        self._stop = asyncio.Event()
        self._running = asyncio.create_task(self.daemon.run(self._stop, [], lambda: None))

    async def restart(self) -> None:
        """Kill the daemon and start it again."""
        await self.kill()
        await self.start_again()

    async def start_again(self) -> None:
        """Start the daemon on the store that it was killed on."""
        self.link = AckingLink()
        await self._start()

    async def kill(self) -> None:
        """Kill the daemon.

        Cutting the connection first loses what was not committed, as a kill does.
        """
        self._stop_reading()
        database = self.daemon.database
        assert database._file is not None
        database._file.conn.close()
        self._running.cancel()
        with suppress(BaseException):
            await self._running
        await database.close()

    async def until(self, holds: Callable[[], bool], within_s: float) -> None:
        """Let time pass until something holds."""
        deadline = self.loop.time() + within_s
        while not holds():
            assert not self._running.done(), self._running.exception()
            assert self.loop.time() < deadline, "it did not come true in time"
            await asyncio.sleep(1.0)

    async def ask(self, question: str, **more: Any) -> dict[str, Any]:
        return await self.daemon.answers.ask({"ask": question, **more})

    def held(self) -> list[Row]:
        """Return what the meters hold, as the line's process writes it down."""
        self.bench._truth.commit()
        return self._rows(
            self.truth_path,
            "SELECT usn, stream, captured_at_s, status, value1, value2, value3, value4 FROM rows"
            " WHERE dropped_at_s IS NULL",
        )

    def stored(self) -> list[Row]:
        """Return what the daemon has on its disk."""
        path = self.config.concentrator.data_directory / "gridgate.db"
        return self._rows(
            path,
            "SELECT usn, entity, captured_at_s, status, v1, v2, v3, v4"
            " FROM reading JOIN stream ON stream.id = stream_id",
        )

    def all_is_stored(self) -> bool:
        return sorted(map(repr, self.held())) == sorted(map(repr, self.stored()))

    def _rows(self, path: Path, query: str) -> list[Row]:
        connection = self._readers.get(path)
        if connection is None:
            connection = self._readers[path] = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        return connection.execute(query).fetchall()

    def _stop_reading(self) -> None:
        for connection in self._readers.values():
            connection.close()
        self._readers.clear()

    def clock_offsets_s(self) -> list[float]:
        """Return by how much the meters' clocks are off, without signs."""
        meters = self.bench.plugged.values()
        return [abs(float(str(meter.describe()["clock_offset_s"]))) for meter in meters]

    def daemon_usns(self) -> set[str]:
        """Return the master meters that the daemon has identified."""
        path = self.config.concentrator.data_directory / "gridgate.db"
        found = self._rows(path, "SELECT usn FROM node WHERE usn IS NOT NULL")
        return {usn for (usn,) in found}

    def nodes(self) -> dict[bytes, str | None]:
        """Return whose meter each node speaks for, by system title."""
        path = self.config.concentrator.data_directory / "gridgate.db"
        found = self._rows(path, "SELECT system_title, usn FROM node")
        return {bytes.fromhex(title): usn for title, usn in found}

    def states(self) -> dict[str, str]:
        """Return the state of each identified node."""
        path = self.config.concentrator.data_directory / "gridgate.db"
        return dict(self._rows(path, "SELECT usn, state FROM node WHERE usn IS NOT NULL"))

    def pushed_journal(self) -> list[dict[str, Any]]:
        """Return the journal entries that the head-end was given."""
        return [entry for batch in self.link.batches.values() for entry in batch["journal"]]

    def journal(self, kind: str) -> list[dict[str, Any]]:
        """Return the bodies of the journal entries of a kind, with their meter."""
        path = self.config.concentrator.data_directory / "gridgate.db"
        found = self._rows(
            path, f"SELECT usn, body FROM journal WHERE kind = '{kind}' ORDER BY seq"
        )
        return [{"usn": usn, **json.loads(body)} for usn, body in found]

    def node_states(self, usn: str) -> list[str]:
        """Return the states through which a meter's node has gone, in order."""
        title = self.bench.plugged[usn].node.system_title.hex()
        told = [body for body in self.journal("node_state") if body["system_title"] == title]
        return [state for state, _ in itertools.groupby(body["state"] for body in told)]

    def journal_states(self, usn: str) -> list[str]:
        """Return the states of a meter's node that the head-end was told of, in order."""
        return [
            entry["body"]["state"]
            for entry in self.pushed_journal()
            if entry["kind"] == "node_state" and entry["usn"] == usn
        ]
