"""A stream of readings: one buffered entity of one meter, and what its columns mean."""

import json
from dataclasses import dataclass
from typing import Final

from drivers.dlms.companion import Entity

ELECTRICITY: Final = 1
"""Value group A of electricity; its registers that only grow have value group D = 8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One register of a profile; a stored integer is value = integer * 10 ** scaler, in unit.

    Attributes:
        obis: the register's code, "1-0:1.8.0.255".
        unit: DLMS unit code; 255 for a number without one.
        scaler: power of ten.
    """

    obis: str
    unit: int
    scaler: int

    def only_grows(self) -> bool:
        """Return whether a later value smaller than an earlier one is worth a mark.

        Electricity's combined total (C = 15) counts import less export in some meters, so it may
        fall, and is left out.
        """
        medium, _, rest = self.obis.partition("-")
        _, _, groups = rest.partition(":")
        parts = groups.split(".")
        if len(parts) < 2 or not medium.isdigit():
            return False
        if int(medium) == ELECTRICITY:
            return parts[1] == "8" and parts[0] != "15"
        return parts[0] in ("1", "3")  # volume and energy totals of gas, water and heat


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDescription:
    """A stream, and all that is constant about it.

    Attributes:
        usn: of the meter that measured; for a slave's rows the slave's own.
        entity: which of its buffers.
        capture_period_s: between rows, in seconds; None for what happens when it happens.
        columns: the registers of a row, at most four.
        parent_usn: of the master a slave hangs on.
    """

    usn: str
    entity: Entity
    capture_period_s: int | None
    columns: tuple[Column, ...]
    parent_usn: str | None = None

    def columns_as_json(self) -> str:
        """Return the columns as they are stored and pushed."""
        return json.dumps(
            [{"obis": c.obis, "unit": c.unit, "scaler": c.scaler} for c in self.columns]
        )


def columns_from_json(text: str) -> tuple[Column, ...]:
    """Return the columns that `columns_as_json` wrote."""
    return tuple(Column(**column) for column in json.loads(text))
