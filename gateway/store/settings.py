"""The [storage] section: how often the disk is troubled, how much it may hold, for how long."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Budgets of the store.

    Attributes:
        commit_interval_s: readings wait at most this long for others to share a commit with; a
            bad SD card makes about 40 commits a second, and each wears it out.
        retention_days: readings that the head-end has committed are kept this long [ACQ-2].
        statistics_days: what was counted on the line, hour by hour, is kept this long [PLC-3]; 1200
            nodes make 1.7 MiB a day.
        pages_max: the file never holds more pages of 4096 octets; a disk that is really full
            would refuse even the deletes that make room.
    """

    commit_interval_s: Annotated[float, Gt(0), Le(60)] = 0.5
    retention_days: Annotated[int, Ge(1), Le(3660)] = 62
    statistics_days: Annotated[int, Ge(1), Le(366)] = 30
    pages_max: Annotated[int, Ge(1024), Le(1_073_741_823)] = 262_144
