"""The verdict on a simulated run: figures, demands, and the files that tell of both."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from hil.judge.demands import Judgement, judge_demands
from hil.judge.figures import RunFigures, as_report, figures_of
from hil.report import REPORT_FILE, write_report
from hil.scenario import Demands

JUNIT_FILE = "junit.xml"
VERDICT_GOOD = "good"
VERDICT_NOT_GOOD = "not good"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """A run with its verdict."""

    figures: RunFigures
    judgements: Sequence[Judgement]

    @property
    def good(self) -> bool:
        """Tell whether all that the scenario demands holds."""
        return all(judgement.holds for judgement in self.judgements)

    def report(self) -> dict[str, Any]:
        """Return everything that report.json tells; keys are only ever added."""
        return as_report(self.figures) | {
            "demands": [
                {"demand": each.demand, "found": each.found, "holds": each.holds}
                for each in self.judgements
            ],
            "verdict": VERDICT_GOOD if self.good else VERDICT_NOT_GOOD,
        }


def conclude(directory: Path) -> Conclusion:
    """Judge a run by the files that it left.

    Raises:
        VerdictImpossible: a file is not there, or not what it should be.
    """
    figures = figures_of(directory)
    demands = Demands.model_validate(figures.run.facts["demand"])
    return Conclusion(figures=figures, judgements=judge_demands(demands, figures))


def write_files(directory: Path, conclusion: Conclusion) -> None:
    """Write report.json and junit.xml."""
    write_report(directory, conclusion.report())
    figures = conclusion.figures
    suite = ET.Element(
        "testsuite",
        name=f"{figures.run.facts['scenario']} seed {figures.run.facts['seed']}",
        tests=str(len(conclusion.judgements)),
        failures=str(sum(not each.holds for each in conclusion.judgements)),
        time=str(figures.run.facts["real_s"]),
    )
    for each in conclusion.judgements:
        case = ET.SubElement(
            suite, "testcase", classname=figures.run.facts["scenario"], name=each.demand
        )
        if not each.holds:
            failure = ET.SubElement(case, "failure", message=f"found: {each.found}")
            failure.text = f"{each.demand}; found: {each.found}; see {REPORT_FILE}"
    ET.ElementTree(suite).write(directory / JUNIT_FILE, encoding="utf-8", xml_declaration=True)


def in_words(conclusion: Conclusion) -> str:
    """Return the verdict as a person reads it."""
    return "\n".join(_lines(conclusion))


def as_json(conclusion: Conclusion) -> str:
    """Return the report as JSON."""
    return json.dumps(conclusion.report(), indent=2)


def _lines(conclusion: Conclusion) -> Iterator[str]:
    told: Mapping[str, Any] = conclusion.report()
    yield (
        f"{told['scenario']}, seed {told['seed']}: {told['meters']} meters,"
        f" {told['days']:g} days in {told['real_s']:.0f} s"
        f" ({told['simulated_s'] / max(told['real_s'], 0.01):.0f} simulated seconds a second)"
    )
    yield (
        f"rows      {told['rows_captured']} captured, {told['rows_registered']} of registered"
        f" meters, {told['rows_obtainable']} obtainable, {told['rows_committed']} committed"
    )
    if told["airtime_ratio"] is not None:
        yield (
            f"airtime   {told['airtime_used_s']:.0f} s for rows, {told['airtime_ratio']:.3f} of the"
            f" ideal; overhead {100 * told['overhead_share']:.2f} % of the channel"
        )
    if told["row_age_p50_s"] is not None:
        ages = (told[f"row_age_{name}_s"] / 3600.0 for name in ("p50", "p95", "max"))
        half, most, worst = ages
        yield f"row age   half within {half:.1f} h, 95 % within {most:.1f} h, all {worst:.1f} h"
    if told["ad_hoc_reads_answered"]:
        yield (
            f"ad hoc    {told['ad_hoc_reads_answered']} of {told['ad_hoc_reads']} answered, 95 %"
            f" within {told['ad_hoc_wait_p95_s']:.0f} s"
        )
    yield ""
    for each in conclusion.judgements:
        yield f"{'holds ' if each.holds else 'BROKEN'}  {each.demand}: {each.found}"
    yield ""
    yield f"verdict: {'good' if conclusion.good else 'NOT good'}"
