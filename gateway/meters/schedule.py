"""Name what the line should do next: whatever has been due the longest."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from gateway.meters.meter_state import MeterState
from gateway.meters.node_link import NodeLink
from gateway.meters.stream_plan import PlanSettings, StreamState, due_at_s, fills_answer
from gateway.store.intervals import IntervalSet


class Task(StrEnum):
    """What a turn of the line is used for."""

    LOOK_FOR_METERS = "look for meters"
    BROADCAST_TIME = "broadcast time"
    IDENTIFY = "identify"
    SET_CLOCK = "set clock"
    PING = "ping"
    COLLECT = "collect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One use of the line.

    Attributes:
        due_at_s: UTC second from which it waits for its turn.
        link: the node concerned; None when all are.
        meter: the meter behind it, once it is identified.
        stream: what is collected.
        fills_answer: worth a whole answer; False for a row or two that only their age makes due.
    """

    task: Task
    due_at_s: float
    link: NodeLink | None = None
    meter: MeterState | None = None
    stream: StreamState | None = None
    fills_answer: bool = True


class Schedule:
    """Looks at everything that could be done, and picks.

    One queue for all: whoever waits longest goes first, so a long history of one meter neither
    starves the others nor keeps the time from being broadcast. While the line is short, what
    fills an answer goes before what does not: a request for two rows costs almost as much
    airtime as one for ten [PLC-7].

    Attributes:
        look_at_s: UTC second of the next look for new meters.
        broadcast_at_s: UTC second of the next broadcast of the time.
    """

    def __init__(
        self, settings: PlanSettings, ping_after_s: float, now_s: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._ping_after_s = ping_after_s
        self._now_s = now_s
        self.look_at_s = now_s()
        self.broadcast_at_s = now_s()

    def next_turn(
        self,
        links: Iterable[NodeLink],
        meters: dict[bytes, MeterState],
        coverage: Callable[[int], IntervalSet],
    ) -> Turn:
        """Return the turn that is due first; its time may lie in the future."""
        now_s = self._now_s()
        best = Turn(task=Task.LOOK_FOR_METERS, due_at_s=self.look_at_s)
        if meters:
            turn = Turn(task=Task.BROADCAST_TIME, due_at_s=self.broadcast_at_s)
            best = _first(best, turn, now_s)
        for link in links:
            for turn in self._of_node(link, meters.get(link.system_title), coverage, now_s):
                best = _first(best, turn, now_s)
        return best

    def _of_node(
        self,
        link: NodeLink,
        meter: MeterState | None,
        coverage: Callable[[int], IntervalSet],
        now_s: float,
    ) -> Iterator[Turn]:
        if link.is_lost:
            yield Turn(task=Task.PING, due_at_s=link.ping_at_s, link=link)
            return
        if meter is None:
            due_s = max(link.told_at_s, link.retry_at_s)
            yield Turn(task=Task.IDENTIFY, due_at_s=due_s, link=link)
            return
        identify_s = max(meter.identify_at_s, link.retry_at_s)
        yield Turn(task=Task.IDENTIFY, due_at_s=identify_s, link=link, meter=meter)
        if meter.clock_to_set_at_s is not None:
            due_s = max(meter.clock_to_set_at_s, link.retry_at_s)
            yield Turn(task=Task.SET_CLOCK, due_at_s=due_s, link=link, meter=meter)
        # Streams that wait for their meter are due at the same time: none may keep the others out.
        for stream in sorted(meter.streams, key=_failed_at_s):
            due_s = due_at_s(
                stream, coverage(stream.stream_id), self._settings, meter.deviation_s or 0.0
            )
            yield Turn(
                task=Task.COLLECT,
                due_at_s=max(due_s, link.retry_at_s, stream.retry_at_s),
                link=link,
                meter=meter,
                stream=stream,
                fills_answer=fills_answer(stream, meter.present_s(now_s), self._settings),
            )
        ping_s = max(link.heard_at_s + self._ping_after_s, link.retry_at_s)
        yield Turn(task=Task.PING, due_at_s=ping_s, link=link, meter=meter)


def _failed_at_s(stream: StreamState) -> float:
    return stream.failed_at_s


def _first(one: Turn, other: Turn, now_s: float) -> Turn:
    """Return which of two turns comes first."""
    if max(one.due_at_s, other.due_at_s) <= now_s and one.fills_answer != other.fills_answer:
        return one if one.fills_answer else other
    return one if one.due_at_s <= other.due_at_s else other
