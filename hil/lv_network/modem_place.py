"""Where a concentrator's modem is connected: its frames wait here for the next free slot."""

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from drivers.plc.mac_frame import NO_BODY, MacFrame
from hil.air import AirEvent
from hil.lv_network.line_timer import Timer

if TYPE_CHECKING:
    from drivers.plc.ciase import RepeaterCall
    from hil.lv_network.arrays import Mask

_QUEUED_FRAMES_MAX = 4
_ROUNDING_SLOTS = 1e-6


class ModemPlace:
    """One modem's place; made by LvNetwork.connect_modem.

    Attributes:
        number: of the station.
        name: of the substation.
        mac: source address of its last frame.
        tell: is told what the modem hears.
        free_at: loop time from which it may send again.
        noticed_until: loop time up to which it has noticed everything that was damaged.
        heard_call: the last repeater call that it sent, and who decoded it.
    """

    def __init__(
        self,
        number: int,
        name: str,
        *,
        timer: Timer,
        slot_s: float,
        tell: Callable[[AirEvent], object],
        send: Callable[["ModemPlace", MacFrame, float], None],
    ) -> None:
        """Prepare; `send` begins a frame at a moment."""
        self.number = number
        self.name = name
        self.mac = NO_BODY
        self.tell = tell
        self.free_at = 0.0
        self.noticed_until = 0.0
        self.heard_call: tuple[RepeaterCall, Mask] | None = None
        self._timer = timer
        self._slot_s = slot_s
        self._send = send
        self._queue: deque[MacFrame] = deque(maxlen=_QUEUED_FRAMES_MAX)
        self._start_is_planned = False

    def put(self, frame: MacFrame) -> None:
        """Take a frame; it goes out in the next free slot."""
        self._queue.append(frame)
        self.plan_start()

    def changed(self, present: bool) -> None:  # noqa: FBT001  (a callback's only argument)
        """Forget what a modem that is gone had still to send."""
        if not present:
            self._queue.clear()

    def next_slot(self) -> float:
        """Return when the modem could begin to send."""
        when = max(self._timer.time(), self.free_at)
        slots = -(-(when / self._slot_s - _ROUNDING_SLOTS) // 1)
        return slots * self._slot_s

    def plan_start(self) -> None:
        """See that what waits is sent."""
        if self._start_is_planned or not self._queue:
            return
        self._start_is_planned = True
        start = self.next_slot()
        self._timer.call_at(start, self._start, start)

    def _start(self, start: float) -> None:
        self._start_is_planned = False
        if not self._queue:
            return
        if self.free_at > start + self._slot_s * _ROUNDING_SLOTS:
            self.plan_start()  # a frame is being heard since
            return
        frame = self._queue.popleft()
        self.mac = frame.source
        self._send(self, frame, start)
