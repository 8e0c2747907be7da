"""What the faults of a scenario name, checked and in words."""

from dataclasses import replace

from hil.lv_network.topology import Topology
from hil.scenario import FaultRule, ScenarioFault


def check_rule(rule: FaultRule, topology: Topology) -> None:
    """Check that what a fault names is there.

    Raises:
        ScenarioFault: it is not.
    """
    feeders = {cable.name for cable in topology.cables if cable.parent is None}
    wrong = [place for place in rule.meters if place >= len(topology.places)]
    if wrong:
        raise ScenarioFault(
            f"{rule.kind}: no meters {wrong} in {topology.name}, which has 0 to"
            f" {len(topology.places) - 1}"
        )
    if rule.feeder and rule.feeder not in feeders:
        known = ", ".join(sorted(feeders))
        raise ScenarioFault(f"{rule.kind}: no feeder {rule.feeder!r}; there are {known}")
    for line in (rule.line, rule.to_line):
        if line and line not in topology.substations:
            known = ", ".join(topology.substations)
            raise ScenarioFault(f"{rule.kind}: no substation {line!r}; there are {known}")


def switched(topology: Topology, feeder: str, substation: str) -> Topology:
    """Return the topology with a feeder, and all that branches from it, on another busbar."""
    names = {feeder}
    while more := {
        cable.name for cable in topology.cables if cable.parent in names and cable.name not in names
    }:
        names |= more
    return replace(
        topology,
        cables=tuple(
            replace(cable, substation=substation) if cable.name in names else cable
            for cable in topology.cables
        ),
    )


def in_words(rule: FaultRule) -> str:
    """Return what happens, for people."""
    words = [rule.kind.replace("_", " ")]
    if rule.line:
        words.append(f"at {rule.line}")
    if rule.feeder:
        words.append(f"feeder {rule.feeder}")
    if rule.meters:
        words.append("meter " + ", ".join(map(str, rule.meters)))
    if rule.to_line:
        words.append(f"to {rule.to_line}")
    if rule.amount:
        words.append(f"by {rule.amount:g}")
    if rule.for_s:
        words.append(f"for {rule.for_s / 3600.0:g} h")
    return " ".join(words)
