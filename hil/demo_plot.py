"""The picture of a run: airtime, meters and rows over time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hil.demo.view import Sample

_SIZE_INCHES = (10, 9)
_DOTS_PER_INCH = 110
_AIRTIME_OVER_S = 5.0
_EVENT_LABEL_MAX = 34
_LABELS_APART = 1 / 50  # of the run; closer ones would cover each other


def draw(samples: Sequence["Sample"], events: Sequence[tuple[float, str]], file: Path) -> None:
    """Draw the run into a PNG file; a run without samples gives an empty picture."""
    mpl.use("agg")  # no display is needed, and none is looked for
    from matplotlib import pyplot as plt  # noqa: PLC0415  (the backend is chosen first)

    figure, (rows, meters, airtime) = plt.subplots(
        3, 1, sharex=True, figsize=_SIZE_INCHES, height_ratios=(3, 1, 1), layout="constrained"
    )
    _draw_rows(rows, samples)
    _draw_meters(meters, samples)
    _draw_airtime(airtime, samples)
    for axes in (rows, meters, airtime):
        for at_s, _text in events:
            axes.axvline(at_s, color="0.8", linewidth=0.8, zorder=0)
        axes.set_ylim(bottom=0)
    for at_s, text in _apart(events):
        rows.annotate(
            text.partition(";")[0][:_EVENT_LABEL_MAX],
            (at_s, 0.02),
            xycoords=("data", "axes fraction"),
            rotation=90,
            fontsize=7,
            color="0.35",
            ha="right",
            va="bottom",
        )
    airtime.set_xlabel("seconds after the start")
    figure.savefig(file, dpi=_DOTS_PER_INCH)
    plt.close(figure)


def _apart(events: Sequence[tuple[float, str]]) -> Iterator[tuple[float, str]]:
    """Yield the events whose label has room beside the one before."""
    apart_s = _LABELS_APART * max((at_s for at_s, _text in events), default=0.0)
    free_from_s = apart_s  # what is before is the start of the bench
    for at_s, text in events:
        if at_s >= free_from_s:
            yield at_s, text
            free_from_s = at_s + apart_s


def _draw_rows(axes: "Axes", samples: Sequence["Sample"]) -> None:
    axes.step(_times(samples), [s.rows_held for s in samples], label="held by the meters")
    known = [s for s in samples if s.rows_collected is not None]
    axes.plot(
        _times(known),
        [s.rows_collected or 0 for s in known],
        ".",
        markersize=2,
        label="collected by the daemon",
    )
    axes.step(
        _times(samples), [s.rows_committed for s in samples], label="committed by the head-end"
    )
    for begin, end in _wan_cuts(samples):
        axes.axvspan(begin, end, color="tab:red", alpha=0.12)
    axes.set_ylabel("rows")
    axes.legend(loc="center left")


def _draw_meters(axes: "Axes", samples: Sequence["Sample"]) -> None:
    axes.step(_times(samples), [s.meters_registered for s in samples], color="tab:green")
    axes.set_ylabel("meters registered")


def _draw_airtime(axes: "Axes", samples: Sequence["Sample"]) -> None:
    """Draw the share of time in which the line was not silent, over the last few seconds."""
    times, shares = [], []
    first = 0
    for last, sample in enumerate(samples):
        while sample.at_s - samples[first].at_s > _AIRTIME_OVER_S:
            first += 1
        span_s = sample.at_s - samples[first].at_s
        if last > first and span_s > 0:
            times.append(sample.at_s)
            shares.append((sample.line_busy_s - samples[first].line_busy_s) / span_s)
    axes.plot(times, [100 * share for share in shares], color="tab:purple")
    axes.set_ylabel("airtime, %")


def _times(samples: Sequence["Sample"]) -> list[float]:
    return [sample.at_s for sample in samples]


def _wan_cuts(samples: Sequence["Sample"]) -> list[tuple[float, float]]:
    cuts: list[tuple[float, float]] = []
    began: float | None = None
    for sample in samples:
        if sample.wan_is_cut and began is None:
            began = sample.at_s
        if not sample.wan_is_cut and began is not None:
            cuts.append((began, sample.at_s))
            began = None
    if began is not None:
        cuts.append((began, samples[-1].at_s))
    return cuts
