"""Wakes each meter of a line when its next row is due: one timer a meter, nothing that ticks."""

from hil.lv_network.line_timer import Timer, TimerHandle
from hil.meter.module import MeterModule
from hil.rig_clock import RigClock


class CaptureScheduler:
    """Keeps a timer for every meter; a late wake-up changes no row's time."""

    def __init__(self, timer: Timer, clock: RigClock) -> None:
        """Use an event loop's timers and the clock that turns its time into UTC."""
        self._timer = timer
        self._clock = clock
        self._handles: dict[int, TimerHandle] = {}

    def plan(self, module: MeterModule) -> None:
        """Set a meter's timer, or set it anew after its clock or its supply changed."""
        key = id(module)
        if (handle := self._handles.pop(key, None)) is not None:
            handle.cancel()
        due_s = module.next_due_s()
        if due_s is not None:
            when = self._clock.loop_time(due_s)
            self._handles[key] = self._timer.call_at(when, self._run, module)

    def stop(self) -> None:
        """Cancel every timer."""
        for handle in self._handles.values():
            handle.cancel()
        self._handles.clear()

    def _run(self, module: MeterModule) -> None:
        # Rounding between the two clocks must not wake the meter a hair too early, for ever.
        due_s = module.next_due_s()
        now_s = self._clock.utc_s(self._timer.time())
        module.run_due(now_s if due_s is None else max(now_s, due_s))
        self.plan(module)
