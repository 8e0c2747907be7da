"""Work the line: one turn after the other, for as long as the daemon runs."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from drivers.errors import NoAnswer, PeerError
from gateway.core.clock import Clock
from gateway.meters.agenda import ALL_NODES, Agenda, Key
from gateway.meters.network_rhythm import NetworkRhythm
from gateway.meters.patience import LINE_HOLDS_S, RETRY_FIRST_S, rest_before_poll_s
from gateway.meters.schedule import Schedule
from gateway.meters.turn import Task, Turn
from gateway.meters.wall_steps import follow_step
from hal.errors import HalError

if TYPE_CHECKING:
    from gateway.meters.line_work import LineWork
    from gateway.meters.meter_book import MeterBook
    from gateway.meters.meter_state import MeterState
    from gateway.meters.node_link import NodeLink

_LOG = logging.getLogger(__name__)

IDLE_MAX_S: Final = 10.0
"""An idle line looks this often whether the wall clock was set, or an alarm was heard."""

MODEM_PAUSE_S: Final = 0.5
"""Wait after the modem failed; it comes back by itself."""

TURN_MAX_S: Final = 900.0
"""No turn takes longer, not even a whole object list at 300 bit/s: beyond it something hangs."""

SILENT_TOGETHER_MIN: Final = 3
SILENT_TOGETHER_SHARE: Final = 0.05
"""When so many nodes, and this share of all, are silent who were not, a repeater may be dead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """When silence becomes news.

    Attributes:
        lost_after_s: a node silent for so long is told as lost.
        poll_s: line time of asking a silent node once.
    """

    lost_after_s: float
    poll_s: float


class LineMaster:
    """The one worker that decides what the line does.

    Attributes:
        doing: what the line is used for now; None while it rests.
    """

    def __init__(
        self,
        *,
        work: "LineWork",
        book: "MeterBook",
        schedule: Schedule,
        rhythm: NetworkRhythm,
        clock: Clock,
        alarms_heard: Callable[[], int],
        settings: LineSettings,
    ) -> None:
        self._work = work
        self._book = book
        self._schedule = schedule
        self._rhythm = rhythm
        self._clock = clock
        self._alarms_heard = alarms_heard
        self._settings = settings
        self._agenda = Agenda(self._turns_of)
        self._known: set[Key] = set()
        self._alarms = 0
        self._silent_at_call = 0
        self.doing: Task | None = None
        self._time = asyncio.get_running_loop().time
        self._stirred_at_s = self._time()
        self._just_sampled: MeterState | None = None

    def is_alive(self) -> bool:
        """Return whether the line moves on; for the watchdog."""
        return self._time() - self._stirred_at_s < TURN_MAX_S

    async def run(self) -> None:
        """Work until cancelled."""
        self._renew_all()
        while True:
            self._stirred_at_s = self._time()
            self._follow_wall_clock()
            self._notice_alarms()
            now_s = self._clock.now_s()
            turn = self._agenda.next_turn(now_s)
            if turn is None:
                due_s = self._agenda.next_due_s()
                wait_s = IDLE_MAX_S if due_s is None else min(due_s - now_s, IDLE_MAX_S)
                await asyncio.sleep(max(wait_s, 0.0))
                continue
            self.doing = turn.task
            contact_at_s = None if turn.meter is None else turn.meter.contact_at_s
            try:
                await self._take(turn)
            finally:
                self.doing = None
            if turn.meter is not None and turn.meter.contact_at_s != contact_at_s:
                self._just_sampled = turn.meter
            self._renew(turn)

    def _turns_of(self, key: Key, now_s: float) -> Iterable[Turn]:
        if key == ALL_NODES:
            return self._rhythm.turns(has_meters=bool(self._book.meters))
        link = self._book.link_of(key)
        if link is None:
            return ()
        return self._schedule.turns_of(link, self._book.meters.get(key), now_s)

    def _renew(self, turn: Turn) -> None:
        """Let the agenda know whom a turn has concerned."""
        now_s = self._clock.now_s()
        self._agenda.renew(ALL_NODES, now_s)
        if turn.link is not None:
            self._agenda.renew(turn.link.system_title, now_s)
        # Who is found is new here; who is known may have taken a meter, or a slave, from others.
        if turn.task is Task.IDENTIFY:
            concerned = list(self._book.links())
        elif turn.task is Task.LOOK_FOR_METERS:
            concerned = [link for link in self._book.links() if self._is_news(link)]
        else:
            return
        for link in concerned:
            self._known.add(link.system_title)
            self._agenda.renew(link.system_title, now_s)

    def _is_news(self, link: "NodeLink") -> bool:
        return link.system_title not in self._known or not link.is_confirmed

    def _renew_all(self) -> None:
        now_s = self._clock.now_s()
        self._agenda.forget()
        self._agenda.renew(ALL_NODES, now_s)
        self._known = {link.system_title for link in self._book.links()}
        for link in self._book.links():
            self._agenda.renew(link.system_title, now_s)

    async def _take(self, turn: Turn) -> None:
        began_s = self._clock.now_s()
        try:
            await self._work.do(turn)
        except NoAnswer:
            await self._met_silence(turn, began_s)
        except PeerError as error:
            _LOG.warning(
                "meter refused or answered nonsense",
                extra={**_names(turn), "TASK": turn.task.value, "REASON": str(error)},
            )
            self._was_refused(turn)
        except HalError as error:
            _LOG.warning("modem failed", extra={"TASK": turn.task.value, "REASON": str(error)})
            if turn.link is not None:  # others go first: it may be what this one is asked
                turn.link.retry_at_s = self._clock.now_s() + RETRY_FIRST_S
            await asyncio.sleep(MODEM_PAUSE_S)
        else:
            if turn.stream is not None:
                turn.stream.satisfied()
                assert turn.link is not None
                turn.link.broken_off_in_a_row = 0
            elif turn.link is not None and turn.task not in (Task.PING, Task.POLL):
                turn.link.satisfied()

    def _was_refused(self, turn: Turn) -> None:
        """Let what was refused rest, on its own, so that a meter's rows are still read.

        Only a node of which nothing is known yet has nothing else to be asked for; who a known
        meter is, and its clock, have times of their own for the next try.
        """
        now_s = self._clock.now_s()
        if turn.stream is not None:
            turn.stream.failed(now_s, silent=False)
        elif turn.link is not None and turn.task is not Task.SET_CLOCK:
            turn.link.refused(now_s)
            if turn.meter is not None:
                turn.link.retry_at_s = now_s

    async def _met_silence(self, turn: Turn, began_s: float) -> None:
        now_s = self._clock.now_s()
        if turn.stream is not None:
            turn.stream.failed(now_s, silent=True)
        link = turn.link
        if link is None:
            return
        was_just_heard = link.frames.is_poor and now_s - link.heard_at_s < LINE_HOLDS_S
        if link.heard_at_s >= began_s or was_just_heard:  # it is there: the question was too long
            link.broke_off(now_s)
            return
        link.was_silent(now_s)
        silent = sum(each.silent_since_s is not None for each in self._book.links())
        self._notice_a_dead_repeater(silent, now_s)
        silent_s = now_s - max(link.silent_since_s or now_s, link.heard_at_s)
        link.retry_at_s = now_s + rest_before_poll_s(
            link.failures_in_a_row, silent_s, silent, self._settings.poll_s
        )
        if not link.is_lost and silent_s >= self._settings.lost_after_s:
            await self._book.lost(link)
            self._rhythm.network_changed(now_s)

    def _notice_a_dead_repeater(self, silent: int, now_s: float) -> None:
        nodes = sum(1 for _ in self._book.links())
        limit = max(SILENT_TOGETHER_MIN, SILENT_TOGETHER_SHARE * nodes)
        self._silent_at_call = min(self._silent_at_call, silent)
        if silent - self._silent_at_call >= limit:
            self._silent_at_call = silent
            self._rhythm.network_changed(now_s)

    def _notice_alarms(self) -> None:
        alarms = self._alarms_heard()
        if alarms > self._alarms:
            now_s = self._clock.now_s()
            self._rhythm.look_now(now_s)
            self._agenda.renew(ALL_NODES, now_s)
        self._alarms = alarms

    def _follow_wall_clock(self) -> None:
        step_s, just_sampled = self._clock.step_since_last_look_s(), self._just_sampled
        self._just_sampled = None
        if not step_s:
            return
        now_s = self._clock.now_s()
        _LOG.warning("wall clock stepped", extra={"STEP_S": round(step_s, 1)})
        self._rhythm.wall_clock_stepped(now_s)
        meters = self._book.meters.values()
        follow_step(step_s, now_s, self._book.links(), meters, just_sampled)
        self._renew_all()


def _names(turn: Turn) -> dict[str, Any]:
    names: dict[str, Any] = {}
    if turn.link is not None:
        names["NODE"] = turn.link.system_title.hex()
    if turn.meter is not None:
        names["METER"] = turn.meter.usn
    if turn.stream is not None:
        names["STREAM"] = turn.stream.entity.value
    return names
