"""How many rows each stream has, and how many of them the head-end has."""

from dataclasses import dataclass

from gateway.store.database import Database, StoreFile


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCounts:
    """Rows of one stream since it began, whether still kept or not.

    Attributes:
        rows_stored: on the disk; the seq of the last one.
        rows_committed: of them the head-end has committed; seq 1 up to this.
    """

    usn: str
    entity: str
    rows_stored: int
    rows_committed: int


async def count_by_stream(database: Database) -> list[StreamCounts]:
    """Return the counts of all streams.

    Raises:
        StoreError: the store cannot be read.
    """

    def count(file: StoreFile) -> list[StreamCounts]:
        found = file.conn.execute(
            "SELECT usn, entity, last_seq, committed_seq FROM stream ORDER BY id"
        )
        return [
            StreamCounts(usn=usn, entity=entity, rows_stored=stored, rows_committed=committed)
            for usn, entity, stored, committed in found
        ]

    return await database.run(count)
