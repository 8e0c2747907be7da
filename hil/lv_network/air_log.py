"""Every frame on the line as a row of air.csv, written by the line itself.

| column      | what it says                                                                     |
|-------------|----------------------------------------------------------------------------------|
| t           | UTC second at which the first copy began, to the millisecond                     |
| line        | the concentrator to whose network the frame belongs                              |
| source      | MAC address, three hexadecimal digits                                            |
| destination | the same                                                                         |
| credit      | initial credit                                                                   |
| subframes   | of one copy; the frame takes subframes * (1 + credit) slots                      |
| purpose     | hil.lv_network.purpose; an answer has that of its question                       |
| hop         | number of the copy that the addressee decoded; empty: none, or a broadcast       |
| usn         | the meter that sent it or was asked; empty for broadcasts                        |
| rows        | profile rows in an answer                                                        |
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hil.lv_network.purpose import Purpose

AIR_FILE = "air.csv"
COLUMNS = (
    "t", "line", "source", "destination", "credit", "subframes", "purpose", "hop", "usn", "rows",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class AirFrame:
    """One frame as the line saw it; times are UTC seconds."""

    t: float
    line: str
    source: int
    destination: int
    credit: int
    subframes: int
    purpose: Purpose
    hop: int | None
    usn: str
    rows: int

    @property
    def slots(self) -> int:
        """Return how many slots it took."""
        return self.subframes * (1 + self.credit)


class AirLog(Protocol):
    """Somebody who keeps what was on the air."""

    def note(self, frame: AirFrame) -> None:
        """Take one frame; in the order in which they ended."""


class NoAirLog:
    """Keeps nothing."""

    def note(self, frame: AirFrame) -> None:
        """Forget it."""


class AirFile:
    """Writes air.csv."""

    def __init__(self, path: Path) -> None:
        """Begin a new file."""
        self._file = path.open("w", newline="", encoding="ascii")
        self._file.write(",".join(COLUMNS) + "\n")

    def note(self, frame: AirFrame) -> None:
        """Write one frame down."""
        hop = "" if frame.hop is None else frame.hop
        self._file.write(
            f"{frame.t:.3f},{frame.line},{frame.source:03X},{frame.destination:03X},"
            f"{frame.credit},{frame.subframes},{frame.purpose},{hop},{frame.usn},{frame.rows}\n"
        )

    def flush(self) -> None:
        """Let others see what was written."""
        self._file.flush()

    def close(self) -> None:
        """End the file."""
        self._file.close()


def read_air(path: Path) -> list[AirFrame]:
    """Return the frames of a file in order.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file.
    """
    with path.open(newline="", encoding="ascii") as file:
        rows = csv.reader(file)
        if tuple(next(rows, ())) != COLUMNS:
            raise ValueError(f"{path} is no log of a line: its first row is not {COLUMNS}")
        return [_frame(row) for row in rows]


def _frame(row: list[str]) -> AirFrame:
    t, line, source, destination, credit, subframes, purpose, hop, usn, count = row
    return AirFrame(
        t=float(t),
        line=line,
        source=int(source, 16),
        destination=int(destination, 16),
        credit=int(credit),
        subframes=int(subframes),
        purpose=Purpose(purpose),
        hop=int(hop) if hop else None,
        usn=usn,
        rows=int(count),
    )
