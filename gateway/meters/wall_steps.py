"""Take our own wall clock's steps out of everything that was planned by it [TIM-3]."""

from collections.abc import Iterable
from typing import Final

from gateway.meters.meter_state import MeterState
from gateway.meters.node_link import NodeLink
from gateway.meters.patience import RETRY_MAX_S

IDENTIFIED_WITHIN_S: Final = 86_400.0
"""No meter waits longer until it is asked again who it is."""


def follow_step(
    step_s: float,
    now_s: float,
    links: Iterable[NodeLink],
    meters: Iterable[MeterState],
    just_sampled: MeterState | None,
) -> None:
    """Move all times in memory after somebody has set the clock.

    Otherwise a clock set back by a year would let the line rest for a year. What was noted after
    the step moves as well; that is why no time that lies behind us may come to lie ahead.

    Args:
        step_s: by how much.
        now_s: UTC, behind the step.
        links: all nodes.
        meters: all meters.
        just_sampled: its clock may have been compared before the step or after it, so that is left
            as it is: should it be wrong, the next sample looks like a shift, and is read again.
    """
    for link in links:
        _move_link(link, step_s, now_s)
    for meter in meters:
        _move_plans(meter, step_s, now_s)
        if meter is just_sampled or meter.deviation_s is None or meter.contact_at_s is None:
            continue
        meter.deviation_s -= step_s
        meter.contact_at_s += step_s


def _move_link(link: NodeLink, step_s: float, now_s: float) -> None:
    link.told_at_s = min(link.told_at_s + step_s, now_s)
    link.heard_at_s = min(link.heard_at_s + step_s, now_s)
    link.retry_at_s = min(link.retry_at_s + step_s, now_s + RETRY_MAX_S)
    link.outage_at_s = min(link.outage_at_s + step_s, now_s)
    if link.silent_since_s is not None:
        link.silent_since_s = min(link.silent_since_s + step_s, now_s)


def _move_plans(meter: MeterState, step_s: float, now_s: float) -> None:
    meter.identify_at_s = min(meter.identify_at_s + step_s, now_s + IDENTIFIED_WITHIN_S)
    if meter.clock_to_set_at_s is not None:
        meter.clock_to_set_at_s = now_s
    for stream in meter.streams:
        stream.opened_at_s = min(stream.opened_at_s + step_s, now_s)
        stream.retry_at_s = min(stream.retry_at_s + step_s, now_s + RETRY_MAX_S)
        stream.failed_at_s = min(stream.failed_at_s + step_s, now_s)
        if stream.asked_at_s is not None:
            stream.asked_at_s = min(stream.asked_at_s + step_s, now_s)
