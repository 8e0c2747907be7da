"""Settings that go from a box to its replacement, and those that belong to the machine."""

import dataclasses
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final

from gateway.core.config import Sections, sections_of
from gateway.core.config_faults import as_toml, key_of
from gateway.core.errors import ConfigError, SettingFault

LINE: Final = ("bit_rate_bps", "mains_frequency_hz", "packing", "mark_hz", "space_hz")
"""Keys of [plc] without which the nodes of a line hear nothing."""

ALWAYS_SAID: Final = frozenset(
    {
        "concentrator.dc_id",
        "concentrator.system_title",
        "plc.initiator_mac",
        *(f"plc.{key}" for key in LINE),
    }
)
"""What is never left to a default, which another program may have changed."""

Tables = Mapping[str, Mapping[str, Any]]
"""Section -> key -> value, as JSON and TOML have them."""

MACHINES_OWN: Final = frozenset(
    {
        "concentrator.data_directory",
        "concentrator.control_socket",
        "board.kind",
        "board.plc_port",
        "board.plc_baud_bps",
        "board.plc_t_req",
        "board.pin_chip",
        "dlms.credentials_file",
        "head_end.username",
        "head_end.password_file",
        "head_end.tls",
    }
)
"""Places, wiring and access of one machine: they are not even told to another."""

KEPT: Final = frozenset(
    {
        "concentrator.dc_id",
        "head_end.host",
        "head_end.port",
        "storage.pages_max",
        "log.level",
        "log.target",
    }
)
"""Told, but not taken over: the broker knows the replacement by its own name and access."""


def told_settings(sections: Sections) -> dict[str, dict[str, Any]]:
    """Return what another box may know, with defaults filled in."""
    tables: dict[str, dict[str, Any]] = {}
    for section, key, value in _values(sections):
        if f"{section}.{key}" not in MACHINES_OWN:
            tables.setdefault(section, {})[key] = value
    return tables


def settings_told(tables: Tables, file: Path) -> Sections:
    """Return what `told_settings` gave; `file` is where it was read.

    Raises:
        ConfigError: a value is wrong, a key belongs to one machine only, or it is not said whom
            the nodes know and how they are spoken to.
    """
    told = {f"{section}.{key}" for section, keys in tables.items() for key in keys}
    faults = [
        SettingFault(
            file=file,
            key=key_of(*name.split(".")),
            problem="belongs to one machine only" if name in told else "is missing",
            remedy="export the document again",
        )
        for name in sorted(told & MACHINES_OWN | ALWAYS_SAID - told)
    ]
    if faults:
        raise ConfigError(*faults)
    return sections_of(tables, file)


def with_taken(own: Sections, told: Sections, file: Path, *, take_dc_id: bool) -> Sections:
    """Return the settings of a replacement that stands in for another box.

    Args:
        own: of the replacement.
        told: of the box that it replaces.
        file: where they will stand.
        take_dc_id: take the name too.
    """
    tables: dict[str, dict[str, Any]] = {}
    for section, key, value in _values(own):
        tables.setdefault(section, {})[key] = value
    for section, key, value in _values(told):
        name = f"{section}.{key}"
        if name in MACHINES_OWN:
            continue
        if name not in KEPT or (take_dc_id and name == "concentrator.dc_id"):
            tables[section][key] = value
    return sections_of(tables, file)


def line_faults(own: Sections, told: Sections, file: Path) -> list[SettingFault]:
    """Return each setting of `file` with which the nodes of the other box would not be heard."""
    return [
        SettingFault(
            file=file,
            key=key_of("plc", key),
            problem=f"the nodes were used to {as_toml(theirs)}, not to {as_toml(ours)}",
            remedy=f"write {key} = {as_toml(theirs)} below [plc], or use --write-config",
        )
        for key in LINE
        if (ours := getattr(own.plc, key)) != (theirs := getattr(told.plc, key))
    ]


def who_for_nodes(sections: Sections) -> tuple[bytes, int]:
    """Return what the nodes of a line are locked on: a box's system title and address."""
    return sections.concentrator.system_title, sections.plc.initiator_mac


def differences(own: Sections, told: Sections) -> list[str]:
    """Return a line for each setting in which two boxes differ."""
    ours = told_settings(own)
    return [
        f"{key_of(section, key)} is {as_toml(ours[section][key])}"
        f" here, and was {as_toml(value)} there"
        for section, key, value in _values(told)
        if f"{section}.{key}" not in MACHINES_OWN and ours[section].get(key) != value
    ]


def _values(sections: Sections) -> Iterator[tuple[str, str, Any]]:
    """Return section, key and value of all that is set, as JSON and TOML have them."""
    for section, settings in sections:
        for field in dataclasses.fields(settings):
            value = getattr(settings, field.name)
            if value is not None:
                yield section, field.name, _plain(value)


def _plain(value: object) -> Any:  # noqa: ANN401  (whatever a setting is)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.asdict(value)
        return {key: _plain(inner) for key, inner in fields.items() if inner is not None}
    match value:
        case Enum():
            return value.value
        case bytes():
            return value.hex()
        case Path():
            return str(value)
        case _:
            return value
