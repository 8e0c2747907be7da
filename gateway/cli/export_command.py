"""`export`: what another box needs to go on for this one, in one document.

It looks into the store itself, whether a daemon runs on it or not: one read transaction sees one
moment, and the same works for the card of a dead box.
"""

import argparse
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TextIO

from gateway.cli.arguments import DEFAULT_CONFIG_FILE
from gateway.cli.tables import named_values
from gateway.core.clock import Clock, ClockTrust
from gateway.core.config import Sections, read_sections
from gateway.core.errors import TakeoverRefused
from gateway.core.exit_status import ExitStatus
from gateway.core.taken_settings import told_settings
from gateway.core.whole_file import PRIVATE, check_place, write_whole
from gateway.store.database import STORE_NAME, schema_version
from gateway.store.errors import StoreError
from gateway.store.store_reader import is_held, open_to_read
from gateway.store.takeover_document import TakeoverContent, from_octets, to_octets
from gateway.store.takeover_export import Origin, leave

_NOTE: Final = (
    "its nodes answer nobody but this box, or one with its system title and initiator_mac;"
    " never let both on the line"
)


def execute(arguments: argparse.Namespace, out: TextIO) -> int:
    """Write the document and say what is in it.

    Raises:
        SettingError: the configuration is wrong.
        TakeoverRefused: nothing was written.
    """
    sections = read_sections(arguments.config or DEFAULT_CONFIG_FILE)
    target = arguments.out or Path(f"{sections.concentrator.dc_id}.takeover.json")
    check_place(target, force=arguments.force)
    content = _look(sections, arguments.store)
    octets = to_octets(content)
    from_octets(octets)  # what no box can read is better known of now
    write_whole(target, octets, PRIVATE, force=arguments.force)
    report = _report(sections, content, target, len(octets))
    print(json.dumps(report, indent=2) if arguments.json else named_values(report), file=out)
    return ExitStatus.GOOD


def _look(sections: Sections, store: Path | None) -> TakeoverContent:
    path = store or sections.concentrator.data_directory / STORE_NAME
    origin = Origin(
        made_at_s=int(Clock(ClockTrust.NONE).now_s()),
        made_by=f"gridgate {version('gridgate')}",
        settings=told_settings(sections),
    )
    try:
        if store is not None and is_held(store):
            raise TakeoverRefused(
                f"{store}: a daemon runs on it; leave --store out, and name the daemon's"
                " configuration with --config"
            )
        with open_to_read(path, schema_version()) as connection:
            return leave(connection, origin)
    except StoreError as error:
        raise TakeoverRefused(str(error)) from error


def _report(
    sections: Sections, content: TakeoverContent, target: Path, octets: int
) -> dict[str, Any]:
    slaves = sum(meter.parent_usn is not None for meter in content.meters)
    return {
        "document": str(target),
        "octets": octets,
        "dc_id": sections.concentrator.dc_id,
        "system_title": sections.concentrator.system_title.hex(),
        "initiator_mac": f"0x{sections.plc.initiator_mac:03X}",
        "epoch": content.epoch,
        "nodes": len(content.nodes),
        "meters": len(content.meters) - slaves,
        "slaves": slaves,
        "streams": len(content.streams),
        "rows_committed": content.committed.rows,
        "rows_to_read_again": content.rows_open,
        "rows_to_compare_with": sum(len(stream.known) for stream in content.streams),
        "journal_entries_untold": len(content.journal),
        "note": _NOTE,
    }
