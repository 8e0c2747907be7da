"""What the head-end does with a message: check, store, commit, and only then acknowledge."""

import asyncio
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Final, TypeVar

from hil.head_end.faults import Fault, FaultKind, parse_fault
from hil.head_end.json_fields import MalformedDocument, parse_object
from hil.head_end.mqtt import Arrival, MqttSubscriber
from hil.head_end.reader import Batch, ack_octets, read_batch
from hil.head_end.store import HeadEndStore, Taken

log = logging.getLogger("hil.head_end")

T = TypeVar("T")

TOPIC_ROOT: Final = "gridgate/v1"
EXIT_DIED: Final = 70
STATUS_OCTETS_MAX: Final = 65_536
PUBACK_WITHIN_S: Final = 0.3
"""The broker has acknowledged a message to its sender by then; it hardly takes a millisecond."""

_COUNTERS: Final = (
    "batches_seen",
    "batches_repeated",
    "batches_contradicted",
    "messages_refused",
    "deaths",
)


def topic_filters(dc_ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return what to subscribe to; the dc_id + stands for every concentrator."""
    return tuple(f"{TOPIC_ROOT}/{dc_id}/{kind}" for dc_id in dc_ids for kind in ("batch", "status"))


class HeadEnd:
    """Takes one message after the other.

    Args:
        store: open; used in `executor` only, which has one thread.
        subscriber: brings messages, takes acknowledgements.
        fault: how to misbehave.
        utc_now_s: the time, UTC seconds.
    """

    def __init__(
        self,
        store: HeadEndStore,
        subscriber: MqttSubscriber,
        executor: Executor,
        fault: Fault,
        utc_now_s: Callable[[], float],
    ) -> None:
        self._store = store
        self._subscriber = subscriber
        self._executor = executor
        self._fault = fault
        self._utc_now_s = utc_now_s

    async def run(self) -> None:
        """Take what arrives, until cancelled."""
        while True:
            await self._take(await self._subscriber.next_arrival())

    async def carry_out(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out a command of the control socket.

        Raises:
            ValueError: there is no such command or fault.
        """
        match command.get("do"):
            case "status":
                return await self._in_thread(self._figures)
            case "fault":
                self._fault = parse_fault(str(command.get("fault")))
                return {"fault": str(self._fault.kind)}
            case "gaps":
                return {"gaps": await self._in_thread(self._gaps)}
            case name:
                raise ValueError(f"no command {name!r}")

    async def _take(self, arrival: Arrival) -> None:
        dc_id, _, kind = arrival.topic.removeprefix(f"{TOPIC_ROOT}/").rpartition("/")
        try:
            if kind == "batch":
                await self._take_batch(dc_id, arrival.payload)
            elif kind == "status":
                await self._take_status(dc_id, arrival.payload)
        except MalformedDocument as reason:
            # Not acknowledged to the sender, but to the broker: it would only come again.
            log.warning("a %s of %s is refused: %s", kind, dc_id, reason)
            await self._in_thread(lambda: self._store.count("messages_refused"))
        arrival.done()

    async def _take_batch(self, dc_id: str, payload: bytes) -> None:
        fault, now_s = self._fault, self._utc_now_s()

        def check_and_store() -> tuple[Batch, str, Taken]:
            batch, sha256 = read_batch(payload), hashlib.sha256(payload).hexdigest()
            if batch.dc_id != dc_id:
                raise MalformedDocument(f"it says it is from {batch.dc_id}")
            return batch, sha256, self._store.take(batch, sha256, now_s, self._last_words(fault))

        batch, sha256, taken = await self._in_thread(check_and_store)
        if taken is Taken.CONTRADICTED:
            raise MalformedDocument(f"batch {batch.number} was another one before")
        log.info("batch %d of %s %s: %d rows", batch.number, dc_id, taken, batch.row_count)
        self._acknowledge(fault, batch, sha256)

    async def _take_status(self, dc_id: str, payload: bytes) -> None:
        status = json.dumps(parse_object(payload, STATUS_OCTETS_MAX))
        now_s = self._utc_now_s()
        await self._in_thread(lambda: self._store.note_status(dc_id, status, now_s))

    def _acknowledge(self, fault: Fault, batch: Batch, sha256: str) -> None:
        if fault.delay_s <= 0:
            self._send_ack(fault, batch, sha256)
            return
        loop = asyncio.get_running_loop()
        loop.call_later(fault.delay_s, self._send_ack, fault, batch, sha256)

    def _send_ack(self, fault: Fault, batch: Batch, sha256: str) -> None:
        for _ in range(fault.acknowledgements):
            self._subscriber.publish(f"{TOPIC_ROOT}/{batch.dc_id}/ack", ack_octets(batch, sha256))

    def _last_words(self, fault: Fault) -> Callable[[], None]:
        """Return what to do between writing and committing; runs in the store's thread."""
        if fault.kind is not FaultKind.DIE_BEFORE_COMMIT:
            return _nothing
        if self._store.counters().get("deaths", 0) >= fault.deaths:
            return _nothing
        self._store.count("deaths")
        return _die

    def _figures(self) -> dict[str, Any]:
        counters = self._store.counters()
        return {
            "rows": self._store.row_count(),
            **{name: counters.get(name, 0) for name in _COUNTERS},
            "first_commit_at_s": counters.get("first_commit_at_s"),
            "last_commit_at_s": counters.get("last_commit_at_s"),
            "subscribed": self._subscriber.subscribed.is_set(),
            "fault": str(self._fault.kind),
        }

    def _gaps(self) -> list[dict[str, Any]]:
        return [
            {"dc_id": gap.dc_id, "epoch": gap.epoch, "usn": gap.usn, "stream": gap.stream}
            | {"missing": gap.missing}
            for gap in self._store.gaps()
        ]

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


def _nothing() -> None:
    """Let the commit come."""


def _die() -> None:
    """End as a power cut would, when the sender has long been told PUBACK."""
    time.sleep(PUBACK_WITHIN_S)
    os._exit(EXIT_DIED)
