"""The `gridgate` command as a process: help, version, configuration, what it loads."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.rig  # each test starts a process

COMMANDS = (
    "run",
    "check-config",
    "status",
    "meters",
    "readings",
    "lost",
    "export",
    "import",
    "decode",
    "sniff",
)


def gridgate(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_version() -> None:
    ended = gridgate("--version")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("gridgate ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    assert command in gridgate("--help").stdout
    ended = gridgate(command, "--help")
    assert ended.returncode == 0
    assert f"gridgate {command}" in ended.stdout.split("examples:")[1]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("collect",),
        ("status", "--jsn"),
        ("readings", "--last", "0"),
        ("readings", "--last", "x"),
        ("meters", "--config", "a", "--socket", "b"),
        ("decode", "hdlc", "7E"),
        ("decode", "dlms", "--packing", "B", "00"),
    ],
)
def test_words_that_make_no_sense_are_status_2(words: tuple[str, ...]) -> None:
    ended = gridgate(*words)
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: gridgate")
    assert "Traceback" not in ended.stderr


def test_a_good_configuration_is_ok_and_touches_nothing(tmp_path: Path) -> None:
    file = tmp_path / "gridgate.toml"
    file.write_text("[concentrator]\ndata_directory = 'data'\n", encoding="utf-8")
    for words in (("check-config", str(file)), ("check-config", "--config", str(file))):
        ended = gridgate(*words)
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ok\n", "")
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("command", ["run", "check-config"])
def test_a_wrong_configuration_is_status_2_before_anything_is_touched(
    tmp_path: Path, command: str
) -> None:
    """Shown-by 7: one sentence each, exit status 2."""
    file = tmp_path / "gridgate.toml"
    text = "[concentrator]\ndata_directory = 'data'\n[board]\nplc_prot = 1\n[plc]\npacking = 2\n"
    file.write_text(text, encoding="utf-8")
    ended = gridgate(command, "--config", str(file))
    assert (ended.returncode, ended.stdout) == (2, "")
    lines = ended.stderr.splitlines()
    assert [line.startswith(f"gridgate: {file}: [") for line in lines] == [True, True]
    assert list(tmp_path.iterdir()) == [file]


def test_a_missing_configuration_names_the_file() -> None:
    ended = gridgate("run", "--config", "/nowhere/gridgate.toml")
    assert ended.returncode == 2
    assert ended.stderr == (
        "gridgate: /nowhere/gridgate.toml: cannot be read (No such file or directory); "
        "give the path of a file that the daemon may read\n"
    )


def test_the_daemon_does_not_load_scapy() -> None:
    """All of the daemon in a fresh process; tests/architecture proves it for what comes later."""
    program = "import sys, gateway.app\nprint('sqlite3' in sys.modules, 'scapy' in sys.modules)"
    out = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=20)
    assert out == "True False\n"


def test_a_reader_that_goes_away_leaves_no_traceback() -> None:
    command = [sys.executable, "-m", "gateway", "decode", "dlms", *(["0C0100060001E240"] * 5000)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize(
    ("words", "forbidden"),
    [
        ("['--version']", {"pydantic", "asyncio", "paho", "serial", "sqlite3", "cryptography"}),
        ("['status', '--socket', '/nowhere']", {"pydantic", "paho", "sqlite_utils", "asyncio"}),
        ("['decode', 'plc', '00']", {"pydantic", "paho", "sqlite_utils", "scapy"}),
        ("['export', '--config', '/nowhere']", {"paho", "scapy", "pymodbus"}),
        ("['check-config']", {"paho", "sqlite_utils", "scapy", "pymodbus", "matplotlib"}),
    ],
)
def test_a_command_loads_no_more_than_it_needs(words: str, forbidden: set[str]) -> None:
    program = (
        "import io, sys\n"
        "from gateway.__main__ import run_command_line\n"
        f"run_command_line({words}, io.StringIO(), io.StringIO(), io.StringIO())\n"
        f"print(*sorted({forbidden} & set(sys.modules)))\n"
    )
    out = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=20)
    assert out.splitlines()[-1] == ""
