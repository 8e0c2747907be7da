"""Look into a store without being its daemon: one moment of it, and nothing is changed.

A daemon may go on writing meanwhile; so may nobody, when the box is dead and this is its card.
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from gateway.store.errors import StoreDamaged, StoreTooNew, StoreUnusable, as_store_error

WAIT_MS: Final = 5000
"""For a daemon that is just folding its write-ahead log into the file."""


@contextlib.contextmanager
def open_to_read(path: Path, version_max: int) -> Iterator[sqlite3.Connection]:
    """Give a connection that sees the store as it was at one moment.

    Args:
        path: of the file.
        version_max: of the schema, that the caller understands.

    Raises:
        StoreError: there is no store, it is too new, damaged, or cannot be read.
    """
    try:
        if not path.is_file():
            raise StoreUnusable("there is no such file", path)
        connection = sqlite3.connect(_uri(path), uri=True, isolation_level=None)
    except OSError as error:
        raise StoreUnusable(error.strerror or str(error), path) from error
    except sqlite3.Error as error:
        raise _translated(error, path) from error
    with contextlib.closing(connection):
        try:
            connection.execute(f"PRAGMA busy_timeout = {WAIT_MS}")
            connection.execute("BEGIN")
            _check_version(connection, path, version_max)
            yield connection
        except sqlite3.Error as error:
            raise _translated(error, path) from error


def is_held(path: Path) -> bool:
    """Return whether a daemon has the store open; leaves no trace.

    Raises:
        StoreError: that cannot be found out.
    """
    try:
        lock = os.open(f"{path}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreUnusable(error.strerror or str(error), path) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _uri(path: Path) -> str:
    """Return how to open the file.

    Without a write-ahead log nobody has it open and the file is whole; then SQLite needs no help
    files beside it, which a card mounted read-only could not take.
    """
    log = Path(f"{path}-wal")
    way = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    return f"{path.absolute().as_uri()}?{way}"


def _check_version(connection: sqlite3.Connection, path: Path, version_max: int) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > version_max:
        raise StoreTooNew(f"has version {version}, this program {version_max}", path)
    if version < 1:
        raise StoreDamaged("is no store of gridgate", path)


def _translated(error: sqlite3.Error, path: Path) -> Exception:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_CANTOPEN:
        return StoreUnusable(
            "cannot be opened where it is; copy it and its -wal file to a place that can be"
            " written to, and name the copy",
            path,
        )
    return as_store_error(error, path) or StoreDamaged(str(error), path)
