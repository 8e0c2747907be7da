"""What a view of the demo is given to show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hil.demo.schedule import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """How the bench stands at one moment.

    Attributes:
        at_s: after the start of the run.
        meters_registered: of those on the line, by the meters' own word.
        meters_expected: those on the line, and those still to be plugged in.
        rows_held: by the meters.
        rows_collected: by the daemon; None while it does not answer.
        rows_committed: by the head-end.
        line_busy_s: time that the power line was not silent, since the start.
        line: what the line is doing, in words.
        capturing: whether rows still arise in the meters.
    """

    at_s: float
    meters_registered: int
    meters_expected: int
    rows_held: int
    rows_collected: int | None
    rows_committed: int
    batches_repeated: int
    line_busy_s: float
    line: str
    capturing: bool
    wan_is_cut: bool


class View(Protocol):
    """Shows a run to whoever watches."""

    def announce(self, steps: Sequence[Step]) -> None:
        """Say beforehand what will be done to the bench."""

    def event(self, at_s: float, text: str) -> None:
        """Say that something happened."""

    def sample(self, sample: Sample) -> None:
        """Show how the bench stands."""

    def close(self) -> None:
        """Leave the terminal as it was; may be called twice."""


def progress_in_words(sample: Sample) -> str:
    """Return one line that says how far it is."""
    collected = "-" if sample.rows_collected is None else str(sample.rows_collected)
    return (
        f"{sample.meters_registered} of {sample.meters_expected} meters registered;"
        f" rows: {sample.rows_held} held, {collected} collected,"
        f" {sample.rows_committed} committed; line {sample.line}"
        f"{'; WAN cut' if sample.wan_is_cut else ''}"
    )
