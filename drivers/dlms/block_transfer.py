"""Long answers in blocks, as the client puts them together again.

The peers disagree on what the blocks carry (PEERS.md 4.3): the results as in a short answer,
count and choice included, or the bare values. Both are understood, by trying the first form.
"""

from collections.abc import Generator

from drivers.dlms.apdu_sn import (
    ReadRequest,
    ReadResponse,
    ReadResult,
    decode_apdu,
    read_read_results,
)
from drivers.dlms.axdr import Data
from drivers.dlms.service_error import ConfirmedServiceError, DataAccessError, ServiceErrorReply
from drivers.dlms.variable_access import BlockNumberAccess, DataBlock
from drivers.errors import MalformedFrame
from drivers.octets import OctetReader

LONG_ANSWER_OCTETS_MAX = 262_144  # a full profile of 2160 rows takes 82 KiB


def read_results(
    answer: bytes, count: int
) -> Generator[bytes, bytes, list[Data | DataAccessError]]:
    """Return the results in an answer to a read; fetch its other blocks when it is a long one.

    Args:
        answer: the first answer.
        count: names in the request.

    Raises:
        ServiceErrorReply: the meter refused the request as a whole.
        MalformedFrame: the answer is none.
    """
    response = _read_response(answer)
    raw_data = yield from raw_data_of(response)
    results = response.results if raw_data is None else results_in_raw_data(raw_data, count)
    if len(results) != count:
        raise MalformedFrame(f"{len(results)} results for {count} names", answer)
    return [_value_or_error(result) for result in results]


def raw_data_of(response: ReadResponse) -> Generator[bytes, bytes, bytes | None]:
    """Return what the blocks of a long answer carry; None when the answer is no long one.

    Raises:
        MalformedFrame: a block is missing, empty or out of order, or there are too many.
    """
    block = _only_block(response)
    if block is None:
        return None
    collected = bytearray()
    expected = 1
    while True:
        if block.block_number != expected:
            raise MalformedFrame(f"block {block.block_number} where {expected} is awaited")
        collected += block.raw_data
        if block.last_block:
            return bytes(collected)
        if not block.raw_data or len(collected) > LONG_ANSWER_OCTETS_MAX or expected == 0xFFFF:
            raise MalformedFrame("a long answer that does not end")
        access = BlockNumberAccess(block_number=expected)
        response = _read_response((yield ReadRequest(accesses=(access,)).encode()))
        block = _only_block(response)
        if block is None:
            raise MalformedFrame("a long answer that goes on without a block")
        expected += 1


def results_in_raw_data(raw_data: bytes, count: int) -> tuple[ReadResult, ...]:
    """Return the results that a long answer carries in either form.

    Raises:
        MalformedFrame: it has neither.
    """
    try:
        reader = OctetReader(raw_data)
        results = read_read_results(reader)
        reader.end()
        if len(results) == count:
            return results
    except MalformedFrame:
        pass  # the other form, then
    reader = OctetReader(raw_data)
    values = tuple([Data.decode(reader) for _ in range(count)])
    reader.end()
    return values


def _read_response(answer: bytes) -> ReadResponse:
    response = decode_apdu(answer)
    if isinstance(response, ConfirmedServiceError):
        raise ServiceErrorReply(response)
    if not isinstance(response, ReadResponse):
        raise MalformedFrame("a read was not answered by a ReadResponse", answer)
    return response


def _only_block(response: ReadResponse) -> DataBlock | None:
    first, *others = response.results or (None,)
    return first if isinstance(first, DataBlock) and not others else None


def _value_or_error(result: ReadResult) -> Data | DataAccessError:
    match result:
        case Data() | DataAccessError():
            return result
        case int():  # a reason without a name
            return DataAccessError.OTHER_REASON
        case _:
            raise MalformedFrame("a block where a whole value is expected")
