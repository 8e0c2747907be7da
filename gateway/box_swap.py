"""Let one concentrator go on for another, file to file, as export and import do [INV-6].

For benches that swap boxes inside their own process; `gridgate export` and `gridgate import` do
the same for people, with all their checks.
"""

from concurrent.futures import Executor
from pathlib import Path

from gateway.core.config import read_sections
from gateway.core.taken_settings import told_settings
from gateway.store.database import STORE_NAME, Database, StoreFile, schema_version
from gateway.store.store_reader import open_to_read
from gateway.store.takeover_document import from_octets, to_octets
from gateway.store.takeover_export import Origin, leave
from gateway.store.takeover_import import take_over


async def swap_box(failed: Path, replacement: Path, executor: Executor, at_s: int) -> None:
    """Fill the empty store of a replacement with what the failed box has left.

    Args:
        failed: its configuration file.
        replacement: the other one's.
        executor: for the store.
        at_s: UTC.

    Raises:
        StoreError: one of the two stores cannot be used.
    """
    sections = read_sections(failed)
    origin = Origin(made_at_s=at_s, made_by="a bench", settings=told_settings(sections))
    old_store = sections.concentrator.data_directory / STORE_NAME
    with open_to_read(old_store, schema_version()) as connection:
        content = from_octets(to_octets(leave(connection, origin)))
    new = read_sections(replacement)
    database = Database(new.concentrator.data_directory / STORE_NAME, executor, new.storage)

    def fill(file: StoreFile) -> None:
        take_over(file.conn, content, at_s)

    async with database:
        await database.run(fill)
