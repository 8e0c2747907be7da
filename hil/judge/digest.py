"""One number for all that has happened: equal runs have equal digests."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

from hil.lv_network.air_log import AIR_FILE
from hil.verdict import HEAD_END_FILE, TRUTH_FILE

_TOLD = (
    (TRUTH_FILE, "SELECT * FROM rows ORDER BY usn, stream, captured_at_s, occurrence"),
    (TRUTH_FILE, "SELECT * FROM supply ORDER BY rowid"),
    (TRUTH_FILE, "SELECT * FROM reach ORDER BY rowid"),
    (TRUTH_FILE, "SELECT * FROM reads ORDER BY rowid"),
    (HEAD_END_FILE, "SELECT * FROM rows ORDER BY rowid"),
    (HEAD_END_FILE, "SELECT * FROM journal ORDER BY dc_id, epoch, seq"),
)


def digest_of(directory: Path) -> str:
    """Return the SHA-256, in hex, of every frame, row, span and journal entry of a run."""
    digest = hashlib.sha256()
    with (directory / AIR_FILE).open("rb") as file:
        digest.update(hashlib.file_digest(file, "sha256").digest())
    for name, query in _TOLD:
        uri = f"{(directory / name).resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as database:
            for row in database.execute(query):
                digest.update(repr(row).encode())
    return digest.hexdigest()
