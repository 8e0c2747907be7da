"""Long answers in blocks, as the client puts them together again."""

from drivers.dlms.variable_access import DataBlock
from drivers.errors import MalformedFrame

LONG_ANSWER_OCTETS_MAX = 262_144  # a full profile of 2160 rows takes 82 KiB


class BlockCollector:
    """Takes blocks in their order."""

    def __init__(self) -> None:
        self._raw_data = bytearray()
        self._taken = 0

    def take(self, block: DataBlock) -> int | None:
        """Take the next block; return the number of the last one taken, to be sent as a receipt.

        Returns:
            None when this block was the last, and `raw_data` is complete.

        Raises:
            MalformedFrame: the block is out of order, or the answer does not end.
        """
        self._taken += 1
        if block.block_number != self._taken:
            raise MalformedFrame(f"block {block.block_number} where {self._taken} is awaited")
        self._raw_data += block.raw_data
        if block.last_block:
            return None
        too_many = len(self._raw_data) > LONG_ANSWER_OCTETS_MAX or self._taken == 0xFFFF
        if too_many or not block.raw_data:
            raise MalformedFrame("a long answer that does not end")
        return self._taken

    @property
    def raw_data(self) -> bytes:
        """What the blocks carried."""
        return bytes(self._raw_data)
