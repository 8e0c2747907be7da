"""Answer the questions that come over the control socket [REQ-1, the local half]."""

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from drivers.dlms.units import unit_name
from gateway.core.clock import Clock
from gateway.core.errors import RequestRefused
from gateway.meters.node_link import NodeLink
from gateway.statistics_answers import StatisticsAnswers
from gateway.store.database import Database
from gateway.store.errors import StoreError
from gateway.store.inventory import Meter, Node, NodeState
from gateway.store.meter_registry import MeterRegistry
from gateway.store.reading_buffer import ReadingBuffer
from gateway.store.row_queries import Gap, ReadingFilter, find_gaps, newest_readings
from gateway.store.stream_counts import StreamCounts, count_by_stream

if TYPE_CHECKING:
    from gateway.ad_hoc_read import AdHocReader

READINGS_MAX: Final = 10_000

Answer = dict[str, Any]


class Pushing(Protocol):
    """What is asked of the head-end's side."""

    async def progress(self) -> Mapping[str, Any]:
        """Return counts of batches and rows, and when the last was committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """What is asked of the line: for what it is used now, and for how long it was."""

    doing: Callable[[], str]
    busy_s: Callable[[], float]


class ControlAnswers:
    """Looks into the parts of the daemon; changes nothing."""

    def __init__(
        self,
        *,
        identity: Mapping[str, Any],
        database: Database,
        registry: MeterRegistry,
        buffer: ReadingBuffer,
        link_of: Callable[[bytes], NodeLink | None],
        line: LineView,
        pushing: Pushing,
        clock: Clock,
        modem_counters: Callable[[], Mapping[str, int]],
        statistics: StatisticsAnswers,
        ad_hoc: "AdHocReader",
    ) -> None:
        self._identity = dict(identity)
        self._database = database
        self._registry = registry
        self._buffer = buffer
        self._link_of = link_of
        self._line = line
        self._pushing = pushing
        self._clock = clock
        self._modem_counters = modem_counters
        self._statistics = statistics
        self._answers: dict[str, Callable[[Answer], Awaitable[Answer]]] = {
            "status": self._status,
            "meters": self._meters,
            "readings": self._readings,
            "lost": self._lost,
            "statistics": statistics.statistics,
            "availability": statistics.availability,
            "read": ad_hoc.answer,
        }

    async def ask(self, request: Answer) -> Answer:
        """Answer one request.

        Raises:
            RequestRefused: no such question, or a part of it is wrong.
            StoreError: the store cannot be read.
        """
        answer = self._answers.get(str(request.get("ask")))
        if answer is None:
            known = ", ".join(self._answers)
            raise RequestRefused(f"no such question: {request.get('ask')!r}; ask {known}")
        return await answer(request)

    async def _status(self, request: Answer) -> Answer:
        del request
        states = Counter(node.state.value for node in self._registry.nodes.values())
        masters = [m for m in self._registry.meters.values() if m.parent_usn is None]
        pushing = dict(await self._pushing.progress())
        return {
            **self._identity,
            "healthy": bool(pushing.get("connected")) and self._clock.is_trusted(),
            "now_at_s": int(self._clock.now_s()),
            "clock": {"quality": self._clock.quality().value},
            "line": {
                "doing": self._line.doing(),
                "busy_s": round(self._line.busy_s(), 1),
                "registered": states[NodeState.REGISTERED.value],
                "new": states[NodeState.NEW.value],
                "lost": states[NodeState.LOST.value],
                "meters": len(masters),
                "slaves": len(self._registry.meters) - len(masters),
            },
            "channel": await self._channel(),
            "modem": dict(self._modem_counters()),
            "store": {
                "epoch": self._database.epoch,
                "rows": sum(stream.rows_stored for stream in self._buffer.streams()),
                "rows_waiting": self._buffer.rows_waiting(),
            },
            "head_end": pushing,
        }

    async def _channel(self) -> Answer:
        with suppress(
            StoreError
        ):  # how the daemon is doing is asked most when the disk is not well
            return await self._statistics.channel_in_brief()
        return {}

    async def _meters(self, request: Answer) -> Answer:
        del request
        gaps = await self._gaps()
        missing: Counter[str] = Counter()
        for gap in gaps:
            missing[gap.usn] += gap.rows
        counts: defaultdict[str, list[StreamCounts]] = defaultdict(list)
        for stream in await count_by_stream(self._database):
            counts[stream.usn].append(stream)
        nodes = {node.usn: node for node in self._registry.nodes.values() if node.usn is not None}
        meters = []
        for meter in _masters_with_slaves(self._registry):
            streams = counts[meter.usn]
            node = nodes.get(meter.parent_usn or meter.usn)
            link = None if node is None else self._link_of(node.system_title)
            meters.append(
                {
                    "usn": meter.usn,
                    "parent_usn": meter.parent_usn,
                    **_node_part(node, link),
                    "rows": sum(stream.rows_stored for stream in streams),
                    "committed": sum(stream.rows_committed for stream in streams),
                    "missing": missing[meter.usn],
                    "msn_meter": meter.msn_meter,
                    "msn_module": meter.msn_module,
                    "firmware_meter": meter.firmware_meter,
                    "firmware_module": meter.firmware_module,
                    "config_id": meter.config_id,
                    "param_id": meter.param_id,
                    "clock_deviation_s": meter.clock_deviation_s,
                }
            )
        nameless = [node for node in self._registry.nodes.values() if node.usn is None]
        for node in nameless:
            link = self._link_of(node.system_title)
            meters.append({"usn": None, "parent_usn": None, **_node_part(node, link)})
        return {"meters": meters}

    async def _readings(self, request: Answer) -> Answer:
        last = request.get("last", 20)
        if not isinstance(last, int) or isinstance(last, bool) or not 1 <= last <= READINGS_MAX:
            raise RequestRefused(f"last is {last!r}; give a number from 1 to {READINGS_MAX}")
        wanted = ReadingFilter(
            usn=_text(request, "meter"), entity=_text(request, "stream"), last=last
        )
        found = await newest_readings(self._database, wanted)
        return {
            "readings": [
                {
                    "usn": row.usn,
                    "stream": row.entity,
                    "seq": row.seq,
                    "captured_at_s": row.captured_at_s,
                    "occurrence": row.occurrence,
                    "status": row.status,
                    "mark": row.mark,
                    "received_at_s": row.received_at_s,
                    "values": list(row.values),
                    "columns": [
                        {"obis": c.obis, "unit": unit_name(c.unit), "scaler": c.scaler}
                        for c in row.columns
                    ],
                }
                for row in found
            ]
        }

    async def _lost(self, request: Answer) -> Answer:
        del request
        lost: list[Answer] = [
            {
                "what": "node",
                "usn": node.usn,
                "stream": None,
                "from_s": node.last_seen_s,
                "to_s": None,
                "reason": "the node does not answer",
            }
            for node in self._registry.nodes.values()
            if node.state is NodeState.LOST
        ]
        lost += [
            {
                "what": "gap",
                "usn": gap.usn,
                "stream": gap.entity,
                "from_s": gap.from_s,
                "to_s": gap.to_s,
                "rows": gap.rows,
                "reason": "the meter holds no row for these times",
            }
            for gap in await self._gaps()
        ]
        return {"lost": lost}

    async def _gaps(self) -> list[Gap]:
        with suppress(StoreError):  # a store that is full can still be asked
            await self._buffer.flush()
        return await find_gaps(self._database)


def _text(request: Answer, key: str) -> str | None:
    value = request.get(key)
    if value is not None and not isinstance(value, str):
        raise RequestRefused(f"{key} is {value!r}; give a text")
    return value


def _masters_with_slaves(registry: MeterRegistry) -> list[Meter]:
    def place(meter: Meter) -> tuple[str, bool, int]:
        return meter.parent_usn or meter.usn, meter.parent_usn is not None, meter.channel or 0

    return sorted(registry.meters.values(), key=place)


def _node_part(node: Node | None, link: NodeLink | None) -> Answer:
    return {
        "state": None if node is None else node.state.value,
        "mac": None if node is None else node.mac,
        "credit": None if link is None else link.credit.credit,
        "last_seen_at_s": _last_seen_s(node, link),
        "silent_since_at_s": None if link is None else link.silent_since_s,
    }


def _last_seen_s(node: Node | None, link: NodeLink | None) -> int | None:
    if link is not None and link.heard_at_s:
        return int(link.heard_at_s)
    return None if node is None else node.last_seen_s
