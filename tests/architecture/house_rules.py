"""The rules of the house as tables, and what breaks them (docs/architecture.md)."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.import_graph import (
    PACKAGES,
    circles,
    floors,
    imports_of,
    module_graph,
    module_name,
    modules_under,
    owner_of,
    source_files,
)

FLOORS_MAX = 9
FILE_LINES_MAX = 400

ARROWS = {
    "drivers": {"drivers"},
    "hal": {"hal"},
    "firmware_update": {"firmware_update"},
    "gateway": {"gateway", "drivers", "hal", "firmware_update"},
    "hil": {"hil", "drivers", "hal"},
}
"""Which packages a package may import."""

HAL_BEHIND_THE_WALL = (
    "hal.board",
    "hal.fake_board",
    "hal.gpio_pin",
    "hal.rts_pin",
    "hal.serial_port",
    "hal.plc_modem.host_link",
    "hal.plc_modem.modem",
    "hal.plc_modem.monitor",
)
"""Parts of hal that are the daemon's own: the rig sees hal's ports, pins and codecs only."""

EXCEPTIONS = {
    ("hil.virtual_rig", "gateway.app"),
    ("hil.virtual_rig", "gateway.box_swap"),
    ("hil.virtual_rig", "hal.fake_board"),
}
"""The virtual-time rig builds the daemon in its own process, on a board in memory."""

DOORS = {
    "amqtt": ("hil/broker.py", "hil/amqtt_process.py"),
    "annotated_types": ("gateway/",),
    "cryptography": (
        "drivers/dlms/ciphering.py",
        "firmware_update/manifest.py",
        "gateway/store/key_store.py",
    ),
    "matplotlib": ("hil/demo_plot.py", "hil/judge/plots.py"),
    "numpy": ("hil/lv_network/",),
    "paho": ("gateway/head_end/mqtt_link.py", "hil/head_end/mqtt.py"),
    "pydantic": (
        "gateway/core/config.py",
        "gateway/core/config_faults.py",
        "gateway/head_end/messages.py",
        "gateway/site/",
        "hil/lv_network/topology_file.py",
        "gateway/store/takeover_document.py",
        "hil/scenario.py",
    ),
    "pydantic_core": ("gateway/core/config_faults.py",),
    "pymodbus": ("drivers/modbus/", "hil/modbus_meter.py"),
    "rich": ("hil/demo/live_view.py",),
    "scapy": ("drivers/plc/scapy_layers/",),
    "serial": ("hal/serial_port.py",),
    "serial_asyncio": ("hal/serial_port.py",),
    "sqlite_utils": ("gateway/store/database.py",),
    "systemd": ("gateway/core/systemd.py",),
}
"""Where each library may be imported: a file, or a room (ends with a stroke)."""

DAEMON = "gateway.app"
NEVER_IN_THE_DAEMON = ("scapy",)
"""Libraries that nothing under the daemon imports, however far down or late."""

_NO_LIBRARY = {*PACKAGES, "tests", ""}


def broken_rules(root: Path) -> list[str]:
    """Return one sentence for each broken rule in the packages under `root`."""
    return [
        *_wrong_arrows(root),
        *_wrong_doors(root),
        *_wrong_loads(root),
        *_wrong_shape(root),
        *_too_long_files(root),
    ]


def _wrong_arrows(root: Path) -> Iterator[str]:
    files = source_files(root)
    modules = {module_name(file) for file in files}
    for file in files:
        package = file.parts[0]
        for found in imports_of(root, file):
            if found.name.startswith("."):
                yield f"{found}: imports are absolute"
            if found.library == "tests":
                yield f"{found}: what is shipped knows no tests"
            if found.library not in PACKAGES:
                continue
            target = owner_of(found.name, modules) or found.name
            if (module_name(file), target) in EXCEPTIONS:
                continue
            if found.library not in ARROWS[package]:
                yield f"{found}: {package} may not know {found.library}"
            if package == "hil" and target in HAL_BEHIND_THE_WALL:
                yield f"{found}: the rig sees the ports, pins and codecs of hal only"


def _wrong_doors(root: Path) -> Iterator[str]:
    for file in source_files(root):
        for found in imports_of(root, file):
            library = found.library
            if library in _NO_LIBRARY or library in sys.stdlib_module_names:
                continue
            doors = DOORS.get(library)
            if doors is None:
                yield f"{found}: {library} has no door; name one in docs/architecture.md first"
            elif not _goes_through(file, doors):
                yield f"{found}: the door of {library} is {', '.join(doors)}"


def _goes_through(file: Path, doors: tuple[str, ...]) -> bool:
    name = file.as_posix()
    return any(name.startswith(door) if door.endswith("/") else name == door for door in doors)


def _wrong_loads(root: Path) -> Iterator[str]:
    below = modules_under(module_graph(root), DAEMON)
    for file in source_files(root):
        if module_name(file) not in below:
            continue
        for found in imports_of(root, file):
            if found.library in NEVER_IN_THE_DAEMON:
                yield f"{found}: {DAEMON} would load {found.library} by way of it"


def _wrong_shape(root: Path) -> Iterator[str]:
    graph = module_graph(root)
    found = circles(graph)
    for circle in found:
        yield f"a circle of imports: {' -> '.join([*circle, circle[0]])}"
    if found:
        return
    for crossing, target in EXCEPTIONS:  # one house beside another, not a floor upon it
        graph.get(crossing, set()).discard(target)
    for module, floor in sorted(floors(graph).items()):
        if floor > FLOORS_MAX:
            yield f"{module} stands on floor {floor}; {FLOORS_MAX} is the highest"


def _too_long_files(root: Path) -> Iterator[str]:
    for file in source_files(root):
        with (root / file).open(encoding="utf-8") as lines:
            count = sum(1 for _ in lines)
        if count > FILE_LINES_MAX:
            yield f"{file} has {count} lines; {FILE_LINES_MAX} is the limit: split it"
