"""Looks at the bench from outside: the line's word, the daemon's, and the head-end's file."""

import asyncio
import contextlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from hil.demo.json_line import NoJsonAnswer, ask
from hil.demo.layout import DemoLayout
from hil.demo.view import Sample

_LOOK_WITHIN_S = 2.0
_REGISTERED = "REGISTERED"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadEndFigures:
    """What the head-end's file tells.

    Attributes:
        first_commit_at_s: in UTC; None while nothing is committed.
    """

    rows: int = 0
    batches_repeated: int = 0
    deaths: int = 0
    first_commit_at_s: float | None = None


class Observer:
    """Takes samples; what does not answer just now keeps its last figures."""

    def __init__(self, layout: DemoLayout) -> None:
        self._layout = layout
        self._line: dict[str, Any] = {}

    async def look(self, at_s: float, *, wan_is_cut: bool) -> Sample:
        """Return how the bench stands."""
        daemon, head_end = await asyncio.gather(self._daemon(), self.head_end())
        with contextlib.suppress(NoJsonAnswer):
            socket = self._layout.socket("line.sock")
            self._line = await ask(socket, {"do": "status"}, within_s=_LOOK_WITHIN_S)
        meters = self._line.get("meters", [])
        counters = self._line.get("line", {})
        return Sample(
            at_s=at_s,
            meters_registered=sum(_is_registered(meter) for meter in meters),
            meters_expected=len(meters) + len(self._line.get("waiting", [])),
            rows_held=int(self._line.get("rows", 0)),
            rows_collected=_rows_collected(daemon),
            rows_committed=head_end.rows,
            batches_repeated=head_end.batches_repeated,
            line_busy_s=float(counters.get("busy_s", 0.0)),
            line=_line_in_words(counters, daemon),
            capturing=bool(self._line.get("capturing", True)),
            wan_is_cut=wan_is_cut,
        )

    async def head_end(self) -> HeadEndFigures:
        """Return what the head-end has committed."""
        return await asyncio.to_thread(_read_head_end, self._layout)

    async def _daemon(self) -> dict[str, Any]:
        """Return the answer to `gridgate status`; empty while there is no daemon to ask."""
        socket = self._layout.socket("control.sock")
        try:
            return await ask(socket, {"ask": "status"}, within_s=_LOOK_WITHIN_S)
        except NoJsonAnswer:
            return {}


def _read_head_end(layout: DemoLayout) -> HeadEndFigures:
    try:
        uri = f"{layout.head_end.as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as database:
            rows = database.execute("SELECT count(*) FROM rows").fetchone()[0]
            counters = dict(database.execute("SELECT name, value FROM counters"))
    except sqlite3.Error:  # not made yet, or the head-end is being started again
        return HeadEndFigures()
    first = counters.get("first_commit_at_s")
    return HeadEndFigures(
        rows=int(rows),
        batches_repeated=int(counters.get("batches_repeated", 0)),
        deaths=int(counters.get("deaths", 0)),
        first_commit_at_s=None if first is None else float(first),
    )


def _is_registered(meter: dict[str, Any]) -> bool:
    return str(meter.get("state", "")).upper() == _REGISTERED and bool(meter.get("powered", True))


def _line_in_words(counters: dict[str, Any], daemon: dict[str, Any]) -> str:
    doing = daemon.get("line", {}).get("doing", "not driven")
    frames = f"{counters.get('frames_from_modem', 0)} frames out, {counters.get('answers', 0)} back"
    return f"{doing}; {frames}, {counters.get('collisions', 0)} collisions"


def _rows_collected(daemon: dict[str, Any]) -> int | None:
    rows = daemon.get("store", {}).get("rows")
    return rows if isinstance(rows, int) else None
