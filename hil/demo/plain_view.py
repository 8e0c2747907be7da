"""The demo for pipes and logs: a line for each event, and one for the state now and then."""

from collections.abc import Sequence
from typing import TextIO

from hil.demo.schedule import Step
from hil.demo.view import Sample, progress_in_words

_PROGRESS_EVERY_S = 5.0


class PlainView:
    """Prints lines, oldest first."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
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
