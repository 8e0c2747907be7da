"""What the power line is used for, in the classes in which its time is told."""

from enum import IntEnum
from typing import Final


class Purpose(IntEnum):
    """Why an exchange holds the line; the numbers are places in tuples [PLC-3, PLC-7].

    COMMAND is whatever somebody outside asked for: control, parameters, ad-hoc reads.
    IDENTIFICATION includes association and object lists.
    """

    DISCOVERY = 0
    SUPERVISION = 1
    CLOCK = 2
    IDENTIFICATION = 3
    COLLECTION = 4
    COMMAND = 5


PURPOSES: Final = tuple(Purpose)
PURPOSE_NAMES: Final = tuple(purpose.name.lower() for purpose in PURPOSES)
"""As columns, keys and words are named."""
NO_TIME_MS: Final = (0,) * len(PURPOSES)
