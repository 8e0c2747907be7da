"""The report of a run: report.json for machines, a table for people."""

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.verdict import Content, Fault, Finding, Verdict

REPORT_FILE = "report.json"
FINDINGS_SHOWN = 20
FINDINGS_KEPT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """What the run itself adds to the verdict.

    Attributes:
        batches_repeated: batches that the head-end got more than once.
        seconds_to_first_commit: from the daemon's first start; None if nothing was committed.
        duration_s: from the first process started to the last row committed.
        daemon_kills: SIGKILLs of the daemon; each was followed by a start.
        daemon_exit_status: of its orderly end; None if it had to be killed then.
        head_end_deaths: before a commit, by a planted fault.
        wan_cuts: interruptions of the way to the broker.
        options: with what the run was started.
        events: what was done to the bench, and when (seconds after the start).
    """

    batches_repeated: int
    seconds_to_first_commit: float | None
    duration_s: float
    daemon_kills: int
    daemon_exit_status: int | None
    head_end_deaths: int
    wan_cuts: int
    options: dict[str, object]
    events: tuple[tuple[float, str], ...]


def verdict_figures(verdict: Verdict) -> dict[str, object]:
    """Return the verdict under the report's keys. Keys are only ever added."""
    return {
        "good": verdict.good,
        "meters_expected": verdict.meters_expected,
        "meters_registered": verdict.meters_registered,
        "slaves_expected": verdict.slaves_expected,
        "slaves_found": verdict.slaves_found,
        "rows_expected": verdict.rows_expected,
        "rows_committed": verdict.rows_committed,
        "rows_missing": verdict.count(Fault.MISSING),
        "rows_duplicated": verdict.count(Fault.DUPLICATED),
        "rows_altered": verdict.count(Fault.ALTERED),
        "rows_unexpected": verdict.count(Fault.UNEXPECTED),
        "rows_renumbered": verdict.rows_renumbered,
        "sequence_gaps": verdict.sequence_gaps,
    }


def report_figures(verdict: Verdict, facts: RunFacts) -> dict[str, object]:
    """Return everything that report.json tells."""
    return verdict_figures(verdict) | {
        "batches_repeated": facts.batches_repeated,
        "seconds_to_first_commit": facts.seconds_to_first_commit,
        "duration_s": round(facts.duration_s, 2),
        "daemon_kills": facts.daemon_kills,
        "daemon_exit_status": facts.daemon_exit_status,
        "head_end_deaths": facts.head_end_deaths,
        "wan_cuts": facts.wan_cuts,
        "options": facts.options,
        "events": [{"at_s": round(at_s, 1), "what": what} for at_s, what in facts.events],
        "rows_by_stream": {
            stream: {"expected": expected, "committed": committed}
            for stream, (expected, committed) in verdict.rows_by_stream.items()
        },
        "findings": [_figures(finding) for finding in verdict.findings[:FINDINGS_KEPT]],
    }


def write_report(directory: Path, figures: dict[str, object]) -> Path:
    """Write report.json; a reader never sees half of it."""
    file = directory / REPORT_FILE
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    draft.replace(file)
    return file


def verdict_table(verdict: Verdict) -> str:
    """Return the verdict as a person reads it."""
    lines = [
        *table(("STREAM", "EXPECTED", "COMMITTED"), _stream_lines(verdict)),
        "",
        f"meters   {verdict.meters_registered} of {verdict.meters_expected}",
        f"slaves   {verdict.slaves_found} of {verdict.slaves_expected}",
        f"missing  {verdict.count(Fault.MISSING)}",
        f"doubled  {verdict.count(Fault.DUPLICATED)}",
        f"altered  {verdict.count(Fault.ALTERED)}",
    ]
    if verdict.rows_renumbered:
        lines.append(f"({verdict.rows_renumbered} rows of equal time stand in another order)")
    if verdict.findings:
        lines += ["", *(_in_words(finding) for finding in verdict.findings[:FINDINGS_SHOWN])]
        if (more := len(verdict.findings) - FINDINGS_SHOWN) > 0:
            lines.append(f"... and {more} more")
    lines += ["", f"verdict: {_conclusion(verdict)}"]
    return "\n".join(lines)


def _conclusion(verdict: Verdict) -> str:
    if verdict.good:
        return "good: every row is there, once, as it was"
    if verdict.rows_expected == 0:
        return "NOT good: the meters held no rows, so nothing was shown"
    if not verdict.findings:
        return "NOT good: somebody was not found"
    return "NOT good"


def _stream_lines(verdict: Verdict) -> Iterator[tuple[str, str, str]]:
    for stream, (expected, committed) in sorted(verdict.rows_by_stream.items()):
        yield stream, str(expected), str(committed)
    yield "in all", str(verdict.rows_expected), str(verdict.rows_committed)


def table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; all columns but the first are numbers."""
    lines = [heads, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        first, *others = (
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join((first, *others)).rstrip()


def _figures(finding: Finding) -> dict[str, object]:
    return {
        "fault": finding.fault,
        "usn": finding.usn,
        "stream": finding.stream,
        "captured_at_s": finding.captured_at_s,
        "expected": finding.expected,
        "got": finding.got,
    }


def _in_words(finding: Finding) -> str:
    at = dt.datetime.fromtimestamp(finding.captured_at_s, dt.UTC)
    return (
        f"{finding.fault:<10}  {finding.usn}  {finding.stream:<18}  {at:%Y-%m-%d %H:%M:%SZ}"
        f"  expected {_row(finding.expected)}  got {_row(finding.got)}"
    )


def _row(content: Content | None) -> str:
    if content is None:
        return "nothing"
    status, *values = content
    return f"{status}: " + " ".join(str(value) for value in values if value is not None)
