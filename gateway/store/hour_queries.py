"""Questions about stored hours: of each node, of one node, of the channel, and day by day [PLC-3].

Hours and days are UTC, counted since 1970.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.store.database import Database, StoreFile
from gateway.store.hour_rows import (
    CHANNEL_COLUMNS,
    NODE_COLUMNS,
    SUM_COLUMNS,
    channel_counts,
    node_counts,
    node_sums,
)
from gateway.store.line_hour import HOURS_A_DAY, ChannelHour, NodeCounts

_SUMMED_AT_ONCE: Final = 7 * HOURS_A_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Which hours are asked about.

    Attributes:
        first, last: both are among them.
        without: some that are not, because more is known of them than is stored.
    """

    first: int
    last: int
    without: frozenset[int] = frozenset()

    def __contains__(self, hour: int) -> bool:
        return self.first <= hour <= self.last and hour not in self.without

    def in_parts(self, length: int) -> Iterator["Hours"]:
        """Return parts of at most `length` hours: readings are stored between two questions."""
        for part in range(self.first // length, self.last // length + 1):
            yield Hours(
                first=max(self.first, part * length),
                last=min(self.last, (part + 1) * length - 1),
                without=self.without,
            )

    def where(self, column: str = "hour") -> str:
        """Return the condition as SQL: numbers only."""
        without = ", ".join(map(str, sorted(self.without)))
        return f"{column} BETWEEN {self.first} AND {self.last} AND {column} NOT IN ({without})"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDay:
    """How available one node was on one day."""

    day: int
    node: bytes
    observed_s: int
    available_s: int
    state_changes: int


async def sum_by_node(database: Database, hours: Hours) -> dict[bytes, NodeCounts]:
    """Return what was counted of each node in these hours.

    Raises:
        StoreError: the store cannot be read.
    """
    counted: dict[bytes, NodeCounts] = {}
    nothing = NodeCounts()

    def add(file: StoreFile, part: Hours) -> None:
        rows = file.conn.execute(
            f"SELECT system_title, sums.* FROM (SELECT node, {node_sums()} FROM node_hour"  # noqa: S608  (constants and numbers)
            f" WHERE {part.where()} GROUP BY node) AS sums JOIN counted_node ON id = node"
        )
        for title, _, *row in rows:
            counted[title] = counted.get(title, nothing).plus(node_counts(row))

    for part in hours.in_parts(_SUMMED_AT_ONCE):
        await database.run(partial(add, part=part))
    return counted


async def hours_of_node(database: Database, node: bytes, hours: Hours) -> dict[int, NodeCounts]:
    """Return what was counted of one node, hour by hour.

    Raises:
        StoreError: the store cannot be read.
    """

    def ask(file: StoreFile) -> dict[int, NodeCounts]:
        # The hours lead: a look for each of them is quicker than reading the rows of all nodes.
        rows = file.conn.execute(
            f"SELECT c.hour, {', '.join(f'n.{name}' for name in NODE_COLUMNS)}"  # noqa: S608  (constants and numbers)
            " FROM channel_hour c CROSS JOIN node_hour n ON n.hour = c.hour AND n.node ="
            " (SELECT id FROM counted_node WHERE system_title = ?)"
            f" WHERE {hours.where('c.hour')} ORDER BY c.hour",
            [node],
        )
        return {hour: node_counts(row, hour) for hour, *row in rows}

    return await database.run(ask)


async def channel_by_hour(database: Database, hours: Hours) -> dict[int, ChannelHour]:
    """Return what was counted of the channel, hour by hour.

    Raises:
        StoreError: the store cannot be read.
    """

    def ask(file: StoreFile) -> dict[int, ChannelHour]:
        rows = file.conn.execute(
            f"SELECT hour, {', '.join((*SUM_COLUMNS, *CHANNEL_COLUMNS))} FROM channel_hour"  # noqa: S608  (constants and numbers)
            f" WHERE {hours.where()} ORDER BY hour"
        )
        return {
            hour: ChannelHour(
                hour=hour,
                counts=channel_counts(row),
                nodes=nodes,
                nodes_observed_s=observed_s,
                nodes_available_s=available_s,
            )
            for hour, nodes, observed_s, available_s, *row in rows
        }

    return await database.run(ask)


async def days_of_nodes(database: Database, hours: Hours) -> list[NodeDay]:
    """Return how available each node was, day by day; one transaction a day.

    Raises:
        StoreError: the store cannot be read.
    """
    found: list[NodeDay] = []

    def add(file: StoreFile, part: Hours) -> None:
        rows = file.conn.execute(
            "SELECT system_title, sums.* FROM (SELECT node, SUM(observed_s), SUM(available_s),"  # noqa: S608  (numbers)
            f" SUM(state_changes) FROM node_hour WHERE {part.where()} GROUP BY node) AS sums"
            " JOIN counted_node ON id = node ORDER BY system_title"
        )
        found.extend(
            NodeDay(
                day=part.first // HOURS_A_DAY,
                node=title,
                observed_s=observed_s,
                available_s=available_s,
                state_changes=changes,
            )
            for title, _, observed_s, available_s, changes in rows
        )

    for part in hours.in_parts(HOURS_A_DAY):
        await database.run(partial(add, part=part))
    return found
