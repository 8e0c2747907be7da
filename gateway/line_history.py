"""The hours of the line as one history: what is stored, and what is still in memory [PLC-3]."""

from collections.abc import Callable, Sequence

from gateway.store.database import Database
from gateway.store.hour_queries import (
    Hours,
    NodeDay,
    channel_by_hour,
    days_of_nodes,
    hours_of_node,
    sum_by_node,
)
from gateway.store.line_hour import HOURS_A_DAY, ChannelHour, LineHour, NodeCounts
from gateway.store.node_hours import read_hour

Key = tuple[int, bytes]


class LineHistory:
    """Asks the store, and adds what it cannot know yet.

    Args:
        database: open.
        unwritten: returns the hours, or parts of them, that are in memory only.
    """

    def __init__(self, database: Database, unwritten: Callable[[], Sequence[LineHour]]) -> None:
        self._database = database
        self._unwritten = unwritten

    async def by_node(self, first: int, last: int) -> dict[bytes, NodeCounts]:
        """Return what was counted of each node in these hours, both among them.

        Raises:
            StoreError: the store cannot be read.
        """
        recent, hours = await self._split(first, last)
        counted = await sum_by_node(self._database, hours)
        for hour in recent.values():
            for node, counts in hour.nodes.items():
                counted[node] = counted.get(node, NodeCounts()).plus(counts)
        return counted

    async def of_node(self, node: bytes, first: int, last: int) -> dict[int, NodeCounts]:
        """Return what was counted of one node, hour by hour.

        Raises:
            StoreError: the store cannot be read.
        """
        recent, hours = await self._split(first, last)
        counted = await hours_of_node(self._database, node, hours)
        counted |= {at: hour.nodes[node] for at, hour in recent.items() if node in hour.nodes}
        return dict(sorted(counted.items()))

    async def of_channel(self, first: int, last: int) -> dict[int, ChannelHour]:
        """Return what was counted of the channel, hour by hour.

        Raises:
            StoreError: the store cannot be read.
        """
        recent, hours = await self._split(first, last)
        counted = await channel_by_hour(self._database, hours)
        counted |= {at: ChannelHour.of(hour) for at, hour in recent.items()}
        return dict(sorted(counted.items()))

    async def days(self, first: int, last: int) -> list[NodeDay]:
        """Return how available each node was on these days, in order of day and node.

        Who was not observed on a day is left out.

        Raises:
            StoreError: the store cannot be read.
        """
        recent, hours = await self._split(first * HOURS_A_DAY, (last + 1) * HOURS_A_DAY - 1)
        found = {(day.day, day.node): day for day in await days_of_nodes(self._database, hours)}
        for at, hour in recent.items():
            for node, counts in hour.nodes.items():
                _add(found, (at // HOURS_A_DAY, node), counts)
        return _observed(found)

    async def days_of(self, node: bytes, first: int, last: int) -> list[NodeDay]:
        """Return the same of one node.

        Raises:
            StoreError: the store cannot be read.
        """
        found: dict[Key, NodeDay] = {}
        hours = await self.of_node(node, first * HOURS_A_DAY, (last + 1) * HOURS_A_DAY - 1)
        for at, counts in hours.items():
            _add(found, (at // HOURS_A_DAY, node), counts)
        return _observed(found)

    async def _split(self, first: int, last: int) -> tuple[dict[int, LineHour], Hours]:
        """Return the asked hours of which something is in memory, and which the others are."""
        recent: dict[int, LineHour] = {}
        for part in self._unwritten():
            if not first <= part.hour <= last:
                continue
            before = recent.get(part.hour) or await self._stored(part.hour)
            recent[part.hour] = part if before is None else before.plus(part)
        return recent, Hours(first=first, last=last, without=frozenset(recent))

    async def _stored(self, hour: int) -> LineHour | None:
        return await self._database.run(lambda file: read_hour(file, hour))


def _add(found: dict[Key, NodeDay], key: Key, counts: NodeCounts) -> None:
    before = found.get(key)
    found[key] = NodeDay(
        day=key[0],
        node=key[1],
        observed_s=counts.observed_s + (0 if before is None else before.observed_s),
        available_s=counts.available_s + (0 if before is None else before.available_s),
        state_changes=counts.state_changes + (0 if before is None else before.state_changes),
    )


def _observed(found: dict[Key, NodeDay]) -> list[NodeDay]:
    return [found[key] for key in sorted(found) if found[key].observed_s]
