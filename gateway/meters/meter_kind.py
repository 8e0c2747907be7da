"""What all meters of one configuration and firmware have in common: objects, columns, units."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from drivers.dlms.companion import (
    CLOCK,
    MASTER_BUFFERS,
    SLAVE_CHANNELS,
    Entity,
    InterfaceClass,
    Medium,
    slave_profile,
)
from drivers.dlms.cosem_objects import ObjectList, attribute_name
from drivers.dlms.obis import Obis
from gateway.store.stream import Column

VALUE: Final = 2  # attribute of Data, Register, Profile generic (its buffer) and Clock (its time)
SCALER_UNIT: Final = 3
CAPTURE_OBJECTS: Final = 3
CAPTURE_PERIOD: Final = 4
ENTRIES_IN_USE: Final = 7
ATTRIBUTE_LAST: Final = ENTRIES_IN_USE
"""The greatest that is ever asked."""

NAME_LAST: Final = 0xFFFF

COLLECTED: Final = (
    Entity.PERIODIC,
    Entity.DAILY,
    Entity.STANDARD_EVENTS,
    Entity.DISCONNECTER_EVENTS,
)
"""Buffers of a master meter that are read regularly; the monthly one is read on request only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlavePlace:
    """Where a slave may hang: its medium (OBIS group A) and M-Bus channel (group B)."""

    medium: Medium
    channel: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterKind:
    """The remembered knowledge of one kind of meter, read over the line once.

    Attributes:
        config_id, firmware_module: the key.
        objects: the association's object list.
        columns: per buffer (base name), the value columns without clock and status.
    """

    config_id: str
    firmware_module: str
    objects: ObjectList
    columns: Mapping[int, tuple[Column, ...]] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What tells one kind from another."""
        return self.config_id, self.firmware_module

    def base_of(self, obis: Obis, interface_class: InterfaceClass) -> int | None:
        """Return an object's base name, None when this kind does not have it.

        An object whose attributes would have names of more than two octets cannot be asked.
        """
        entry = self.objects.find(obis, interface_class)
        if entry is None or attribute_name(entry.base_name, ATTRIBUTE_LAST) > NAME_LAST:
            return None
        return entry.base_name

    def name_of(self, obis: Obis, interface_class: InterfaceClass, attribute: int) -> int | None:
        """Return an attribute's short name, None when this kind does not have the object."""
        base = self.base_of(obis, interface_class)
        return None if base is None else attribute_name(base, attribute)

    def clock_time_name(self) -> int | None:
        """Return the short name of the clock's time."""
        return self.name_of(CLOCK, InterfaceClass.CLOCK, VALUE)

    def buffers(self) -> dict[Entity, int]:
        """Return the base names of the regularly read buffers that this kind has."""
        found = {}
        for entity in COLLECTED:
            base = self.base_of(MASTER_BUFFERS[entity], InterfaceClass.PROFILE_GENERIC)
            if base is not None:
                found[entity] = base
        return found

    def slave_places(self) -> list[SlavePlace]:
        """Return where this kind can have slaves, by the profiles in its object list."""
        return [
            SlavePlace(medium=medium, channel=channel)
            for channel in SLAVE_CHANNELS
            for medium in Medium
            if self.slave_buffer(SlavePlace(medium=medium, channel=channel)) is not None
        ]

    def slave_buffer(self, place: SlavePlace) -> int | None:
        """Return the base name of a slave's profile."""
        profile = slave_profile(place.medium, place.channel)
        return self.base_of(profile, InterfaceClass.PROFILE_GENERIC)

    def to_json(self) -> str:
        """Return the knowledge as text for the store."""
        columns = {
            str(base): [[each.obis, each.unit, each.scaler] for each in row]
            for base, row in self.columns.items()
        }
        return json.dumps({"objects": self.objects.to_json(), "columns": columns})

    @classmethod
    def from_json(cls, config_id: str, firmware_module: str, text: str) -> Self:
        """Return what `to_json` wrote."""
        document = json.loads(text)
        columns = {
            int(base): tuple(Column(obis=o, unit=u, scaler=s) for o, u, s in row)
            for base, row in document["columns"].items()
        }
        return cls(
            config_id=config_id,
            firmware_module=firmware_module,
            objects=ObjectList.from_json(document["objects"]),
            columns=columns,
        )
