"""Processes of the bench: ended on purpose, dead by themselves, deaf to SIGTERM."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from hil.demo import child_process
from hil.demo.child_process import ChildProcess, ProcessDied

pytestmark = pytest.mark.rig

_WAITS = "import time; print('up', flush=True); time.sleep(60)"
_DIES = "import sys; print('cannot go on'); sys.exit(3)"
_IS_DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(60)"
)


def _child(directory: Path, source: str) -> ChildProcess:
    return ChildProcess("victim", (sys.executable, "-c", source), directory / "victim.log")


async def _is_up(child: ChildProcess) -> None:
    async with asyncio.timeout(10):
        while b"up" not in child.log.read_bytes():
            await asyncio.sleep(0.01)


def test_a_process_that_dies_is_told_with_its_log(tmp_path: Path) -> None:
    """One sentence: which process, how it ended, where its log is, and its last words."""

    async def scenario() -> None:
        child = _child(tmp_path, _DIES)
        await child.start()
        with pytest.raises(ProcessDied) as death:
            await child.watch()
        sentence = str(death.value)
        assert "the victim process ended unexpectedly (exit status 3)" in sentence
        assert str(child.log) in sentence
        assert "cannot go on" in sentence
        assert await child.stop() == 3

    asyncio.run(scenario())


def test_a_process_may_be_killed_and_started_again(tmp_path: Path) -> None:
    """A planned end is no death; the log is continued."""

    async def scenario() -> None:
        child = _child(tmp_path, _WAITS)
        pids = set()
        for _ in range(2):
            child.log.unlink(missing_ok=True)
            await child.start()
            watch = asyncio.create_task(child.watch())
            await _is_up(child)
            pids.add(child.pid)
            await child.kill()
            await watch
        assert len(pids) == child.starts == 2
        for pid in pids:
            assert pid is not None
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)

    asyncio.run(scenario())


def test_a_deaf_process_is_killed_at_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody outlives the bench; the missing exit status tells that force was needed."""
    monkeypatch.setattr(child_process, "STOP_WITHIN_S", 0.2)

    async def scenario() -> None:
        child = _child(tmp_path, _IS_DEAF)
        await child.start()
        watch = asyncio.create_task(child.watch())
        await _is_up(child)
        assert await child.stop() is None
        await watch

    asyncio.run(scenario())
