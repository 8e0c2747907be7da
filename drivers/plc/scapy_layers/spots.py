"""Where a packet can be changed: every field of every layer, and what it may hold.

Made for those who build hostile frames. A field that is computed when it is not set (a length, a
count, a check) is a spot like any other: setting it makes the frame contradict itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from scapy.fields import ConditionalField, Field, StrField
from scapy.packet import NoPayload, Packet

from drivers.plc.scapy_layers.axdr import AxdrLengthField
from drivers.plc.scapy_layers.field_kinds import NotSentField

Layer: TypeAlias = Packet
_AXDR_LENGTH_BITS = 32


class SpotKind(StrEnum):
    """What a spot holds."""

    NUMBER = "number"
    OCTETS = "octets"
    LIST = "list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One field of one layer.

    Attributes:
        layer: the packet that has the field.
        name: of the field.
        kind: what it holds.
        bits: how large a number may be; 0 for other kinds.
    """

    layer: Packet
    name: str
    kind: SpotKind
    bits: int = 0

    @property
    def value(self) -> Any:  # noqa: ANN401  (a number, octets or a list)
        """What it holds now; None for what will be computed."""
        return self.layer.getfieldval(self.name)

    def fill(self, value: object) -> None:
        """Set the field, whatever it does to the frame."""
        self.layer.setfieldval(self.name, value)


def spots_of(packet: Packet) -> list[Spot]:
    """Return the spots of a packet, of its payloads, and of the packets in its lists."""
    spots: list[Spot] = []
    layer = packet
    while not isinstance(layer, NoPayload):
        spots += _spots_of_layer(layer)
        layer = layer.payload
    return spots


def _spots_of_layer(layer: Packet) -> Iterator[Spot]:
    for field in layer.fields_desc:
        inner: Any = field
        if isinstance(field, ConditionalField):
            if not field.cond(layer):
                continue
            inner = field.fld
        if isinstance(inner, NotSentField):
            continue
        if inner.islist:
            yield Spot(layer=layer, name=inner.name, kind=SpotKind.LIST)
            for item in layer.getfieldval(inner.name):
                if isinstance(item, Packet):
                    yield from _spots_of_layer(item)
        elif isinstance(inner, StrField):
            yield Spot(layer=layer, name=inner.name, kind=SpotKind.OCTETS)
        else:
            yield Spot(layer=layer, name=inner.name, kind=SpotKind.NUMBER, bits=_bits(inner))


def _bits(field: Field[Any, Any]) -> int:
    if isinstance(field, AxdrLengthField):
        return _AXDR_LENGTH_BITS
    return round(8 * field.sz)  # scapy says the size of a few bits in parts of an octet
