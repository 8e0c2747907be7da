"""One emulated meter and a real store, without a line between them; time is a number."""

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from drivers.dlms.association import AssociationRequest
from drivers.dlms.axdr import Data
from drivers.dlms.conversations import Conversation, associate
from drivers.dlms.date_time import CosemDateTime
from drivers.dlms.service_error import AccessRefused, DataAccessError
from gateway.core.clock import Clock, ClockTrust
from gateway.meters.collector import Collector
from gateway.meters.company import NAMES_MAX, Amount
from gateway.meters.identification import Identity, identify
from gateway.meters.meter_access import Answered, MeterAccess
from gateway.meters.meter_book import MeterBook
from gateway.meters.meter_state import MeterState
from gateway.meters.node_link import NodeLink
from gateway.meters.plc_segment import Priority
from gateway.meters.stream_plan import PlanSettings, StreamState
from gateway.store.database import Database
from gateway.store.journal import Journal
from gateway.store.meter_registry import MeterRegistry
from gateway.store.reading_buffer import ReadingBuffer
from gateway.store.settings import StorageSettings
from hil.meter.module import MeterModule, MeterSettings
from hil.meter.moment import Moment
from hil.meter_server import server_for
from hil.population import bring_to_life, plan_population
from hil.virtual_loop import InlineExecutor
from tests.gateway.meters.virtual_rig import START_S

Result = TypeVar("Result")
CLIENT_LSAP = 16
DAY_S = 86_400
PLAN = PlanSettings(
    pdu_octets_max=239,
    history_s=40.0 * DAY_S,
    row_age_max_s=21_600.0,
    read_delay_s=30.0,
    events_period_s=3600.0,
    retry_after_s=900.0,
    slave_late_s=90_000.0,
)


class LabMeter:
    """An emulated meter that is asked directly.

    Attributes:
        now_s: true time.
        change: what becomes of its answers.
        answers: what it gives for a short name, in place of what it has.
        asked: every request.
    """

    def __init__(self, number: int = 1, settings: MeterSettings | None = None) -> None:
        self.now_s = START_S
        plan = plan_population(6, 1)[number]
        self.module: MeterModule = bring_to_life(
            plan, settings or MeterSettings(), self.now_s, observer=None
        )
        self.moment = Moment()
        self.server = server_for(self.module, self.moment)
        self.change: Callable[[bytes, bytes], bytes] = lambda _, answer: answer
        self.asked: list[bytes] = []
        self.answers: dict[int, Data | DataAccessError] = {}
        names = self.server._names
        rightly = names.read

        def read(name: int, selector: int | None, parameter: Data | None) -> Data:
            answer = self.answers.get(name)
            if isinstance(answer, DataAccessError):
                raise AccessRefused(answer)
            return rightly(name, selector, parameter) if answer is None else answer

        names.read = read  # type: ignore[method-assign]  # the meter with one thing wrong

    def hold(
        self, conversation: Conversation[Result], answer_octets_max: int | None = None
    ) -> Result:
        """Run a conversation to its end; nobody would wait for an answer longer than was said."""
        apdu = next(conversation)
        while True:
            answer = self._answer(apdu)
            assert answer_octets_max is None or len(answer) <= answer_octets_max
            try:
                apdu = conversation.send(answer)
            except StopIteration as ended:
                return cast("Result", ended.value)

    def associate(self) -> None:
        self.hold(associate(AssociationRequest(password=None, pdu_octets_max=239)))

    def pass_s(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds
        self.module.run_due(self.now_s)

    def _answer(self, apdu: bytes) -> bytes:
        self.asked.append(apdu)
        self.moment.true_s = self.now_s
        self.module.run_due(self.now_s)
        answer = self.server.receive(apdu, CLIENT_LSAP)
        assert answer is not None
        return self.change(apdu, answer)


class DirectAccess:
    """Asks the meter without a line; in the place of MeterAccess."""

    def __init__(self, meter: LabMeter) -> None:
        self._meter = meter

    async def converse(
        self,
        link: NodeLink,
        conversation: Callable[[], Conversation[Result]],
        priority: Priority,
        answer_octets_max: int | None = None,
    ) -> Answered[Result]:
        del link, priority
        result = self._meter.hold(conversation(), answer_octets_max)
        return Answered(result=result, stamped_at_s=0.0, uncertainty_s=0.0)


class PlainSampler:
    """Takes the meter's time as it is; in the place of Timekeeper."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def sample(
        self, meter: MeterState, shown: CosemDateTime, answered: Answered[Any]
    ) -> float | None:
        del answered
        shown_s = shown.utc_s()
        if shown_s is not None:
            meter.deviation_s = shown_s - self._clock.now_s()
        return shown_s if shown_s is None else meter.deviation_s


class Lab:
    """The daemon's parts around one meter."""

    def __init__(self, database: Database, meter: LabMeter) -> None:
        self.meter = meter
        self.database = database
        self.clock = Clock(ClockTrust.SYSTEM, wall=lambda: meter.now_s, monotonic=lambda: 0.0)
        self.journal = Journal(database, self.clock.now_s)
        self.registry = MeterRegistry(database, self.journal)
        self.buffer = ReadingBuffer(database, self.clock.now_s, StorageSettings())
        self.book = MeterBook(self.registry, self.buffer, self.journal, self.clock)
        self.access = cast("MeterAccess", DirectAccess(meter))
        self.collector = Collector(
            self.access,
            self.buffer,
            PlainSampler(self.clock),
            self.clock,
            PLAN,
            self.journal,
        )

    async def load(self) -> None:
        await self.registry.load()
        await self.buffer.load()
        self.book.resume()

    async def identify(self, title: bytes = b"LGZ001") -> MeterState:
        link = self.book.link_of(title) or await self.book.give_address(title)
        await self.book.registered(link)
        return await self.book.identified(link, self.identity())

    def identity(self, **changed: Any) -> Identity:
        self.meter.associate()
        return dataclasses.replace(self.meter.hold(identify(self.book.known_kind)), **changed)

    async def ask(self, meter: MeterState, stream: StreamState) -> None:
        """Ask one question for as many rows as an answer carries."""
        amount = Amount(rows=stream.rows_per_answer(PLAN), values=NAMES_MAX)
        await self.collector.collect(meter, stream, amount)

    async def collect(self, meter: MeterState, stream: StreamState, times: int = 100) -> None:
        """Ask until nothing more is to be had at once."""
        for _ in range(times):
            await self.ask(meter, stream)
            if stream.period_s == 0 or not stream.progressing:
                break
        await self.buffer.flush()

    async def rows(self, stream: StreamState) -> list[tuple[int, int]]:
        """Return captured_at and occurrence of a stream's stored rows."""
        return await self.database.run(
            lambda file: file.conn.execute(
                "SELECT captured_at_s, occurrence FROM reading WHERE stream_id = ? ORDER BY seq",
                [stream.stream_id],
            ).fetchall()
        )


@asynccontextmanager
async def open_lab(folder: Path, meter: LabMeter | None = None) -> AsyncIterator[Lab]:
    database = Database(folder / "lab.db", InlineExecutor(), StorageSettings())
    async with database:
        assert database._file is not None
        database._file.conn.execute("PRAGMA synchronous = OFF")  # nobody takes the mains
        lab = Lab(database, meter or LabMeter())
        await lab.load()
        yield lab


def stream_of(meter: MeterState, entity: str) -> StreamState:
    (found,) = [stream for stream in meter.streams if stream.entity == entity]
    return found
