"""`run` on a machine that does not offer what the configuration names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import serial

pytestmark = pytest.mark.e2e


def run(directory: Path, port: str) -> tuple[int, str]:
    file = directory / "gridgate.toml"
    text = (
        "[concentrator]\ndata_directory = 'data'\ncontrol_socket = 'control.sock'\n"
        f"[board]\nkind = 'rig'\nplc_port = '{port}'\n"
        "[log]\nlevel = 'error'\ntarget = 'stderr'\n"
    )
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "gateway", "run", "--config", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return ended.returncode, ended.stderr.replace(f"{file}", "FILE")


def test_a_missing_port_is_one_sentence_and_status_2(tmp_path: Path) -> None:
    """Shown-by 7: a port that is not there."""
    status, told = run(tmp_path, "/dev/no_such_port")
    assert status == 2
    assert told.startswith("gridgate: FILE: [board] plc_port: ")
    assert "/dev/no_such_port" in told
    assert len(told.splitlines()) == 1


def test_a_port_in_use_is_one_sentence_and_status_2(tmp_path: Path) -> None:
    """Shown-by 7: a port that another process holds."""
    near, far = os.openpty()
    try:
        with serial.Serial(os.ttyname(far), exclusive=True):
            status, told = run(tmp_path, os.ttyname(far))
    finally:
        os.close(near)
        os.close(far)
    assert status == 2
    assert told.startswith("gridgate: FILE: [board] plc_port: ")
    assert len(told.splitlines()) == 1
