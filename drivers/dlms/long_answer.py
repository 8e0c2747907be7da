"""Long answers in blocks, as the server cuts them."""

from dataclasses import dataclass
from enum import StrEnum

from drivers.dlms.variable_access import DataBlock
from drivers.errors import LocalUseError

_BLOCK_HEAD_OCTETS = 9  # tag, count, choice, last-block, number, length in three


class RawDataShape(StrEnum):
    """What the blocks carry: the peers disagree, see docs/plc.md 6.7."""

    RESULTS = "results"  # count, then choice and value each, as in a short answer
    BARE_DATA = "bare-data"  # the values alone; an answer with errors takes the other form


@dataclass(frozen=True, slots=True, kw_only=True)
class LongAnswer:
    """An answer that is longer than one APDU; any block may be had again.

    Attributes:
        raw_data: what the blocks carry together.
        block_octets_max: of raw data, per block.
    """

    raw_data: bytes
    block_octets_max: int

    @property
    def block_count(self) -> int:
        """How many blocks there are."""
        return -(-len(self.raw_data) // self.block_octets_max)

    def block(self, number: int) -> DataBlock:
        """Return that block, counted from 1."""
        end = number * self.block_octets_max
        return DataBlock(
            last_block=end >= len(self.raw_data),
            block_number=number,
            raw_data=self.raw_data[end - self.block_octets_max : end],
        )


def in_blocks(raw_data: bytes, pdu_octets_max: int) -> LongAnswer:
    """Return an answer to be sent in APDUs of at most `pdu_octets_max`, heads included.

    Raises:
        LocalUseError: not even an empty block fits.
    """
    block_octets_max = pdu_octets_max - _BLOCK_HEAD_OCTETS
    if block_octets_max < 1:
        raise LocalUseError(f"no block fits {pdu_octets_max} octets")
    return LongAnswer(raw_data=raw_data, block_octets_max=block_octets_max)
