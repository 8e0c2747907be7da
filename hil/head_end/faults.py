"""How the head-end may be told to misbehave.

none                    it behaves
withhold                commits, and says nothing
delay:SECONDS           says so that much later
repeat                  says so twice
die-before-commit[:N]   dies with a batch written and not committed; N times in the life of
                        its file (1), so that it lives on when it is started again
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

DELAY_MAX_S: Final = 3600.0


class FaultKind(StrEnum):
    """The ways to misbehave."""

    NONE = "none"
    WITHHOLD = "withhold"
    DELAY = "delay"
    REPEAT = "repeat"
    DIE_BEFORE_COMMIT = "die-before-commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to misbehave.

    Attributes:
        delay_s: of each acknowledgement.
        deaths: how often it dies in the life of its file.
    """

    kind: FaultKind = FaultKind.NONE
    delay_s: float = 0.0
    deaths: int = 0

    @property
    def acknowledgements(self) -> int:
        """Return how often a committed batch is acknowledged."""
        return {FaultKind.WITHHOLD: 0, FaultKind.REPEAT: 2}.get(self.kind, 1)


def parse_fault(text: str) -> Fault:
    """Return the fault that a command line or a command names.

    Raises:
        ValueError: there is no such fault.
    """
    word, _, number = text.partition(":")
    try:
        kind = FaultKind(word)
    except ValueError:
        known = ", ".join(FaultKind)
        raise ValueError(f"no fault {word!r}; there are: {known}") from None
    match kind:
        case FaultKind.DELAY:
            return Fault(kind=kind, delay_s=_seconds(number))
        case FaultKind.DIE_BEFORE_COMMIT:
            return Fault(kind=kind, deaths=_times(number or "1"))
        case _ if number:
            raise ValueError(f"{word} takes no number")
        case _:
            return Fault(kind=kind)


def _seconds(text: str) -> float:
    if not re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII) or not float(text) <= DELAY_MAX_S:
        raise ValueError(f"delay takes seconds up to {DELAY_MAX_S:.0f}, not {text!r}")
    return float(text)


def _times(text: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text, re.ASCII):
        raise ValueError(f"die-before-commit takes a number of times, not {text!r}")
    return int(text)
