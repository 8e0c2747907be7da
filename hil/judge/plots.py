"""The pictures of a simulated run, each as a PNG."""

import io
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

from hil.judge.timeline import day_of, held_by_day, mean_by_hour
from hil.lv_network.purpose import COLLECTION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from hil.judge.figures import RunFigures
    from hil.judge.spans import Span

_DOTS_PER_INCH = 110
_WIDTH_INCHES = 9.0
_HOUR_S = 3600.0
_DAY_S = 86_400.0
_NEVER = float("nan")
_METERS_NAMED_MAX = 60


def picture(
    draw: Callable[["Axes", "RunFigures"], object], figures: "RunFigures", *, high: float
) -> bytes:
    """Return a picture that one of the functions below has drawn."""
    mpl.use("agg")  # no display is needed, and none is looked for
    from matplotlib import pyplot as plt  # noqa: PLC0415  (the backend is chosen first)

    figure: Figure = plt.figure(figsize=(_WIDTH_INCHES, high), layout="constrained")
    draw(figure.add_subplot(), figures)
    octets = io.BytesIO()
    figure.savefig(octets, dpi=_DOTS_PER_INCH, format="png")
    plt.close(figure)
    return octets.getvalue()


def availability(axes: "Axes", figures: "RunFigures") -> None:
    """Draw how many meters could be reached in each hour, and how many were heard."""
    run = figures.run
    start_s, end_s = run.facts["start_s"], run.facts["end_s"]
    reached = mean_by_hour([run.reachable(usn) for usn in run.meters], start_s, end_s)
    hours = [number / 24.0 for number in range(len(reached))]
    axes.step(hours, reached, where="post", label="here, mean of the hour")
    if told := run.facts["told_by_hour"]:
        first = int((start_s + run.facts["local_offset_s"]) // _HOUR_S)
        theirs = [told[(first + number) % len(told)] for number in range(len(hours))]
        axes.step(hours, theirs, where="post", color="0.6", linestyle="--", label="in the field")
    axes.axhline(len(run.meters), color="0.7", linewidth=0.8)
    _mark_happenings(axes, figures)
    axes.set(xlabel="day", ylabel="meters", ylim=(0, None), xlim=(0, hours[-1] if hours else 1))
    axes.legend(loc="lower left", fontsize=8)


def completeness(axes: "Axes", figures: "RunFigures") -> None:
    """Draw which share of each meter's rows of each day was committed."""
    share = held_by_day(figures)
    names = sorted(share)
    days = sorted({day for by_day in share.values() for day in by_day})
    table = [[share[name].get(day, _NEVER) for day in days] for name in names]
    axes.set_facecolor("0.85")
    image = axes.imshow(
        table, aspect="auto", vmin=0.0, vmax=1.0, cmap="RdYlGn", interpolation="nearest"
    )
    missing = {(usn, day_of(at_s)) for usn, _, at_s in figures.rows.missing}
    marks = [
        (days.index(day), names.index(usn))
        for usn, day in sorted(missing)
        if usn in share and day in days
    ]
    if marks:
        axes.plot(*zip(*marks, strict=True), "kx", markersize=5, label="obtainable rows missing")
        axes.legend(loc="upper right", fontsize=8)
    first = day_of(figures.run.facts["start_s"])
    axes.set_xticks(range(len(days)), [str(day - first) for day in days], fontsize=7)
    if len(names) <= _METERS_NAMED_MAX:
        axes.set_yticks(range(len(names)), names, fontsize=5)
    axes.set(xlabel="day of the run (before 0: what the meters held)", ylabel="meters and slaves")
    _figure(axes).colorbar(image, ax=axes, label="share of the rows captured that day", pad=0.01)


def airtime_by_use(axes: "Axes", figures: "RunFigures") -> None:
    """Draw what the channel was used for."""
    bill = figures.airtime
    uses = [(purpose.value, seconds) for purpose, seconds in bill.by_purpose_s.items()]
    uses.append(("silence waited", bill.waited_s))
    uses.sort(key=lambda use: use[1])
    names = [name for name, _ in uses]
    shares = [100.0 * seconds / bill.channel_s for _, seconds in uses]
    rows = {purpose.value for purpose in COLLECTION}
    colours = ["tab:green" if name in rows else "tab:gray" for name in names]
    bars = axes.barh(names, shares, color=colours)
    axes.bar_label(bars, labels=[f"{share:.2f} %" for share in shares], padding=3, fontsize=8)
    axes.set_xlabel("share of the channel's time (green: rows, questions and answers)")
    axes.margins(x=0.12)


def credits_granted(axes: "Axes", figures: "RunFigures") -> None:
    """Draw with which credit rows were asked for, and which just sufficed."""
    asked = figures.airtime.credits
    total = sum(asked.values()) or 1
    needed: dict[int, float] = defaultdict(float)
    for spans in figures.run.reach.values():
        for span in spans:
            needed[span.credit] += span.to_s - span.from_s
    whole_s = sum(needed.values()) or 1.0
    places = range(8)
    axes.bar(
        [place - 0.2 for place in places],
        [100.0 * asked[place] / total for place in places],
        width=0.4,
        label="questions for rows",
    )
    axes.bar(
        [place + 0.2 for place in places],
        [100.0 * needed[place] / whole_s for place in places],
        width=0.4,
        color="0.6",
        label="just sufficient, share of the time in which there was a way",
    )
    axes.set(xlabel="credit", ylabel="%")
    axes.legend(fontsize=8)


def latency(axes: "Axes", figures: "RunFigures") -> None:
    """Draw how old rows were when the head-end committed them."""
    ages_h = [age_s / _HOUR_S for age_s in figures.ages_s]
    if ages_h:
        shares = [100.0 * (number + 1) / len(ages_h) for number in range(len(ages_h))]
        axes.step(ages_h, shares, where="post")
        axes.set_xscale("log")
        for hours, name in ((1, "1 h"), (6, "6 h"), (24, "1 d"), (168, "7 d")):
            if ages_h[0] <= hours <= ages_h[-1]:
                axes.axvline(hours, color="0.85", linewidth=0.8, zorder=0)
                axes.annotate(name, (hours, 2), fontsize=8, color="0.4")
    axes.set(xlabel="hours from capture to commit", ylabel="rows, %", ylim=(0, 101))


def sorted_availability(axes: "Axes", figures: "RunFigures") -> None:
    """Draw each meter's availability, best first."""
    run = figures.run
    span_s = run.facts["end_s"] - run.facts["start_s"]

    def whole_s(spans: "Sequence[Span]") -> float:
        return sum(last - first for first, last in spans)

    percent = sorted(
        (100.0 * whole_s(run.reachable(usn)) / span_s for usn in run.meters), reverse=True
    )
    axes.step(range(1, len(percent) + 1), percent, where="mid", label="here")
    if told := run.facts["told_percent"]:
        theirs = sorted(told, reverse=True)
        places = range(1, len(theirs) + 1)
        axes.step(places, theirs, where="mid", color="0.6", linestyle="--", label="in the field")
        axes.legend(loc="lower left", fontsize=8)
    axes.set(xlabel="meters, best first", ylabel="reachable, % of the time", ylim=(0, 101))


def _mark_happenings(axes: "Axes", figures: "RunFigures") -> None:
    facts = figures.run.facts
    happened = facts["happened"]
    for at_s, _ in happened[:_METERS_NAMED_MAX]:
        axes.axvline((at_s - facts["start_s"]) / _DAY_S, color="tab:red", alpha=0.35, linewidth=0.8)
    stop = (facts["capture_end_s"] - facts["start_s"]) / _DAY_S
    axes.axvline(stop, color="0.4", linestyle=":", linewidth=1.0)
    axes.annotate("capture stops", (stop, 1), fontsize=7, rotation=90, ha="right", color="0.4")


def _figure(axes: "Axes") -> Any:  # noqa: ANN401  (matplotlib's types do not tell it is there)
    return axes.figure
