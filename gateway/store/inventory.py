"""What is remembered of nodes, meters and kinds of meters."""

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class NodeState(StrEnum):
    """What the concentrator knows of a power-line node [INV-4]."""

    NEW = "NEW"
    REGISTERED = "REGISTERED"
    LOST = "LOST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A communication module on the power line.

    Attributes:
        system_title: its own for life, six octets.
        mac: the address we gave it; None before that.
        state: see NodeState.
        usn: of the meter it speaks for; None until it was read.
        first_seen_s, last_seen_s, registered_at_s: UTC.
        credit_need: repetitions it last needed; None when unknown.
    """

    system_title: bytes
    mac: int | None
    state: NodeState
    usn: str | None = None
    first_seen_s: int
    last_seen_s: int
    registered_at_s: int | None = None
    credit_need: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """A meter, master or slave, by its utility serial number.

    Attributes:
        msn_meter, msn_module: the makers' serial numbers.
        config_id, param_id: which configuration and parameters it carries.
        parent_usn, channel, medium: of a slave; None for a master.
        found_at_s: UTC, when it was first identified.
        clock_deviation_s: its clock less ours, when last compared; None before.
        clock_contact_at_s: UTC of that.
    """

    usn: str
    msn_meter: str | None = None
    msn_module: str | None = None
    firmware_meter: str | None = None
    firmware_module: str | None = None
    config_id: str | None = None
    param_id: str | None = None
    parent_usn: str | None = None
    channel: int | None = None
    medium: int | None = None
    found_at_s: int
    clock_deviation_s: float | None = None
    clock_contact_at_s: float | None = None

    def identity(self) -> dict[str, Any]:
        """Return what changes only when somebody works on the meter."""
        fields = dataclasses.asdict(self)
        for name in ("found_at_s", "clock_deviation_s", "clock_contact_at_s"):
            del fields[name]
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What all meters of one configuration and firmware have in common.

    Attributes:
        firmware: of the module.
        object_list: as JSON, whatever the reader of it wrote.
        read_at_s: UTC.
    """

    config_id: str
    firmware: str
    object_list: str
    read_at_s: int
