"""The services of DLMS with short names as octets: read, write, report."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeAlias

from drivers.dlms.axdr import Data
from drivers.dlms.axdr_primitives import encode_length, read_count, read_octets, with_length
from drivers.dlms.service_error import ConfirmedServiceError, DataAccessError, known_or_plain
from drivers.dlms.variable_access import (
    DataBlock,
    VariableAccess,
    encode_accesses,
    read_accesses,
    u16_octets,
)
from drivers.errors import MalformedFrame
from drivers.octets import OctetReader

__all__ = [
    "BlockNumber",
    "ConfirmedServiceError",
    "DataAccessError",
    "DataBlock",
    "ErrorCode",
    "InformationReport",
    "ReadRequest",
    "ReadResponse",
    "ReadResult",
    "SnApdu",
    "UnconfirmedWriteRequest",
    "VariableAccess",
    "WriteRequest",
    "WriteResponse",
    "WriteResult",
    "decode_apdu",
    "encode_read_results",
    "read_read_results",
    "results_in_raw_data",
]


class _ReadChoice(IntEnum):
    DATA = 0
    ERROR = 1
    BLOCK = 2
    BLOCK_NUMBER = 3


class _WriteChoice(IntEnum):
    SUCCESS = 0
    ERROR = 1
    BLOCK_NUMBER = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockNumber:
    """A result that names the block the far end awaits or has taken."""

    block_number: int


ErrorCode: TypeAlias = DataAccessError | int
ReadResult: TypeAlias = Data | DataBlock | BlockNumber | ErrorCode
WriteResult: TypeAlias = BlockNumber | ErrorCode


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """Asks for one or more values."""

    TAG = 0x05

    accesses: tuple[VariableAccess, ...]

    def encode(self) -> bytes:
        """Return the octets of the APDU."""
        return bytes([self.TAG]) + encode_accesses(self.accesses)

    @classmethod
    def decode_body(cls, reader: OctetReader) -> "ReadRequest":
        """Read what follows the tag."""
        return cls(accesses=read_accesses(reader))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResponse:
    """Answers a ReadRequest, name by name: a value, an error, or a block of a long answer."""

    TAG = 0x0C

    results: tuple[ReadResult, ...]

    def encode(self) -> bytes:
        """Return the octets of the APDU."""
        return bytes([self.TAG]) + encode_read_results(self.results)

    @classmethod
    def decode_body(cls, reader: OctetReader) -> "ReadResponse":
        """Read what follows the tag."""
        return cls(results=read_read_results(reader))


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRequest:
    """Sets values or calls methods; each name has its data at the same place."""

    TAG = 0x06

    accesses: tuple[VariableAccess, ...]
    data: tuple[Data, ...]

    def encode(self) -> bytes:
        """Return the octets of the APDU."""
        return bytes([self.TAG]) + encode_accesses(self.accesses) + _encode_list(self.data)

    @classmethod
    def decode_body(cls, reader: OctetReader) -> "WriteRequest":
        """Read what follows the tag."""
        return cls(accesses=read_accesses(reader), data=_read_data_list(reader))


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResponse:
    """Answers a WriteRequest, name by name; SUCCESS is one of the error codes."""

    TAG = 0x0D

    results: tuple[WriteResult, ...]

    def encode(self) -> bytes:
        """Return the octets of the APDU."""
        results = b"".join(_encode_write_result(result) for result in self.results)
        return bytes([self.TAG]) + encode_length(len(self.results)) + results

    @classmethod
    def decode_body(cls, reader: OctetReader) -> "WriteResponse":
        """Read what follows the tag."""
        count = read_count(reader)
        return cls(results=tuple([_read_write_result(reader) for _ in range(count)]))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnconfirmedWriteRequest:
    """A WriteRequest that nobody answers: the one for broadcasts."""

    TAG = 0x16

    accesses: tuple[VariableAccess, ...]
    data: tuple[Data, ...]

    def encode(self) -> bytes:
        """Return the octets of the APDU."""
        return bytes([self.TAG]) + encode_accesses(self.accesses) + _encode_list(self.data)

    @classmethod
    def decode_body(cls, reader: OctetReader) -> "UnconfirmedWriteRequest":
        """Read what follows the tag."""
        return cls(accesses=read_accesses(reader), data=_read_data_list(reader))


@dataclass(frozen=True, slots=True, kw_only=True)
class InformationReport:
    """Values that a meter sends unasked.

    Attributes:
        current_time: the meter's own time as generalized-time text, when it gives one.
    """

    TAG = 0x18

    accesses: tuple[VariableAccess, ...]
    data: tuple[Data, ...]
    current_time: str | None = None

    def encode(self) -> bytes:
        """Return the octets of the APDU."""
        time = b"\x00"
        if self.current_time is not None:
            time = b"\x01" + with_length(self.current_time.encode("latin-1"))
        return bytes([self.TAG]) + time + encode_accesses(self.accesses) + _encode_list(self.data)

    @classmethod
    def decode_body(cls, reader: OctetReader) -> "InformationReport":
        """Read what follows the tag."""
        current_time = read_octets(reader).decode("latin-1") if reader.u8() else None
        accesses = read_accesses(reader)
        return cls(current_time=current_time, accesses=accesses, data=_read_data_list(reader))


SnApdu: TypeAlias = (
    ReadRequest
    | ReadResponse
    | WriteRequest
    | WriteResponse
    | UnconfirmedWriteRequest
    | InformationReport
    | ConfirmedServiceError
)

_BODIES: dict[int, Callable[[OctetReader], SnApdu]] = {
    ReadRequest.TAG: ReadRequest.decode_body,
    ReadResponse.TAG: ReadResponse.decode_body,
    WriteRequest.TAG: WriteRequest.decode_body,
    WriteResponse.TAG: WriteResponse.decode_body,
    UnconfirmedWriteRequest.TAG: UnconfirmedWriteRequest.decode_body,
    InformationReport.TAG: InformationReport.decode_body,
    ConfirmedServiceError.TAG: ConfirmedServiceError.decode_body,
}


def decode_apdu(octets: bytes) -> SnApdu:
    """Read one APDU of the short-name services.

    Raises:
        MalformedFrame: it is none, or damaged.

    Source: IEC 61334-4-41; docs/plc.md 6.
    """
    reader = OctetReader(octets)
    tag = reader.u8()
    body = _BODIES.get(tag)
    if body is None:
        raise MalformedFrame(f"no short-name APDU has the tag {tag:02X}", octets)
    apdu = body(reader)
    reader.end()
    return apdu


def encode_read_results(results: tuple[ReadResult, ...]) -> bytes:
    """Return the results of a read as the body of a ReadResponse."""
    encoded = b"".join(_encode_read_result(result) for result in results)
    return encode_length(len(results)) + encoded


def read_read_results(reader: OctetReader) -> tuple[ReadResult, ...]:
    """Read the body of a ReadResponse."""
    return tuple([_read_read_result(reader) for _ in range(read_count(reader))])


def results_in_raw_data(raw_data: bytes, count: int) -> tuple[ReadResult, ...]:
    """Return the results that the blocks of a long answer carry together.

    The peers disagree on the form (docs/plc.md 6.7): the body of a ReadResponse, count and choices
    included, or the bare values. Both are understood, by trying the first.

    Raises:
        MalformedFrame: it has neither.
    """
    try:
        reader = OctetReader(raw_data)
        results = read_read_results(reader)
        reader.end()
        # "No error" for an error is an array of one null, not a result.
        if len(results) == count and DataAccessError.SUCCESS not in results:
            return results
    except MalformedFrame:
        pass  # the other form, then
    reader = OctetReader(raw_data)
    values = tuple([Data.decode(reader) for _ in range(count)])
    reader.end()
    return values


def _encode_list(values: tuple[Data, ...]) -> bytes:
    return encode_length(len(values)) + b"".join(value.encode() for value in values)


def _read_data_list(reader: OctetReader) -> tuple[Data, ...]:
    return tuple([Data.decode(reader) for _ in range(read_count(reader))])


def _encode_read_result(result: ReadResult) -> bytes:
    match result:
        case Data():
            return bytes([_ReadChoice.DATA]) + result.encode()
        case DataBlock():
            return bytes([_ReadChoice.BLOCK]) + result.encode_body()
        case BlockNumber():
            return bytes([_ReadChoice.BLOCK_NUMBER]) + u16_octets(result.block_number)
        case _:
            return bytes([_ReadChoice.ERROR, result])


def _read_read_result(reader: OctetReader) -> ReadResult:
    match reader.u8():
        case _ReadChoice.DATA:
            return Data.decode(reader)
        case _ReadChoice.ERROR:
            return known_or_plain(DataAccessError, reader.u8())
        case _ReadChoice.BLOCK:
            return DataBlock.decode_body(reader)
        case _ReadChoice.BLOCK_NUMBER:
            return BlockNumber(block_number=reader.u16())
        case choice:
            raise MalformedFrame(f"no result of a read has the tag {choice}")


def _encode_write_result(result: WriteResult) -> bytes:
    if isinstance(result, BlockNumber):
        return bytes([_WriteChoice.BLOCK_NUMBER]) + u16_octets(result.block_number)
    if result == DataAccessError.SUCCESS:
        return bytes([_WriteChoice.SUCCESS])
    return bytes([_WriteChoice.ERROR, result])


def _read_write_result(reader: OctetReader) -> WriteResult:
    match reader.u8():
        case _WriteChoice.SUCCESS:
            return DataAccessError.SUCCESS
        case _WriteChoice.ERROR:
            return known_or_plain(DataAccessError, reader.u8())
        case _WriteChoice.BLOCK_NUMBER:
            return BlockNumber(block_number=reader.u16())
        case choice:
            raise MalformedFrame(f"no result of a write has the tag {choice}")
