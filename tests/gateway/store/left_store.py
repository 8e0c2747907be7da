"""A store as a box leaves it: two nodes, two meters and a slave, rows told and untold."""

import contextlib
import functools
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

from drivers.dlms.companion import Entity
from drivers.dlms.cosem_objects import ObjectList, ObjectListEntry
from drivers.dlms.obis import Obis
from gateway.head_end.outbox import Outbox
from gateway.meters.meter_kind import MeterKind
from gateway.store.database import schema_version
from gateway.store.intervals import Interval
from gateway.store.inventory import Kind, Meter, Node, NodeState
from gateway.store.journal import Journal
from gateway.store.meter_registry import MeterRegistry
from gateway.store.reading_buffer import ReadingBuffer
from gateway.store.store_reader import open_to_read
from gateway.store.stream import StreamDescription
from gateway.store.takeover_document import TakeoverContent
from gateway.store.takeover_export import Origin, leave
from tests.gateway.store.store_tools import (
    ENERGY,
    EXPORT,
    NOW_S,
    SETTINGS,
    open_database,
    row,
    run,
)

T = NOW_S - 1000
ORIGIN = Origin(made_at_s=NOW_S, made_by="test", settings={"concentrator": {"dc_id": "GG-000001"}})
KIND = MeterKind(
    config_id="C1",
    firmware_module="F1",
    objects=ObjectList(
        [
            ObjectListEntry(
                base_name=0x1000, class_id=7, version=0, logical_name=Obis.parse("1-0:99.1.0.255")
            )
        ]
    ),
    columns={0x1000: (ENERGY, EXPORT)},
)


class LeftStore:
    """A box at work; leave its context, and it is dead."""

    def __init__(
        self, registry: MeterRegistry, buffer: ReadingBuffer, journal: Journal, outbox: Outbox
    ) -> None:
        self.registry = registry
        self.buffer = buffer
        self.journal = journal
        self.outbox = outbox

    async def add(
        self,
        description: StreamDescription,
        times: Iterable[int],
        covered: Interval | None = None,
        values: Callable[[int], tuple[int, ...]] | None = None,
    ) -> int:
        """Store rows of a stream of width two, or one whose values are given."""
        stream_id = await self.buffer.open_stream(description)
        rows = [row(time, *(values(time) if values else (time, 0))) for time in times]
        self.buffer.add(stream_id, rows, covered)
        await self.buffer.flush()
        return stream_id

    async def push(self, *, commit: bool = True, rows_max: int = 1000) -> int:
        """Put what is new into a batch; return its number."""
        batch = await self.outbox.make_batch(rows_max)
        assert batch is not None
        if commit:
            await self.outbox.commit([batch.number])
        return batch.number

    async def inventory(self) -> None:
        """Write down who hangs on the line."""
        for number, state in ((1, NodeState.REGISTERED), (2, NodeState.LOST)):
            node = Node(
                system_title=b"NODE0%d" % number,
                mac=number,
                state=state,
                usn=f"LG{number}",
                first_seen_s=T,
                last_seen_s=NOW_S,
                registered_at_s=T,
                credit_need=number,
            )
            await self.registry.upsert_node(node)
            meter = Meter(
                usn=f"LG{number}",
                config_id="C1",
                firmware_module="F1",
                found_at_s=T,
                clock_deviation_s=-1.25,
                clock_contact_at_s=NOW_S - 60.5,
            )
            await self.registry.upsert_meter(meter)
        slave = Meter(usn="GAS1", parent_usn="LG1", channel=1, medium=7, found_at_s=T)
        await self.registry.upsert_meter(slave)
        await self.registry.remember_kind(
            Kind(config_id="C1", firmware="F1", object_list=KIND.to_json(), read_at_s=T)
        )


@contextlib.asynccontextmanager
async def open_left(path: Path, now_s: float = NOW_S) -> AsyncIterator[LeftStore]:
    async with open_database(path) as database:
        journal = Journal(database, lambda: now_s)
        registry = MeterRegistry(database, journal)
        await registry.load()
        buffer = ReadingBuffer(database, lambda: now_s, SETTINGS)
        await buffer.load()
        outbox = Outbox(database, "GG-000001", lambda: now_s)
        await outbox.load()
        yield LeftStore(registry, buffer, journal, outbox)


PERIODIC = StreamDescription(
    usn="LG1", entity=Entity.PERIODIC, capture_period_s=10, columns=(ENERGY, EXPORT)
)
SLAVE = StreamDescription(
    usn="GAS1",
    entity=Entity.SLAVE,
    capture_period_s=60,
    columns=(ENERGY, EXPORT),
    parent_usn="LG1",
)


def fill(path: Path) -> None:
    """Make a store with 20 rows told, ten sent and not committed, and ten that were not sent."""
    path.write_bytes(_filled())


@functools.cache
def _filled() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gridgate.db"
        run(_fill(path))
        return path.read_bytes()


async def _fill(path: Path) -> None:
    async with open_left(path) as box:
        await box.inventory()
        await box.add(PERIODIC, range(T, T + 100, 10), (T, T + 90))
        await box.add(SLAVE, range(T, T + 600, 60), (T, T + 540))
        await box.push()
        await box.add(PERIODIC, range(T + 100, T + 200, 10), (T + 91, T + 190))
        await box.push(commit=False)
        await box.add(PERIODIC, range(T + 200, T + 300, 10), (T + 191, T + 290))


def left_in(path: Path, origin: Origin = ORIGIN) -> TakeoverContent:
    with open_to_read(path, schema_version()) as connection:
        return leave(connection, origin)
