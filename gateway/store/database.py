"""The SQLite file: one process, one thread, one transaction at a time; the door of sqlite-utils."""

import asyncio
import contextlib
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from importlib import resources
from pathlib import Path
from typing import Final, Self, TypeVar

import sqlite_utils

from gateway.store.errors import StoreBusy, StoreTooNew, StoreUnusable, as_store_error
from gateway.store.settings import StorageSettings

StoreFile = sqlite_utils.Database
"""What work is given; the hot append uses its `.conn`, everything else its tables."""

Result = TypeVar("Result")

STORE_NAME: Final = "gridgate.db"
"""In the data directory."""

WAL_PAGES: Final = 500
"""Checkpoint after so many pages: short stalls, and a small file to replay after a power cut."""

WAL_OCTETS_MAX: Final = 8 * 1024 * 1024
"""The write-ahead log is cut back to this after a checkpoint."""


def new_epoch() -> str:
    """Return a name for a store that no other store has."""
    return secrets.token_hex(8)


def schema_version() -> int:
    """Return the version of the schema that this program writes."""
    return len(_migrations())


class Database:
    """Runs functions on the one connection, one at a time, in the order in which they came.

    Args:
        path: the file; made when it is not there. `path`.lock beside it is held while open.
        executor: of exactly one thread, or one that runs what it is given at once (virtual time).
        settings: budgets.
        make_epoch: names a new store; see docs/head_end_interface.md.
    """

    def __init__(
        self,
        path: Path,
        executor: Executor,
        settings: StorageSettings,
        make_epoch: Callable[[], str] = new_epoch,
    ) -> None:
        self.path = path
        self.settings = settings
        self.epoch = ""
        self._executor = executor
        self._make_epoch = make_epoch
        self._file: StoreFile | None = None
        self._lock: int | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Take the lock, open, migrate; afterwards `epoch` is known.

        Raises:
            StoreBusy: another daemon has this store.
            StoreTooNew: a newer gridgate wrote it.
            StoreError: the file or the disk is not usable.
        """
        await self._in_thread(self._open)

    async def close(self) -> None:
        """Finish what was queued, then close and give the lock back; harmless when not open."""
        await self._in_thread(self._close)

    def cut(self) -> None:
        """Lose the file as a killed process does; what a transaction had begun is not committed.

        For benches that end a daemon inside their own process; `close` still gives the lock back.
        """
        if self._file is not None:
            self._file.conn.close()

    async def limit_pages(self, pages: int) -> None:
        """Let the file grow to so many pages and no further, until it is opened again.

        For benches that fill the disk; fewer than there are means as many as there are.

        Raises:
            StoreError: the file is not usable.
        """
        await self.run(lambda file: file.conn.execute(f"PRAGMA max_page_count = {int(pages)}"))

    async def run(
        self,
        work: Callable[[StoreFile], Result],
        when_committed: Callable[[], None] | None = None,
    ) -> Result:
        """Run `work` in the store's thread inside one transaction.

        Cancelling waits for the transaction: after CancelledError it is committed or rolled
        back, never still running. `when_committed` runs in the store's thread right after the
        commit, so that whoever was cancelled can still tell which of the two it was.

        Raises:
            StoreError: the disk refused, nothing was stored.
        """
        return await self._in_thread(lambda: self._in_transaction(work, when_committed))

    async def _in_thread(self, call: Callable[[], Result]) -> Result:
        running = asyncio.get_running_loop().run_in_executor(self._executor, call)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            if not running.cancelled():
                running.exception()  # fetched, so that asyncio does not call it forgotten
            raise

    def _in_transaction(
        self, work: Callable[[StoreFile], Result], when_committed: Callable[[], None] | None
    ) -> Result:
        if self._file is None:
            raise StoreUnusable("the store is not open", self.path)
        with self._translated(), self._file.atomic():
            result = work(self._file)
        if when_committed is not None:
            when_committed()
        return result

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            store_error = as_store_error(error, self.path)
            if store_error is None:
                raise
            raise store_error from error

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = self._take_lock()
        except OSError as error:
            raise StoreUnusable(error.strerror or str(error), self.path) from error
        try:
            with self._translated():
                connection = _connect(self.path, self.settings)
                self._file = sqlite_utils.Database(connection)
                self._migrate(connection)
                self.epoch = self._remembered_epoch(connection)
        except BaseException:
            self._close()
            raise

    def _take_lock(self) -> int:
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise StoreBusy("another daemon holds this store", self.path) from error
        return lock

    def _close(self) -> None:
        if self._file is not None:
            self._file.conn.close()
            self._file = None
        if self._lock is not None:
            os.close(self._lock)  # and with it the lock; the file stays, removing it would race
            self._lock = None

    def _migrate(self, connection: sqlite3.Connection) -> None:
        scripts = _migrations()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(scripts):
            raise StoreTooNew(f"has version {version}, this program {len(scripts)}", self.path)
        for number, script in enumerate(scripts[version:], start=version + 1):
            connection.executescript(f"BEGIN;{script};PRAGMA user_version = {number};COMMIT")

    def _remembered_epoch(self, connection: sqlite3.Connection) -> str:
        connection.execute(
            "INSERT INTO meta VALUES ('epoch', ?) ON CONFLICT DO NOTHING", [self._make_epoch()]
        )
        (epoch,) = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        return str(epoch)


def _connect(path: Path, settings: StorageSettings) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)  # transactions only where we say so
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # NORMAL loses the last commits at a power cut
        f"max_page_count = {settings.pages_max}",
        f"wal_autocheckpoint = {WAL_PAGES}",
        f"journal_size_limit = {WAL_OCTETS_MAX}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _migrations() -> list[str]:
    folder = resources.files("gateway.store") / "migrations"
    scripts = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    return [script.read_text(encoding="utf-8") for script in scripts]
