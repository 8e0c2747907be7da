"""Delete what the head-end has and nobody needs any more, the oldest first, in small steps.

The newest reading always stays: SQLite would give its id to another one otherwise, and the
outbox goes by ids.
"""

from typing import Final

from gateway.store.database import Database, StoreFile

STEP_ROWS: Final = 500
"""Rows deleted in one transaction: a commit stays short, and readings are not kept waiting."""

ROOM_ROWS: Final = 5000
"""Rows freed at once when the store is full, whatever their age."""

RESERVE_PAGES: Final = 256
"""Pages that readings leave free for batches: a store full of what was never sent must still be
able to send it. A batch takes about six, and twenty are open at most by default."""

DAY_S: Final = 86_400

_COMMITTED_ID: Final = "(SELECT value FROM meta WHERE key = 'committed_reading_id')"


async def delete_old(database: Database, now_s: float) -> int:
    """Delete one step of readings and journal entries past their time; return how many.

    Call again while it returns something; `now_s` is UTC.

    Raises:
        StoreError: nothing was deleted.
    """
    horizon_s = int(now_s) - database.settings.retention_days * DAY_S

    def delete(file: StoreFile) -> int:
        journal = file.conn.execute(
            "DELETE FROM journal WHERE seq IN (SELECT seq FROM journal WHERE at_s < ? AND seq <="
            " (SELECT value FROM meta WHERE key = 'committed_journal') ORDER BY seq LIMIT ?)",
            (horizon_s, STEP_ROWS),
        ).rowcount
        return journal + _delete_readings(file, horizon_s, STEP_ROWS)

    return await database.run(delete)


def free_committed(file: StoreFile) -> int:
    """Delete the oldest committed readings whatever their age; return how many."""
    return _delete_readings(file, None, ROOM_ROWS)


def has_room_for_readings(file: StoreFile, pages_max: int) -> bool:
    """Return whether readings may still be added."""
    (pages,) = file.conn.execute("PRAGMA page_count").fetchone()
    (unused,) = file.conn.execute("PRAGMA freelist_count").fetchone()
    return bool(pages - unused < pages_max - RESERVE_PAGES)


def _delete_readings(file: StoreFile, horizon_s: int | None, limit: int) -> int:
    old = "" if horizon_s is None else f"AND received_at_s < {horizon_s}"
    row = file.conn.execute(
        "SELECT MAX(id), MAX(MIN(captured_at_s, received_at_s)) FROM (SELECT * FROM reading"  # noqa: S608  (constants and an int)
        f" WHERE id <= CAST({_COMMITTED_ID} AS INTEGER) AND id < (SELECT MAX(id) FROM reading)"
        f" {old} ORDER BY id LIMIT ?)",
        [limit],
    ).fetchone()
    if row[0] is None:
        return 0
    file.conn.execute(
        "INSERT INTO meta VALUES ('forgotten_before_s', ?)"
        " ON CONFLICT DO UPDATE SET value = MAX(CAST(value AS INTEGER), excluded.value)",
        [row[1] + 1],
    )
    return file.conn.execute("DELETE FROM reading WHERE id <= ?", [row[0]]).rowcount
