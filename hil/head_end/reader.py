"""Reads batches as docs/head_end_interface.md describes them.

Written from that document and nothing else: two readers of one document test the document. What
is described must be there and right; fields that are not described are passed over.
"""

import json
from dataclasses import dataclass
from typing import Final

from hil.head_end.json_fields import (
    Fields,
    MalformedDocument,
    array,
    as_array,
    as_object,
    as_whole,
    parse_object,
    text,
    text_or_null,
    whole,
)

BATCH_SCHEMA: Final = "gridgate.batch.1"
ACK_SCHEMA: Final = "gridgate.ack.1"
BATCH_OCTETS_MAX: Final = 4 * 1024 * 1024
STREAMS_MAX: Final = 10_000
ROWS_MAX: Final = 10_000
JOURNAL_MAX: Final = 10_000
VALUES_MAX: Final = 4
_FIXED_COLUMNS: Final = ("seq", "captured_at_s", "occurrence", "status", "mark", "received_at_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """One reading.

    Attributes:
        seq: 1, 2, 3 ... within its stream.
        captured_at_s: UTC by the meter's clock.
        occurrence: 1, or more for a further row of the same captured_at_s.
        mark: what is odd about it.
        received_at_s: UTC by the concentrator's clock.
        values: at most as many as the stream has columns; the rest is null.
    """

    seq: int
    captured_at_s: int
    occurrence: int
    status: int
    mark: int
    received_at_s: int
    values: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStream:
    """Rows of one buffer of one meter.

    Attributes:
        stream: what the buffer holds: "periodic", "daily" ...
        parent_usn: of the master a slave hangs on.
        columns: OBIS code, unit and scaler of each value.
    """

    usn: str
    stream: str
    parent_usn: str | None
    capture_period_s: int | None
    columns: tuple[tuple[str, int, int], ...]
    rows: tuple[BatchRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLine:
    """One entry of the concentrator's journal; `body` is JSON text."""

    seq: int
    at_s: int
    kind: str
    usn: str | None
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One message, read."""

    dc_id: str
    epoch: str
    number: int
    streams: tuple[BatchStream, ...]
    journal: tuple[JournalLine, ...]

    @property
    def row_count(self) -> int:
        """Return how many rows it brings."""
        return sum(len(stream.rows) for stream in self.streams)


def read_batch(payload: bytes) -> Batch:
    """Return what the octets of a batch say.

    Raises:
        MalformedDocument: they are no batch.
    """
    fields = parse_object(payload, BATCH_OCTETS_MAX)
    if text(fields, "schema") != BATCH_SCHEMA:
        raise MalformedDocument(f"the schema is not {BATCH_SCHEMA}")
    batch = Batch(
        dc_id=text(fields, "dc_id"),
        epoch=text(fields, "epoch"),
        number=whole(fields, "batch", 1),
        streams=tuple(map(_stream, array(fields, "streams", STREAMS_MAX))),
        journal=tuple(map(_journal_line, array(fields, "journal", JOURNAL_MAX))),
    )
    if batch.row_count > ROWS_MAX:
        raise MalformedDocument(f"{batch.row_count} rows are more than {ROWS_MAX}")
    return batch


def ack_octets(batch: Batch, sha256: str) -> bytes:
    """Return the acknowledgement of a batch; `sha256` is the hex digest of its octets."""
    fields = {
        "schema": ACK_SCHEMA,
        "dc_id": batch.dc_id,
        "epoch": batch.epoch,
        "batch": batch.number,
        "sha256": sha256,
    }
    return json.dumps(fields, separators=(",", ":")).encode()


def _stream(item: object) -> BatchStream:
    fields = as_object(item, "a stream")
    columns = tuple(map(_column, array(fields, "columns", VALUES_MAX)))
    period = fields.get("capture_period_s")
    return BatchStream(
        usn=text(fields, "usn"),
        stream=text(fields, "stream"),
        parent_usn=text_or_null(fields, "parent_usn"),
        capture_period_s=None if period is None else whole(fields, "capture_period_s", 0),
        columns=columns,
        rows=tuple(_row(item, len(columns)) for item in array(fields, "rows", ROWS_MAX)),
    )


def _column(item: object) -> tuple[str, int, int]:
    fields = as_object(item, "a column")
    return text(fields, "obis"), whole(fields, "unit", 0), whole(fields, "scaler")


def _row(item: object, columns: int) -> BatchRow:
    cells = as_array(item, "a row", len(_FIXED_COLUMNS) + columns)
    if len(cells) < len(_FIXED_COLUMNS):
        raise MalformedDocument(f"a row has {len(cells)} cells only")
    fixed = dict(zip(_FIXED_COLUMNS, cells, strict=False))
    return BatchRow(
        seq=whole(fixed, "seq", 1),
        captured_at_s=whole(fixed, "captured_at_s"),
        occurrence=whole(fixed, "occurrence", 1),
        status=whole(fixed, "status", 0),
        mark=whole(fixed, "mark", 0),
        received_at_s=whole(fixed, "received_at_s"),
        values=tuple(
            None if cell is None else as_whole(cell, "a value")
            for cell in cells[len(_FIXED_COLUMNS) :]
        ),
    )


def _journal_line(item: object) -> JournalLine:
    fields: Fields = as_object(item, "a journal entry")
    return JournalLine(
        seq=whole(fields, "seq", 1),
        at_s=whole(fields, "at_s"),
        kind=text(fields, "kind"),
        usn=text_or_null(fields, "usn"),
        body=json.dumps(as_object(fields.get("body"), "the body of a journal entry")),
    )
