"""Every row that a meter captured against every row that the head-end committed.

A row is obtainable if, from its capture until it left the meter's ring or one hour before the
end, there were 600 s or more in which its meter had mains and could be reached by the line's own
numbers, counted in pieces of 60 s or more (hil.lv_network.reach).
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Final

from hil.judge.run_files import RunFiles, Told
from hil.judge.spans import Pieces
from hil.verdict import Content, Place

REACHED_AT_LEAST_S: Final = 600.0
PIECE_AT_LEAST_S: Final = 60.0
BEFORE_END_S: Final = 3600.0


@dataclass(slots=True)
class RowBalance:
    """How the rows came out; each count is of rows.

    Attributes:
        registered: of meters that some concentrator had registered, slaves included.
        obtainable: see above; of all meters, registered or not.
        committed: of those that the meters captured.
        missing: obtainable and not committed.
        crossed: committed under a meter that never had them, and another had.
        doubled: committed more often than captured, through one concentrator.
        altered: committed, and captured by nobody.
        unexplained: registered, not committed, and no concentrator tells why.
        overlapping: committed through two concentrators, one of which took over.
    """

    registered: int = 0
    obtainable: int = 0
    committed: int = 0
    missing: list[Place] = field(default_factory=list)
    crossed: list[Place] = field(default_factory=list)
    doubled: list[Place] = field(default_factory=list)
    altered: list[Place] = field(default_factory=list)
    unexplained: list[Place] = field(default_factory=list)
    overlapping: int = 0


def balance_rows(run: RunFiles) -> RowBalance:
    """Return how the rows of a run came out."""
    found = RowBalance()
    reachable = {usn: Pieces.of(run.reachable(usn), PIECE_AT_LEAST_S) for usn in sorted(run.meters)}
    registered = registered_meters(run)
    reasons = _Reasons(run)
    end_s = float(run.facts["end_s"]) - BEFORE_END_S
    for place in sorted(run.held.keys() | run.committed.keys()):
        usn, _, captured_at_s = place
        held = run.held.get(place, [])
        by_dc: dict[str, Counter[Content]] = defaultdict(Counter)
        for row in run.committed.get(place, []):
            by_dc[row.dc_id][row.content] += 1
        _count_strange(run, place, by_dc, found)
        came = Counter[Content]()
        for each in by_dc.values():
            came |= each
        master = run.master_of(usn)
        for row_held in held:
            is_registered = master in registered
            found.registered += is_registered
            until_s = end_s if row_held.dropped_at_s is None else min(end_s, row_held.dropped_at_s)
            can_be_had = reachable[master].between_s(captured_at_s, until_s) >= REACHED_AT_LEAST_S
            found.obtainable += can_be_had
            if came[row_held.content]:
                came[row_held.content] -= 1
                found.committed += 1
                continue
            if can_be_had:
                found.missing.append(place)
            if is_registered and not reasons.has(place):
                found.unexplained.append(place)
    return found


def registered_meters(run: RunFiles) -> set[str]:
    """Return the meters of the power line that some concentrator had registered at some time."""
    titles = {
        told.body["system_title"]
        for told in run.journal
        if told.kind == "node_state" and told.body["state"] == "REGISTERED"
    }
    return {usn for usn, meter in run.meters.items() if meter.system_title in titles}


def _count_strange(
    run: RunFiles, place: Place, by_dc: dict[str, Counter[Content]], found: RowBalance
) -> None:
    held = Counter(row.content for row in run.held.get(place, []))
    for rows in by_dc.values():
        for content, extra in (rows - held).items():
            if held[content]:
                found.doubled += [place] * extra
            elif _is_of_another(run, place, content):
                found.crossed += [place] * extra
            else:
                found.altered += [place] * extra
    everywhere = sum((rows & held for rows in by_dc.values()), Counter[Content]())
    found.overlapping += (everywhere - held).total()


def _is_of_another(run: RunFiles, place: Place, content: Content) -> bool:
    usn, stream, at_s = place
    others = {*run.meters, *run.parents} - {usn}
    return any(
        row.content == content
        for other in others
        for row in run.held.get((other, stream, at_s), [])
    )


class _Reasons:
    """Why rows are not there, as the concentrators told it."""

    def __init__(self, run: RunFiles) -> None:
        self._gaps: dict[tuple[str | None, str], list[tuple[int, int]]] = defaultdict(list)
        self._open: dict[tuple[str | None, str], int] = {}
        last: dict[tuple[str, str | None, str], Told] = {}
        for told in run.journal:
            if told.kind == "definite_gap":
                span = told.body["from_s"], told.body["to_s"]
                self._gaps[told.usn, told.body["stream"]].append(span)
            elif told.kind == "missing":
                last[told.dc_id, told.usn, told.body["stream"]] = told
        for (_, usn, stream), told in last.items():
            if told.body["to_s"] is None:
                from_s = self._open.get((usn, stream), told.body["from_s"])
                self._open[usn, stream] = min(from_s, told.body["from_s"])

    def has(self, place: Place) -> bool:
        """Tell whether somebody told why a row is not there."""
        usn, stream, at_s = place
        open_since_s = self._open.get((usn, stream))
        return (open_since_s is not None and at_s >= open_since_s) or any(
            first <= at_s <= last for first, last in self._gaps.get((usn, stream), [])
        )
