"""What the pusher needs of a link to the head-end, whatever carries it."""

import asyncio
from collections.abc import Mapping
from enum import Enum
from typing import Protocol


class PublishOutcome(Enum):
    """What the broker said of a message; neither means that the head-end has it."""

    ACCEPTED = "accepted"
    NO_SUBSCRIBER = "no subscriber"


class HeadEndLink(Protocol):
    """A connection that comes and goes, and comes back by itself."""

    async def run(self) -> None:
        """Keep the link up until cancelled."""

    async def wait_up(self) -> int:
        """Wait until there is a connection; return its number, a new one each time."""

    async def wait_down(self, connection: int) -> None:
        """Wait until this connection is gone."""

    async def publish(self, topic: str, payload: bytes) -> PublishOutcome:
        """Send a message; return when the broker has answered for it.

        Raises:
            LinkDown: no connection, or it went before the answer.
        """

    def describe(self) -> Mapping[str, str | int | bool]:
        """Return what an operator should know; "connected" is in it."""

    async def receive(self) -> list[bytes]:
        """Wait for messages from the head-end; return all that have come, at least one."""


class LinkState:
    """Up or down, and how often it was up; for implementations of HeadEndLink."""

    def __init__(self) -> None:
        self._connection = 0
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._down.set()

    @property
    def is_up(self) -> bool:
        """Whether there is a connection now."""
        return self._up.is_set()

    def went_up(self) -> None:
        """Note a new connection."""
        self._connection += 1
        self._down = asyncio.Event()
        self._up.set()

    def went_down(self) -> None:
        """Note that it is gone."""
        self._up.clear()
        self._down.set()

    async def wait_up(self) -> int:
        """See HeadEndLink."""
        await self._up.wait()
        return self._connection

    async def wait_down(self, connection: int) -> None:
        """See HeadEndLink."""
        if connection == self._connection:
            await self._down.wait()
