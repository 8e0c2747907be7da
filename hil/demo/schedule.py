"""What is done to the bench, and when: planned before the run, from its seed."""

import random
from dataclasses import dataclass
from enum import StrEnum

from hil.demo.options import DemoOptions

_FIRST_KILL_S = 1.0
_LAST_KILL_AFTER_CAPTURE_S = 8.0
_POWER_LOSS_S = 16.0


class Deed(StrEnum):
    """What may be done to the bench."""

    PLUG_IN = "plug in"
    POWER_OFF = "power off"
    POWER_ON = "power on"
    CUT_WAN = "cut the WAN"
    MEND_WAN = "mend the WAN"
    KILL_DAEMON = "kill the daemon"
    STOP_CAPTURE = "stop capture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing on the schedule.

    Attributes:
        at_s: after the daemon's first start.
        usn: whom it befalls; None where it is no meter.
        says: what the view announces.
    """

    at_s: float
    deed: Deed
    says: str
    usn: str | None = None


def plan_schedule(options: DemoOptions, *, late: str | None, unlucky: str | None) -> list[Step]:
    """Return the steps in order.

    Args:
        options: how long the run is, and how often the daemon is killed.
        late: the meter that is not plugged in at the start.
        unlucky: the meter that loses power for a while.
    """
    capture_s = options.capture_stops_at_s
    steps = [
        Step(at_s=at_s, deed=Deed.KILL_DAEMON, says="the daemon is killed (SIGKILL)")
        for at_s in kill_moments(options)
    ]
    if late is not None:
        says = f"meter {late} is plugged in"
        steps.append(Step(at_s=0.15 * capture_s, deed=Deed.PLUG_IN, says=says, usn=late))
    if unlucky is not None:
        off_s = 0.28 * capture_s
        on_s = off_s + min(_POWER_LOSS_S, 0.16 * capture_s)
        off, on = f"meter {unlucky} loses power", f"meter {unlucky} has power again"
        steps.append(Step(at_s=off_s, deed=Deed.POWER_OFF, says=off, usn=unlucky))
        steps.append(Step(at_s=on_s, deed=Deed.POWER_ON, says=on, usn=unlucky))
    if options.wan_cut_s > 0:
        cut_s = 0.5 * capture_s
        says = f"the WAN is cut for {options.wan_cut_s:.0f} s"
        steps.append(Step(at_s=cut_s, deed=Deed.CUT_WAN, says=says))
        mended_s = cut_s + options.wan_cut_s
        steps.append(Step(at_s=mended_s, deed=Deed.MEND_WAN, says="the WAN is whole again"))
    says = "the meters stop capturing; the rest is catching up"
    steps.append(Step(at_s=capture_s, deed=Deed.STOP_CAPTURE, says=says))
    return sorted(steps, key=lambda step: step.at_s)


def kill_moments(options: DemoOptions) -> list[float]:
    """Return when the daemon is killed: once on the schedule, or at random moments of the seed."""
    if options.kills == 1:
        return [0.8 * options.capture_stops_at_s]
    chance = random.Random(f"kills/{options.seed}")  # noqa: S311  (an emulation, not a key)
    last_s = options.capture_stops_at_s + _LAST_KILL_AFTER_CAPTURE_S
    return sorted(chance.uniform(_FIRST_KILL_S, last_s) for _ in range(options.kills))
