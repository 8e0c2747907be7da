"""The take-over document: what one box leaves to the next, as docs/adr/0011 says.

A door of pydantic: these models are the document's one truth in code. A document comes from a
dying card or a stranger's stick, so nothing in it is believed before all of it was looked at.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Hashable, Iterable
from itertools import pairwise
from typing import Annotated, Any, Final, Self

from annotated_types import Ge, Le, Len, Predicate
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError, model_validator

from drivers.dlms.companion import Entity
from gateway.core.errors import TakeoverRefused
from gateway.store.inventory import NodeState
from gateway.store.meter_registry import MAC_FIRST, MAC_LAST

SCHEMA: Final = "gridgate.takeover.1"

DOCUMENT_OCTETS_MAX: Final = 256 * 1024 * 1024
"""A thousand meters with hourly rows make about 4 MiB."""

FAULTS_TOLD_MAX: Final = 5
"""Of a document that is wrong in a thousand places, the first few tell enough."""

_KNOWN_HEAD: Final = 5
_KNOWN_CELLS_MAX: Final = 9

_Integer = Annotated[int, Ge(-(2**63)), Le(2**63 - 1)]
_Wide = Annotated[int, Ge(-(2**63)), Le(2**64 - 1)]  # whatever a meter may say
_Second = Annotated[int, Ge(-(2**40)), Le(2**40)]
_Count = Annotated[int, Ge(0), Le(2**63 - 1)]
_Moment = Annotated[float, Ge(-(2.0**40)), Le(2.0**40)]
_Text = Annotated[str, StringConstraints(max_length=256)]
_Long = Annotated[str, StringConstraints(max_length=1_000_000)]
_Name = Annotated[str, Len(1, 64), Predicate(str.isprintable)]
_Title = Annotated[str, StringConstraints(pattern="^[0-9a-f]{12}$")]
_Obis = Annotated[str, StringConstraints(pattern=r"^(\d{1,3})-\d{1,3}:\d{1,3}(\.\d{1,3}){3}$")]
_Interval = tuple[_Second, _Second]
_Known = Annotated[tuple[_Integer | None, ...], Len(_KNOWN_HEAD, _KNOWN_CELLS_MAX)]
Setting = bool | int | float | str


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, hide_input_in_errors=True
    )


class NodeLeft(_Part):
    """A node; its meter's number is for the reader only: who it speaks for is asked anew."""

    system_title: _Title
    mac: Annotated[int, Ge(MAC_FIRST), Le(MAC_LAST)] | None
    state: NodeState
    usn: _Name | None
    first_seen_s: _Second
    last_seen_s: _Second
    registered_at_s: _Second | None
    credit_need: Annotated[int, Ge(0), Le(7)] | None


class MeterLeft(_Part):
    """A meter, with how far its clock was off; fields as in gateway.store.inventory.Meter."""

    usn: _Name
    msn_meter: _Text | None
    msn_module: _Text | None
    firmware_meter: _Text | None
    firmware_module: _Text | None
    config_id: _Text | None
    param_id: _Text | None
    parent_usn: _Name | None
    channel: _Integer | None
    medium: _Integer | None
    found_at_s: _Second
    clock_deviation_s: _Moment | None
    clock_contact_at_s: _Moment | None


class KindLeft(_Part):
    """What meters of a kind have in common; the object list is text for its reader."""

    config_id: _Text
    firmware: _Text
    object_list: _Long
    read_at_s: _Second


class ColumnLeft(_Part):
    """What one value of a row means."""

    obis: _Obis
    unit: _Wide
    scaler: _Wide


class StreamLeft(_Part):
    """A stream, and how much of it nobody needs to read again.

    Attributes:
        covered, doubted: as in gateway.store.coverage, less what the head-end does not have.
        newest_s: captured_at of the newest row that the head-end has.
        rows_stored, rows_committed: in the store that was left.
        known: rows that the head-end has and that may be read again, to be compared with:
            captured_at_s, occurrence, status, mark, received_at_s, values.
    """

    usn: _Name
    stream: Entity
    parent_usn: _Name | None
    capture_period_s: Annotated[int, Ge(1), Le(2**31)] | None
    columns: Annotated[tuple[ColumnLeft, ...], Len(0, 4)]
    covered: tuple[_Interval, ...]
    doubted: tuple[_Interval, ...]
    newest_s: _Second | None
    rows_stored: _Count
    rows_committed: _Count
    known: tuple[_Known, ...]

    @model_validator(mode="after")
    def _looks_right(self) -> Self:
        _check_ascending("covered", self.covered)
        _check_ascending("doubted", self.doubted)
        for row in self.known:
            if None in row[:_KNOWN_HEAD]:
                raise ValueError("known: a row without time, status or mark")
            if self.newest_s is None or (row[0] or 0) > self.newest_s:
                raise ValueError("known: a row newer than newest_s")
        return self


class EntryLeft(_Part):
    """A journal entry that the head-end does not have."""

    at_s: _Second
    kind: _Text
    usn: _Text | None
    body: dict[str, Any]


class Committed(_Part):
    """How far the head-end had committed everything, without a gap."""

    batch: _Count
    rows: _Count
    journal: _Count


class TakeoverContent(_Part):
    """All that a box leaves to the next.

    Attributes:
        made_at_s: UTC.
        made_by: the program and its version.
        epoch: of the store that was left.
        rows_open: rows in that store that the head-end does not have; they are read again.
        forgotten_before_s: rows captured earlier may have been deleted there.
        settings: of the box, without what belongs to the machine.
    """

    made_at_s: _Second
    made_by: _Text
    epoch: Annotated[str, StringConstraints(pattern="^[0-9a-f]{1,64}$")]
    committed: Committed
    rows_open: _Count
    forgotten_before_s: _Second
    settings: dict[str, dict[str, Setting]]
    nodes: tuple[NodeLeft, ...]
    meters: tuple[MeterLeft, ...]
    kinds: tuple[KindLeft, ...]
    streams: tuple[StreamLeft, ...]
    journal: tuple[EntryLeft, ...]

    @property
    def dc_id(self) -> str:
        """The name of the box that was left."""
        return str(self.settings.get("concentrator", {}).get("dc_id", ""))

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        meters = {meter.usn for meter in self.meters}
        masters = {meter.usn for meter in self.meters if meter.parent_usn is None}
        _check_once("node", (node.system_title for node in self.nodes))
        _check_once("address", (node.mac for node in self.nodes if node.mac is not None))
        _check_once("meter", (meter.usn for meter in self.meters))
        _check_once("kind", ((kind.config_id, kind.firmware) for kind in self.kinds))
        _check_once("stream", ((each.usn, each.stream.value) for each in self.streams))
        for meter in self.meters:
            if meter.parent_usn is not None and meter.parent_usn not in masters:
                raise ValueError(f"meter {meter.usn} hangs on {meter.parent_usn}, no master here")
        for stream in self.streams:
            if stream.usn not in meters:
                raise ValueError(f"a stream of {stream.usn}, which is no meter here")
        return self


def to_octets(content: TakeoverContent) -> bytes:
    """Return the document."""
    text = _canonical(content.model_dump(mode="json"))
    head = json.dumps({"schema": SCHEMA, "sha256": _digest(text)})
    return f'{head[:-1]}, "content":\n{text}}}\n'.encode("ascii")


def from_octets(octets: bytes) -> TakeoverContent:
    """Return what a document says, once all of it was found good.

    Raises:
        TakeoverRefused: it is no document of this schema, damaged, or makes no sense.
    """
    if len(octets) > DOCUMENT_OCTETS_MAX:
        raise TakeoverRefused(f"longer than {DOCUMENT_OCTETS_MAX} octets, so no document of ours")
    document = _parsed(octets)
    if not isinstance(document, dict) or "schema" not in document:
        raise TakeoverRefused("no take-over document")
    if document["schema"] != SCHEMA:
        shown = str(document["schema"])[:64]
        raise TakeoverRefused(f"its schema is {shown!r}, and this program reads {SCHEMA!r} only")
    if document.keys() != {"schema", "sha256", "content"}:
        raise TakeoverRefused("damaged: it must hold schema, sha256 and content")
    text = _canonical(document["content"])
    if document["sha256"] != _digest(text):
        raise TakeoverRefused("damaged: its content is not what the SHA-256 in it was made of")
    return made_of(text)


def made_of(text: str) -> TakeoverContent:
    """Return content that stands as JSON in `text`.

    Raises:
        TakeoverRefused: it makes no sense; values are not shown.
    """
    try:
        return TakeoverContent.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
    told = [
        f"{'.'.join(map(str, fault['loc'])) or 'content'}: {fault['msg']}"
        for fault in found[:FAULTS_TOLD_MAX]
    ]
    more = len(found) - len(told)
    rest = f"; and {more} more" if more else ""
    raise TakeoverRefused(f"it makes no sense: {'; '.join(told)}{rest}")


def _parsed(octets: bytes) -> Any:  # noqa: ANN401  (whatever JSON holds)
    try:
        return json.loads(
            octets.decode("utf-8"), object_pairs_hook=_each_once, parse_constant=_no_constant
        )
    except RecursionError:
        raise TakeoverRefused("damaged: nested without end") from None
    except ValueError as error:
        raise TakeoverRefused(f"damaged or cut off: {error}") from None


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return table


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _canonical(content: object) -> str:
    """Return the one text that stands for this content, whoever laid it out anew."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _check_ascending(what: str, intervals: tuple[_Interval, ...]) -> None:
    if any(first > last for first, last in intervals):
        raise ValueError(f"{what}: an interval ends before it begins")
    if any(one[1] >= other[0] for one, other in pairwise(intervals)):
        raise ValueError(f"{what}: intervals overlap or are not in order")


def _check_once(what: str, names: Iterable[Hashable]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{what} {twice[0]} stands twice")
