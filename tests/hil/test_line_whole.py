"""Modem side and meters together: the drivers' own exchanges over the emulated line."""

import asyncio
import json
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from drivers.dlms import companion, conversations
from drivers.dlms.association import AssociationRequest
from drivers.dlms.axdr import Data
from drivers.dlms.companion import Entity, InterfaceClass
from drivers.dlms.cosem_objects import ObjectList, attribute_name
from drivers.dlms.date_time import CosemDateTime
from drivers.dlms.obis import Obis
from drivers.errors import ServiceRefused
from drivers.exchange import Exchange
from drivers.plc import llc
from drivers.plc.airtime import LineTiming
from drivers.plc.broadcast import Broadcast
from drivers.plc.ciase import Discover, RegisterEntry
from drivers.plc.discovery import DiscoverRound, Registration
from drivers.plc.mac_frame import ALL_CONFIGURED, INITIATOR, MacFrame, Packing
from drivers.plc.unicast import UnicastRequest
from hil.air import AirEvent, FirstCopySent, Heard, LineTerms
from hil.air_socket import AirClient, connect_air
from hil.line_bench import BenchSettings, LineBench
from hil.line_process import READY_TEXT
from hil.lv_network.street import plan_street
from hil.meter.module import MeterSettings
from hil.meter_server import server_for
from hil.population import plan_population
from hil.rig_clock import RigClock
from hil.truth import TruthWriter
from tests.hil.line_helpers import START_S, JumpingTimer

TIMING = LineTiming(bit_rate_bps=24_000, host_latency_s=0.1)
OUR_TITLE = b"GGW\x00\x00\x01"
Outcome = TypeVar("Outcome")


class Master:
    """A concentrator without a modem: it is right on the air, in jumping time."""

    def __init__(self, path: Path, meters: int, seed: int) -> None:
        self.timer = JumpingTimer(now=500.0)
        self.clock = RigClock(START_S - 500.0)
        self.inbox: list[bytes] = []
        self.bench = LineBench(
            BenchSettings(
                topology=plan_street(meters, seed),
                population=plan_population(meters, seed),
                seed=seed,
                timing=TIMING,
                meter=MeterSettings(periodic_period_s=10, slave_period_s=60),
            ),
            timer=self.timer,
            clock=self.clock,
            truth=TruthWriter(path),
            make_server=server_for,
        )
        self.modem = self.bench.network.connect_modem(self._told)
        self.found: dict[bytes, int] = {}

    def _told(self, event: AirEvent) -> None:
        if isinstance(event, Heard):
            self.inbox.append(MacFrame.decode(event.octets, Packing.MODEL_A).to_host())

    def run(self, exchange: Exchange[Outcome]) -> Outcome:
        exchange.start(self.timer.now)
        while True:
            while record := exchange.octets_to_send():
                frame = MacFrame.from_host(record)
                self.bench.network.transmit(self.modem, frame.encode(Packing.MODEL_A))
            if (outcome := exchange.outcome()) is not None:
                return outcome
            self.timer.advance(TIMING.slot_s)
            while self.inbox:
                exchange.receive(self.inbox.pop(0), self.timer.now)
            due = exchange.deadline()
            if due is not None and self.timer.now >= due:
                exchange.tick(self.timer.now)

    def discover(self) -> int:
        discover = Discover(
            response_probability=100,
            allowed_time_slots=20,
            report_initial_credit=4,
            ic_equal_credit=False,
        )
        heard = self.run(
            DiscoverRound(initiator=INITIATOR, discover=discover, initial_credit=5, timing=TIMING)
        )
        for report in heard:
            self.found.setdefault(report.system_title, len(self.found) + 1)
        if heard:
            entries = tuple(
                RegisterEntry(system_title=report.system_title, mac=self.found[report.system_title])
                for report in heard
            )
            self.run(
                Registration(
                    initiator=INITIATOR,
                    initiator_system_title=OUR_TITLE,
                    entries=entries,
                    initial_credit=7,
                    timing=TIMING,
                )
            )
        return len(heard)

    def talk(self, node: int, conversation: Generator[bytes, bytes, Outcome]) -> Outcome:
        try:
            apdu = next(conversation)
            while True:
                answer = self.run(
                    UnicastRequest(
                        initiator=INITIATOR,
                        node=node,
                        destination_lsap=llc.MANAGEMENT_LD,
                        source_lsap=llc.PUBLIC_CLIENT,
                        apdu=apdu,
                        initial_credit=4,
                        timing=TIMING,
                    )
                )
                apdu = conversation.send(answer.apdu)
        except StopIteration as end:
            result: Outcome = end.value
            return result

    def associate(self, node: int) -> ObjectList:
        self.talk(
            node, conversations.associate(AssociationRequest(password=None, pdu_octets_max=239))
        )
        return self.talk(node, conversations.read_object_list())


def name_of(objects: ObjectList, obis: Obis, class_id: int) -> int:
    entry = objects.find(obis, class_id)
    assert entry is not None
    return attribute_name(entry.base_name, 2)


def test_all_meters_are_found_read_and_agree_with_the_truth(tmp_path: Path) -> None:
    """INV-1, ACQ-2, HIL-1: every row that crosses the line is the row in the truth file."""
    master = Master(tmp_path / "truth.sqlite", meters=12, seed=5)
    (late,) = master.bench.waiting
    for _ in range(10):
        master.discover()
    assert len(master.found) == 11
    assert {meter.mac for meter in master.bench.plugged.values()} == set(range(1, 12))
    master.bench.plug_in(late)
    for _ in range(3):
        master.discover()
    assert len(master.found) == 12
    master.bench.stop_capture()
    read = set()
    for node in range(1, 13):
        objects = master.associate(node)
        names = {
            Entity.PERIODIC: companion.PERIODIC_PROFILE,
            Entity.DAILY: companion.DAILY_PROFILE,
            Entity.STANDARD_EVENTS: companion.STANDARD_EVENT_LOG,
        }
        usn = master.talk(
            node, conversations.read_value(name_of(objects, companion.USN, InterfaceClass.DATA))
        ).text()
        for entity, obis in names.items():
            name = name_of(objects, obis, InterfaceClass.PROFILE_GENERIC)
            rows = master.talk(
                node, conversations.read_profile_range(name, companion.CLOCK, 0, 4_000_000_000)
            )
            read |= {(usn, str(entity), at, status, *values) for at, _, status, values in rows}
    master.bench.close()
    database = sqlite3.connect(tmp_path / "truth.sqlite")
    held = {
        (*row[:4], *(value for value in row[4:] if value is not None))
        for row in database.execute(
            "SELECT usn, stream, captured_at_s, status, value1, value2, value3, value4 FROM rows"
            " WHERE stream IN ('periodic', 'daily', 'standard_events')"
        )
    }
    database.close()
    assert len(held) > 12 * 63
    assert read == held


def test_a_broadcast_sets_every_clock_for_the_repetitions_it_took(tmp_path: Path) -> None:
    """TIM-1: near and far meters end up with the same time, to within a few hundredths."""
    master = Master(tmp_path / "truth.sqlite", meters=12, seed=6)
    for _ in range(10):
        master.discover()
    by_kind = {}
    for node in range(1, 12):
        objects = master.associate(node)
        by_kind[name_of(objects, companion.CLOCK, InterfaceClass.CLOCK)] = node
    for name in by_kind:
        master.timer.advance(2.0)  # the last answer's repetitions must be over
        stamp_s = master.clock.utc_s(master.timer.now + TIMING.slot_s)
        apdu = conversations.unconfirmed_write_apdu(
            name, Data.clock_string(CosemDateTime.from_utc(stamp_s))
        )
        master.run(
            Broadcast(
                initiator=INITIATOR,
                destination=ALL_CONFIGURED,
                destination_lsap=llc.ALL_STATIONS,
                source_lsap=llc.INITIATOR,
                l_sdu=apdu,
                initial_credit=7,
                timing=TIMING,
            )
        )
    master.bench.close()
    offsets = [meter.module.clock.offset_s for meter in master.bench.plugged.values()]
    # Only the wait for the next slot and the hundredths of the date-time are left.
    assert max(abs(offset) for offset in offsets) <= TIMING.slot_s + 0.011


def test_a_silent_master_loses_its_meters_after_six_hours(tmp_path: Path) -> None:
    """INV-5: not addressed for the time-out, a node is NEW again and answers a Discover."""
    master = Master(tmp_path / "truth.sqlite", meters=4, seed=7)
    for _ in range(8):
        master.discover()
    assert len(master.found) == 3
    master.associate(1)
    master.timer.advance(6 * 3600 + 60)
    answered = sum(master.discover() for _ in range(8))
    assert answered >= 3
    with pytest.raises(ServiceRefused):
        master.talk(1, conversations.read_object_list())
    master.bench.close()


@asynccontextmanager
async def line_process(folder: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    command = [sys.executable, "-m", "hil.line_process"]
    command += ["--air", str(folder / "air"), "--control", str(folder / "control")]
    command += ["--truth", str(folder / "truth.sqlite"), *options]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        assert READY_TEXT.encode() in await process.stdout.readline()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await process.stdout.read()
        process._transport.close()  # type: ignore[attr-defined]


async def ask(folder: Path, **command: str) -> dict[str, Any]:
    reader, writer = await asyncio.open_unix_connection(folder / "control")
    writer.write(json.dumps(command).encode() + b"\n")
    answer: dict[str, Any] = json.loads(await reader.readline())
    writer.close()
    await writer.wait_closed()
    return answer


async def next_of(air: AirClient, kind: type[AirEvent]) -> AirEvent:
    while True:
        event = await air.next_event()
        if isinstance(event, kind):
            return event


@pytest.mark.rig
def test_the_process_serves_air_and_control_and_leaves_a_whole_truth(tmp_path: Path) -> None:
    """HIL-1: sockets answer, rows arise in real time, SIGTERM leaves a complete file."""
    asyncio.run(_process_scenario(tmp_path))
    database = sqlite3.connect(tmp_path / "truth.sqlite")
    rows = database.execute("SELECT count(*) FROM rows WHERE stream = 'periodic'").fetchone()[0]
    database.close()
    assert rows >= 2 * 60
    assert not (tmp_path / "truth.sqlite-wal").exists()
    assert not (tmp_path / "air").exists()


async def _process_scenario(folder: Path) -> None:
    options = ("--meters", "3", "--seed", "2", "--capture-period-s", "1")
    async with line_process(folder, *options) as process, asyncio.timeout(30):
        air = await connect_air(folder / "air")
        assert await air.next_event() == LineTerms(bit_rate_bps=24_000, packing="A")
        discover = Discover(
            response_probability=100,
            allowed_time_slots=10,
            report_initial_credit=4,
            ic_equal_credit=False,
        )
        pdu = llc.LlcPdu(
            destination_lsap=llc.CIASE, source_lsap=llc.INITIATOR, l_sdu=discover.encode()
        )
        frame = MacFrame(
            initial_credit=5,
            current_credit=5,
            delta_credit=0,
            source=INITIATOR,
            destination=0xFFF,
            m_sdu=pdu.encode(),
        )
        for _ in range(5):
            air.transmit(frame.encode(Packing.MODEL_A))
            await next_of(air, FirstCopySent)
        heard = await next_of(air, Heard)
        assert isinstance(heard, Heard)
        assert MacFrame.decode(heard.octets, Packing.MODEL_A).destination == INITIATOR
        status = await ask(folder, do="status")
        assert len(status["meters"]) == 2
        (late,) = status["waiting"]
        assert (await ask(folder, do="plug_in", usn=late))["ok"]
        assert not (await ask(folder, do="plug_in", usn=late))["ok"]
        await asyncio.sleep(random.Random(1).uniform(1.5, 2.0))
        stopped = await ask(folder, do="stop_capture")
        database = sqlite3.connect(folder / "truth.sqlite")
        found = database.execute("SELECT count(*) FROM rows").fetchone()[0]
        database.close()
        assert found == stopped["rows"] > status["rows"]
        await air.close()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
