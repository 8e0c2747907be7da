"""What is to be simulated, and how far that has come."""

from dataclasses import dataclass
from pathlib import Path

from hil.lv_network.topology import Topology
from hil.scenario import Scenario

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run has come.

    Attributes:
        passed_s, whole_s: simulated seconds.
        rows_held, rows_committed: by the meters, and by the head-end.
        happened: what has just begun to happen, if anything.
    """

    passed_s: float
    whole_s: float
    rows_held: int
    rows_committed: int
    happened: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be run.

    Attributes:
        seed: the same seed gives the same files, octet by octet.
        days: the meters capture for so long; the scenario's settle time follows.
        folder: for the files; there, and empty.
    """

    scenario: Scenario
    topology: Topology
    seed: int
    days: float
    folder: Path

    @property
    def whole_s(self) -> float:
        """Return how long the run goes on."""
        return self.days * DAY_S + self.scenario.settle_s
