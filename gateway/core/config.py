"""The configuration file: the only reader of TOML, and what the daemon makes of it."""

import dataclasses
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from drivers.dlms.password import Password
from drivers.plc.airtime import LineTiming
from gateway.core.config_checks import contradictions, faults_in_named_files
from gateway.core.config_faults import SectionKeys, defaults_of, explain
from gateway.core.credentials import Credentials
from gateway.core.errors import ConfigError, SettingFault
from gateway.core.log import LogSettings
from gateway.core.settings import (
    BoardSection,
    ClockSettings,
    CollectionSettings,
    ConcentratorSettings,
    DlmsSettings,
    PlcSettings,
)
from gateway.head_end.settings import HeadEndSettings, TlsSettings
from gateway.store.settings import StorageSettings
from hal.board import BoardSettings
from hal.plc_modem.settings import PlcModemSettings

_Settings = TypeVar("_Settings")

_SECTIONS: Final[dict[str, type]] = {
    "concentrator": ConcentratorSettings,
    "board": BoardSection,
    "plc": PlcSettings,
    "dlms": DlmsSettings,
    "collection": CollectionSettings,
    "clock": ClockSettings,
    "head_end": HeadEndSettings,
    "head_end.tls": TlsSettings,
    "storage": StorageSettings,
    "log": LogSettings,
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of one daemon, checked; every path in it is absolute.

    Attributes:
        file: where they come from, for errors that show only when the daemon starts.
        credentials: what the credentials file holds; empty without one.
    """

    file: Path
    concentrator: ConcentratorSettings
    board: BoardSettings
    plc: PlcSettings
    dlms: DlmsSettings
    collection: CollectionSettings
    clock: ClockSettings
    head_end: HeadEndSettings
    storage: StorageSettings
    log: LogSettings
    credentials: Credentials

    @property
    def plc_modem(self) -> PlcModemSettings:
        """Return what the modem's driver is told."""
        return PlcModemSettings(
            baud_bps=self.board.plc_baud_bps,
            bit_rate_bps=self.plc.bit_rate_bps,
            mains_frequency_hz=self.plc.mains_frequency_hz,
            space_hz=self.plc.space_hz,
            mark_hz=self.plc.mark_hz,
            initiator_mac=self.plc.initiator_mac,
        )

    @property
    def line_timing(self) -> LineTiming:
        """Return what decides how long things take on the power line."""
        return LineTiming(
            bit_rate_bps=self.plc.bit_rate_bps,
            packing=self.plc.packing,
            host_latency_s=self.plc.host_latency_s,
        )


def load_config(file: Path) -> Config:
    """Read and check the configuration and every file that it names; change nothing.

    Args:
        file: TOML; what it leaves out has the default of gateway/default.toml. Relative paths
            in it are relative to its own directory.

    Raises:
        ConfigError: everything that is wrong, each with file, key and remedy.
    """
    file = file.absolute()
    sections = read_sections(file)
    found = [
        *contradictions(file, sections.board, sections.plc, sections.head_end),
        *faults_in_named_files(file, sections.dlms, sections.head_end, sections.concentrator),
    ]
    if found:
        raise ConfigError(*found)
    credentials_file = sections.dlms.credentials_file
    return Config(
        file=file,
        concentrator=sections.concentrator,
        board=_board(sections.board),
        plc=sections.plc,
        dlms=sections.dlms,
        collection=sections.collection,
        clock=sections.clock,
        head_end=sections.head_end,
        storage=sections.storage,
        log=sections.log,
        credentials=_read_credentials(credentials_file) if credentials_file else Credentials(),
    )


def read_control_socket(file: Path) -> Path:
    """Return where the daemon with this configuration listens, without a look at other files.

    Raises:
        ConfigError: the file cannot be read or is wrong in itself.
    """
    return read_sections(file).concentrator.control_socket


def read_sections(file: Path) -> "Sections":
    """Return what the configuration file says, without a look at other files.

    Raises:
        ConfigError: the file cannot be read or is wrong in itself.
    """
    file = file.absolute()
    return sections_of(_read_toml(file), file)


def sections_of(tables: Mapping[str, Any], file: Path) -> "Sections":
    """Return tables of keys as settings; relative paths are relative to the directory of `file`.

    Raises:
        ConfigError: everything that is wrong in itself, told of `file`.
    """
    # By way of JSON: there pydantic is strict and still makes enums, paths and octets of texts.
    as_json = json.dumps(tables, default=str)
    try:
        sections = Sections.model_validate_json(as_json)
    except ValidationError as error:
        known = _known_keys()
        raise ConfigError(
            *(explain(file, found, known) for found in error.errors(include_url=False))
        ) from error
    for name, settings in list(sections):
        setattr(sections, name, _with_absolute_paths(settings, file.parent))
    return sections


def _board(section: BoardSection) -> BoardSettings:
    return BoardSettings(
        kind=section.kind,
        plc_port=str(section.plc_port),
        plc_baud_bps=section.plc_baud_bps,
        plc_t_req=section.plc_t_req,
        pin_chip=str(section.pin_chip) if section.pin_chip else None,
    )


class Sections(BaseModel):
    """The file as pydantic sees it; the settings' own classes carry the ranges."""

    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, val_json_bytes="hex"
    )

    concentrator: ConcentratorSettings = Field(default_factory=ConcentratorSettings)
    board: BoardSection = Field(default_factory=BoardSection)
    plc: PlcSettings = Field(default_factory=PlcSettings)
    dlms: DlmsSettings = Field(default_factory=DlmsSettings)
    collection: CollectionSettings = Field(default_factory=CollectionSettings)
    clock: ClockSettings = Field(default_factory=ClockSettings)
    head_end: HeadEndSettings = Field(default_factory=HeadEndSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    log: LogSettings = Field(default_factory=LogSettings)


class _CredentialsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    meters: dict[str, str] = Field(default_factory=dict)
    kinds: dict[str, str] = Field(default_factory=dict)


def _read_credentials(file: Path) -> Credentials:
    try:
        found = _CredentialsFile.model_validate(_read_toml(file))
    except ValidationError as error:
        # The error as pydantic has it may hold a password: only its place is told.
        raise ConfigError(*(_credentials_fault(file, e["loc"]) for e in error.errors())) from None
    return Credentials(
        by_meter={usn: Password(text.encode()) for usn, text in found.meters.items()},
        by_kind={kind: Password(text.encode()) for kind, text in found.kinds.items()},
    )


def _credentials_fault(file: Path, place: tuple[int | str, ...]) -> SettingFault:
    section, *names = [str(part) for part in place]
    if section not in _CredentialsFile.model_fields:
        return SettingFault(
            file=file,
            key=f"[{section}]",
            problem="unknown section",
            remedy="the sections are [meters] and [kinds]",
        )
    return SettingFault(
        file=file,
        key=" ".join([f"[{section}]", *names]),
        problem="wrong type where a password belongs",
        remedy="write the password in quotes",
    )


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        remedy = "give the path of a file that the daemon may read"
    except UnicodeDecodeError:
        problem, remedy = "is no text file", "save it as UTF-8"
    except tomllib.TOMLDecodeError as error:
        problem, remedy = _syntax_fault(str(error))
    raise ConfigError(SettingFault(file=file, key="", problem=problem, remedy=remedy))


def _syntax_fault(message: str) -> tuple[str, str]:
    what, place = message, "some line"
    if match := re.fullmatch(r"(.*) \(at (.*)\)", message, re.DOTALL):
        what, place = match.groups()
    if place == "end of document":
        place = "the end of the file"
    return f"no valid TOML at {place}: {what[:1].lower()}{what[1:]}", f"correct {place}"


def _known_keys() -> SectionKeys:
    return {section: defaults_of(settings) for section, settings in _SECTIONS.items()}


def _with_absolute_paths(settings: _Settings, base: Path) -> _Settings:
    if not dataclasses.is_dataclass(settings) or isinstance(settings, type):
        return settings
    changed: dict[str, Any] = {}
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, Path):
            changed[field.name] = base / value
        elif dataclasses.is_dataclass(value):
            changed[field.name] = _with_absolute_paths(value, base)
    return dataclasses.replace(settings, **changed)
