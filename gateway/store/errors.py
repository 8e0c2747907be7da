"""What can go wrong with the store, told by whose fault it is.

StoreError
  StoreBusy      another daemon has this store: ends the start, exit status 2
  StoreTooNew    written by a newer gridgate: ends the start
  StoreDamaged   the file is no sound SQLite file
  StoreUnusable  the disk refuses (I/O error, read-only, no permission): may pass
  StoreFull      no page left; passes when committed readings are deleted
NoAddressFree    more nodes on a power line than it has addresses
RowNotStorable   a meter sent rows of a shape that the table does not have; the peer's fault
"""

import sqlite3
from pathlib import Path
from typing import Final

from gateway.core.errors import GatewayError


class StoreError(GatewayError):
    """Root of what the store raises.

    Attributes:
        path: the database file.
    """

    def __init__(self, reason: str, path: Path) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path


class StoreBusy(StoreError):  # noqa: N818  (reads as what it is in an except clause)
    """Another process holds the store."""


class StoreTooNew(StoreError):  # noqa: N818
    """The file was written by a newer program; going back would lose what it added."""


class StoreDamaged(StoreError):  # noqa: N818
    """The file is not a sound SQLite database."""


class StoreUnusable(StoreError):  # noqa: N818
    """The disk or its permissions refuse; nothing was stored."""


class StoreFull(StoreError):  # noqa: N818
    """There is no room for more; nothing was stored."""


class NoAddressFree(GatewayError):  # noqa: N818
    """Every address of the power line is in use."""


class RowNotStorable(GatewayError):  # noqa: N818
    """A meter sent rows that the table has no place for."""


_BY_PRIMARY_CODE: Final[dict[int, type[StoreError]]] = {
    sqlite3.SQLITE_FULL: StoreFull,
    sqlite3.SQLITE_BUSY: StoreBusy,
    sqlite3.SQLITE_LOCKED: StoreBusy,
    sqlite3.SQLITE_CORRUPT: StoreDamaged,
    sqlite3.SQLITE_NOTADB: StoreDamaged,
    sqlite3.SQLITE_IOERR: StoreUnusable,
    sqlite3.SQLITE_READONLY: StoreUnusable,
    sqlite3.SQLITE_CANTOPEN: StoreUnusable,
    sqlite3.SQLITE_PERM: StoreUnusable,
}


def as_store_error(error: sqlite3.Error, path: Path) -> StoreError | None:
    """Return what `error` means to us; None when it is a bug of ours (bad SQL, wrong types)."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    kind = _BY_PRIMARY_CODE.get(code & 0xFF)
    return None if kind is None else kind(str(error), path)
