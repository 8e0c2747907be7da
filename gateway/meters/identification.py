"""Ask a newly registered meter who it is, as one conversation [INV-3, INV-8]."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from drivers.dlms.apdu_sn import ErrorCode
from drivers.dlms.axdr import Data
from drivers.dlms.companion import (
    IDENTIFICATION_MASTER,
    BaseName,
    Entity,
    InterfaceClass,
    identification_slave,
    slave_usn,
)
from drivers.dlms.conversations import Conversation, read, read_object_list
from drivers.dlms.cosem_objects import attribute_name
from drivers.dlms.obis import Obis
from drivers.errors import MalformedFrame
from gateway.meters.meter_kind import (
    CAPTURE_OBJECTS,
    CAPTURE_PERIOD,
    SCALER_UNIT,
    VALUE,
    MeterKind,
    SlavePlace,
)
from gateway.store.stream import Column

KnownKind = Callable[[str, str], MeterKind | None]

NAMES_PER_REQUEST: Final = 4  # answers of 32 characters each still fit one small frame
_NO_UNIT: Final = 255  # IEC 62056-62, unit enumeration: count, no unit


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferFound:
    """A buffered entity that a meter holds.

    Attributes:
        entity: what it holds.
        base_name: its short name.
        capture_period_s: 0 for buffers that are filled by events.
        columns: the values of a row.
    """

    entity: Entity
    base_name: int
    capture_period_s: int
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlaveFound:
    """A meter behind a master meter."""

    usn: str
    msn_meter: str
    msn_module: str
    config_id: str
    place: SlavePlace
    buffer: BufferFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a master meter says of itself; `kind_is_new` when its kind was read just now."""

    usn: str
    msn_meter: str
    msn_module: str
    firmware_meter: str
    firmware_module: str
    config_id: str
    param_id: str
    kind: MeterKind
    kind_is_new: bool
    buffers: tuple[BufferFound, ...]
    slaves: tuple[SlaveFound, ...]


def identify(known_kind: KnownKind) -> Conversation[Identity]:
    """Read identification numbers, the kind if it is unknown, capture periods and slaves.

    Args:
        known_kind: returns the remembered kind for (config_id, firmware_module).

    Raises:
        PeerError: the meter refused or answered nonsense.
    """
    values = yield from read(
        [
            attribute_name(BaseName.CONFIG_ID, VALUE),
            attribute_name(BaseName.FIRMWARE_MODULE, VALUE),
        ]
    )
    config_id, firmware_module = (_text(value) for value in values)
    kind = known_kind(config_id, firmware_module)
    kind_is_new = kind is None
    if kind is None:
        kind = yield from _learn_kind(config_id, firmware_module)
    texts = yield from _read_identification(kind)
    buffers = yield from _read_periods(kind, kind.buffers())
    slaves = yield from _find_slaves(kind)
    return Identity(**texts, kind=kind, kind_is_new=kind_is_new, buffers=buffers, slaves=slaves)


def _learn_kind(config_id: str, firmware_module: str) -> Conversation[MeterKind]:
    objects = yield from read_object_list()
    bare = MeterKind(config_id=config_id, firmware_module=firmware_module, objects=objects)
    bases = list(bare.buffers().values())
    bases += [base for place in bare.slave_places() if (base := bare.slave_buffer(place))]
    columns = {}
    for base in bases:
        columns[base] = yield from _read_columns(bare, base)
    return MeterKind(
        config_id=config_id, firmware_module=firmware_module, objects=objects, columns=columns
    )


def _read_columns(kind: MeterKind, base_name: int) -> Conversation[tuple[Column, ...]]:
    (captured,) = yield from read([attribute_name(base_name, CAPTURE_OBJECTS)])
    columns = []
    for class_id, obis in _captured_objects(_data(captured))[2:]:  # behind clock and status
        unit, scaler = _NO_UNIT, 0
        if class_id == InterfaceClass.REGISTER:
            name = kind.name_of(obis, InterfaceClass.REGISTER, SCALER_UNIT)
            if name is not None:
                (answer,) = yield from read([name])
                scaler, unit = _scaler_unit(_data(answer))
        columns.append(Column(obis=str(obis), unit=unit, scaler=scaler))
    return tuple(columns)


def _read_identification(kind: MeterKind) -> Conversation[dict[str, str]]:
    names = {}
    for field, obis in IDENTIFICATION_MASTER.items():
        name = kind.name_of(obis, InterfaceClass.DATA, VALUE)
        if name is None:
            name = kind.name_of(obis, InterfaceClass.REGISTER, VALUE)
        if name is None:
            raise MalformedFrame(f"the object list names no {field} ({obis})")
        names[field] = name
    values = yield from _read_in_parts(list(names.values()))
    return dict(zip(names, (_text(value) for value in values), strict=True))


def _read_periods(
    kind: MeterKind, bases: dict[Entity, int]
) -> Conversation[tuple[BufferFound, ...]]:
    names = [attribute_name(base, CAPTURE_PERIOD) for base in bases.values()]
    periods = yield from _read_in_parts(names)
    return tuple(
        BufferFound(
            entity=entity,
            base_name=base,
            capture_period_s=_data(period).integer(),
            columns=kind.columns.get(base, ()),
        )
        for (entity, base), period in zip(bases.items(), periods, strict=True)
    )


def _find_slaves(kind: MeterKind) -> Conversation[tuple[SlaveFound, ...]]:
    places = [
        (place, name)
        for place in kind.slave_places()
        if (name := _slave_name(kind, slave_usn(place.medium, place.channel))) is not None
    ]
    usns = yield from _read_in_parts([name for _, name in places])
    slaves = []
    for (place, _), answer in zip(places, usns, strict=True):
        if not isinstance(answer, Data) or not _text(answer):
            continue
        slaves.append((yield from _read_slave(kind, place)))
    return tuple(slaves)


def _read_slave(kind: MeterKind, place: SlavePlace) -> Conversation[SlaveFound]:
    fields = identification_slave(place.medium, place.channel)
    names = {}
    for field, (obis, interface_class) in fields.items():
        name = kind.name_of(obis, interface_class, VALUE)
        if name is not None:
            names[field] = name
    answers = yield from _read_in_parts(list(names.values()))
    texts = dict.fromkeys(fields, "")
    texts.update(zip(names, (_text(answer) for answer in answers), strict=True))
    base = kind.slave_buffer(place)
    assert base is not None  # slave_places() lists only places with a profile
    (buffer,) = yield from _read_periods(kind, {Entity.SLAVE: base})
    return SlaveFound(**texts, place=place, buffer=buffer)


def _slave_name(kind: MeterKind, obis: Obis) -> int | None:
    return kind.name_of(obis, InterfaceClass.DATA, VALUE)


def _read_in_parts(names: Sequence[int]) -> Conversation[list[Data | ErrorCode]]:
    values: list[Data | ErrorCode] = []
    for at in range(0, len(names), NAMES_PER_REQUEST):
        values += yield from read(names[at : at + NAMES_PER_REQUEST])
    return values


def _data(answer: Data | ErrorCode) -> Data:
    if not isinstance(answer, Data):
        raise MalformedFrame(f"the meter refused an attribute that it lists, with {answer:d}")
    return answer


def _text(answer: Data | ErrorCode) -> str:
    return _data(answer).text().rstrip("\0").strip()


def _captured_objects(data: Data) -> list[tuple[int, Obis]]:
    """Return class and name of each column; structure: class, name, attribute, index."""
    columns = []
    for definition in data.items():
        fields = definition.items()
        if len(fields) < 2:
            raise MalformedFrame("a capture object definition of less than two fields")
        columns.append((fields[0].integer(), Obis(fields[1].octets())))
    return columns


def _scaler_unit(data: Data) -> tuple[int, int]:
    fields = data.items()
    if len(fields) != 2:
        raise MalformedFrame("a scaler_unit that is not two numbers")
    return fields[0].integer(), fields[1].integer()
