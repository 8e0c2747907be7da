"""What a meter answered for one name, taken apart with care."""

from typing import Final

from drivers.dlms.apdu_sn import ErrorCode
from drivers.dlms.axdr import Data
from drivers.dlms.profile_rows import ProfileRow, decode_rows
from drivers.errors import MalformedFrame

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
