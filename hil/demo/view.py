"""What a view of the demo is given to show; the plain one, a line for each event."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TextIO

from hil.demo.options import DemoOptions
from hil.demo.schedule import Step

_PROGRESS_EVERY_S = 5.0


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


class PlainView:
    """For pipes and logs: lines, oldest first."""

    def __init__(self, out: TextIO, options: DemoOptions) -> None:
        self._out = out
        self._options = options
        self._next_progress_s = 0.0

    def announce(self, steps: Sequence[Step]) -> None:
        """Print the schedule."""
        self._print("on the schedule:")
        for step in steps:
            self._print(f"  at {step.at_s:5.1f} s  {step.says}")

    def event(self, at_s: float, text: str) -> None:
        """Print one event."""
        self._print(f"{at_s:6.1f} s  {text}")

    def sample(self, sample: Sample) -> None:
        """Print the state now and then."""
        if sample.at_s < self._next_progress_s:
            return
        self._next_progress_s = sample.at_s + _PROGRESS_EVERY_S
        self._print(f"{sample.at_s:6.1f} s  {progress_in_words(sample)}")

    def close(self) -> None:
        """Nothing is left to do: every line is out."""

    def _print(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def open_view(options: DemoOptions) -> View:
    """Return the view that fits: live in a terminal, lines elsewhere, on stderr beside JSON."""
    if options.as_json:
        return PlainView(sys.stderr, options)
    if sys.stdout.isatty():
        from hil.demo.live_view import LiveView  # noqa: PLC0415  (rich is only for terminals)

        return LiveView(options)
    return PlainView(sys.stdout, options)


def progress_in_words(sample: Sample) -> str:
    """Return one line that says how far it is."""
    collected = "-" if sample.rows_collected is None else str(sample.rows_collected)
    return (
        f"{sample.meters_registered} of {sample.meters_expected} meters registered;"
        f" rows: {sample.rows_held} held, {collected} collected,"
        f" {sample.rows_committed} committed; line {sample.line}"
        f"{'; WAN cut' if sample.wan_is_cut else ''}"
    )
