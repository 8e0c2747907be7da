"""A capture file in the format that tcpdump began: written as things happen, readable at once."""

import os
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Final, Self

_FILE_HEAD: Final = Struct("<IHHiIII")
_PACKET_HEAD: Final = Struct("<IIII")
_MICROSECONDS_MAGIC: Final = 0xA1B2C3D4
_VERSION: Final = (2, 4)
PACKET_OCTETS_MAX: Final = 65_535


class PcapFile:
    """An open capture file; a context manager.

    A file that is there is overwritten. Its owner alone may read it: it holds what the line
    carried, readings and passwords included.
    """

    def __init__(self, path: Path, link_type: int) -> None:
        """Create the file.

        Raises:
            OSError: it cannot be created.
        """
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        head = _FILE_HEAD.pack(_MICROSECONDS_MAGIC, *_VERSION, 0, 0, PACKET_OCTETS_MAX, link_type)
        self._file.write(head)

    def write(self, packet: bytes, at_s: float) -> None:
        """Append one packet, all of it in one go.

        Raises:
            OSError: the disk is full, or gone.
        """
        seconds, microseconds = divmod(round(at_s * 1_000_000), 1_000_000)
        head = _PACKET_HEAD.pack(seconds, microseconds, len(packet), len(packet))
        self._file.write(head + packet)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
