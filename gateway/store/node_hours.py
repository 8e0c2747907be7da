"""Write statistics: one row per node and hour, and one per hour of the channel [PLC-3].

An hour is one transaction, because cards wear out by transactions. Parts of the same hour, from
before and after a restart, become one. What is past its time goes with it, so that its pages are
used again at once.
"""

from collections.abc import Callable, Sequence
from typing import Final

from gateway.store.database import Database, StoreFile
from gateway.store.errors import StoreFull
from gateway.store.hour_rows import (
    CHANNEL_COLUMNS,
    NODE_COLUMNS,
    SUM_COLUMNS,
    channel_counts,
    channel_row,
    node_counts,
    node_row,
)
from gateway.store.line_hour import HOURS_A_DAY, ChannelHour, LineHour
from gateway.store.retention import has_room_for_readings

HOURS_DELETED_MAX: Final = 2
"""With each hour written: more than come in, and a clock that is wrong for a while costs little."""


async def write_hours(
    database: Database,
    hours: Sequence[LineHour],
    when_committed: Callable[[], None] | None = None,
) -> None:
    """Write hours, or add later parts of them to what is there; let the oldest ones go.

    Args:
        database: open.
        hours: what was counted.
        when_committed: as in `Database.run`.

    Raises:
        StoreFull: the pages that are left are for batches.
        StoreError: nothing was written.
    """
    settings = database.settings

    def work(file: StoreFile) -> None:
        for hour in hours:
            _delete_old(file, hour.hour - settings.statistics_days * HOURS_A_DAY)
            if not has_room_for_readings(file, settings.pages_max):
                raise StoreFull("no pages left for statistics", database.path)
            _write(file, hour)

    await database.run(work, when_committed)


def read_hour(file: StoreFile, hour: int) -> LineHour | None:
    """Return what is stored of an hour; None when it is not there."""
    channel = file.conn.execute(
        f"SELECT {', '.join(CHANNEL_COLUMNS)} FROM channel_hour WHERE hour = ?",  # noqa: S608  (constants)
        [hour],
    ).fetchone()
    if channel is None:
        return None
    rows = file.conn.execute(
        f"SELECT system_title, {', '.join(NODE_COLUMNS)} FROM node_hour"  # noqa: S608  (constants)
        " JOIN counted_node ON id = node WHERE hour = ?",
        [hour],
    )
    nodes = {title: node_counts(row, hour) for title, *row in rows}
    return LineHour(hour=hour, channel=channel_counts(channel), nodes=nodes)


def _write(file: StoreFile, hour: LineHour) -> None:
    before = read_hour(file, hour.hour)
    if before is not None:
        hour = before.plus(hour)
    ids = _ids(file, hour)
    file.conn.executemany(
        _insert("node_hour", ("hour", "node", *NODE_COLUMNS)),
        [
            (hour.hour, ids[node], *node_row(hour.hour, hour.nodes[node]))
            for node in sorted(ids, key=ids.__getitem__)
        ],
    )
    sums = ChannelHour.of(hour)
    file.conn.execute(
        _insert("channel_hour", ("hour", *CHANNEL_COLUMNS, *SUM_COLUMNS)),
        (
            hour.hour,
            *channel_row(hour.channel),
            *(sums.nodes, sums.nodes_observed_s, sums.nodes_available_s),
        ),
    )


def _insert(table: str, columns: tuple[str, ...]) -> str:
    places = ", ".join("?" * len(columns))
    return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608  (constants)


def _ids(file: StoreFile, hour: LineHour) -> dict[bytes, int]:
    file.conn.executemany(
        "INSERT INTO counted_node (system_title) VALUES (?) ON CONFLICT DO NOTHING",
        [(node,) for node in sorted(hour.nodes)],
    )
    known = dict(file.conn.execute("SELECT system_title, id FROM counted_node"))
    return {node: known[node] for node in hour.nodes}


def _delete_old(file: StoreFile, horizon: int) -> None:
    old = file.conn.execute(
        "SELECT hour FROM channel_hour WHERE hour < ? ORDER BY hour LIMIT ?",
        (horizon, HOURS_DELETED_MAX),
    ).fetchall()
    for table in ("node_hour", "channel_hour"):
        file.conn.executemany(f"DELETE FROM {table} WHERE hour = ?", old)  # noqa: S608  (constants)
