"""What holds for every test: order, opt-in of the long ones, and nothing left behind."""

import asyncio
import asyncio.runners
import gc
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_THREADS_END_WITHIN_S = 2.0
_UNIT_TESTS_WITHIN_S = 20.0
_PHASES = ("architecture", "unit", "rig", "e2e", "soak")

_NOT_OURS = (str(Path(sys.prefix).resolve()), sys.prefix, "/proc/")

_phase_s: dict[str, float] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the quick and telling tests first; leave out `soak` unless -m names it."""
    if "soak" not in str(config.getoption("markexpr")):
        soak = [item for item in items if _phase_of(item) == "soak"]
        items[:] = [item for item in items if _phase_of(item) != "soak"]
        if soak:
            config.hook.pytest_deselected(items=soak)
    items.sort(key=lambda item: _PHASES.index(_phase_of(item)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what each phase takes."""
    phase = next((name for name in reversed(_PHASES) if name in report.keywords), "unit")
    _phase_s[phase] = _phase_s.get(phase, 0.0) + report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what each phase took; the unit tests have a limit."""
    told = ", ".join(f"{name} {_phase_s[name]:.1f} s" for name in _PHASES if name in _phase_s)
    terminalreporter.write_line(f"time taken: {told}")
    if _phase_s.get("unit", 0.0) > _UNIT_TESTS_WITHIN_S:
        terminalreporter.write_line(
            f"the unit tests took longer than {_UNIT_TESTS_WITHIN_S:.0f} s", yellow=True
        )


def _phase_of(item: pytest.Item) -> str:
    for phase in ("soak", "e2e", "rig"):
        if item.get_closest_marker(phase) is not None:
            return phase
    return "architecture" if "architecture" in item.path.parts else "unit"


@pytest.fixture(autouse=True)
def nothing_left_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves a thread, an open file or a running task."""
    threads = set(threading.enumerate())
    files = _open_files()
    tasks = _note_leftover_tasks(monkeypatch)
    yield
    assert not tasks, f"tasks still running at the end of the loop: {tasks}"
    deadline = time.monotonic() + _THREADS_END_WITHIN_S
    while (left := _new_threads(threads)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not left, f"threads still running: {left}"
    if len(_open_files()) > len(files):
        gc.collect()
        now = _open_files()
        assert len(now) <= len(files), f"files still open: {now.items() - files.items()}"


def _new_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread not in before]


def _open_files() -> dict[str, str]:
    """Return descriptor and target of each open file, those of installed libraries left out."""
    opened = {}
    with os.scandir("/proc/self/fd") as entries:
        for entry in entries:
            try:
                target = str(Path(entry.path).readlink())
            except OSError:  # closed again in the meantime
                continue
            if not target.startswith(_NOT_OURS):  # fonts are held for the next plot
                opened[entry.name] = target
    return opened


def _note_leftover_tasks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that fills with the tasks that asyncio.run has to cancel at its end."""
    left: list[str] = []
    cancel_all = getattr(asyncio.runners, "_cancel_all_tasks")  # noqa: B009  (private: no stub)

    def note_then_cancel(loop: asyncio.AbstractEventLoop) -> None:
        left.extend(str(task.get_coro()) for task in asyncio.all_tasks(loop))
        cancel_all(loop)

    monkeypatch.setattr(asyncio.runners, "_cancel_all_tasks", note_then_cancel)
    return left
