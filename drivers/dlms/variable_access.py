"""How a request names what it means: by short name, with a selection, or by block number."""

from dataclasses import dataclass
from typing import TypeAlias

from drivers.dlms.axdr import Data
from drivers.dlms.axdr_primitives import encode_length, read_count, read_octets, with_length
from drivers.errors import LocalUseError, MalformedFrame
from drivers.octets import OctetReader


@dataclass(frozen=True, slots=True, kw_only=True)
class VariableName:
    """An attribute or method by its short name alone."""

    TAG = 2

    name: int

    def encode(self) -> bytes:
        """Return the octets."""
        return bytes([self.TAG]) + u16_octets(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterizedName:
    """An attribute of which a part is selected.

    Attributes:
        selector: 1 by range of a column, 2 by entry number (profile generic).
        parameter: what the selector asks for.
    """

    TAG = 4

    name: int
    selector: int
    parameter: Data

    def encode(self) -> bytes:
        """Return the octets."""
        return (
            bytes([self.TAG])
            + u16_octets(self.name)
            + bytes([self.selector])
            + self.parameter.encode()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockNumberAccess:
    """Asks for the block of a long answer that follows the one named here."""

    TAG = 5

    block_number: int

    def encode(self) -> bytes:
        """Return the octets."""
        return bytes([self.TAG]) + u16_octets(self.block_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataBlock:
    """One block of a long read, in an answer or (never sent by us) in a request."""

    TAG = 6

    last_block: bool
    block_number: int
    raw_data: bytes

    def encode_body(self) -> bytes:
        """Return the octets behind the choice's tag."""
        head = bytes([self.last_block]) + u16_octets(self.block_number)
        return head + with_length(self.raw_data)

    def encode(self) -> bytes:
        """Return the octets of a read-data-block-access."""
        return bytes([self.TAG]) + self.encode_body()

    @classmethod
    def decode_body(cls, reader: OctetReader) -> "DataBlock":
        """Read what follows the choice's tag."""
        last_block = reader.u8() != 0
        return cls(last_block=last_block, block_number=reader.u16(), raw_data=read_octets(reader))


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteDataBlockAccess:
    """Announces one block of a long write."""

    TAG = 7

    last_block: bool
    block_number: int

    def encode(self) -> bytes:
        """Return the octets."""
        return bytes([self.TAG, self.last_block]) + u16_octets(self.block_number)


VariableAccess: TypeAlias = (
    VariableName | ParameterizedName | BlockNumberAccess | DataBlock | WriteDataBlockAccess
)


def encode_accesses(accesses: tuple[VariableAccess, ...]) -> bytes:
    """Return the list of what a request means."""
    return encode_length(len(accesses)) + b"".join(access.encode() for access in accesses)


def read_accesses(reader: OctetReader) -> tuple[VariableAccess, ...]:
    """Read the list of what a request means; MalformedFrame when it is none."""
    return tuple([_read_access(reader) for _ in range(read_count(reader))])


def _read_access(reader: OctetReader) -> VariableAccess:
    match reader.u8():
        case VariableName.TAG:
            return VariableName(name=reader.u16())
        case ParameterizedName.TAG:
            name, selector = reader.u16(), reader.u8()
            return ParameterizedName(name=name, selector=selector, parameter=Data.decode(reader))
        case BlockNumberAccess.TAG:
            return BlockNumberAccess(block_number=reader.u16())
        case DataBlock.TAG:
            return DataBlock.decode_body(reader)
        case WriteDataBlockAccess.TAG:
            last_block = reader.u8() != 0
            return WriteDataBlockAccess(last_block=last_block, block_number=reader.u16())
        case tag:
            raise MalformedFrame(f"no way of access has the tag {tag}")


def u16_octets(number: int) -> bytes:
    """Return two octets; LocalUseError when the number needs more."""
    if not 0 <= number <= 0xFFFF:
        raise LocalUseError(f"{number} does not fit two octets")
    return number.to_bytes(2, "big")
