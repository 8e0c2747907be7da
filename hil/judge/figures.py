"""The figures of a simulated run, computed from its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.judge.airtime_bill import AirtimeBill, bill_airtime
from hil.judge.digest import digest_of
from hil.judge.meter_lists import MeterLists, lists_of_lines
from hil.judge.row_balance import RowBalance, balance_rows
from hil.judge.run_files import RunFiles, read_run

SHOWN_MAX = 200
"""Rows that report.json names one by one, of each sort."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """All that is computed of a run.

    Attributes:
        ages_s: from capture to commit, of the rows captured while the run went on, in order.
        waits_s: of questions that somebody asked a meter, in order.
    """

    run: RunFiles
    rows: RowBalance
    airtime: AirtimeBill
    lists: Mapping[str, MeterLists]
    ages_s: Sequence[float]
    waits_s: Sequence[float]
    digest: str

    @property
    def airtime_ratio(self) -> float | None:
        """Return used by ideal; None when nothing was due."""
        ideal_s = self.airtime.ideal_s
        return self.airtime.used_s / ideal_s if ideal_s else None

    @property
    def overhead_share(self) -> float:
        """Return the share of channel time that was used, and not for rows."""
        return self.airtime.overhead_s / self.airtime.channel_s


def figures_of(directory: Path) -> RunFigures:
    """Compute everything.

    Raises:
        VerdictImpossible: a file is not there, or not what it should be.
    """
    run = read_run(directory)
    return RunFigures(
        run=run,
        rows=balance_rows(run),
        airtime=bill_airtime(run),
        lists=lists_of_lines(run),
        ages_s=_ages_s(run),
        waits_s=sorted(read.took_s for read in run.reads if read.outcome == "read"),
        digest=digest_of(directory),
    )


def as_report(figures: RunFigures) -> dict[str, Any]:
    """Return the figures under the keys of report.json, without the verdict."""
    run, rows, airtime = figures.run, figures.rows, figures.airtime
    facts = run.facts
    ratio = figures.airtime_ratio
    return {
        "scenario": facts["scenario"],
        "seed": facts["seed"],
        "days": facts["days"],
        "meters": len(run.meters),
        "rows_captured": sum(map(len, run.held.values())),
        "rows_registered": rows.registered,
        "rows_obtainable": rows.obtainable,
        "rows_committed": rows.committed,
        "rows_obtainable_missing": len(rows.missing),
        "rows_crossed": len(rows.crossed),
        "rows_doubled": len(rows.doubled),
        "rows_altered": len(rows.altered),
        "rows_unexplained": len(rows.unexplained),
        "rows_overlapping": rows.overlapping,
        "airtime_used_s": round(airtime.used_s, 1),
        "airtime_ideal_s": round(airtime.ideal_s, 1),
        "airtime_ideal_answers_s": round(airtime.ideal_answers_s, 1),
        "airtime_ratio": None if ratio is None else round(ratio, 4),
        "airtime_by_purpose_s": {
            purpose.value: round(airtime.by_purpose_s[purpose], 1)
            for purpose in sorted(airtime.by_purpose_s)
        },
        "airtime_waited_s": round(airtime.waited_s, 1),
        "overhead_share": round(figures.overhead_share, 5),
        "channel_s": round(airtime.channel_s, 1),
        "row_age_p50_s": percentile(figures.ages_s, 50),
        "row_age_p95_s": percentile(figures.ages_s, 95),
        "row_age_max_s": percentile(figures.ages_s, 100),
        "ad_hoc_reads": len(run.reads),
        "ad_hoc_reads_answered": len(figures.waits_s),
        "ad_hoc_wait_p95_s": percentile(figures.waits_s, 95),
        "ad_hoc_wait_max_s": percentile(figures.waits_s, 100),
        "lists": {line: _told(lists) for line, lists in figures.lists.items()},
        "simulated_s": round(facts["end_s"] - facts["start_s"], 1),
        "real_s": facts["real_s"],
        "digest": figures.digest,
        "named": {
            sort: [list(place) for place in places[:SHOWN_MAX]]
            for sort, places in (
                ("missing", rows.missing),
                ("crossed", rows.crossed),
                ("doubled", rows.doubled),
                ("altered", rows.altered),
                ("unexplained", rows.unexplained),
            )
        },
    }


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Return the value that so many percent do not exceed; None of nothing."""
    if not ordered:
        return None
    at = max(0, -(-len(ordered) * percent // 100) - 1)
    return round(ordered[at], 1)


def _ages_s(run: RunFiles) -> list[float]:
    start_s = run.facts["start_s"]
    return sorted(
        min(row.committed_at_s for row in rows) - at_s
        for (_, _, at_s), rows in run.committed.items()
        if at_s >= start_s
    )


def _told(lists: MeterLists) -> dict[str, Any]:
    return {
        "dc_id": lists.dc_id,
        "registered": len(lists.registered),
        "lost": sorted(lists.lost),
        "found_again": sorted(lists.found_again),
        "told_lost": sorted(lists.told_lost),
        "notices": sorted(set(lists.notices)),
    }
