"""The objects of the modem's data base: one layer an object, for requests and for confirms."""

from typing import Any, Final, cast

from scapy.base_classes import Packet_metaclass
from scapy.fields import ByteField, LEIntField, LEShortField, XLEShortField
from scapy.packet import Packet

_IDENT_OCTETS: Final = 2
_FIELD_KINDS: Final = {1: ByteField, 2: LEShortField, 4: LEIntField}

_Layout = tuple[tuple[str, int], ...]
_COUNTERS: Final = ("crc_ok", "crc_nok", "repeated", "transmitted", "corrected", "fi_nok")
_BOTH: Final[dict[int, _Layout]] = {
    0x00: (("fima", 2), ("lima", 2)),
    0x01: (("local_mac", 2), ("initiator_mac", 2)),
    0x02: (("timeout_s", 2),),
    0x03: (("timeout_s", 2),),
    0x04: (("timeout_min", 2),),
    0x05: tuple((f"group{number}", 2) for number in range(1, 6)),
    0x08: (("gain", 1),),
    0x09: (("synchro", 1),),
    0x0A: (("gain", 1),),
    0x0B: (("repeater", 1),),
    0x0C: (("space_step", 2), ("mark_step", 2)),
    0x11: (("timeout_s", 2),),
    0x14: (("gain", 1),),
    0x15: (("gain", 1),),
}
_REQUESTS: Final = _BOTH | {0x0D: (("reset", 1),), 0x10: (("reset", 1),)}
_CONFIRMS: Final = _BOTH | {
    0x06: (("invalid_frames", 1),),
    0x07: (("min_delta_credit", 1),),
    0x0D: tuple((name, 4) for name in _COUNTERS),
    0x0F: (("alarms_sent", 1),),
    0x13: (("version", 1),),
}
_STATISTICS: Final = 0x10
_SYNCHRONISED: Final[_Layout] = (
    *((name, 2) for name in ("s0", "n0", "s1", "n1")),
    *((name, 1) for name in ("method", "gain")),
    *((f"slot{n}_{name}", 1) for n in range(1, 6) for name in ("method", "gain", "snr0", "snr1")),
)
_SEARCHING: Final[_Layout] = (
    *((f"{name}_{n}", 2) for n in range(1, 5) for name in ("i0", "q0", "i1", "q1")),
    *((name, 1) for name in ("position", "software_gain", "hardware_gain", "r_alc")),
)
_STATISTICS_BY_OCTETS: Final[dict[int, _Layout]] = {
    30: _SYNCHRONISED,
    31: (*_SYNCHRONISED, ("position", 1)),
    36: _SEARCHING,
}


def _layer(name: str, layout: _Layout) -> type[Packet]:
    fields = [_FIELD_KINDS[octets](field, 0) for field, octets in layout]
    body: dict[str, Any] = {"name": name, "fields_desc": [XLEShortField("ident", 0), *fields]}
    made: Any = Packet_metaclass(name.title().replace(" ", ""), (Packet,), body)
    return cast("type[Packet]", made)


_REQUEST_LAYERS: Final = {
    ident: _layer(f"modem data base {ident:02X} request", layout)
    for ident, layout in _REQUESTS.items()
}
_CONFIRM_LAYERS: Final = {
    ident: _layer(f"modem data base {ident:02X} confirm", layout)
    for ident, layout in _CONFIRMS.items()
}
_STATISTICS_LAYERS: Final = {
    octets: _layer(f"modem statistics of {octets}", layout)
    for octets, layout in _STATISTICS_BY_OCTETS.items()
}
ModemDataBase: Final = _layer("modem data base", ())
"""An object of which only the number is read; its octets are the payload."""


def access_db_layer(octets: bytes, *, confirm: bool) -> type[Packet]:
    """Return the layer of the object that octets begin with."""
    ident = int.from_bytes(octets[:_IDENT_OCTETS], "little")
    if confirm and ident == _STATISTICS:
        return _STATISTICS_LAYERS.get(len(octets) - _IDENT_OCTETS, ModemDataBase)
    return (_CONFIRM_LAYERS if confirm else _REQUEST_LAYERS).get(ident, ModemDataBase)
