"""The demo in a terminal: state, progress, what happened and what will."""

import time
from collections import deque
from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hil.demo.options import DemoOptions
from hil.demo.schedule import Step
from hil.demo.view import Sample

_EVENTS_SHOWN = 8
_STEPS_SHOWN = 8
_BAR_WIDTH = 32


class LiveView:
    """Redraws one picture; the terminal keeps the last one."""

    def __init__(self, options: DemoOptions) -> None:
        """Take over the terminal."""
        self._options = options
        self._began = time.monotonic()  # a view is for eyes: it may look at a clock
        self._steps: list[Step] = []
        self._events: deque[tuple[float, str]] = deque(maxlen=_EVENTS_SHOWN)
        self._sample: Sample | None = None
        self._live = Live(console=Console(), refresh_per_second=4, auto_refresh=False)
        self._live.start()

    def announce(self, steps: Sequence[Step]) -> None:
        """Keep the schedule on show."""
        self._steps = list(steps)
        self._draw()

    def event(self, at_s: float, text: str) -> None:
        """Add an event; old ones scroll out of the picture."""
        self._events.append((at_s, text))
        self._draw()

    def sample(self, sample: Sample) -> None:
        """Show how the bench stands."""
        self._sample = sample
        self._draw()

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()

    def _draw(self) -> None:
        at_s = time.monotonic() - self._began
        panels = [
            Panel(self._state(at_s), title="gridgate demo", title_align="left"),
            Panel(self._coming(at_s), title="on the schedule", title_align="left"),
            Panel(self._happened(), title="events", title_align="left"),
        ]
        self._live.update(Group(*panels), refresh=True)

    def _state(self, at_s: float) -> Table:
        table = Table.grid(padding=(0, 2))
        sample = self._sample
        table.add_row("time", _bar(at_s, self._options.deadline_s), f"{at_s:.0f} s")
        if sample is None:
            table.add_row("bench", Text("starting", style="yellow"), "")
            return table
        found, meters = sample.meters_registered, sample.meters_expected
        held, committed = sample.rows_held, sample.rows_committed
        collected = sample.rows_collected
        table.add_row("meters", _bar(found, meters), f"{found} of {meters} registered")
        table.add_row(
            "collected",
            _bar(collected or 0, held),
            Text("the daemon is away", style="red") if collected is None else f"{collected} rows",
        )
        more = "" if sample.capturing else ", no more arise"
        table.add_row("committed", _bar(committed, held), f"{committed} of {held} rows{more}")
        busy = sample.line_busy_s / max(sample.at_s, 0.1)
        table.add_row("line", Text(sample.line), f"busy {busy:.0%} of the time")
        wan = Text("CUT", style="bold red") if sample.wan_is_cut else Text("up", style="green")
        table.add_row("WAN", wan, f"{sample.batches_repeated} batches came again")
        return table

    def _coming(self, at_s: float) -> Table:
        table = Table.grid(padding=(0, 2))
        coming = [step for step in self._steps if step.at_s > at_s][:_STEPS_SHOWN]
        for step in coming:
            table.add_row(f"in {step.at_s - at_s:3.0f} s", step.says)
        if not coming:
            table.add_row("", "nothing more" if self._steps else "not known yet")
        return table

    def _happened(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for at_s, text in self._events:
            table.add_row(f"{at_s:6.1f} s", text)
        return table


def _bar(done: float, total: float) -> ProgressBar:
    return ProgressBar(total=max(total, 1), completed=min(done, max(total, 1)), width=_BAR_WIDTH)
