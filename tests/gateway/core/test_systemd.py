"""What systemd is told, and when."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from gateway.core.systemd import ServiceManager
from tests.gateway.core.jumping_loop import jumping

ENVIRONMENT = {"NOTIFY_SOCKET": "/run/systemd/notify", "WATCHDOG_USEC": "20000000"}


def test_ready_status_and_stopping_in_words_of_sd_notify() -> None:
    told: list[str] = []
    manager = ServiceManager(ENVIRONMENT, told.append)
    manager.ready()
    manager.status("12 meters\nfound")
    manager.stopping()
    assert told == ["READY=1", "STATUS=12 meters found", "STOPPING=1"]


@jumping
async def test_the_watchdog_is_told_at_half_its_period_while_healthy() -> None:
    """OPS: a daemon that is not well is restarted by the watchdog."""
    told: list[str] = []
    manager = ServiceManager(ENVIRONMENT, told.append)
    loop = asyncio.get_running_loop()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(95):
            await manager.keep_watchdog(lambda: loop.time() < 45)
    assert told == ["WATCHDOG=1"] * 5


@jumping
async def test_without_systemd_nothing_is_said_and_nothing_fails() -> None:
    told: list[str] = []
    manager = ServiceManager({}, told.append)
    manager.ready()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(100):
            await manager.keep_watchdog(lambda: True)
    assert told == []


@pytest.mark.parametrize(
    ("changes", "period_s"),
    [
        ({}, 20.0),
        ({"WATCHDOG_PID": str(os.getpid())}, 20.0),
        ({"WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_whose_watchdog_it_is(changes: dict[str, str], period_s: float | None) -> None:
    assert ServiceManager(ENVIRONMENT | changes, print).watchdog_period_s == period_s


def test_a_real_notify_socket_hears_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("systemd")
    path = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(path)
        heard.settimeout(5)
        ServiceManager(os.environ).ready()
        assert heard.recv(100) == b"READY=1"


def test_a_deaf_systemd_is_no_reason_to_stop(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(_message: str) -> None:
        raise ConnectionRefusedError("nobody there")

    ServiceManager(ENVIRONMENT, refuse).stopping()
    assert caplog.messages == ["systemd was not told"]
