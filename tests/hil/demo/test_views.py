"""The views of the demo: lines where nobody watches, a picture in a terminal, a plot."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from hil.demo import live_view
from hil.demo.live_view import LiveView
from hil.demo.options import DemoOptions
from hil.demo.plain_view import PlainView
from hil.demo.schedule import plan_schedule
from hil.demo.view import Sample
from hil.demo_plot import draw

OPTIONS = DemoOptions()
STEPS = plan_schedule(OPTIONS, late="U001000006", unlucky="U001000012")


def _sample(at_s: float, *, collected: int | None = 500, wan_is_cut: bool = False) -> Sample:
    return Sample(
        at_s=at_s,
        meters_registered=11,
        meters_expected=12,
        rows_held=800,
        rows_collected=collected,
        rows_committed=321,
        batches_repeated=2,
        line_busy_s=0.5 * at_s,
        line="reading",
        capturing=True,
        wan_is_cut=wan_is_cut,
    )


def test_the_plain_view_prints_schedule_events_and_progress() -> None:
    """One line each; progress comes now and then only."""
    out = io.StringIO()
    view = PlainView(out)
    view.announce(STEPS)
    view.event(1.0, "the daemon is started")
    for tenth in range(100):
        view.sample(_sample(tenth / 10))
    view.close()
    lines = out.getvalue().splitlines()
    assert sum("U001000006 is plugged in" in line for line in lines) == 1
    assert sum("the daemon is started" in line for line in lines) == 1
    assert sum("11 of 12 meters" in line for line in lines) == 2


def test_the_live_view_shows_what_is_asked_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """State, coming steps and past events are in the picture, also while the daemon is away."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, height=50)
    monkeypatch.setattr(live_view, "Console", lambda: console)
    view = LiveView(OPTIONS)
    try:
        view.announce(STEPS)
        view.event(1.0, "something happened")
        view.sample(_sample(2.0, collected=None, wan_is_cut=True))
    finally:
        view.close()
        view.close()
    shown = out.getvalue()
    for text in (
        "11 of 12 registered",
        "321 of 800 rows",
        "the daemon is away",
        "CUT",
        "the WAN is cut for 15 s",
        "something happened",
    ):
        assert text in shown


@pytest.mark.parametrize("count", [0, 1, 60])
def test_the_plot_is_a_picture(tmp_path: Path, count: int) -> None:
    """A run of any length, even none at all, gives a PNG file."""
    samples = [
        _sample(0.5 * n, collected=None if n == 5 else n, wan_is_cut=n > 40) for n in range(count)
    ]
    draw(samples, [(1.0, "the daemon is started")], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
