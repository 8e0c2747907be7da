"""`import`: this box goes on for another one; all of it, or nothing."""

import argparse
import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from drivers.dlms.obis import Obis
from drivers.errors import DriverError
from gateway.cli.arguments import DEFAULT_CONFIG_FILE
from gateway.cli.import_report import in_words, report_of
from gateway.core.clock import Clock, ClockTrust
from gateway.core.config import Sections, read_sections
from gateway.core.config_checks import contradictions
from gateway.core.config_text import config_text
from gateway.core.errors import ConfigError, TakeoverRefused
from gateway.core.exit_status import ExitStatus
from gateway.core.taken_settings import (
    ALWAYS_SAID,
    differences,
    line_faults,
    settings_told,
    who_for_nodes,
    with_taken,
)
from gateway.core.whole_file import READABLE, check_place, write_whole
from gateway.meters.meter_kind import MeterKind
from gateway.store.database import STORE_NAME, Database, StoreFile, schema_version
from gateway.store.errors import StoreBusy, StoreError
from gateway.store.store_reader import is_held, open_to_read
from gateway.store.takeover_document import (
    DOCUMENT_OCTETS_MAX,
    KindLeft,
    TakeoverContent,
    from_octets,
)
from gateway.store.takeover_import import occupants, take_over

_HEADING: Final = "gridgate, in the place of {dc_id}. Every key: gateway/default.toml."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is to be done.

    Attributes:
        content: of the document.
        told: the settings in it.
        wanted: the settings of this box, as they will be.
        store: the file.
    """

    content: TakeoverContent
    told: Sections
    wanted: Sections
    store: Path


def execute(arguments: argparse.Namespace, out: TextIO) -> int:
    """Check everything, then write the configuration if asked for, then fill the store.

    Raises:
        SettingError: a configuration is wrong, or does not fit the line of the other box.
        TakeoverRefused: nothing was taken over.
    """
    plan = _plan(arguments)
    conflicts = _conflicts(plan)
    if arguments.write_config is not None:
        check_place(arguments.write_config, force=arguments.force)
    if not arguments.dry_run:
        if conflicts:
            raise TakeoverRefused("; ".join(conflicts))
        if arguments.write_config is not None:
            heading = _HEADING.format(dc_id=plan.content.dc_id)
            text = config_text(plan.wanted, heading, ALWAYS_SAID)
            write_whole(arguments.write_config, text.encode(), READABLE, force=arguments.force)
        _fill(plan)
    report = report_of(
        plan.content,
        store=plan.store,
        written=None if arguments.dry_run else arguments.write_config,
        same_for_nodes=who_for_nodes(plan.wanted) == who_for_nodes(plan.told),
        differences=differences(plan.wanted, plan.told),
        conflicts=conflicts,
        done=not arguments.dry_run,
    )
    print(json.dumps(report, indent=2) if arguments.json else in_words(report), file=out)
    return ExitStatus.ANSWER_IS_NO if conflicts else ExitStatus.GOOD


def _plan(arguments: argparse.Namespace) -> _Plan:
    file: Path = arguments.config or DEFAULT_CONFIG_FILE
    own = read_sections(file)
    content = _read(arguments.document)
    told = settings_told(content.settings, arguments.document)
    wanted, wanted_file = own, file
    if arguments.write_config is not None:
        wanted_file = arguments.write_config.absolute()
        wanted = with_taken(own, told, wanted_file, take_dc_id=arguments.take_dc_id)
    elif arguments.take_dc_id:
        raise TakeoverRefused("--take-dc-id says what --write-config writes; give both")
    faults = [
        *line_faults(wanted, told, wanted_file),
        *contradictions(wanted_file, wanted.board, wanted.plc, wanted.head_end),
    ]
    if faults:
        raise ConfigError(*faults)
    store = own.concentrator.data_directory / STORE_NAME
    return _Plan(content=content, told=told, wanted=wanted, store=store)


def _read(file: Path) -> TakeoverContent:
    octets = _octets_of(file)
    try:
        content = from_octets(octets)
        for kind in content.kinds:
            _check_kind(kind)
    except TakeoverRefused as error:
        raise TakeoverRefused(f"{file}: {error}") from error
    return content


def _octets_of(file: Path) -> bytes:
    try:
        if file.is_file():  # a pipe would never end
            with file.open("rb") as opened:
                return opened.read(DOCUMENT_OCTETS_MAX + 1)
    except OSError as error:
        raise TakeoverRefused(f"{file} cannot be read ({error.strerror})") from error
    raise TakeoverRefused(f"{file} is no file")


def _check_kind(kind: KindLeft) -> None:
    """Read an object list as the daemon will: it would end at a bad one, and at each start."""
    try:
        read = MeterKind.from_json(kind.config_id, kind.firmware, kind.object_list)
        for columns in read.columns.values():
            for column in columns:
                Obis.parse(column.obis)
                json.dumps([column.unit + 0, column.scaler + 0], allow_nan=False)
    except (
        DriverError,
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        name = f"{kind.config_id}/{kind.firmware}"
        raise TakeoverRefused(f"the object list of kind {name} cannot be read") from error


def _conflicts(plan: _Plan) -> list[str]:
    """Return what keeps the store from being filled, found out without a trace."""
    try:
        if not plan.store.exists():
            return []
        if is_held(plan.store):
            return [f"{plan.store}: a daemon runs on it; stop it first"]
        with open_to_read(plan.store, schema_version()) as connection:
            return _occupied(plan.store, occupants(connection))
    except StoreError as error:
        raise TakeoverRefused(str(error)) from error
    except OSError as error:
        raise TakeoverRefused(f"{plan.store} cannot be read ({error.strerror})") from error


def _occupied(store: Path, found: dict[str, int]) -> list[str]:
    if not found:
        return []
    held = ", ".join(f"{count} in {name}" for name, count in found.items())
    remedy = f"let the daemon push what it has, stop it, move {store.name}* away, and import again"
    return [f"{store} is not empty ({held}), and two boxes' readings must not mix; {remedy}"]


def _fill(plan: _Plan) -> None:
    def work(file: StoreFile) -> None:
        found = _occupied(plan.store, occupants(file.conn))
        if found:
            raise TakeoverRefused("; ".join(found))
        take_over(file.conn, plan.content, int(Clock(ClockTrust.NONE).now_s()))

    async def fill() -> None:
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="store") as executor:
            async with Database(plan.store, executor, plan.wanted.storage) as database:
                await database.run(work)

    try:
        asyncio.run(fill())
    except StoreBusy as error:
        raise TakeoverRefused(f"{error}; stop it first") from error
    except StoreError as error:
        raise TakeoverRefused(str(error)) from error
