"""Kinds of fields that scapy lacks: counts, MAC addresses, octets behind the payload."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from scapy.fields import BitField, Field, FieldListField, XByteField, XStrField, XStrFixedLenField
from scapy.packet import Packet

LIST_ITEMS_MAX: Final = 255  # scapy's own limit of 100 is less than a count octet can say


class NotSentField(Field[Any, Any]):
    """A fact about a packet that takes no octets: how to build it."""

    def addfield(self, pkt: Packet, s: bytes, val: object) -> bytes:
        """Put nothing on the line."""
        del pkt, val
        return s

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, Any]:
        """Take nothing off the line."""
        del pkt
        return s, self.default


class TrailerField(XStrField):
    """Octets at the end of a layer, behind its payload; the layer's `post_build` puts them there.

    A layer with trailers must forget scapy's cache of octets in `post_dissect`: the cache takes
    what was dissected for a beginning of the frame.
    """

    __slots__ = ["octets_behind", "octets_of"]

    def __init__(
        self, name: str, octets_of: Callable[[Packet], int], *, octets_behind: int = 0
    ) -> None:
        """Take `octets_of(packet)` octets, `octets_behind` of another trailer stay behind them."""
        super().__init__(name, None)
        self.octets_of = octets_of
        self.octets_behind = octets_behind

    def addfield(self, pkt: Packet, s: bytes, val: object) -> bytes:
        """Leave the field to `post_build`: the payload stands before it."""
        del pkt, val
        return s

    def getfield(self, pkt: Packet, s: bytes) -> tuple[bytes, bytes]:
        """Cut the field out near the end; what is not there is left out."""
        end = max(0, len(s) - self.octets_behind)
        start = max(0, end - self.octets_of(pkt))
        return s[:start] + s[end:], s[start:end]


class CountField(XByteField):
    """How many items a list has, in one octet; None is computed, and cut off at 255."""

    __slots__ = ["count_of"]

    def __init__(self, name: str, *, count_of: str) -> None:
        """Count the items of the field `count_of`."""
        super().__init__(name, None)
        self.count_of = count_of

    def i2m(self, pkt: Packet | None, x: int | None) -> int:
        """Return the octet."""
        if x is not None or pkt is None:
            return x or 0
        return min(LIST_ITEMS_MAX, len(pkt.getfieldval(self.count_of)))


class MacAddressField(BitField):
    """A 12-bit address, shown in hexadecimal and by name."""

    __slots__ = ["names"]

    def __init__(self, name: str, default: int, names: Mapping[int, str]) -> None:
        """Show addresses by these names where they have one."""
        super().__init__(name, default, 12)
        self.names = names

    def i2repr(self, pkt: Packet | None, x: int) -> str:
        """Return the address as a person reads it."""
        del pkt
        name = self.names.get(x)
        return f"{x:03X} ({name})" if name else f"{x:03X}"


def octets_field(name: str, octets: int, default: bytes = b"") -> XStrFixedLenField:
    """Return a field of so many octets, shown in hexadecimal."""
    return XStrFixedLenField(name, default.ljust(octets, b"\0"), octets)


def list_field(name: str, item: Field[Any, Any], count: str) -> FieldListField:
    """Return a list of `item`, as long as the field `count` says."""
    return FieldListField(
        name,
        [],
        item,
        count_from=lambda packet: packet.getfieldval(count),
        max_count=LIST_ITEMS_MAX,
    )
