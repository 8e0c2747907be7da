"""What a meter answered for one name, taken apart with care."""

from collections.abc import Sequence
from typing import Final

from drivers.dlms.apdu_sn import ErrorCode
from drivers.dlms.axdr import Data
from drivers.dlms.profile_rows import ProfileRow, decode_rows
from drivers.errors import MalformedFrame
from gateway.meters.stream_plan import RangeAsked, StreamState

ARRAY_OCTETS: Final = 2  # tag and count before the first row


def data_of(answer: Data | ErrorCode) -> Data:
    """Return the value of a name that the meter lists; raise MalformedFrame when it refuses it."""
    if not isinstance(answer, Data):
        raise MalformedFrame(f"the meter refused an attribute that it lists, with {answer:d}")
    return answer


def first_row(answer: Data | ErrorCode | None) -> tuple[list[ProfileRow], int | None]:
    """Return the first row of a buffer and its length in octets.

    One that is refused, or has no real date, is no reason to believe nothing else of the meter:
    the list is empty then.
    """
    if not isinstance(answer, Data):
        return [], None
    octets = answer.encode()
    try:
        rows = decode_rows(octets)
    except MalformedFrame:
        return [], None
    return rows, (len(octets) - ARRAY_OCTETS if len(rows) == 1 else None)


def check_rows(stream: StreamState, asked: RangeAsked, rows: Sequence[ProfileRow]) -> None:
    """Raise MalformedFrame for rows that do not fit the question."""
    # Replies carry no number. What does not fit the question is the answer to another one.
    width = len(stream.buffer.columns)
    for row in rows:
        if not asked.from_s <= row[0] <= asked.to_s:
            raise MalformedFrame(f"a row outside the range asked for ({stream.entity})")
        if len(row[3]) != width:
            raise MalformedFrame(f"a row of {len(row[3])} values, not {width} ({stream.entity})")
