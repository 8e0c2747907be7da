"""Ask a newly registered meter who it is, as one conversation [INV-3, INV-8]."""

from collections.abc import Callable, Mapping, Sequence
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
from drivers.dlms.conversations import Conversation, by_entry, read, read_object_list
from drivers.dlms.cosem_objects import attribute_name
from drivers.dlms.obis import Obis
from drivers.dlms.variable_access import ParameterizedName
from drivers.errors import MalformedFrame
from gateway.meters.answers import data_of, first_row
from gateway.meters.buffer_found import BufferFound
from gateway.meters.company import NAMES_MAX
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

_CAPTURED_BY_TIME: Final = (Entity.PERIODIC, Entity.DAILY)
_PERIOD_IF_UNTOLD_S: Final = {
    Entity.DAILY: 86_400,
    Entity.PERIODIC: 3_600,  # the longest in use, so that a row on time is never told as missing
    Entity.SLAVE: 86_400,  # the same
}
"""For profiles that something else than their own period fills: the attribute is 0 then."""

PERIOD_MAX_S: Final = 31 * 86_400
"""A longer one is taken for none."""

NAME_OCTETS_MAX: Final = 64
"""A longer utility serial number is taken for nonsense."""

_NO_UNIT: Final = 255  # IEC 62056-62, unit enumeration: count, no unit


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


def identify(known_kind: KnownKind, names_max: int = NAMES_MAX) -> Conversation[Identity]:
    """Read identification numbers, the kind if it is unknown, capture periods and slaves.

    Args:
        known_kind: returns the remembered kind for (config_id, firmware_module).
        names_max: so many values are asked for at once.

    Raises:
        PeerError: the meter refused or answered nonsense.
    """
    names = [
        attribute_name(BaseName.CONFIG_ID, VALUE),
        attribute_name(BaseName.FIRMWARE_MODULE, VALUE),
    ]
    values = yield from _read_in_parts(names, names_max)
    config_id, firmware_module = (_text(value) for value in values)
    kind = known_kind(config_id, firmware_module)
    kind_is_new = kind is None
    if kind is None:
        kind = yield from _learn_kind(config_id, firmware_module, names_max)
    return (yield from _read_particulars(kind, names_max, kind_is_new=kind_is_new))


def read_usn(kind: MeterKind) -> Conversation[str]:
    """Read only the utility serial number of a meter that is thought to be of a known kind.

    Raises:
        PeerError: the meter refused, or answered nonsense: it may be of another kind.
    """
    (answer,) = yield from read([_identification_names(kind)["usn"]])
    return _text(answer)


def _read_particulars(
    kind: MeterKind, names_max: int, *, kind_is_new: bool
) -> Conversation[Identity]:
    """Read numbers, capture periods, oldest rows and the slaves' names in one request or two."""
    texts = _identification_names(kind)
    buffers = kind.buffers()
    periods = [attribute_name(base, CAPTURE_PERIOD) for base in buffers.values()]
    with_rows = [entity for entity in buffers if entity in _CAPTURED_BY_TIME]
    first_rows = [_ask_first_row(buffers[entity]) for entity in with_rows]
    places = kind.slave_places()
    slave_names = [_slave_name(kind, place) for place in places]
    names: list[int | ParameterizedName] = [*texts.values(), *periods, *first_rows, *slave_names]
    answers = iter((yield from _read_in_parts(names, names_max)))
    numbers = [next(answers) for _ in texts]
    lengths = [next(answers) for _ in periods]
    oldest: dict[Entity, Data | ErrorCode] = {entity: next(answers) for entity in with_rows}
    told = dict(zip(texts, (_text_if_any(number) for number in numbers), strict=True))
    if not _is_name(told["usn"]):
        raise MalformedFrame("the meter has no utility serial number")
    slaves: dict[str, SlaveFound] = {}
    for place, answer in zip(places, answers, strict=True):
        # A number that is no name, or stands in two places, names no slave.
        if isinstance(answer, Data) and _is_name(_text(answer)):
            slave = yield from _read_slave(kind, place, names_max)
            if _is_name(slave.usn) and slave.usn != told["usn"]:
                slaves.setdefault(slave.usn, slave)
    return Identity(
        **told,
        kind=kind,
        kind_is_new=kind_is_new,
        buffers=tuple(
            _buffer(kind, entity, base, length, oldest.get(entity))
            for (entity, base), length in zip(buffers.items(), lengths, strict=True)
        ),
        slaves=tuple(slaves.values()),
    )


def _learn_kind(config_id: str, firmware_module: str, names_max: int) -> Conversation[MeterKind]:
    objects = yield from read_object_list()
    bare = MeterKind(config_id=config_id, firmware_module=firmware_module, objects=objects)
    bases = list(bare.buffers().values())
    bases += [base for place in bare.slave_places() if (base := bare.slave_buffer(place))]
    columns = yield from _read_columns(bare, bases, names_max)
    return MeterKind(
        config_id=config_id, firmware_module=firmware_module, objects=objects, columns=columns
    )


def _read_columns(
    kind: MeterKind, bases: Sequence[int], names_max: int
) -> Conversation[dict[int, tuple[Column, ...]]]:
    """Read what each buffer captures behind clock and status, with units."""
    names = [attribute_name(base, CAPTURE_OBJECTS) for base in bases]
    answers = yield from _read_in_parts(names, names_max)
    captured = [_captured_objects(data_of(answer))[2:] for answer in answers]
    scaler_names = {
        obis: name
        for columns in captured
        for class_id, obis in columns
        if class_id == InterfaceClass.REGISTER
        and (name := kind.name_of(obis, InterfaceClass.REGISTER, SCALER_UNIT)) is not None
    }
    scalers = yield from _read_in_parts(list(scaler_names.values()), names_max)
    units = {
        obis: _scaler_unit(data_of(answer))
        for obis, answer in zip(scaler_names, scalers, strict=True)
    }
    return {
        base: tuple(_column(obis, units) for _, obis in columns)
        for base, columns in zip(bases, captured, strict=True)
    }


def _column(obis: Obis, units: Mapping[Obis, tuple[int, int]]) -> Column:
    scaler, unit = units.get(obis, (0, _NO_UNIT))
    return Column(obis=str(obis), unit=unit, scaler=scaler)


def _identification_names(kind: MeterKind) -> dict[str, int]:
    names = {}
    for field, obis in IDENTIFICATION_MASTER.items():
        name = kind.name_of(obis, InterfaceClass.DATA, VALUE)
        if name is None:
            name = kind.name_of(obis, InterfaceClass.REGISTER, VALUE)
        if name is None:
            raise MalformedFrame(f"the object list names no {field} ({obis})")
        names[field] = name
    return names


def _buffer(
    kind: MeterKind,
    entity: Entity,
    base_name: int,
    capture_period: Data | ErrorCode,
    oldest: Data | ErrorCode | None,
) -> BufferFound:
    rows, octets = first_row(oldest)
    return BufferFound(
        entity=entity,
        base_name=base_name,
        capture_period_s=_period_s(entity, capture_period),
        columns=kind.columns.get(base_name, ()),
        oldest_s=rows[0][0] if rows else None,
        row_octets=octets,
    )


def _period_s(entity: Entity, told: Data | ErrorCode) -> int:
    untold_s = _PERIOD_IF_UNTOLD_S.get(entity)
    if untold_s is None:
        return 0  # events fill it, whatever else it says
    told_s = told.integer() if isinstance(told, Data) else 0
    return told_s if 1 <= told_s <= PERIOD_MAX_S else untold_s


def _ask_first_row(base_name: int) -> ParameterizedName:
    return by_entry(attribute_name(base_name, VALUE), 1, 1)


def _slave_name(kind: MeterKind, place: SlavePlace) -> int:
    usn = slave_usn(place.medium, place.channel)
    name = kind.name_of(usn, InterfaceClass.DATA, VALUE)
    if name is None:
        raise MalformedFrame(f"the object list has a slave's profile, but no {usn}")
    return name


def _read_slave(kind: MeterKind, place: SlavePlace, names_max: int) -> Conversation[SlaveFound]:
    fields = identification_slave(place.medium, place.channel)
    names = {}
    for field, (obis, interface_class) in fields.items():
        name = kind.name_of(obis, interface_class, VALUE)
        if name is not None:
            names[field] = name
    base = kind.slave_buffer(place)
    assert base is not None  # slave_places() lists only places with a profile
    period_name = attribute_name(base, CAPTURE_PERIOD)
    *answers, period, oldest = yield from _read_in_parts(
        [*names.values(), period_name, _ask_first_row(base)], names_max
    )
    texts = dict.fromkeys(fields, "")
    texts.update(zip(names, (_text_if_any(answer) for answer in answers), strict=True))
    buffer = _buffer(kind, Entity.SLAVE, base, period, oldest)
    return SlaveFound(**texts, place=place, buffer=buffer)


def _read_in_parts(
    names: Sequence[int | ParameterizedName], names_max: int
) -> Conversation[list[Data | ErrorCode]]:
    values: list[Data | ErrorCode] = []
    for at in range(0, len(names), names_max):
        values += yield from read(names[at : at + names_max])
    return values


def _is_name(text: str) -> bool:
    return bool(text) and len(text) <= NAME_OCTETS_MAX and text.isprintable()


def _text_if_any(answer: Data | ErrorCode) -> str:
    return _text(answer) if isinstance(answer, Data) else ""


def _text(answer: Data | ErrorCode) -> str:
    return data_of(answer).text().rstrip("\0").strip()


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
