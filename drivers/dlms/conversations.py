"""What a client asks of a meter, as dialogues: each yields a request and is sent the answer.

A dialogue knows nothing of the line below: whoever runs it brings each request to the meter and
the answer back, or closes the generator. It ends by returning the result, or by raising
ServiceRefused (the meter said no) or MalformedFrame (the answer is no answer).
"""

from collections.abc import Generator, Sequence
from typing import TypeAlias, TypeVar

from drivers.dlms import companion
from drivers.dlms.apdu_sn import (
    ReadRequest,
    ReadResponse,
    ReadResult,
    UnconfirmedWriteRequest,
    WriteRequest,
    WriteResponse,
    decode_apdu,
    results_in_raw_data,
)
from drivers.dlms.association import (
    LOW_LEVEL_SECURITY,
    Aare,
    Aarq,
    AcseApdu,
    AssociationRejected,
    AssociationRequest,
    AssociationResult,
    AssociationTerms,
    Rlre,
    Rlrq,
    decode_acse,
)
from drivers.dlms.axdr import Data
from drivers.dlms.block_transfer import BlockCollector
from drivers.dlms.cosem_objects import OBJECT_LIST_NAME, ObjectList, attribute_name
from drivers.dlms.date_time import DATE_TIME_OCTETS, CosemDateTime
from drivers.dlms.initiate import InitiateRequest, InitiateResponse
from drivers.dlms.obis import Obis
from drivers.dlms.profile_rows import ProfileRow, decode_rows
from drivers.dlms.service_error import (
    ConfirmedServiceError,
    DataAccessError,
    ServiceErrorReply,
)
from drivers.dlms.variable_access import (
    BlockNumberAccess,
    DataBlock,
    ParameterizedName,
    VariableAccess,
    VariableName,
)
from drivers.errors import MalformedFrame, ServiceRefused

Result = TypeVar("Result")
Conversation: TypeAlias = Generator[bytes, bytes, Result]

SELECT_BY_RANGE = 1
SELECT_BY_ENTRY = 2
LAST_ENTRY = 0

_BUFFER_ATTRIBUTE = 2
_ENTRIES_IN_USE_ATTRIBUTE = 7
_TIME_ATTRIBUTE = 2
_ONE_DATA = b"\x0c\x01\x00"  # a ReadResponse of one result, data
_CLOCK_AND_DATA = b"\x0c\x02\x00\x09\x0c"  # of two, the first an octet-string of 12
_CLOCK_AT = len(_CLOCK_AND_DATA)
_ROWS_AT = _CLOCK_AT + DATE_TIME_OCTETS + 1  # behind the choice of the second result


def associate(request: AssociationRequest) -> Conversation[AssociationTerms]:
    """Open an association.

    Raises:
        AssociationRejected: the meter refused.
        MalformedFrame: the answer is none, or grants another protocol than ours.
    """
    aarq = Aarq(
        mechanism=None if request.password is None else LOW_LEVEL_SECURITY,
        password=request.password,
        initiate=InitiateRequest(
            conformance=request.conformance,
            client_pdu_octets_max=request.pdu_octets_max,
        ),
    )
    answer = _acse_answer((yield aarq.encode()))
    if not isinstance(answer, Aare):
        raise MalformedFrame("an AARQ was not answered by an AARE")
    if answer.result != AssociationResult.ACCEPTED:
        raise AssociationRejected(answer.result, answer.diagnostic)
    if not isinstance(answer.initiate, InitiateResponse):
        raise MalformedFrame("an association was accepted without terms")
    return AssociationTerms(
        conformance=answer.initiate.conformance & request.conformance,
        server_pdu_octets_max=answer.initiate.server_pdu_octets_max,
    )


def release() -> Conversation[None]:
    """Close the association."""
    answer = _acse_answer((yield Rlrq().encode()))
    if not isinstance(answer, Rlre):
        raise MalformedFrame("an RLRQ was not answered by an RLRE")


def read(names: Sequence[int | ParameterizedName]) -> Conversation[list[Data | DataAccessError]]:
    """Read values in one request; a long answer comes in blocks.

    Returns:
        For each name, in order, its value or the reason why there is none (OTHER_REASON also
        stands for reasons without a name).

    Raises:
        ServiceErrorReply: the meter refused the request as a whole.
        MalformedFrame: the answer is none.
    """
    accesses = tuple([_access(name) for name in names])
    answer = yield ReadRequest(accesses=accesses).encode()
    return (yield from _results(answer, len(accesses)))


def read_value(name: int | ParameterizedName) -> Conversation[Data]:
    """Read one value.

    Raises:
        ServiceRefused: the meter does not give it.
    """
    (result,) = yield from read([name])
    return _value(result)


def read_clock(time_name: int) -> Conversation[CosemDateTime]:
    """Read a clock, whose attribute 2 has the short name `time_name`."""
    return (yield from read_value(time_name)).moment()


def read_object_list() -> Conversation[ObjectList]:
    """Read which objects the meter has; long, so remember it by kind of meter."""
    return ObjectList.from_data((yield from read_value(OBJECT_LIST_NAME)))


def read_profile_range(
    buffer_name: int, clock: Obis, from_s: int, to_s: int
) -> Conversation[list[ProfileRow]]:
    """Read the rows captured from `from_s` to `to_s` (UTC seconds, both included).

    Args:
        buffer_name: short name of the profile's attribute 2.
        clock: logical name of the clock column.
        from_s: begin, seconds since 1970.
        to_s: end, seconds since 1970.

    Raises:
        ServiceRefused: the meter does not give them.
        MalformedFrame: the answer holds no rows.
    """
    return (yield from _read_rows(by_range(buffer_name, clock, from_s, to_s)))


def read_profile_entries(
    buffer_name: int, first: int, last: int = LAST_ENTRY
) -> Conversation[list[ProfileRow]]:
    """Read rows by their place in the buffer, counted from 1; `last` 0 means the end."""
    return (yield from _read_rows(by_entry(buffer_name, first, last)))


def read_first_entry_and_count(
    profile_base: int,
) -> Conversation[tuple[int, ProfileRow | None]]:
    """Read, in one request, how many rows a profile holds and the first of them.

    Returns:
        The count, and the row or None when the meter gives none.
    """
    in_use_name = attribute_name(profile_base, _ENTRIES_IN_USE_ATTRIBUTE)
    buffer_name = attribute_name(profile_base, _BUFFER_ATTRIBUTE)
    in_use, first = yield from read([in_use_name, by_entry(buffer_name, 1, 1)])
    count = _value(in_use).integer()
    if count == 0 or not isinstance(first, Data):
        return count, None
    rows = decode_rows(first.encode())
    return count, rows[0] if rows else None


def read_range_with_clock(
    clock_time_name: int,
    buffer_name: int,
    from_s: int,
    to_s: int,
    clock: Obis = companion.CLOCK,
) -> Conversation[tuple[CosemDateTime, list[ProfileRow]]]:
    """Read, in one request, the meter's time and the rows of a range.

    Raises:
        ServiceRefused: the meter does not give one of them.
        MalformedFrame: the answer is none.
    """
    accesses = (_access(clock_time_name), by_range(buffer_name, clock, from_s, to_s))
    answer = yield ReadRequest(accesses=accesses).encode()
    if answer.startswith(_CLOCK_AND_DATA) and answer[_ROWS_AT - 1 : _ROWS_AT] == b"\x00":
        moment = CosemDateTime.decode(answer[_CLOCK_AT : _CLOCK_AT + DATE_TIME_OCTETS])
        return moment, decode_rows(answer, _ROWS_AT)
    time, rows = yield from _results(answer, len(accesses))
    return _value(time).moment(), decode_rows(_value(rows).encode())


def write(name: int, data: Data) -> Conversation[None]:
    """Set an attribute, or call a method, by its short name.

    Raises:
        ServiceRefused: the meter did not do it.
        MalformedFrame: the answer is none; whether it was done is then unknown.
    """
    answer = decode_apdu((yield write_apdu(name, data)))
    if isinstance(answer, ConfirmedServiceError):
        raise ServiceErrorReply(answer)
    if not isinstance(answer, WriteResponse) or len(answer.results) != 1:
        raise MalformedFrame("a write was not answered by one result")
    (result,) = answer.results
    if not isinstance(result, int):
        raise MalformedFrame("a short write was answered by a block number")
    if result != DataAccessError.SUCCESS:
        raise ServiceRefused(f"write refused with {result:d}", result)


def write_apdu(name: int, data: Data) -> bytes:
    """Return the APDU that sets an attribute, for senders who stamp it at the last moment."""
    return WriteRequest(accesses=(_access(name),), data=(data,)).encode()


def unconfirmed_write_apdu(name: int, data: Data) -> bytes:
    """Return the APDU that sets an attribute without an answer, for broadcasts."""
    return UnconfirmedWriteRequest(accesses=(_access(name),), data=(data,)).encode()


def by_range(buffer_name: int, clock: Obis, from_s: int, to_s: int) -> ParameterizedName:
    """Name all columns of the rows captured between two UTC times, both included."""
    restricting_object = Data.structure(
        Data.u16(companion.InterfaceClass.CLOCK),
        Data.octet_string(clock.octets),
        Data.i8(_TIME_ATTRIBUTE),
        Data.u16(0),
    )
    parameter = Data.structure(
        restricting_object,
        Data.clock_string(CosemDateTime.from_utc(from_s)),
        Data.clock_string(CosemDateTime.from_utc(to_s)),
        Data.array(),
    )
    return ParameterizedName(name=buffer_name, selector=SELECT_BY_RANGE, parameter=parameter)


def by_entry(buffer_name: int, first: int, last: int) -> ParameterizedName:
    """Name all columns of the rows at these places of the buffer, counted from 1."""
    parameter = Data.structure(Data.u32(first), Data.u32(last), Data.u16(1), Data.u16(0))
    return ParameterizedName(name=buffer_name, selector=SELECT_BY_ENTRY, parameter=parameter)


def _read_rows(access: ParameterizedName) -> Conversation[list[ProfileRow]]:
    answer = yield ReadRequest(accesses=(access,)).encode()
    if answer.startswith(_ONE_DATA):
        return decode_rows(answer, len(_ONE_DATA))
    (rows,) = yield from _results(answer, 1)
    return decode_rows(_value(rows).encode())


def _results(answer: bytes, count: int) -> Conversation[list[Data | DataAccessError]]:
    """Return the results in an answer; fetch its other blocks when it is a long one."""
    results = _read_response(answer).results
    block = _only_block(results)
    if block is not None:
        collector = BlockCollector()
        while (taken := collector.take(block)) is not None:
            request = ReadRequest(accesses=(BlockNumberAccess(block_number=taken),))
            block = _only_block(_read_response((yield request.encode())).results)
            if block is None:
                raise MalformedFrame("a long answer that goes on without a block")
        results = results_in_raw_data(collector.raw_data, count)
    if len(results) != count:
        raise MalformedFrame(f"{len(results)} results for {count} names", answer)
    return [_value_or_error(result) for result in results]


def _read_response(answer: bytes) -> ReadResponse:
    response = decode_apdu(answer)
    if isinstance(response, ConfirmedServiceError):
        raise ServiceErrorReply(response)
    if not isinstance(response, ReadResponse):
        raise MalformedFrame("a read was not answered by a ReadResponse", answer)
    return response


def _only_block(results: tuple[ReadResult, ...]) -> DataBlock | None:
    first, *others = results or (None,)
    return first if isinstance(first, DataBlock) and not others else None


def _value_or_error(result: ReadResult) -> Data | DataAccessError:
    match result:
        case Data() | DataAccessError():
            return result
        case int():  # a reason without a name
            return DataAccessError.OTHER_REASON
        case _:
            raise MalformedFrame("a block where a whole value is expected")


def _access(name: int | ParameterizedName) -> VariableAccess:
    return VariableName(name=name) if isinstance(name, int) else name


def _value(result: Data | DataAccessError) -> Data:
    if isinstance(result, Data):
        return result
    raise ServiceRefused(f"read refused with {result:d}", result)


def _acse_answer(octets: bytes) -> AcseApdu:
    if octets[:1] != bytes([ConfirmedServiceError.TAG]):
        return decode_acse(octets)
    error = decode_apdu(octets)
    assert isinstance(error, ConfirmedServiceError)
    raise ServiceErrorReply(error)
