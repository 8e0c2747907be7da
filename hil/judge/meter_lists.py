"""Which meters each concentrator had as registered, lost and new, as it told the head-end."""

from collections import defaultdict
from dataclasses import dataclass, field

from hil.judge.run_files import RunFiles, Told

_REGISTERED = "REGISTERED"
_LOST = "LOST"
_NEW = "NEW"


@dataclass(slots=True)
class MeterLists:
    """The lists of one concentrator, by number of place.

    Attributes:
        dc_id: whose.
        registered, lost: at the end.
        found: told as new at some time; found_again: after it had been registered.
        told_lost: at some time.
        notices: told, in order.
    """

    dc_id: str
    registered: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    found: set[int] = field(default_factory=set)
    found_again: set[int] = field(default_factory=set)
    told_lost: set[int] = field(default_factory=set)
    notices: list[str] = field(default_factory=list)


def lists_of_lines(run: RunFiles) -> dict[str, MeterLists]:
    """Return by substation the lists of the concentrator that was there at the end."""
    last = {each["line"]: each["dc_id"] for each in run.facts["concentrators"]}
    return {line: _lists(run, dc_id) for line, dc_id in sorted(last.items())}


def _lists(run: RunFiles, dc_id: str) -> MeterLists:
    places = {meter.system_title: meter.number for meter in run.meters.values()}
    lists = MeterLists(dc_id)
    states: dict[str, list[Told]] = defaultdict(list)
    for told in run.journal:
        if told.dc_id != dc_id:
            continue
        if told.kind == "notice":
            lists.notices.append(str(told.body.get("notice")))
        if told.kind == "node_state" and told.body["system_title"] in places:
            states[told.body["system_title"]].append(told)
    for title, history in states.items():
        place = places[title]
        names = [told.body["state"] for told in history]
        {_REGISTERED: lists.registered, _LOST: lists.lost}.get(names[-1], set()).add(place)
        if _NEW in names:
            lists.found.add(place)
        if _REGISTERED in names and _NEW in names[names.index(_REGISTERED) :]:
            lists.found_again.add(place)
        if _LOST in names:
            lists.told_lost.add(place)
    return lists
