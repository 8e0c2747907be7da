"""The verdict on a run: what the meters held against what the head-end committed, row by row.

Both files hold rows(usn, stream, captured_at_s, occurrence, status, value1..value4). A row that a
meter has overwritten (dropped_at_s) may have come through, and need not. Rows are
compared by what they say: for one stream and one captured_at_s the rows of both files are two
bags. What lies in both is committed. Of the rest, in this order:

    a copy of a row that the meter holds (or held only once)   duplicated
    a row beside which one of the meter's is unmatched          altered
    any other row of the head-end's                             duplicated and unexpected
    a row of the meter's that is still unmatched                missing

The order in which rows of one captured_at_s are numbered (occurrence) is not judged, only told:
a daemon that reads them in one reply cannot know it better than the meter's ring.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

TRUTH_FILE = "truth.sqlite"
HEAD_END_FILE = "head_end.sqlite"
SLAVE_STREAM = "slave"

_QUERY = (
    "SELECT usn, stream, captured_at_s, occurrence, status, value1, value2, value3, value4"
    " FROM rows"
)
_HELD = " WHERE dropped_at_s IS NULL"
_OVERWRITTEN = " WHERE dropped_at_s IS NOT NULL"

Content = tuple[int | None, ...]
"""Status and values of a row."""

Place = tuple[str, str, int]
"""Whose row it is (usn, stream) and when it was captured."""

_Row = tuple[int, Content]  # occurrence and content


class VerdictImpossible(Exception):  # noqa: N818  (reads as what it is in an except clause)
    """One of the two files cannot be read."""


class Fault(StrEnum):
    """What may be wrong with a row."""

    MISSING = "missing"
    DUPLICATED = "duplicated"
    ALTERED = "altered"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One faulty row; `expected` or `got` is None where there is none."""

    fault: Fault
    usn: str
    stream: str
    captured_at_s: int
    expected: Content | None
    got: Content | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the comparison of the two files says.

    Attributes:
        rows_by_stream: of each kind of stream, rows expected and rows committed.
        rows_renumbered: rows of the right content under another occurrence; told, not judged.
        sequence_gaps: numbers missing in, or used twice within, the head-end's streams; told.
        findings: every faulty row.
    """

    meters_expected: int
    meters_registered: int
    slaves_expected: int
    slaves_found: int
    rows_expected: int
    rows_committed: int
    rows_renumbered: int
    sequence_gaps: int
    rows_by_stream: dict[str, tuple[int, int]]
    findings: tuple[Finding, ...]

    def count(self, fault: Fault) -> int:
        """Return how many rows have this fault; an unexpected one is a doubled one, too."""
        counted = (fault, Fault.UNEXPECTED) if fault is Fault.DUPLICATED else (fault,)
        return sum(finding.fault in counted for finding in self.findings)

    @property
    def everybody_found(self) -> bool:
        """Tell whether every meter and every slave has come through."""
        return (
            self.meters_registered == self.meters_expected
            and self.slaves_found == self.slaves_expected
        )

    @property
    def good(self) -> bool:
        """Tell whether all is there, once, as it was; an empty bench proves nothing."""
        return not self.findings and self.everybody_found and self.rows_expected > 0


def judge_directory(directory: Path) -> Verdict:
    """Compare the two files that a demo leaves in its directory.

    Raises:
        VerdictImpossible: a file is not there or is no such file.
    """
    return judge(directory / TRUTH_FILE, directory / HEAD_END_FILE)


def judge(truth_file: Path, head_end_file: Path) -> Verdict:
    """Compare the meters' own rows with the head-end's.

    Raises:
        VerdictImpossible: a file is not there or is no such file.
    """
    expected, meters, slaves = _read_truth(truth_file)
    got = _read_rows(head_end_file)
    for place, rows in _overwritten(truth_file).items():
        came = set(_contents(got.get(place, [])))
        expected[place] += [row for row in rows if row[1] in came]
    findings: list[Finding] = []
    by_stream: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    renumbered = 0
    for place in sorted(expected.keys() | got.keys()):
        told, arrived = expected.get(place, []), got.get(place, [])
        findings += compare(place, _contents(told), _contents(arrived))
        counts = by_stream[place[1]]
        counts[0] += len(told)
        committed = Counter(_contents(told)) & Counter(_contents(arrived))
        counts[1] += committed.total()
        renumbered += committed.total() - (Counter(told) & Counter(arrived)).total()
    known = {usn for usn, _stream, _at in got}
    return Verdict(
        meters_expected=len(meters),
        meters_registered=len(meters & known),
        slaves_expected=len(slaves),
        slaves_found=len(slaves & known),
        rows_expected=sum(counts[0] for counts in by_stream.values()),
        rows_committed=sum(counts[1] for counts in by_stream.values()),
        rows_renumbered=renumbered,
        sequence_gaps=_sequence_gaps(head_end_file),
        rows_by_stream={name: (counts[0], counts[1]) for name, counts in by_stream.items()},
        findings=tuple(findings),
    )


def compare(place: Place, told: Iterable[Content], arrived: Iterable[Content]) -> Iterator[Finding]:
    """Yield what is wrong with the rows of one place."""
    held = Counter(told)
    left = Counter(arrived)
    unmatched = held - left
    extra = left - held
    copies = [content for content in extra.elements() if held[content]]
    strange = sorted((content for content in extra.elements() if not held[content]), key=repr)
    missing = sorted(unmatched.elements(), key=repr)
    for content in copies:
        yield _finding(Fault.DUPLICATED, place, content, content)
    pairs = min(len(strange), len(missing))
    for content, wrong in zip(missing, strange, strict=False):
        yield _finding(Fault.ALTERED, place, content, wrong)
    for content in strange[pairs:]:
        yield _finding(Fault.UNEXPECTED, place, None, content)
    for content in missing[pairs:]:
        yield _finding(Fault.MISSING, place, content, None)


def _finding(fault: Fault, place: Place, expected: Content | None, got: Content | None) -> Finding:
    usn, stream, at_s = place
    return Finding(
        fault=fault, usn=usn, stream=stream, captured_at_s=at_s, expected=expected, got=got
    )


def _contents(rows: Iterable[_Row]) -> list[Content]:
    return [content for _occurrence, content in rows]


def _read_truth(file: Path) -> tuple[dict[Place, list[_Row]], set[str], set[str]]:
    rows = _read_rows(file, _HELD if _tells_what_was_dropped(file) else "")
    meters = {usn for usn, stream, _at in rows if stream != SLAVE_STREAM}
    slaves = {usn for usn, stream, _at in rows if stream == SLAVE_STREAM}
    # A meter without a single row is expected all the same, if the file tells of it.
    with closing(_open(file)) as database:
        if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'meters'").fetchone():
            for usn, parent in database.execute("SELECT usn, parent_usn FROM meters"):
                (meters if parent is None else slaves).add(usn)
    return rows, meters, slaves


def _overwritten(truth_file: Path) -> dict[Place, list[_Row]]:
    """Return the rows that the meters do not hold any more."""
    return _read_rows(truth_file, _OVERWRITTEN) if _tells_what_was_dropped(truth_file) else {}


def _tells_what_was_dropped(truth_file: Path) -> bool:
    with closing(_open(truth_file)) as database:
        try:
            columns = database.execute("PRAGMA table_info(rows)").fetchall()
        except sqlite3.Error as error:
            raise VerdictImpossible(f"{truth_file} has no rows to compare: {error}") from error
        return "dropped_at_s" in {column[1] for column in columns}


def _read_rows(file: Path, which: str = "") -> dict[Place, list[_Row]]:
    rows: dict[Place, list[_Row]] = defaultdict(list)
    with closing(_open(file)) as database:
        try:
            for usn, stream, at_s, occurrence, *content in database.execute(_QUERY + which):
                rows[usn, stream, at_s].append((occurrence, tuple(content)))
        except sqlite3.Error as error:
            raise VerdictImpossible(f"{file} has no rows to compare: {error}") from error
    return rows


def _sequence_gaps(head_end_file: Path) -> int:
    """Return how many record numbers are not there exactly once, from 1 to each stream's last."""
    with closing(_open(head_end_file)) as database:
        columns = {column[1] for column in database.execute("PRAGMA table_info(rows)")}
        if not columns >= {"dc_id", "epoch", "seq"}:
            return 0
        return sum(
            abs(last - numbers) + rows - numbers
            for last, numbers, rows in database.execute(
                "SELECT max(seq), count(DISTINCT seq), count(seq) FROM rows"
                " GROUP BY dc_id, epoch, usn, stream HAVING count(seq) > 0"
            )
        )


def _open(file: Path) -> sqlite3.Connection:
    if not file.is_file():
        raise VerdictImpossible(f"{file} is not there")
    try:
        return sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        raise VerdictImpossible(f"{file} cannot be opened: {error}") from error
