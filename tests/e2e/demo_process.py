"""The demo as a user starts it: a process, its exit status, its report."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BEYOND_DEADLINE_S = 90.0
_LOG_TAIL_LINES = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """What a demo leaves behind."""

    status: int
    directory: Path
    told: str

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.directory / "report.json").read_text())
        return report

    def all_that_helps(self) -> str:
        """Return what one wants to read when a run went wrong."""
        report = self.directory / "report.json"
        parts = [f"exit status {self.status}", self.told]
        parts += [report.read_text()] if report.exists() else []
        for log in sorted((self.directory / "logs").glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
            parts += [f"--- {log.name}", *lines]
        return "\n".join(parts)


def demo_command(directory: Path, *words: str) -> list[str]:
    """Return how the demo is started in this environment."""
    return [sys.executable, "-m", "hil", "demo", "--directory", str(directory), *words]


def run_demo(directory: Path, *words: str, deadline_s: float) -> DemoResult:
    """Run a demo to its end; a run beyond all patience fails."""
    command = demo_command(directory, "--json", "--deadline-s", str(deadline_s), *words)
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=deadline_s + _BEYOND_DEADLINE_S,
        check=False,
    )
    return DemoResult(status=done.returncode, directory=directory, told=done.stderr)


def assert_nothing_lost(result: DemoResult) -> dict[str, Any]:
    """Check all that `good` stands for, one by one; return the report."""
    assert result.status == 0, result.all_that_helps()
    report = result.report
    assert report["rows_expected"] > 0
    assert report["rows_committed"] == report["rows_expected"]
    for key in ("rows_missing", "rows_duplicated", "rows_altered", "rows_unexpected"):
        assert report[key] == 0, result.all_that_helps()
    assert report["sequence_gaps"] == 0, result.all_that_helps()
    assert report["daemon_exit_status"] == 0, result.all_that_helps()
    assert report["meters_registered"] == report["meters_expected"]
    assert report["slaves_found"] == report["slaves_expected"]
    return report
