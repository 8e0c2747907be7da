"""The modem's data base: its objects, and what a request and a confirm of each carry.

Source: AMIS-49587 datasheet, AccessDB services (docs/plc.md 8.7). The old edition lets the host
pad a request up to the size of the confirm; such octets are kept as `rest`.
"""

from dataclasses import dataclass
from enum import IntEnum

from hal.errors import MalformedModemFrame
from hal.plc_modem.field_reader import FieldReader
from hal.plc_modem.record_lengths import CONFIG_OCTETS, SHORT_CONFIG_OCTETS


class Ident(IntEnum):
    """Numbers of the objects."""

    INITIATOR_RANGE = 0x0000
    ADDRESSES = 0x0001
    SYNCHRO_CONFIRM_S = 0x0002
    FRAME_NOT_OK_S = 0x0003
    NOT_ADDRESSED_MIN = 0x0004
    GROUP_ADDRESSES = 0x0005
    INVALID_FRAME_COUNTER = 0x0006
    MIN_DELTA_CREDIT = 0x0007
    MAX_TRANSMITTING_GAIN = 0x0008
    SYNCHRO = 0x0009
    MAX_RECEIVING_GAIN = 0x000A
    REPEATER = 0x000B
    FREQUENCIES = 0x000C
    COUNTERS = 0x000D
    PHY_ALARM = 0x000F
    STATISTICS = 0x0010
    SEARCH_INITIATOR_S = 0x0011
    READ_CONFIG = 0x0012
    SOFTWARE_VERSION = 0x0013
    MIN_RECEIVING_GAIN = 0x0014
    SEARCH_INITIATOR_GAIN = 0x0015


class AccessError(IntEnum):
    """Why the modem refused (43, and 73 for addresses)."""

    UNAVAILABLE_RESOURCE = 0x11
    REQUEST_NOT_ALLOWED = 0x12
    UNAVAILABLE_MODE = 0x21
    ILLEGAL_DATA_COMMAND = 0x22
    ILLEGAL_LOCAL_MAC = 0x23
    ILLEGAL_INITIATOR_MAC = 0x24
    UNAVAILABLE_COMMAND = 0x25


Layout = tuple[tuple[str, int], ...]  # name and octets of each field, in order

COUNTER_NAMES = ("crc_ok", "crc_nok", "repeated", "transmitted", "corrected", "fi_nok")

_GROUPS: Layout = tuple((f"group{number}", 2) for number in range(1, 6))
_SECONDS: Layout = (("timeout_s", 2),)
_SLOTS: Layout = tuple(
    (f"slot{slot}_{name}", 1) for slot in range(1, 6) for name in ("method", "gain", "snr0", "snr1")
)
_SYNCHRONISED: Layout = (
    *((name, 2) for name in ("s0", "n0", "s1", "n1")),
    ("method", 1),
    ("gain", 1),
    *_SLOTS,
)
_SAMPLES: Layout = tuple(
    (f"{name}_{number}", 2) for number in range(1, 5) for name in ("i0", "q0", "i1", "q1")
)
_SEARCHING: Layout = (
    *_SAMPLES,
    *((name, 1) for name in ("position", "software_gain", "hardware_gain", "r_alc")),
)

_BOTH: dict[int, Layout] = {
    Ident.INITIATOR_RANGE: (("fima", 2), ("lima", 2)),
    Ident.ADDRESSES: (("local_mac", 2), ("initiator_mac", 2)),
    Ident.SYNCHRO_CONFIRM_S: _SECONDS,
    Ident.FRAME_NOT_OK_S: _SECONDS,
    Ident.NOT_ADDRESSED_MIN: (("timeout_min", 2),),
    Ident.GROUP_ADDRESSES: _GROUPS,
    Ident.MAX_TRANSMITTING_GAIN: (("gain", 1),),
    Ident.SYNCHRO: (("synchro", 1),),
    Ident.MAX_RECEIVING_GAIN: (("gain", 1),),
    Ident.REPEATER: (("repeater", 1),),
    Ident.FREQUENCIES: (("space_step", 2), ("mark_step", 2)),
    Ident.SEARCH_INITIATOR_S: _SECONDS,
    Ident.MIN_RECEIVING_GAIN: (("gain", 1),),
    Ident.SEARCH_INITIATOR_GAIN: (("gain", 1),),
}
_REQUESTS: dict[int, Layout] = _BOTH | {
    Ident.INVALID_FRAME_COUNTER: (),
    Ident.MIN_DELTA_CREDIT: (),
    Ident.COUNTERS: (("reset", 1),),
    Ident.PHY_ALARM: (),
    Ident.STATISTICS: (("reset", 1),),
    Ident.READ_CONFIG: (),
    Ident.SOFTWARE_VERSION: (),
}
_CONFIRMS: dict[int, Layout] = _BOTH | {
    Ident.INVALID_FRAME_COUNTER: (("invalid_frames", 1),),
    Ident.MIN_DELTA_CREDIT: (("min_delta_credit", 1),),
    Ident.COUNTERS: tuple((name, 4) for name in COUNTER_NAMES),
    Ident.PHY_ALARM: (("alarms_sent", 1),),
    Ident.SOFTWARE_VERSION: (("version", 1),),
}
_REQUEST_PADDING_OCTETS_MAX = 36  # the longest confirm


@dataclass(frozen=True, slots=True)
class DbRecord:
    """One object's value, in a request or in a confirm.

    Attributes:
        ident: the object; a number that is not known here has all its octets in `rest`.
        fields: names and numbers, in the order of the wire.
        rest: octets beyond the known layout (padding of a request; a configuration).
    """

    ident: Ident | int
    fields: tuple[tuple[str, int], ...] = ()
    rest: bytes = b""

    def number(self, name: str) -> int:
        """Return one field. Raises KeyError."""
        return dict(self.fields)[name]


def request_record(ident: Ident, *numbers: int) -> DbRecord:
    """Return the record of a request with these field values.

    Raises:
        ValueError: not as many values as the object has fields.
    """
    names = (name for name, _ in _REQUESTS[ident])
    return DbRecord(ident, tuple(zip(names, numbers, strict=True)))


def confirm_record(ident: Ident, *numbers: int) -> DbRecord:
    """Return the record of a confirm with these field values (not READ_CONFIG, STATISTICS).

    Raises:
        ValueError: not as many values as the object has fields.
    """
    names = (name for name, _ in _CONFIRMS[ident])
    return DbRecord(ident, tuple(zip(names, numbers, strict=True)))


def decode_record(data: bytes, *, confirm: bool) -> DbRecord:
    """Return the record that a frame's data are.

    Raises:
        MalformedModemFrame: a length that the object cannot have.
    """
    reader = FieldReader(data)
    number = reader.number(2)
    if number not in tuple(Ident):
        return DbRecord(number, (), reader.rest())
    ident = Ident(number)
    if confirm and ident is Ident.READ_CONFIG:
        if reader.left() not in {CONFIG_OCTETS, SHORT_CONFIG_OCTETS}:
            raise MalformedModemFrame(f"configuration of {reader.left()} octets", data)
        return DbRecord(ident, (), reader.rest())
    if confirm and ident is Ident.STATISTICS:
        layout = _statistics_layout(reader.left(), data)
    else:
        layout = (_CONFIRMS if confirm else _REQUESTS)[ident]
    fields = tuple((name, reader.number(octets)) for name, octets in layout)
    if confirm:
        reader.end()
    elif reader.left() > _REQUEST_PADDING_OCTETS_MAX:
        raise MalformedModemFrame(f"{reader.left()} octets of padding", data)
    return DbRecord(ident, fields, reader.rest())


def encode_record(record: DbRecord, *, confirm: bool) -> bytes:
    """Return a frame's data."""
    octets = record.ident.to_bytes(2, "little")
    if record.fields:
        if confirm and record.ident == Ident.STATISTICS:
            layout = _layout_named(record)
        else:
            layout = (_CONFIRMS if confirm else _REQUESTS)[record.ident]
        for (_, size), (_, number) in zip(layout, record.fields, strict=True):
            octets += number.to_bytes(size, "little")
    return octets + record.rest


def _statistics_layout(octets: int, data: bytes) -> Layout:
    # The datasheet's totals do not add up: 30 printed, 31 with the position octet it names.
    layouts = {30: _SYNCHRONISED, 31: (*_SYNCHRONISED, ("position", 1)), 36: _SEARCHING}
    if octets not in layouts:
        raise MalformedModemFrame(f"statistics of {octets} octets", data)
    return layouts[octets]


def _layout_named(record: DbRecord) -> Layout:
    sizes = dict(_SYNCHRONISED) | dict(_SEARCHING) | {"position": 1}
    return tuple((name, sizes[name]) for name, _ in record.fields)
