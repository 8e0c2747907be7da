"""Rows a second into the store through the daemon's own entry, against raw sqlite3."""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from drivers.dlms.companion import Entity
from drivers.dlms.profile_rows import ProfileRow
from gateway.store import database as store
from gateway.store.database import Database
from gateway.store.reading_buffer import ReadingBuffer
from gateway.store.settings import StorageSettings
from gateway.store.stream import Column, StreamDescription
from tests.bench.figure import Figure

AIM_OF_RAW: Final = 0.8
BATCH_ROWS: Final = 300
BATCHES: Final = 8
"""In one sample: long enough for a checkpoint to fall into some of them."""

_BEGIN_S: Final = 1_700_000_000
_NOW_S: Final = 1_795_046_400
_PERIOD_S: Final = 900
_SETTINGS: Final = StorageSettings()
_COLUMNS: Final = tuple(
    Column(obis=obis, unit=30, scaler=0) for obis in ("1-0:1.8.0.255", "1-0:2.8.0.255")
)
_FIELDS: Final = ("stream_id", "seq", "captured_at_s", "status", "received_at_s", "v1", "v2")
_INSERT: Final = f"INSERT INTO reading ({', '.join(_FIELDS)}) VALUES (?, ?, ?, ?, ?, ?, ?)"

Batch = list[ProfileRow]


@dataclass(slots=True, kw_only=True)
class Writer:
    """A buffer and its one stream."""

    buffer: ReadingBuffer
    stream_id: int
    commits: int = 0

    def add(self, batch: Batch) -> int:
        """Hand one batch over as the collector does, with the range of which it is all."""
        covered = (batch[0][0] - _PERIOD_S + 1, batch[-1][0])
        return self.buffer.add(self.stream_id, batch, covered)

    def count_commit(self) -> None:
        self.commits += 1


def append_speed(directory: Path, rounds: int, tell: Callable[[str], None]) -> list[Figure]:
    """Measure on a file in `directory`, which should be on a real disk."""
    with tempfile.TemporaryDirectory(dir=directory, prefix="append-") as place:
        rates, rows_a_commit = asyncio.run(_measure(Path(place), rounds))
    raw = rates["raw"]
    tell(
        f"append in batches of {BATCH_ROWS}: raw sqlite3 executemany and commit"
        f" {raw:,.0f} rows/s; add, the daemon's worker commits {rates['worker']:,.0f} rows/s"
        f" ({rows_a_commit:.0f} rows a commit); add and flush, one after the other"
        f" {rates['flush']:,.0f} rows/s"
    )
    details = {"rows_per_s": rates, "rows_per_commit": rows_a_commit}
    return [
        Figure(name=name, value=rates[way] / raw, unit="x", aim=AIM_OF_RAW, details=details)
        for way, name in (
            ("worker", "append, the worker commits, to raw sqlite3"),
            ("flush", "append, a flush for each batch, to raw sqlite3"),
        )
    ]


async def _measure(place: Path, rounds: int) -> tuple[dict[str, float], float]:
    async with AsyncExitStack() as opened:
        flushed = await _open_writer(place / "flush.db", opened)
        worked = await _open_writer(place / "worker.db", opened)
        worked.buffer.on_commit(worked.count_commit)
        worker = asyncio.create_task(worked.buffer.run())
        await (await _open_database(place / "raw.db", opened)).close()  # made, and left to raw
        raw = opened.enter_context(closing(store._connect(place / "raw.db", _SETTINGS)))
        samples: dict[str, list[float]] = {"flush": [], "worker": [], "raw": []}
        for count in range(rounds + 1):
            batches = _batches(count)
            took = {
                "flush": await _flush_each(flushed, batches),
                "worker": await _worker_commits(worked, batches),
                "raw": _raw(raw, batches, count),
            }
            if count:  # the first round warms up
                for name, took_s in took.items():
                    samples[name].append(took_s)
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)
        _check_equal(place)
    rows = BATCHES * BATCH_ROWS
    rates = {name: rows / sorted(taken)[len(taken) // 2] for name, taken in samples.items()}
    return rates, rows * (rounds + 1) / worked.commits


async def _open_database(path: Path, opened: AsyncExitStack) -> Database:
    thread = opened.enter_context(ThreadPoolExecutor(1, thread_name_prefix="store"))
    return await opened.enter_async_context(Database(path, thread, _SETTINGS))


async def _open_writer(path: Path, opened: AsyncExitStack) -> Writer:
    buffer = ReadingBuffer(await _open_database(path, opened), lambda: _NOW_S, _SETTINGS)
    await buffer.load()
    stream_id = await buffer.open_stream(
        StreamDescription(
            usn="U1", entity=Entity.PERIODIC, capture_period_s=_PERIOD_S, columns=_COLUMNS
        )
    )
    return Writer(buffer=buffer, stream_id=stream_id)


def _batches(count: int) -> list[Batch]:
    first = count * BATCHES * BATCH_ROWS
    return [
        [
            (_BEGIN_S + _PERIOD_S * at, 0, 0, (5_000_000 + 250 * at, 70_000 + at))
            for at in range(start, start + BATCH_ROWS)
        ]
        for start in range(first, first + BATCHES * BATCH_ROWS, BATCH_ROWS)
    ]


async def _flush_each(writer: Writer, batches: list[Batch]) -> float:
    began = time.perf_counter()
    for batch in batches:
        writer.add(batch)
        await writer.buffer.flush()
    return time.perf_counter() - began


async def _worker_commits(writer: Writer, batches: list[Batch]) -> float:
    """One batch is taken over while the one before is committed; all is on disk at the end."""
    ticket = 0
    began = time.perf_counter()
    for batch in batches:
        ticket = writer.add(batch)
        await writer.buffer.wait_committed(ticket - 1)
    await writer.buffer.wait_committed(ticket)
    return time.perf_counter() - began


def _raw(connection: sqlite3.Connection, batches: list[Batch], count: int) -> float:
    """Insert the very fields that the daemon inserts; records are made before the clock starts."""
    seq = count * BATCHES * BATCH_ROWS
    parts = []
    for batch in batches:
        rows = enumerate(batch, start=seq + 1)
        parts.append([(1, at, row[0], row[2], _NOW_S, *row[3]) for at, row in rows])
        seq += BATCH_ROWS
    began = time.perf_counter()
    for records in parts:
        connection.execute("BEGIN")
        connection.executemany(_INSERT, records)
        connection.execute("COMMIT")
    return time.perf_counter() - began


def _check_equal(place: Path) -> None:
    """Check that all three tables hold the same rows."""
    tables = []
    for name in ("flush", "worker", "raw"):
        with closing(sqlite3.connect(place / f"{name}.db")) as connection:
            tables.append(connection.execute("SELECT * FROM reading ORDER BY id").fetchall())
    if tables[0] != tables[2] or tables[1] != tables[2]:
        raise AssertionError("the daemon's rows are not those of raw sqlite3")
