"""Build every part of the daemon from its configuration and what it is given.

Whatever virtual time replaces is an argument of `build`; gateway.process gives it the real thing.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from drivers.dlms.password import Password
from drivers.plc.airtime import LineTiming
from drivers.plc.slot_choice import SlotChoice
from gateway.ad_hoc_read import AdHocReader
from gateway.control_answers import ControlAnswers, LineView
from gateway.core.clock import Clock, ClockTrust
from gateway.core.config import Config, load_config
from gateway.core.daemon import Floor, run_floors
from gateway.core.errors import RequestRefused
from gateway.core.supervise import RestartPolicy, supervise
from gateway.head_end.errors import LinkDown
from gateway.head_end.link import HeadEndLink, LinkState, PublishOutcome
from gateway.head_end.outbox import Outbox
from gateway.head_end.pusher import Pusher
from gateway.line_history import LineHistory
from gateway.meters.airtime_price import AirtimePrice
from gateway.meters.collector import Collector
from gateway.meters.discovery import Discovery, DiscoverySettings
from gateway.meters.identification import identify, read_usn
from gateway.meters.line_master import LineMaster, LineSettings
from gateway.meters.line_work import LineWork, Questions
from gateway.meters.meter_access import AccessSettings, MeterAccess
from gateway.meters.meter_book import MeterBook
from gateway.meters.missing_watch import MissingWatch, WatchSettings
from gateway.meters.network_rhythm import NetworkRhythm, RhythmSettings
from gateway.meters.node_link import NodeLink
from gateway.meters.plc_segment import PlcSegment
from gateway.meters.schedule import Schedule, ScheduleSettings
from gateway.meters.statistics_keeper import StatisticsKeeper
from gateway.meters.stream_plan import PlanSettings
from gateway.meters.timekeeper import Timekeeper
from gateway.statistics_answers import StatisticsAnswers
from gateway.store.database import STORE_NAME, Database
from gateway.store.errors import StoreError
from gateway.store.housekeeping import keep_house
from gateway.store.journal import Journal
from gateway.store.meter_registry import MeterRegistry
from gateway.store.reading_buffer import ReadingBuffer
from hal.board import Board
from hal.errors import HalError, PortLost
from hal.plc_modem.modem import AmisModem
from hal.ports import PlcModem

__all__ = [
    "Clock",
    "ClockTrust",
    "Config",
    "Daemon",
    "HeadEndLink",
    "LinkDown",
    "LinkState",
    "Ports",
    "PublishOutcome",
    "RequestRefused",
    "build",
    "load_config",
    "ports_on",
]
"""What a bench needs that builds the daemon in its own process."""

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


def ports_on(board: Board, config: Config) -> Ports:
    """Return the ports that a board offers."""
    modem = AmisModem(board.plc_port, board.plc_t_req, config.plc_modem)
    return Ports(plc_modem=modem, reopen=board.reopen)


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
    keeper = StatisticsKeeper(
        database=database,
        registry=registry,
        read_modem=modem.read_statistics,
        time=time,
        now_s=now_s,
    )
    segment = PlcSegment(modem, time, keeper.statistics)
    access = MeterAccess(
        segment, _access_settings(config), _passwords(config, book), keeper.statistics, time, now_s
    )
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
    price = AirtimePrice(timing=timing)
    schedule = Schedule(_schedule_settings(config, plan), price, buffer.coverage)
    rhythm = NetworkRhythm(_rhythm_settings(config), price, now_s())
    work = LineWork(
        access=access,
        questions=Questions(identify=identify, who=read_usn),
        discovery=_discovery(config, segment, book, now_s),
        collector=Collector(access, buffer, timekeeper, clock, plan, journal),
        timekeeper=timekeeper,
        book=book,
        rhythm=rhythm,
        sizes=schedule,
        clock=clock,
        damaged_frames=keeper.damaged_frames,
        forgets_after_s=config.plc.node_forgets_after_s,
    )
    line = LineMaster(
        work=work,
        book=book,
        schedule=schedule,
        rhythm=rhythm,
        clock=clock,
        alarms_heard=lambda: modem.counters().get("alarms_heard", 0),
        settings=LineSettings(lost_after_s=config.plc.node_lost_after_s, poll_s=price.ping_s()),
    )
    missing = MissingWatch(book, journal, now_s, _watch_settings(config))
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
        line=LineView(
            doing=lambda: "idle" if line.doing is None else line.doing.value,
            busy_s=lambda: segment.busy_s,
        ),
        pushing=pusher,
        clock=clock,
        modem_counters=modem.counters,
        ad_hoc=AdHocReader(access, lambda: book.meters, time),
        statistics=StatisticsAnswers(LineHistory(database, keeper.unwritten), registry, now_s),
    )

    async def resume() -> None:
        book.resume()

    return Daemon(
        database=database,
        loads=[registry.load, buffer.load, resume, keeper.load],
        floors=[
            [
                lambda: supervise("buffer", buffer.run, _STORE_COMES_BACK),
                lambda: supervise(
                    "housekeeping", lambda: keep_house(database, now_s), _STORE_COMES_BACK
                ),
                lambda: supervise("statistics", keeper.run, _STORE_COMES_BACK),
            ],
            [link.run, lambda: supervise("pusher", pusher.run, _STORE_COMES_BACK)],
            [
                lambda: supervise("modem", lambda: _keep_modem(ports), _MODEM_COMES_BACK),
                lambda: supervise("line", line.run, _STORE_COMES_BACK),
                lambda: supervise("missing", missing.run, _STORE_COMES_BACK),
            ],
        ],
        answers=answers,
        is_healthy=line.is_alive,
    )


async def _keep_modem(ports: Ports) -> None:
    try:
        await ports.plc_modem.run()
    except PortLost:
        await ports.reopen()
        raise  # the supervisor says so, and starts the modem on the new port


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
        retry_after_s=collection.retry_after_s,
        slave_late_s=collection.slave_late_s,
    )


def _watch_settings(config: Config) -> WatchSettings:
    return WatchSettings(
        row_age_max_s=config.collection.row_age_max_s,
        events_period_s=config.collection.events_period_s,
    )


def _schedule_settings(config: Config, plan: PlanSettings) -> ScheduleSettings:
    return ScheduleSettings(plan=plan, address_within_s=config.plc.node_silent_ping_s)


def _rhythm_settings(config: Config) -> RhythmSettings:
    return RhythmSettings(
        look_period_s=config.plc.discover_period_s,
        look_again_s=config.plc.discover_quick_period_s,
        broadcast_period_s=config.clock.broadcast_period_s,
        repeater_call_period_s=config.plc.repeater_call_period_s,
    )


def _discovery(
    config: Config, segment: PlcSegment, book: MeterBook, now_s: Callable[[], float]
) -> Discovery:
    slots = SlotChoice(
        slots_min=config.plc.discover_slots_min, slots_max=config.plc.discover_slots_max
    )
    settings = DiscoverySettings(
        initiator=config.plc.initiator_mac,
        system_title=config.concentrator.system_title,
        timing=_timing(config),
        repeater_threshold_dbuv=config.plc.repeater_threshold_dbuv,
    )
    return Discovery(segment, book, slots, settings, now_s)
