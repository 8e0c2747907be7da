"""The head-end without a broker: takes a message, commits it, and returns its acknowledgement."""

import hashlib
import json

from hil.head_end.json_fields import MalformedDocument, parse_object
from hil.head_end.reader import ack_octets, read_batch
from hil.head_end.store import HeadEndStore, Taken

STATUS_OCTETS_MAX = 65_536


class InMemoryHeadEnd:
    """Reads and stores as hil.head_end.service does; who brings a message takes the answer along.

    Attributes:
        refused: messages that were no documents, or contradicted earlier ones.
    """

    def __init__(self, store: HeadEndStore) -> None:
        self._store = store
        self.refused = 0

    def take(self, topic: str, payload: bytes, now_s: float) -> bytes | None:
        """Commit what a message holds; return the acknowledgement, None when there is none."""
        _, _, dc_id, kind = topic.split("/")
        try:
            if kind == "status":
                status = json.dumps(parse_object(payload, STATUS_OCTETS_MAX))
                self._store.note_status(dc_id, status, now_s)
                return None
            batch, sha256 = read_batch(payload), hashlib.sha256(payload).hexdigest()
        except MalformedDocument:
            self.refused += 1
            return None
        taken = self._store.take(batch, sha256, now_s, lambda: None)
        if batch.dc_id != dc_id or taken is Taken.CONTRADICTED:
            self.refused += 1
            return None
        return ack_octets(batch, sha256)
