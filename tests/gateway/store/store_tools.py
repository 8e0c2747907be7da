"""A store in a temporary place, opened and closed around a coroutine, and looked into by SQL."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from drivers.dlms.companion import Entity
from gateway.store.database import Database
from gateway.store.reading_buffer import ReadingBuffer
from gateway.store.settings import StorageSettings
from gateway.store.stream import Column, StreamDescription

Result = TypeVar("Result")

NOW_S = 1_790_000_000
SETTINGS = StorageSettings(commit_interval_s=0.02)
ENERGY = Column(obis="1-0:1.8.0.255", unit=30, scaler=0)
EXPORT = Column(obis="1-0:2.8.0.255", unit=30, scaler=0)
PERIODIC = StreamDescription(
    usn="LG1", entity=Entity.PERIODIC, capture_period_s=10, columns=(ENERGY, EXPORT)
)
EVENTS = StreamDescription(
    usn="LG1",
    entity=Entity.STANDARD_EVENTS,
    capture_period_s=None,
    columns=(Column(obis="0-0:96.11.0.255", unit=255, scaler=0),),
)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(main)


@contextlib.asynccontextmanager
async def open_database(
    path: Path, settings: StorageSettings = SETTINGS
) -> AsyncIterator[Database]:
    with ThreadPoolExecutor(1, thread_name_prefix="store") as thread:
        async with Database(path, thread, settings) as database:
            yield database


@contextlib.asynccontextmanager
async def open_buffer(
    path: Path, settings: StorageSettings = SETTINGS, now_s: float = NOW_S
) -> AsyncIterator[ReadingBuffer]:
    async with open_database(path, settings) as database:
        buffer = ReadingBuffer(database, lambda: now_s, settings)
        await buffer.load()
        yield buffer


def ask(path: Path, sql: str, *values: object) -> list[Any]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql, values).fetchall()


def row(time: int, *values: int, status: int = 0, clock: int = 0) -> tuple[int, int, int, Any]:
    return time, clock, status, values or (time, 0)
