"""What a simulated run has left: truth.sqlite, head_end.sqlite and air.csv, read once."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hil.judge.spans import Span, common, joined
from hil.lv_network.air_log import AIR_FILE, AirFrame, read_air
from hil.verdict import HEAD_END_FILE, TRUTH_FILE, Content, Place, VerdictImpossible


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A row that a meter has captured; dropped_at_s is None for those that it still holds."""

    content: Content
    dropped_at_s: int | None


@dataclass(frozen=True, slots=True)
class CommittedRow:
    """A row that the head-end has committed."""

    content: Content
    dc_id: str
    committed_at_s: float


@dataclass(frozen=True, slots=True)
class Reached:
    """A span in which a meter could be reached over a line with this much credit at least."""

    line: str
    from_s: float
    to_s: float
    credit: int


@dataclass(frozen=True, slots=True)
class PlacedMeter:
    """A meter of the power line.

    Attributes:
        number: of its place in the topology.
    """

    usn: str
    number: int
    system_title: str


@dataclass(frozen=True, slots=True)
class Told:
    """A journal entry as the head-end has committed it."""

    dc_id: str
    at_s: int
    kind: str
    usn: str | None
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AdHocRead:
    """A question that somebody asked a meter through a concentrator."""

    at_s: float
    usn: str
    line: str
    took_s: float
    outcome: str


@dataclass(slots=True, kw_only=True)
class RunFiles:
    """Everything that a verdict is made from; all times are UTC seconds.

    Attributes:
        facts: of the run as a whole (hil.simulation.run).
        meters: on the power line, by utility serial number.
        parents: the master meter of each slave.
        held, committed: rows by place; times are the meter's own.
        supply: when each meter had mains.
        reach: of each meter, in order of time.
        row_octets: length of a row in an answer, by meter and stream.
    """

    directory: Path
    facts: Mapping[str, Any]
    meters: dict[str, PlacedMeter]
    parents: dict[str, str]
    held: dict[Place, list[HeldRow]]
    committed: dict[Place, list[CommittedRow]]
    supply: dict[str, list[Span]]
    reach: dict[str, list[Reached]]
    row_octets: dict[tuple[str, str], int]
    reads: list[AdHocRead]
    journal: list[Told]
    air: list[AirFrame]

    def master_of(self, usn: str) -> str:
        """Return the meter on the power line through which another, or itself, is read."""
        return self.parents.get(usn, usn)

    def reachable(self, usn: str) -> list[Span]:
        """Return when a meter had mains and could be reached over some line."""
        over_lines = joined((span.from_s, span.to_s) for span in self.reach.get(usn, []))
        return common(over_lines, joined(self.supply.get(usn, [])))


def is_simulation(directory: Path) -> bool:
    """Tell whether a directory holds what a simulated run leaves, not a demo."""
    return (directory / AIR_FILE).is_file()


def read_run(directory: Path) -> RunFiles:
    """Read the three files.

    Raises:
        VerdictImpossible: one is not there, or is not what it should be.
    """
    try:
        air = read_air(directory / AIR_FILE)
        with (
            closing(_open(directory / TRUTH_FILE)) as truth,
            closing(_open(directory / HEAD_END_FILE)) as head_end,
        ):
            return RunFiles(
                directory=directory,
                facts={
                    name: json.loads(value)
                    for name, value in truth.execute("SELECT name, value FROM facts")
                },
                meters=_meters(truth),
                parents=dict(
                    truth.execute("SELECT usn, parent_usn FROM meters WHERE parent_usn NOTNULL")
                ),
                held=_held(truth),
                committed=_committed(head_end),
                supply=_supply(truth),
                reach=_reach(truth),
                row_octets={
                    (usn, stream): octets
                    for usn, stream, octets in truth.execute(
                        "SELECT usn, stream, row_octets FROM streams"
                    )
                },
                reads=[
                    AdHocRead(*row)
                    for row in truth.execute(
                        "SELECT at_s, usn, line, took_s, outcome FROM reads ORDER BY rowid"
                    )
                ],
                journal=list(_journal(head_end)),
                air=air,
            )
    except (OSError, ValueError, KeyError, sqlite3.Error) as error:
        raise VerdictImpossible(f"{directory} cannot be judged: {error}") from error


def _open(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)


def _meters(truth: sqlite3.Connection) -> dict[str, PlacedMeter]:
    query = "SELECT usn, place, system_title FROM meters WHERE place NOTNULL ORDER BY rowid"
    return {row[0]: PlacedMeter(*row) for row in truth.execute(query)}


def _held(truth: sqlite3.Connection) -> dict[Place, list[HeldRow]]:
    found: dict[Place, list[HeldRow]] = defaultdict(list)
    for usn, stream, at_s, dropped_at_s, *content in truth.execute(
        "SELECT usn, stream, captured_at_s, dropped_at_s, status, value1, value2, value3, value4"
        " FROM rows ORDER BY rowid"
    ):
        found[usn, stream, at_s].append(HeldRow(tuple(content), dropped_at_s))
    return found


def _committed(head_end: sqlite3.Connection) -> dict[Place, list[CommittedRow]]:
    found: dict[Place, list[CommittedRow]] = defaultdict(list)
    for usn, stream, at_s, dc_id, committed_at_s, *content in head_end.execute(
        "SELECT usn, stream, captured_at_s, dc_id, committed_at_s,"
        " status, value1, value2, value3, value4 FROM rows ORDER BY rowid"
    ):
        found[usn, stream, at_s].append(CommittedRow(tuple(content), dc_id, committed_at_s))
    return found


def _supply(truth: sqlite3.Connection) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = defaultdict(list)
    for usn, from_s, to_s in truth.execute("SELECT usn, from_s, to_s FROM supply"):
        found[usn].append((from_s, to_s))
    return found


def _reach(truth: sqlite3.Connection) -> dict[str, list[Reached]]:
    found: dict[str, list[Reached]] = defaultdict(list)
    for usn, *span in truth.execute(
        "SELECT usn, line, from_s, to_s, credit FROM reach ORDER BY from_s"
    ):
        found[usn].append(Reached(*span))
    return found


def _journal(head_end: sqlite3.Connection) -> Iterator[Told]:
    for dc_id, at_s, kind, usn, body in head_end.execute(
        "SELECT dc_id, at_s, kind, usn, body FROM journal ORDER BY dc_id, epoch, seq"
    ):
        yield Told(dc_id, at_s, kind, usn, json.loads(body))
