"""Push what is new, and again until the head-end's own message says that it has it [UPL-1]."""

import asyncio
import contextlib
import logging
from dataclasses import asdict, dataclass
from typing import Any, Final

from gateway.head_end.errors import LinkDown, LinkRefused, MalformedMessage
from gateway.head_end.link import HeadEndLink, PublishOutcome
from gateway.head_end.messages import ACK_OCTETS_MAX, AckMessage, from_octets
from gateway.head_end.outbox import Batch, Outbox
from gateway.head_end.settings import HeadEndSettings
from gateway.head_end.topics import Topics
from gateway.store.errors import StoreError

PUBACK_TIMEOUT_S: Final = 20.0
"""A broker that has not answered by then is asked again."""

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class PushCounters:
    """Since the start of the process.

    Attributes:
        batches_sent: first publications.
        batches_repeated: further publications of the same batches.
        acks_taken: acknowledgements that committed a batch.
        acks_left: acknowledgements of nothing that is open: repeated, old, or another's.
        acks_wrong: malformed ones, and those of other octets than were sent.
        last_ack_at_s: UTC of the last one that was taken; None before the first.
    """

    batches_sent: int = 0
    batches_repeated: int = 0
    acks_taken: int = 0
    acks_left: int = 0
    acks_wrong: int = 0
    last_ack_at_s: float | None = None


class _Delivery:
    """A batch on its way; stirred when it was committed or the connection went."""

    def __init__(self) -> None:
        self.committed = False
        self.stirred = asyncio.Event()


class Pusher:
    """Sees every stored row to the head-end.

    Args:
        outbox: of the store.
        link: to the broker; somebody else runs it.
        settings: rhythm and limits.
    """

    def __init__(
        self,
        outbox: Outbox,
        link: HeadEndLink,
        settings: HeadEndSettings,
    ) -> None:
        self._outbox = outbox
        self._link = link
        self._settings = settings
        self._topics = Topics(dc_id=outbox.dc_id)
        self._something_new = asyncio.Event()
        self._something_new.set()  # what an earlier process left
        self._free_places = asyncio.Semaphore(settings.in_flight_max)
        self._deliveries: dict[int, _Delivery] = {}
        self.counters = PushCounters()

    def wake(self) -> None:
        """Tell that readings or journal entries were stored; for on_commit of both."""
        self._something_new.set()

    async def progress(self) -> dict[str, Any]:
        """Return the link's state and the counts of rows and batches.

        Raises:
            StoreError: the store cannot be read.
        """
        return {
            **self._link.describe(),
            **asdict(self.counters),
            "rows_committed": self._outbox.watermarks.committed_rows,
            "rows_accepted": self._outbox.rows_accepted(),
            "rows_in_flight": sum(batch.rows for batch in self._outbox.open_batches()),
            "rows_not_sent": await self._outbox.rows_untold(),
            "batches_in_flight": len(self._deliveries),
            "last_batch_committed": self._outbox.watermarks.committed_batch,
        }

    async def run(self) -> None:
        """Push until cancelled.

        Raises:
            StoreError: the store refused; run again.
        """
        await self._outbox.load()
        self._free_places = asyncio.Semaphore(self._settings.in_flight_max)
        self._something_new.set()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._take_acks())
                group.create_task(self._watch_link())
                for batch in self._outbox.open_batches():
                    await self._start_delivery(group, batch)
                await self._make_batches(group)
        except BaseExceptionGroup as errors:
            store_errors, others = errors.split(StoreError)
            if store_errors is not None and others is None:
                raise _first_leaf(store_errors) from errors
            raise

    async def _make_batches(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._something_new.wait()
            await self._wait_for_company()
            self._something_new.clear()
            while True:
                await self._free_places.acquire()
                batch = await self._outbox.make_batch(self._settings.batch_rows_max)
                self._free_places.release()
                if batch is None:
                    break
                await self._start_delivery(group, batch)

    async def _wait_for_company(self) -> None:
        """Let a batch fill up, but not for longer than the push interval."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.push_interval_s):
                while await self._outbox.rows_untold() < self._settings.batch_rows_max:
                    self._something_new.clear()
                    await self._something_new.wait()

    async def _start_delivery(self, group: asyncio.TaskGroup, batch: Batch) -> None:
        await self._free_places.acquire()
        self._deliveries[batch.number] = _Delivery()
        group.create_task(self._deliver(batch), name=f"batch {batch.number}")

    async def _deliver(self, batch: Batch) -> None:
        """Send one batch until it is committed."""
        delivery = self._deliveries[batch.number]
        first = True
        try:
            while True:
                await self._link.wait_up()
                delivery.stirred.clear()
                if delivery.committed:
                    return
                self._count(batch, first=first)
                first = False
                with contextlib.suppress(LinkDown, TimeoutError):
                    await self._publish(batch)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.ack_timeout_s):
                        await delivery.stirred.wait()
        finally:
            del self._deliveries[batch.number]
            self._free_places.release()

    async def _watch_link(self) -> None:
        """Have everything open sent again when the connection was lost."""
        while True:
            connection = await self._link.wait_up()
            await self._link.wait_down(connection)
            for delivery in self._deliveries.values():
                delivery.stirred.set()

    def _count(self, batch: Batch, *, first: bool) -> None:
        if first:
            self.counters.batches_sent += 1
        else:
            self.counters.batches_repeated += 1
            _LOG.info("batch sent again", extra={"BATCH": batch.number, "ROWS": batch.rows})

    async def _publish(self, batch: Batch) -> None:
        try:
            async with asyncio.timeout(PUBACK_TIMEOUT_S):
                outcome = await self._link.publish(self._topics.batch, batch.payload)
        except LinkRefused as error:
            extra = {"BATCH": batch.number, "REASON": str(error)}
            _LOG.warning("broker refused a batch", extra=extra)
            return
        if outcome is PublishOutcome.ACCEPTED:
            self._outbox.accept(batch.number)
        else:
            _LOG.warning("no head-end listens at the broker", extra={"BATCH": batch.number})

    async def _take_acks(self) -> None:
        while True:
            payloads = await self._link.receive()
            numbers = [number for payload in payloads if (number := self._acked(payload))]
            if not numbers:
                continue
            await self._outbox.commit(numbers)
            self.counters.last_ack_at_s = self._outbox.clock_now()
            for number in numbers:
                self.counters.acks_taken += 1
                if (delivery := self._deliveries.get(number)) is not None:
                    delivery.committed = True
                    delivery.stirred.set()

    def _acked(self, payload: bytes) -> int | None:
        """Return the open batch that a message commits."""
        try:
            ack = from_octets(AckMessage, payload, ACK_OCTETS_MAX)
        except MalformedMessage as error:
            self.counters.acks_wrong += 1
            _LOG.warning("malformed acknowledgement", extra={"REASON": str(error)})
            return None
        batch = self._outbox.open_batch(ack.batch)
        sender = (self._outbox.dc_id, self._outbox.epoch)
        if (ack.dc_id, ack.epoch) != sender or batch is None:
            self.counters.acks_left += 1
            return None
        if ack.sha256.lower() != batch.sha256:
            self.counters.acks_wrong += 1
            _LOG.warning("acknowledgement of other octets", extra={"BATCH": ack.batch})
            return None
        return ack.batch


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    first = group.exceptions[0]
    return _first_leaf(first) if isinstance(first, BaseExceptionGroup) else first
