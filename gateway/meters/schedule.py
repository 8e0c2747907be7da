"""Say which turns a node, or the network as a whole, could make use of, and what they are worth.

The unit of worth is a periodic row that is fetched when it is due. Rows of bills are worth more,
and so is whatever makes many rows possible: a meter that is found, known, or heard again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from drivers.dlms.companion import Entity
from drivers.plc.mac_frame import CREDIT_MAX
from gateway.meters.airtime_price import AirtimePrice, rows_octets
from gateway.meters.company import ENTRY_QUESTION_OCTETS, RANGE_QUESTION_OCTETS, Thrift
from gateway.meters.meter_state import MeterState
from gateway.meters.node_link import NodeLink
from gateway.meters.stream_plan import PlanSettings, StreamState, due_at_s
from gateway.meters.turn import Task, Turn
from gateway.store.intervals import IntervalSet

ROW_WORTH: Final = {Entity.DAILY: 4.0, Entity.MONTHLY: 4.0}
"""Bills are made of these; any other row is worth 1."""

METER_WORTH: Final = 48.0
"""A meter found, known or kept: two days of its rows."""

CLOCK_WORTH: Final = 12.0
"""A clock kept right: half a day of rows that mean what they say."""

EVENTS_WORTH: Final = 2.0
"""An event log that is looked at in its turn; one that is said to have something, four times it."""

POLL_WORTH: Final = 0.5
"""A silent node that may be back: each time it is asked and does not answer, half as much, down
to this share of a row's worth for all that waits there."""

SHAKY_ROWS_MAX: Final = 3
"""A node that vanishes now and then is read before more rows than this wait."""

EVENTS_QUESTION_OCTETS: Final = 113
"""The APDU that asks for the clock and two logs."""

IDENTIFY_PRICE_FACTOR: Final = 4.0  # in exchanges of the longest answer


class Coverage(Protocol):
    """What was read completely, by stream."""

    def __call__(self, stream_id: int) -> IntervalSet:
        """Return the captured_at times of a stream that were read completely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSettings:
    """The rhythm of what concerns nodes.

    Attributes:
        plan: how eager collection is.
        address_within_s: a node not heard for so long is pinged, so that it keeps its address.
    """

    plan: PlanSettings
    address_within_s: float


class Schedule:
    """Makes the turns of one node."""

    def __init__(self, settings: ScheduleSettings, price: AirtimePrice, coverage: Coverage) -> None:
        self._settings = settings
        self._price = price
        self._coverage = coverage

    def turns_of(self, link: NodeLink, meter: MeterState | None, now_s: float) -> Iterator[Turn]:
        """Yield what a node could make use of, now or later; at least one turn.

        Args:
            link: the way to the node.
            meter: the meter behind it; None while nobody knows, or may believe, who it is.
            now_s: UTC.
        """
        if link.silent_since_s is not None:
            yield self._poll(link, meter, now_s)
            return
        if meter is None:
            due_s = max(link.told_at_s, link.retry_at_s)
            price_s = self._identify_price_s(link)
            yield Turn(
                task=Task.IDENTIFY, due_at_s=due_s, link=link, worth=METER_WORTH, price_s=price_s
            )
            return
        yield from self._housekeeping(link, meter)
        # Streams that wait for their meter are due at the same time: none may keep the others out.
        for stream in sorted(meter.streams, key=_failed_at_s):
            yield self._collect(link, meter, stream, now_s)

    def company(self, link: NodeLink, stream: StreamState) -> int:
        """Return how many rows of a stream one question should ask a node for."""
        rows_max = stream.rows_per_answer(self._settings.plan)
        return self._thrift(link).rows(rows_max, stream.row_octets)

    def names(self, link: NodeLink) -> int:
        """Return how many values one question should ask a node for."""
        return self._thrift(link).names()

    def _thrift(self, link: NodeLink) -> Thrift:
        return Thrift(self._price, link.frames, link.credit.credit)

    def _housekeeping(self, link: NodeLink, meter: MeterState) -> Iterator[Turn]:
        identify_s = max(meter.identify_at_s, link.retry_at_s)
        yield Turn(
            task=Task.IDENTIFY,
            due_at_s=identify_s,
            link=link,
            meter=meter,
            worth=CLOCK_WORTH,
            price_s=self._identify_price_s(link),
        )
        if meter.clock_to_set_at_s is not None:
            due_s = max(meter.clock_to_set_at_s, link.retry_at_s)
            price_s = 3 * self._price.ping_s(link.credit.credit)
            yield Turn(
                task=Task.SET_CLOCK,
                due_at_s=due_s,
                link=link,
                meter=meter,
                worth=CLOCK_WORTH,
                price_s=price_s,
            )
        ping_s = max(link.heard_at_s + self._settings.address_within_s, link.retry_at_s)
        yield Turn(
            task=Task.PING,
            due_at_s=ping_s,
            link=link,
            meter=meter,
            worth=METER_WORTH,
            price_s=self._price.ping_s(link.credit.credit),
        )

    def _collect(
        self, link: NodeLink, meter: MeterState, stream: StreamState, now_s: float
    ) -> Turn:
        plan = self._settings.plan
        asked_for = self.company(link, stream)
        company = min(asked_for, SHAKY_ROWS_MAX) if link.is_shaky(now_s) else asked_for
        due_s = due_at_s(
            stream,
            self._coverage(stream.stream_id),
            plan,
            deviation_s=meter.deviation_s or 0.0,
            company=company,
        )
        worth, price_s = self._worth_and_price(link, meter, stream, now_s, asked_for)
        return Turn(
            task=Task.COLLECT,
            due_at_s=max(due_s, link.retry_at_s, stream.retry_at_s),
            link=link,
            meter=meter,
            stream=stream,
            worth=worth,
            price_s=price_s,
        )

    def _worth_and_price(
        self, link: NodeLink, meter: MeterState, stream: StreamState, now_s: float, rows_max: int
    ) -> tuple[float, float]:
        credit = link.credit.credit
        if not stream.period_s:
            worth = EVENTS_WORTH * (4.0 if stream.hurried else 1.0)
            answer = rows_octets(2, stream.row_octets)
            return worth, self._price.exchange_s(EVENTS_QUESTION_OCTETS, answer, credit)
        waiting = stream.rows_waiting(meter.present_s(now_s), self._settings.plan)
        rows = max(1, min(waiting, rows_max)) if stream.newest_s is not None else rows_max
        by_place = stream.place_of_newest is not None
        question = ENTRY_QUESTION_OCTETS if by_place else RANGE_QUESTION_OCTETS
        answer = rows_octets(rows, stream.row_octets)
        price_s = self._price.exchange_s(question, answer, credit)
        chance = link.frames.chance(self._price.subframes(question), self._price.subframes(answer))
        worth = rows * ROW_WORTH.get(stream.entity, 1.0) * chance
        return worth * (2.0 if link.is_shaky(now_s) else 1.0), price_s

    def _poll(self, link: NodeLink, meter: MeterState | None, now_s: float) -> Turn:
        rows = METER_WORTH if meter is None else 1.0
        if meter is not None:
            present_s = meter.present_s(now_s)
            rows += sum(
                stream.rows_waiting(present_s, self._settings.plan) for stream in meter.streams
            )
        share = max(0.01, POLL_WORTH ** min(link.failures_in_a_row, 10))
        return Turn(
            task=Task.POLL,
            due_at_s=link.retry_at_s,
            link=link,
            meter=meter,
            worth=min(rows, METER_WORTH) * share,
            price_s=self._price.ping_s(CREDIT_MAX),
        )

    def _identify_price_s(self, link: NodeLink) -> float:
        longest = self._settings.plan.pdu_octets_max
        once_s = self._price.exchange_s(RANGE_QUESTION_OCTETS, longest, link.credit.credit)
        return IDENTIFY_PRICE_FACTOR * once_s


def _failed_at_s(stream: StreamState) -> float:
    return stream.failed_at_s
