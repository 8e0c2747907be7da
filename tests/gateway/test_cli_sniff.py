"""`sniff` on the command line: what it refuses, in one sentence each."""

import asyncio
import os
import subprocess
import sys
import tty
from pathlib import Path

import pytest

from gateway.cli.sniff_command import BUSY, INSTALL
from hal.serial_port import SerialSettings, open_serial_port
from tests.gateway.command_line import gridgate


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--baud", "9600"], "--baud goes with --port only"),
        (["--config", "x.toml", "--pin-chip", "s"], "--pin-chip goes with --port only"),
        (["--packing", "B"], "--packing goes with --port only"),
        (["--port", "p", "--t-req", "plc_t_req"], "--t-req plc_t_req is a pin"),
        (["--port", "/nowhere/tty"], "/nowhere/tty: no such device"),
        (["--port", "p", "--pcap", "/nowhere/line.pcap"], "cannot be written: No such file"),
    ],
)
def test_what_cannot_begin_is_status_2(words: list[str], reason: str) -> None:
    ended = gridgate("sniff", *words)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith("gridgate: ")
    assert reason in ended.err
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--count", "0"),
        ("--seconds", "0"),
        ("--seconds", "inf"),
        ("--port", "p", "--config", "f"),
        ("--mains", "55"),
    ],
)
def test_words_that_make_no_sense(words: tuple[str, ...]) -> None:
    assert gridgate("sniff", *words).status == 2


def test_a_wrong_configuration_is_status_2(tmp_path: Path) -> None:
    file = tmp_path / "gridgate.toml"
    file.write_text("[plc]\npacking = 2\n", encoding="utf-8")
    ended = gridgate("sniff", "--config", str(file))
    assert ended.status == 2
    assert ended.err.startswith(f"gridgate: {file}: [plc] packing")


@pytest.mark.rig
def test_without_scapy_it_says_how_to_install_it() -> None:
    """The extra `capture` is optional: one clear sentence, exit status 2."""
    program = (
        "import sys\nsys.modules['scapy'] = None\n"
        "sys.argv = ['gridgate', 'sniff', '--port', '/nowhere/tty']\n"
        "from gateway.__main__ import main\nsys.exit(main())"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"gridgate: {INSTALL}\n"
    assert "pip install 'gridgate[capture]'" in ended.stderr


def test_a_port_that_the_daemon_holds_is_said_so() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)

    async def scene() -> int:
        port = await open_serial_port(SerialSettings(path=path, baud_bps=9600))
        try:
            return await asyncio.to_thread(sniff, path)
        finally:
            await port.close()

    told: list[str] = []

    def sniff(port: str) -> int:
        ended = gridgate("sniff", "--port", port)
        told.append(ended.err)
        return ended.status

    try:
        assert asyncio.run(scene()) == 2
    finally:
        os.close(slave)
        os.close(master)
    assert told == [f"gridgate: {path} is used by another process; {BUSY}\n"]
