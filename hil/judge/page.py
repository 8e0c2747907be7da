"""report.html: what a run was, what became of it, and why one may believe it, on one page."""

import base64
import datetime as dt
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from hil.judge import plots

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hil.judge.conclusion import Conclusion
    from hil.judge.figures import RunFigures

PAGE_FILE = "report.html"

_HEATMAP_INCHES = (3.0, 9.0)
_ROW_INCHES = 0.06
_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 62em; margin: 2em auto;
       padding: 0 1em; }
h1 { margin-bottom: 0.1em; } h2 { margin-top: 2em; border-bottom: 1px solid #ddd; }
.good { color: #17692c; } .bad { color: #a11; } .quiet { color: #666; }
table { border-collapse: collapse; } td, th { padding: 0.2em 0.9em 0.2em 0; text-align: left;
       vertical-align: top; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; } figure { margin: 1em 0; } figcaption { color: #555; }
"""

_Draw = Callable[["Axes", "RunFigures"], object]


def write_page(folder: Path, conclusion: "Conclusion") -> Path:
    """Write the page and return its path."""
    file = folder / PAGE_FILE
    file.write_text("\n".join(_page(conclusion)) + "\n", encoding="utf-8")
    return file


def _page(conclusion: "Conclusion") -> Iterator[str]:
    facts = conclusion.figures.run.facts
    title = f"{facts['scenario']}, seed {facts['seed']}"
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
    yield f"<style>{_STYLE}</style>"
    yield f"<h1>{escape(title)}</h1>"
    yield f"<p>{escape(facts['about'])}</p>"
    yield from _verdict(conclusion)
    yield from _figures_table(conclusion)
    yield from _happenings(conclusion.figures)
    yield from _lists(conclusion.figures)
    yield from _pictures(conclusion.figures)
    yield (
        '<p class="quiet">Made by gridgate-hil from truth.sqlite, head_end.sqlite and air.csv'
        " beside this page. <code>gridgate-hil verdict DIR</code> computes all of it anew. The"
        " definitions stand in docs/scenarios.md.</p></html>"
    )


def _verdict(conclusion: "Conclusion") -> Iterator[str]:
    broken = [each for each in conclusion.judgements if not each.holds]
    rows = conclusion.figures.rows
    if conclusion.good:
        yield (
            '<p><strong class="good">Good.</strong> Everything that the scenario demands holds:'
            f" of {rows.obtainable} rows that could be had, none is missing.</p>"
            if not rows.missing
            else '<p><strong class="good">Good.</strong> All that the scenario demands holds.</p>'
        )
    else:
        yield f'<p><strong class="bad">Not good.</strong> {len(broken)} demands do not hold.</p>'
    yield "<table><tr><th></th><th>demanded</th><th>found</th></tr>"
    for each in conclusion.judgements:
        mark = '<span class="good">✓</span>' if each.holds else '<span class="bad">✗</span>'
        yield f"<tr><td>{mark}</td><td>{escape(each.demand)}</td><td>{escape(each.found)}</td></tr>"
    yield "</table>"


def _figures_table(conclusion: "Conclusion") -> Iterator[str]:
    told = conclusion.report()

    def hours(key: str) -> str:
        value = told[key]
        return "none" if value is None else f"{value / 3600.0:.2f} h"

    ratio = told["airtime_ratio"]
    lines = (
        ("meters on the power line", str(told["meters"])),
        ("days captured, and simulated in all", _days(told)),
        ("real time it took", f"{told['real_s']:.0f} s"),
        ("rows captured by the meters", str(told["rows_captured"])),
        ("… of meters that were registered", str(told["rows_registered"])),
        ("… that could be had", str(told["rows_obtainable"])),
        ("… committed by the head-end", str(told["rows_committed"])),
        ("airtime for rows", f"{told['airtime_used_s']:.0f} s"),
        ("the least possible", f"{told['airtime_ideal_s']:.0f} s"),
        ("used by least", "none" if ratio is None else f"{ratio:.3f}"),
        ("all other airtime, of the channel", f"{100 * told['overhead_share']:.2f} %"),
        ("age of a row at commit: half within", hours("row_age_p50_s")),
        ("95 % within", hours("row_age_p95_s")),
        ("all within", hours("row_age_max_s")),
        ("digest", f"<code>{told['digest'][:16]}…</code>"),
    )
    yield "<h2>Figures</h2><table>"
    for name, value in lines:
        yield f'<tr><td>{escape(name)}</td><td class="number">{value}</td></tr>'
    yield "</table>"


def _days(told: dict[str, object]) -> str:
    simulated_s = told["simulated_s"]
    assert isinstance(simulated_s, float)
    return f"{told['days']:g}, {simulated_s / 86_400.0:.2f}"


def _happenings(figures: "RunFigures") -> Iterator[str]:
    happened = figures.run.facts["happened"]
    if not happened:
        return
    yield "<h2>What happened</h2><table>"
    for at_s, what in happened[:200]:
        moment = dt.datetime.fromtimestamp(at_s, dt.UTC)
        yield f"<tr><td>{moment:%a %H:%M}</td><td>{escape(what)}</td></tr>"
    yield "</table>"
    if len(happened) > 200:
        yield f'<p class="quiet">… and {len(happened) - 200} more</p>'


def _lists(figures: "RunFigures") -> Iterator[str]:
    yield "<h2>Meters, as each concentrator told them at the end</h2><table>"
    yield "<tr><th>substation</th><th>concentrator</th><th>registered</th><th>lost</th>"
    yield "<th>found again</th><th>told lost at some time</th></tr>"
    for line, lists in figures.lists.items():
        yield (
            f"<tr><td>{escape(line)}</td><td>{escape(lists.dc_id)}</td>"
            f"<td>{len(lists.registered)}</td><td>{_places(lists.lost)}</td>"
            f"<td>{_places(lists.found_again)}</td><td>{_places(lists.told_lost)}</td></tr>"
        )
    yield "</table>"


def _places(numbers: set[int]) -> str:
    shown = ", ".join(map(str, sorted(numbers)[:20]))
    return (shown + (" …" if len(numbers) > 20 else "")) or "none"


def _pictures(figures: "RunFigures") -> Iterator[str]:
    names = len({usn for usn, _, _ in figures.run.held})
    low, high = _HEATMAP_INCHES
    heatmap = min(high, max(low, _ROW_INCHES * names))
    for draw, inches, title, caption in _drawings(heatmap):
        picture = base64.b64encode(plots.picture(draw, figures, high=inches)).decode("ascii")
        yield f"<h2>{escape(title)}</h2><figure>"
        yield f'<img alt="{escape(title)}" src="data:image/png;base64,{picture}">'
        yield f"<figcaption>{escape(caption)}</figcaption></figure>"


def _drawings(heatmap: float) -> tuple[tuple[_Draw, float, str, str], ...]:
    return (
        (
            plots.availability,
            3.4,
            "Availability by the hour",
            (
                "How many meters an exchange would have reached, by the line's own numbers. Red"
                " lines: what happened."
            ),
        ),
        (
            plots.sorted_availability,
            2.6,
            "Availability by meter",
            "Each meter's share of the time in which it had mains and could be reached.",
        ),
        (
            plots.completeness,
            heatmap,
            "Completeness by meter and day",
            (
                "Green: every row of that day is with the head-end. Red: none is. Gray: there were"
                " none. A cross: a row that could have been had is missing."
            ),
        ),
        (
            plots.airtime_by_use,
            3.4,
            "Airtime by use",
            "Silence waited is what passed before a question was given up.",
        ),
        (
            plots.credits_granted,
            2.8,
            "Credits",
            "How many repetitions questions for rows were given, beside what the line needed.",
        ),
        (
            plots.latency,
            2.8,
            "Age of rows",
            "From capture in the meter to commit at the head-end; rows captured during the run.",
        ),
    )
