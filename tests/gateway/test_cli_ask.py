"""`status`, `meters`, `readings`, `lost`: what a person and a program get to see."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.core.control_socket import ControlServer
from gateway.core.errors import GatewayError
from tests.gateway.command_line import Ended, gridgate

AT_S = 1_767_225_600  # 2026-01-01T00:00:00Z

ANSWERS: dict[str, dict[str, Any]] = {
    "status": {
        "healthy": True,
        "dc_id": "GG-000001",
        "uptime_s": 3725,
        "started_at_s": AT_S,
        "store": {"size_octets": 3_145_728, "rows": 1200},
        "head_end": {"connected": True, "last_ack_at_s": None},
    },
    "meters": {
        "meters": [
            {
                "usn": "1KFM0200000001",
                "parent_usn": None,
                "state": "REGISTERED",
                "mac": 1,
                "credit": 2,
                "last_seen_at_s": AT_S,
                "rows": 60,
                "committed": 50,
                "missing": 3,
            },
            {"usn": "7GAS01", "parent_usn": "1KFM0200000001", "rows": 10, "committed": 10},
            {"usn": None, "state": "NEW", "mac": 0xFFE},
        ]
    },
    "readings": {
        "readings": [
            {
                "usn": "1KFM0200000001",
                "stream": "periodic",
                "seq": 7,
                "captured_at_s": AT_S,
                "occurrence": 1,
                "status": 0x80,
                "mark": 0x100,
                "values": [123456, None],
                "columns": [
                    {"obis": "1-0:1.8.0.255", "unit": "kWh", "scaler": -3},
                    {"obis": "1-0:2.8.0.255", "unit": "kWh", "scaler": -3},
                ],
            }
        ]
    },
    "lost": {
        "lost": [
            {
                "what": "gap",
                "usn": "1KFM0200000001",
                "stream": "periodic",
                "from_s": AT_S,
                "to_s": AT_S + 3600,
                "rows": 4,
                "reason": "overwritten in the meter",
            }
        ]
    },
}


@contextmanager
def daemon(path: Path, answers: dict[str, dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Answer on `path`, in a thread, as the daemon does; gives the requests heard."""
    heard: list[dict[str, Any]] = []
    serving = threading.Event()
    stop = threading.Event()

    async def ask(request: dict[str, Any]) -> dict[str, Any]:
        heard.append(request)
        if request.get("meter") == "unknown":
            raise GatewayError("no meter has the USN unknown")
        return answers[request["ask"]]

    async def serve() -> None:
        server = ControlServer(path, ask)
        await server.open()
        task = asyncio.create_task(server.run())
        await asyncio.sleep(0)
        serving.set()
        await asyncio.to_thread(stop.wait)
        task.cancel()
        await asyncio.wait([task])

    thread = threading.Thread(target=asyncio.run, args=[serve()])
    thread.start()
    try:
        assert serving.wait(5)
        yield heard
    finally:
        stop.set()
        thread.join()


def ask(tmp_path: Path, *words: str, answers: dict[str, dict[str, Any]] = ANSWERS) -> Ended:
    path = tmp_path / "control.sock"
    with daemon(path, answers):
        return gridgate(*words, "--socket", str(path))


def test_status_for_people(tmp_path: Path) -> None:
    ended = ask(tmp_path, "status")
    assert ended.status == 0
    assert ended.out.splitlines() == [
        "healthy  yes",
        "dc id    GG-000001",
        "uptime   1 h 2 min",
        "started  2026-01-01 00:00:00Z",
        "store:",
        "  size  3.0 MiB",
        "  rows  1200",
        "head end:",
        "  connected  yes",
        "  last ack   -",
    ]


def test_meters_for_people(tmp_path: Path) -> None:
    """INV-4: every meter with its state; slaves stand below their master."""
    ended = ask(tmp_path, "meters")
    assert ended.status == 0
    heads, master, slave, unread, _, summary = ended.out.splitlines()
    assert heads.split()[:4] == ["USN", "STATE", "MAC", "CREDIT"]
    assert heads.endswith("LAST SEEN             ROWS  COMMITTED  MISSING")
    assert master.split() == [
        *("1KFM0200000001", "REGISTERED", "001", "2", "2026-01-01", "00:00:00Z"),
        *("60", "50", "3"),
    ]
    assert slave.startswith("  7GAS01")
    assert unread.startswith("(not read yet)")
    assert summary == "1 of 2 meters registered, 1 slaves; 70 rows, 60 committed, 3 missing"


def test_readings_for_people(tmp_path: Path) -> None:
    ended = ask(tmp_path, "readings")
    _, row = ended.out.splitlines()
    assert row == (
        "1KFM0200000001  periodic    7  2026-01-01 00:00:00Z   1  0x80    0x100  "
        "1-0:1.8.0.255 = 123.456 kWh, 1-0:2.8.0.255 = -"
    )


def test_readings_filters_reach_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with daemon(path, ANSWERS) as heard:
        words = ("--meter", "1KFM0200000001", "--stream", "daily", "--last", "5")
        gridgate("readings", *words, "--socket", str(path))
        gridgate("readings", "--socket", str(path))
    assert heard == [
        {"ask": "readings", "last": 5, "meter": "1KFM0200000001", "stream": "daily"},
        {"ask": "readings", "last": 20},
    ]


def test_something_lost_is_status_1_and_nothing_is_0(tmp_path: Path) -> None:
    """ACQ-3: what is gone is reported as a definite gap."""
    ended = ask(tmp_path, "lost")
    assert ended.status == 1
    assert "overwritten in the meter" in ended.out
    ended = ask(tmp_path, "lost", answers={"lost": {"lost": []}})
    assert (ended.status, ended.out) == (0, "nothing is lost\n")


def test_a_daemon_that_is_not_well_is_status_1(tmp_path: Path) -> None:
    assert ask(tmp_path, "status", answers={"status": {"healthy": False}}).status == 1


@pytest.mark.parametrize("command", ["status", "meters", "readings", "lost"])
def test_json_is_the_answer_as_it_is(tmp_path: Path, command: str) -> None:
    assert json.loads(ask(tmp_path, command, "--json").out) == ANSWERS[command]


def test_a_refusal_is_one_sentence_and_status_1(tmp_path: Path) -> None:
    ended = ask(tmp_path, "readings", "--meter", "unknown")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == "gridgate: no meter has the USN unknown\n"


def test_no_daemon_is_status_3(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    ended = gridgate("meters", "--socket", str(path))
    assert (ended.status, ended.out) == (3, "")
    assert ended.err == f"gridgate: no daemon answers on {path}; is it running?\n"


def test_the_configuration_leads_to_the_socket(tmp_path: Path) -> None:
    """Files it names need not be readable for the one who asks: an operator is not the daemon."""
    file = tmp_path / "gridgate.toml"
    text = "[concentrator]\ncontrol_socket = 'control.sock'\n[dlms]\ncredentials_file = 'none'\n"
    file.write_text(text, encoding="utf-8")
    with daemon(tmp_path / "control.sock", ANSWERS):
        assert gridgate("status", "--config", str(file)).status == 0
    assert gridgate("status", "--config", str(tmp_path / "none.toml")).status == 2
