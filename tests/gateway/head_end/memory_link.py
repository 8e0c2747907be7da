"""A link without a broker: what is published lands in a list, and a test plays the head-end."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from gateway.head_end.errors import LinkDown
from gateway.head_end.link import LinkState, PublishOutcome


class MemoryLink(LinkState):
    """Implements HeadEndLink.

    Attributes:
        published: everything that was published, in order.
        outcome: what the broker says.
    """

    def __init__(self) -> None:
        super().__init__()
        self.published: list[bytes] = []
        self.outcome = PublishOutcome.ACCEPTED
        self.arrived = asyncio.Condition()
        self._messages: asyncio.Queue[bytes] = asyncio.Queue()

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def publish(self, topic: str, payload: bytes) -> PublishOutcome:
        assert topic == "gridgate/v1/GG-1/batch"
        if not self.is_up:
            raise LinkDown("cut")
        self.published.append(payload)
        async with self.arrived:
            self.arrived.notify_all()
        return self.outcome

    async def receive(self) -> list[bytes]:
        messages = [await self._messages.get()]
        while not self._messages.empty():
            messages.append(self._messages.get_nowait())
        return messages

    def describe(self) -> Mapping[str, str | int | bool]:
        return {"connected": self.is_up}

    async def wait_published(self, count: int) -> list[bytes]:
        """Return all that was published once it is so much."""
        async with asyncio.timeout(5), self.arrived:
            await self.arrived.wait_for(lambda: len(self.published) >= count)
        return self.published

    def ack(self, payload: bytes, **other: Any) -> None:
        """Say what a head-end says that has committed `payload`, or something near it."""
        batch = json.loads(payload)
        ack = {
            "schema": "gridgate.ack.1",
            "dc_id": batch["dc_id"],
            "epoch": batch["epoch"],
            "batch": batch["batch"],
            "sha256": hashlib.sha256(payload).hexdigest(),
        }
        self.say(json.dumps(ack | other).encode())

    def say(self, octets: bytes) -> None:
        self._messages.put_nowait(octets)
