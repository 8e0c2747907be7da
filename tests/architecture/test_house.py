"""The house stands as docs/architecture.md says, and a planted fault is found."""

from pathlib import Path

import pytest

from tests.architecture.house_rules import FILE_LINES_MAX, FLOORS_MAX, broken_rules
from tests.architecture.import_graph import PACKAGES, module_graph, source_files

REPOSITORY = Path(__file__).parents[2]


def test_the_house_keeps_its_rules() -> None:
    """Arrows, doors, floors, circles and sizes: no rule is broken."""
    assert broken_rules(REPOSITORY) == []


def test_the_rules_are_read_from_the_real_house() -> None:
    """The test above looks at something: all packages, and chains of imports through them."""
    files = source_files(REPOSITORY)
    assert {file.parts[0] for file in files} == set(PACKAGES)
    assert sum(map(len, module_graph(REPOSITORY).values())) > len(files)


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("drivers/a.py", "import gateway.app", "drivers may not know gateway"),
        ("drivers/a.py", "from hal.ports import BytePort", "drivers may not know hal"),
        ("hal/a.py", "from drivers import octets", "hal may not know drivers"),
        ("firmware_update/a.py", "import hal", "firmware_update may not know hal"),
        ("gateway/a.py", "from hil import verdict", "gateway may not know hil"),
        ("hil/a.py", "from gateway.app import build", "hil may not know gateway"),
        ("hil/a.py", "from hal.board import open_board", "ports, pins and codecs"),
        ("hil/a.py", "from hal.plc_modem import modem", "ports, pins and codecs"),
        ("hil/a.py", "def f():\n    import gateway.app", "hil may not know gateway"),
        ("hil/a.py", "import importlib\nimportlib.import_module('gateway')", "may not know"),
        ("hal/a.py", "from .ports import BytePort", "imports are absolute"),
        ("gateway/a.py", "import tests.conftest", "knows no tests"),
        ("gateway/a.py", "import paho.mqtt.client", "the door of paho"),
        ("drivers/a.py", "import requests", "requests has no door"),
        ("hal/a.py", "\n" * (FILE_LINES_MAX + 1), "split it"),
    ],
)
def test_a_planted_fault_is_found(tmp_path: Path, file: str, source: str, complaint: str) -> None:
    """Each forbidden import is caught, also inside a function or by name."""
    _plant(tmp_path, {"hal/plc_modem/modem.py": "", "hal/board.py": "", file: source})
    [found] = broken_rules(tmp_path)
    assert complaint in found
    assert found.startswith(file)


def test_imports_for_the_type_checker_do_not_count(tmp_path: Path) -> None:
    """What only the type checker sees makes no arrow."""
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import gateway\n"
    _plant(tmp_path, {"drivers/a.py": source})
    assert broken_rules(tmp_path) == []


def test_the_virtual_rig_may_build_the_daemon(tmp_path: Path) -> None:
    """The one named exception is allowed, and no other file shares it."""
    source = "from gateway.app import build\n"
    _plant(tmp_path, {"gateway/app.py": "", "hil/virtual_rig.py": source, "hil/other.py": source})
    [found] = broken_rules(tmp_path)
    assert found.startswith("hil/other.py")


def test_what_the_daemon_may_not_load_is_found_however_far_down(tmp_path: Path) -> None:
    """scapy is big and GPL-2.0-only: it stays behind the capture tools' own commands."""
    sources = {
        "gateway/app.py": "from drivers.plc import line",
        "drivers/plc/line.py": "def late():\n    from drivers.plc.scapy_layers import mac",
        "drivers/plc/scapy_layers/mac.py": "from scapy.packet import Packet",
        "gateway/cli/sniff_command.py": "from drivers.plc.scapy_layers import mac",
    }
    _plant(tmp_path, sources)
    [found] = broken_rules(tmp_path)
    assert found.startswith("drivers/plc/scapy_layers/mac.py:1 imports scapy")
    assert "gateway.app would load scapy" in found
    _plant(tmp_path, sources | {"gateway/app.py": ""})
    assert broken_rules(tmp_path) == []


def test_a_circle_is_found(tmp_path: Path) -> None:
    """Three modules in a circle are named once."""
    _plant(
        tmp_path,
        {
            "hal/a.py": "import hal.b",
            "hal/b.py": "from hal import c",
            "hal/c.py": "from hal.a import x",
        },
    )
    assert broken_rules(tmp_path) == ["a circle of imports: hal.a -> hal.b -> hal.c -> hal.a"]


def test_a_tower_is_found(tmp_path: Path) -> None:
    """One floor too many is too many."""
    tower = {f"hal/f{n}.py": f"import hal.f{n - 1}" for n in range(1, FLOORS_MAX + 2)}
    _plant(tmp_path, {"hal/f0.py": "", **tower})
    [found] = broken_rules(tmp_path)
    assert found.startswith(f"hal.f{FLOORS_MAX + 1} stands on floor {FLOORS_MAX + 1}")


def _plant(root: Path, sources: dict[str, str]) -> None:
    for name, source in sources.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
