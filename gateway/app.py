"""Build every part of the daemon, and run them until told to stop."""

import asyncio
import logging
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from drivers.dlms.password import Password
from drivers.plc.airtime import LineTiming
from drivers.plc.slot_choice import SlotChoice
from gateway.control_answers import ControlAnswers
from gateway.core.clock import Clock
from gateway.core.config import Config
from gateway.core.control_socket import ControlServer, ControlSocketTaken
from gateway.core.daemon import Floor, run_floors, stop_on_signals
from gateway.core.errors import StartError
from gateway.core.exit_status import ExitStatus
from gateway.core.supervise import RestartPolicy, supervise
from gateway.core.systemd import ServiceManager
from gateway.head_end.link import HeadEndLink
from gateway.head_end.mqtt_link import MqttLink
from gateway.head_end.outbox import Outbox
from gateway.head_end.pusher import Pusher
from gateway.meters.collector import Collector
from gateway.meters.discovery import Discovery, DiscoverySettings
from gateway.meters.identification import identify
from gateway.meters.line_master import LineMaster, LineSettings
from gateway.meters.meter_access import AccessSettings, MeterAccess
from gateway.meters.meter_book import MeterBook
from gateway.meters.node_link import NodeLink
from gateway.meters.plc_segment import PlcSegment
from gateway.meters.schedule import Schedule
from gateway.meters.stream_plan import PlanSettings
from gateway.meters.timekeeper import Timekeeper
from gateway.store.database import STORE_NAME, Database
from gateway.store.errors import StoreBusy, StoreError
from gateway.store.housekeeping import keep_house
from gateway.store.journal import Journal
from gateway.store.meter_registry import MeterRegistry
from gateway.store.reading_buffer import ReadingBuffer
from hal.board import open_board
from hal.errors import BoardMismatch, HalError, PortBusy, PortLost
from hal.plc_modem.modem import AmisModem
from hal.ports import PlcModem

_LOG = logging.getLogger(__name__)

DAY_S: Final = 86_400.0

_STORE_COMES_BACK: Final = RestartPolicy(restart_on=(StoreError,))
_MODEM_COMES_BACK: Final = RestartPolicy(restart_on=(HalError,), delay_max_s=15.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the daemon reaches the world of its meters through.

    Attributes:
        plc_modem: master of the power line.
        reopen: opens the modem's port again after PortLost.
    """

    plc_modem: PlcModem
    reopen: Callable[[], Awaitable[None]]


class Daemon:
    """All parts of one daemon; `build` makes it."""

    def __init__(
        self,
        *,
        database: Database,
        loads: Sequence[Callable[[], Awaitable[None]]],
        floors: Sequence[Floor],
        answers: ControlAnswers,
        is_healthy: Callable[[], bool],
    ) -> None:
        self.database = database
        self.answers = answers
        self.is_healthy = is_healthy
        self._loads = loads
        self._floors = floors

    async def load(self) -> None:
        """Open the store and take up what it holds.

        Raises:
            StoreError: busy, too new, or not readable.
        """
        await self.database.open()
        for load in self._loads:
            await load()

    async def run(
        self, stop: asyncio.Event, more: Sequence[Floor], when_up: Callable[[], None]
    ) -> None:
        """Run all floors, `more` on top, until `stop`; `load` comes first."""
        await run_floors([*self._floors, *more], stop, when_up)


def build(
    config: Config,
    ports: Ports,
    clock: Clock,
    rng: random.Random,
    executor: Executor,
    link: HeadEndLink,
) -> Daemon:
    """Make the daemon; whatever virtual time replaces is an argument.

    Must be called inside the running loop. Nothing is opened yet.
    """
    time = asyncio.get_running_loop().time
    now_s = clock.now_s
    database = Database(
        config.concentrator.data_directory / STORE_NAME,
        executor,
        config.storage,
        make_epoch=lambda: rng.randbytes(8).hex(),
    )
    journal = Journal(database, now_s)
    registry = MeterRegistry(database, journal)
    buffer = ReadingBuffer(database, now_s, config.storage)
    book = MeterBook(registry, buffer, journal, clock)
    timing = _timing(config)
    modem = ports.plc_modem
    segment = PlcSegment(modem, time)
    access = MeterAccess(segment, _access_settings(config), _passwords(config, book), time, now_s)
    timekeeper = Timekeeper(
        access=access,
        segment=segment,
        book=book,
        clock=clock,
        timing=timing,
        initiator=config.plc.initiator_mac,
        set_above_s=config.clock.set_above_s,
        time=time,
    )
    plan = _plan_settings(config)
    line = LineMaster(
        access=access,
        identify=identify,
        discovery=_discovery(config, segment, book),
        collector=Collector(access, buffer, timekeeper, clock, plan, journal),
        timekeeper=timekeeper,
        book=book,
        coverage=buffer.coverage,
        schedule=Schedule(plan, config.plc.node_silent_ping_s, now_s),
        clock=clock,
        damaged_frames=lambda: _damaged_frames(modem),
        settings=_line_settings(config),
    )
    outbox = Outbox(database, config.concentrator.dc_id, now_s)
    pusher = Pusher(outbox, link, config.head_end)
    buffer.on_commit(pusher.wake)
    journal.on_commit(pusher.wake)
    answers = ControlAnswers(
        identity={"dc_id": config.concentrator.dc_id, "version": version("gridgate")},
        database=database,
        registry=registry,
        buffer=buffer,
        link_of=book.link_of,
        segment=segment,
        doing=lambda: "idle" if line.doing is None else line.doing.value,
        pushing=pusher,
        clock=clock,
        modem_counters=modem.counters,
    )

    async def resume() -> None:
        book.resume()

    return Daemon(
        database=database,
        loads=[registry.load, buffer.load, resume],
        floors=[
            [
                lambda: supervise("buffer", buffer.run, _STORE_COMES_BACK),
                lambda: supervise(
                    "housekeeping", lambda: keep_house(database, now_s), _STORE_COMES_BACK
                ),
            ],
            [link.run, lambda: supervise("pusher", pusher.run, _STORE_COMES_BACK)],
            [
                lambda: supervise("modem", lambda: _keep_modem(ports), _MODEM_COMES_BACK),
                lambda: supervise("line", line.run, _STORE_COMES_BACK),
            ],
        ],
        answers=answers,
        is_healthy=line.is_alive,
    )


def run(config: Config) -> int:
    """Run the shipped daemon; return its exit status.

    Raises:
        StartError: the machine does not offer what the configuration names.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="store") as executor:
        return asyncio.run(_run(config, executor))


async def _run(config: Config, executor: Executor) -> int:
    service = ServiceManager(os.environ)
    stop = asyncio.Event()
    clock = Clock(config.clock.trust)
    stop_on_signals(stop)
    async with AsyncExitStack() as opened:
        ports = await _open_ports(config, opened)
        link = MqttLink(config.head_end, config.concentrator.dc_id)
        rng = random.SystemRandom()
        daemon = build(config, ports, clock, rng, executor, link)
        opened.push_async_callback(daemon.database.close)
        await _load(config, daemon)
        control = ControlServer(config.concentrator.control_socket, daemon.answers.ask)
        await _open_control(config, control)

        def when_up() -> None:
            service.ready()
            _LOG.info("ready", extra={"DC_ID": config.concentrator.dc_id})

        async def tell_of_stopping() -> None:
            await stop.wait()
            service.stopping()

        def watchdog() -> Awaitable[None]:
            return service.keep_watchdog(daemon.is_healthy)

        await daemon.run(stop, [[control.run, watchdog, tell_of_stopping]], when_up)
    _LOG.info("stopped")
    return ExitStatus.GOOD


async def _keep_modem(ports: Ports) -> None:
    try:
        await ports.plc_modem.run()
    except PortLost:
        await ports.reopen()
        raise  # the supervisor says so, and starts the modem on the new port


async def _open_ports(config: Config, opened: AsyncExitStack) -> Ports:
    try:
        board = await open_board(config.board)
    except PortBusy as error:
        raise StartError.of(
            config.file,
            "[board] plc_port",
            f"{error}",
            "stop the other program that uses it, perhaps a second daemon",
        ) from error
    except BoardMismatch as error:
        raise StartError.of(
            config.file, "[board] plc_t_req", str(error), "name a pin that this board has"
        ) from error
    except PortLost as error:
        raise StartError.of(
            config.file,
            "[board] plc_port",
            str(error),
            "connect the modem, or name the port where it is",
        ) from error
    opened.push_async_callback(board.close)
    modem = AmisModem(board.plc_port, board.plc_t_req, config.plc_modem)
    return Ports(plc_modem=modem, reopen=board.reopen)


async def _load(config: Config, daemon: Daemon) -> None:
    key = "[concentrator] data_directory"
    try:
        await daemon.load()
    except StoreBusy as error:
        raise StartError.of(
            config.file, key, str(error), "stop the other daemon or give this one its own directory"
        ) from error
    except StoreError as error:
        raise StartError.of(
            config.file, key, str(error), "give a directory that the daemon may write to"
        ) from error


async def _open_control(config: Config, control: ControlServer) -> None:
    key = "[concentrator] control_socket"
    try:
        config.concentrator.control_socket.parent.mkdir(parents=True, exist_ok=True)
        await control.open()
    except ControlSocketTaken as error:
        raise StartError.of(
            config.file, key, str(error), "stop the other daemon or give this one its own socket"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise StartError.of(
            config.file, key, f"cannot be made ({reason})", "give a path the daemon may write to"
        ) from error


def _timing(config: Config) -> LineTiming:
    return LineTiming(
        bit_rate_bps=config.plc.bit_rate_bps,
        packing=config.plc.packing,
        host_latency_s=config.plc.host_latency_s,
    )


def _access_settings(config: Config) -> AccessSettings:
    return AccessSettings(
        initiator=config.plc.initiator_mac,
        client_lsap=config.dlms.client_lsap,
        server_lsap=config.dlms.server_lsap,
        pdu_octets_max=config.dlms.pdu_octets_max,
        timing=_timing(config),
    )


def _passwords(config: Config, book: MeterBook) -> Callable[[NodeLink], list[Password | None]]:
    credentials = config.credentials
    every = list({*credentials.by_kind.values(), *credentials.by_meter.values()})

    def candidates(link: NodeLink) -> list[Password | None]:
        meter = book.meters.get(link.system_title)
        if meter is None:  # who it is can only be asked with the right one
            return [None, *every]
        config_id, firmware = meter.kind.key
        return [credentials.password_for(usn=meter.usn, config_id=config_id, firmware=firmware)]

    return candidates


def _plan_settings(config: Config) -> PlanSettings:
    collection = config.collection
    return PlanSettings(
        pdu_octets_max=config.dlms.pdu_octets_max,
        history_s=collection.history_days * DAY_S,
        row_age_max_s=collection.row_age_max_s,
        read_delay_s=collection.read_delay_s,
        events_period_s=collection.events_period_s,
        daily_check_period_s=collection.daily_check_period_s,
        retry_after_s=collection.retry_after_s,
        slave_late_s=collection.slave_late_s,
    )


def _line_settings(config: Config) -> LineSettings:
    return LineSettings(
        look_period_s=config.plc.discover_period_s,
        look_again_s=config.plc.discover_quick_period_s,
        broadcast_period_s=config.clock.broadcast_period_s,
        ping_lost_s=config.plc.node_silent_ping_s,
        lost_after_s=config.plc.node_lost_after_s,
    )


def _discovery(config: Config, segment: PlcSegment, book: MeterBook) -> Discovery:
    slots = SlotChoice(
        slots_min=config.plc.discover_slots_min, slots_max=config.plc.discover_slots_max
    )
    settings = DiscoverySettings(
        initiator=config.plc.initiator_mac,
        system_title=config.concentrator.system_title,
        timing=_timing(config),
    )
    return Discovery(segment, book, slots, settings)


async def _damaged_frames(modem: PlcModem) -> int:
    counts = await modem.read_statistics()
    return counts.get("chip_crc_nok", 0) + counts.get("chip_fi_nok", 0)
