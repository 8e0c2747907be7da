"""Wall time with its quality."""

from gateway.core.clock import EARLIEST_PLAUSIBLE_S, Clock, ClockQuality, ClockTrust

TODAY_S = EARLIEST_PLAUSIBLE_S + 1e7


class _Time:
    """Two clocks, as numbers."""

    wall_s = TODAY_S
    monotonic_s = 1000.0

    def pass_(self, span_s: float) -> None:
        self.wall_s += span_s
        self.monotonic_s += span_s

    def clock(self, trust: ClockTrust) -> Clock:
        return Clock(trust, wall=lambda: self.wall_s, monotonic=lambda: self.monotonic_s)


def test_the_system_is_believed_only_when_told_so() -> None:
    """TIM-3: an untrusted time is known as such."""
    assert _Time().clock(ClockTrust.SYSTEM).quality() is ClockQuality.SYNCHRONISED
    assert _Time().clock(ClockTrust.NONE).quality() is ClockQuality.UNKNOWN
    assert not _Time().clock(ClockTrust.NONE).is_trusted()


def test_a_clock_that_nobody_has_set_is_not_trusted() -> None:
    """TIM-3: a board that wakes up in 1970 broadcasts nothing."""
    time = _Time()
    time.wall_s = 12.0
    clock = time.clock(ClockTrust.SYSTEM)
    assert not clock.is_trusted()
    time.wall_s = TODAY_S
    assert clock.is_trusted()
    assert clock.now_s() == TODAY_S


def test_steps_are_seen_once_and_passing_time_is_none() -> None:
    """TIM-3: steps are audited."""
    time = _Time()
    clock = time.clock(ClockTrust.SYSTEM)
    time.pass_(3600)
    assert clock.step_since_last_look_s() == 0.0
    time.wall_s -= 90
    assert clock.step_since_last_look_s() == -90.0
    assert clock.step_since_last_look_s() == 0.0
    time.wall_s += 0.1
    assert clock.step_since_last_look_s() == 0.0
