"""The documents that travel between concentrator and head-end, as docs/head_end_interface.md says.

The door of pydantic on this side: these models are the document's one truth in code.
"""

import hashlib
from typing import Any, Final, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.head_end.errors import MalformedMessage

ACK_OCTETS_MAX: Final = 4096
"""An acknowledgement is about 200 octets; what is longer is none."""


class _Message(BaseModel):
    # A later head-end may say more than we know: that is no reason to refuse it.
    model_config = ConfigDict(extra="ignore", frozen=True)


class ColumnMessage(_Message):
    """What one value of a row means: value * 10 ** scaler, in DLMS unit."""

    obis: str
    unit: int
    scaler: int


class StreamMessage(_Message):
    """Rows of one stream: seq, captured_at_s, occurrence, status, mark, received_at_s, values."""

    usn: str
    stream: str
    parent_usn: str | None
    capture_period_s: int | None
    columns: list[ColumnMessage]
    rows: list[list[int | None]]


class JournalMessage(_Message):
    """One journal entry."""

    seq: int
    at_s: int
    kind: str
    usn: str | None
    body: dict[str, Any]


class BatchMessage(_Message):
    """What the concentrator has to tell; `batch` counts from 1 within an epoch."""

    schema_name: Literal["gridgate.batch.1"] = Field("gridgate.batch.1", alias="schema")
    dc_id: str
    epoch: str
    batch: int
    streams: list[StreamMessage]
    journal: list[JournalMessage]


class AckMessage(_Message):
    """The head-end has committed a batch of these very octets."""

    schema_name: Literal["gridgate.ack.1"] = Field("gridgate.ack.1", alias="schema")
    dc_id: str
    epoch: str
    batch: int
    sha256: str


class StatusMessage(_Message):
    """Whether the concentrator is connected; the broker tells the other half as its will."""

    schema_name: Literal["gridgate.status.1"] = Field("gridgate.status.1", alias="schema")
    dc_id: str
    online: bool


AnyMessage = TypeVar("AnyMessage", BatchMessage, AckMessage, StatusMessage)


def to_octets(message: BaseModel) -> bytes:
    """Return a message as it travels: JSON, UTF-8."""
    return message.model_dump_json(by_alias=True).encode()


def from_octets(kind: type[AnyMessage], octets: bytes, octets_max: int) -> AnyMessage:
    """Return the message that `octets` are.

    Raises:
        MalformedMessage: they are none of this kind, or too many.
    """
    if len(octets) > octets_max:
        raise MalformedMessage(f"{len(octets)} octets, {octets_max} at most")
    try:
        return kind.model_validate_json(octets)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise MalformedMessage(f"{place}: {first['msg']}") from error


def digest(octets: bytes) -> str:
    """Return the SHA-256 of a message's octets, in hex."""
    return hashlib.sha256(octets).hexdigest()
