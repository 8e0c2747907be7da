"""All objects of a meter of one kind, each in its place of the short-name space."""

from collections.abc import Iterable, Iterator

from drivers.dlms.axdr import Data
from drivers.dlms.companion import (
    CLOCK,
    CLOCK_SYNC_LIMIT,
    COMBINED_TOTAL,
    CONFIG_ID,
    CURRENT_L1,
    DISCONNECTER_EVENT_NUMBER,
    EVENT_STATUS,
    EXPORT_RATE_1,
    EXPORT_RATE_2,
    EXPORT_TOTAL,
    FIRMWARE_METER,
    FIRMWARE_MODULE,
    IMPORT_RATE_1,
    IMPORT_RATE_2,
    IMPORT_TOTAL,
    LOGICAL_DEVICE_NAME,
    LONG_POWER_FAILURES,
    MASTER_BUFFERS,
    PARAM_ID,
    POWER_FAILURES,
    PROFILE_STATUS,
    SERIAL_MODULE,
    SLAVE_CHANNELS,
    STANDARD_EVENT_NUMBER,
    USN,
    USN_2_1,
    USN_2_2,
    VOLTAGE_L1,
    VOLTAGE_L2,
    VOLTAGE_L3,
    BaseName,
    Entity,
    InterfaceClass,
    Lsap,
    Medium,
    slave_config_id,
    slave_ocr_serial,
    slave_profile,
    slave_profile_status,
    slave_register,
    slave_serial,
    slave_usn,
)
from drivers.dlms.obis import Obis
from hil.meter.clock_object import ClockObject
from hil.meter.module import MeterModule
from hil.meter.moment import Moment
from hil.meter.objects import (
    NumberObject,
    Place,
    ReadOnlyObject,
    RegisterObject,
    SapAssignment,
    TextObject,
    Unit,
)
from hil.meter.profile_object import (
    CapturedColumn,
    ProfileObject,
    clock_column,
    status_column,
    value_column,
)
from hil.meter.registers import Quantity
from hil.meter.rows import RowRing

REGISTER_OF = {
    Quantity.IMPORT: IMPORT_TOTAL,
    Quantity.EXPORT: EXPORT_TOTAL,
    Quantity.COMBINED: COMBINED_TOTAL,
    Quantity.IMPORT_RATE_1: IMPORT_RATE_1,
    Quantity.IMPORT_RATE_2: IMPORT_RATE_2,
    Quantity.EXPORT_RATE_1: EXPORT_RATE_1,
    Quantity.EXPORT_RATE_2: EXPORT_RATE_2,
}

_NAMES_EACH = 0x90  # enough short names for the largest class here, the clock
_VOLTAGES = (VOLTAGE_L1, VOLTAGE_L2, VOLTAGE_L3)
_EVENT_NUMBERS = {
    Entity.STANDARD_EVENTS: STANDARD_EVENT_NUMBER,
    Entity.DISCONNECTER_EVENTS: DISCONNECTER_EVENT_NUMBER,
}


class _Places:
    """Hands out short names in the order of asking, so that a kind's list is always the same."""

    def __init__(self, first: int) -> None:
        self._next = first

    def __call__(self, logical_name: Obis) -> Place:
        place = Place(base_name=self._next, logical_name=logical_name)
        self._next += _NAMES_EACH
        return place


def meter_objects(module: MeterModule, moment: Moment) -> list[ReadOnlyObject]:
    """Return every object that a meter shows, the association itself excepted."""
    places = _Places(module.kind.first_base_name)
    return [
        *_reserved(module),
        ClockObject(places(CLOCK), module, moment),
        *_identification(module, places),
        *_registers(module, moment, places),
        *_quality(module, moment, places),
        *_profiles(module, moment, places),
        *(each for channel in SLAVE_CHANNELS for each in _slave(module, moment, channel, places)),
    ]


def _reserved(module: MeterModule) -> Iterator[ReadOnlyObject]:
    identity, kind = module.identity, module.kind
    yield SapAssignment(
        Place(base_name=BaseName.SAP_ASSIGNMENT, logical_name=Obis.parse("0-0:41.0.0.255")),
        lsap=Lsap.MANAGEMENT_LD,
        name=lambda: identity.serial_meter,
    )
    texts = (
        (BaseName.LOGICAL_DEVICE_NAME, LOGICAL_DEVICE_NAME, identity.serial_meter),
        (BaseName.CONFIG_ID, CONFIG_ID, kind.config_id),
        (BaseName.FIRMWARE_MODULE, FIRMWARE_MODULE, kind.firmware_module),
    )
    for base_name, logical_name, text in texts:
        yield _text(Place(base_name=base_name, logical_name=logical_name), text)


def _identification(module: MeterModule, places: _Places) -> Iterator[ReadOnlyObject]:
    identity, notes = module.identity, module.notes
    yield _text(places(USN), identity.usn)
    yield _text(places(SERIAL_MODULE), identity.serial_module)
    yield _text(places(FIRMWARE_METER), module.kind.firmware_meter)
    yield _text(places(PARAM_ID), identity.param_id)
    for logical_name in (USN_2_1, USN_2_2):
        yield _note(places(logical_name), notes, str(logical_name))
    limit = int(module.clock.sync_limit_s)
    yield NumberObject(places(CLOCK_SYNC_LIMIT), lambda: Data.u16(limit))


def _registers(module: MeterModule, moment: Moment, places: _Places) -> Iterator[ReadOnlyObject]:
    def reader(quantity: Quantity) -> RegisterObject:
        def get() -> Data:
            module.registers.advance(moment.true_s)
            return Data.u32(module.registers.value_wh(quantity))

        return RegisterObject(places(REGISTER_OF[quantity]), get, unit=Unit.WATT_HOUR)

    for quantity in Quantity:
        yield reader(quantity)


def _quality(module: MeterModule, moment: Moment, places: _Places) -> Iterator[ReadOnlyObject]:
    failures, registers = module.power_failures, module.registers

    def voltage(phase: int) -> RegisterObject:
        def get() -> Data:
            return Data.u16(round(10 * registers.voltage_v(phase, moment.true_s)))

        return RegisterObject(places(_VOLTAGES[phase - 1]), get, scaler=-1, unit=Unit.VOLT)

    yield RegisterObject(places(POWER_FAILURES), lambda: Data.u16(failures.all), unit=Unit.COUNT)
    yield RegisterObject(
        places(LONG_POWER_FAILURES), lambda: Data.u16(failures.long), unit=Unit.COUNT
    )
    for phase in range(1, module.kind.phases + 1):
        yield voltage(phase)
    yield RegisterObject(
        places(CURRENT_L1),
        lambda: Data.u16(round(100 * registers.current_a(moment.true_s))),
        scaler=-2,
        unit=Unit.AMPERE,
    )


def _profiles(module: MeterModule, moment: Moment, places: _Places) -> Iterator[ReadOnlyObject]:
    kind = module.kind
    for entity, quantities in (
        (Entity.PERIODIC, kind.periodic),
        (Entity.DAILY, kind.daily),
        (Entity.MONTHLY, kind.daily),
    ):
        columns = _columns(
            status_column(PROFILE_STATUS, kind.status_octets),
            InterfaceClass.REGISTER,
            [REGISTER_OF[quantity] for quantity in quantities],
        )
        yield ProfileObject(
            places(MASTER_BUFFERS[entity]),
            module.rings[entity],
            columns,
            capture_period_s=module.profiles[entity, -1].schedule.capture_period_s,
            moment=moment,
        )
    logs = [Entity.STANDARD_EVENTS]
    if kind.disconnecter:
        logs.append(Entity.DISCONNECTER_EVENTS)
    for entity in logs:
        yield _event_log(module.rings[entity], entity, moment, places)


def _event_log(ring: RowRing, entity: Entity, moment: Moment, places: _Places) -> ProfileObject:
    number = value_column(0, InterfaceClass.DATA, _EVENT_NUMBERS[entity], Data.u8)
    columns = (clock_column(), status_column(EVENT_STATUS, 1), number)
    place = places(MASTER_BUFFERS[entity])
    return ProfileObject(place, ring, columns, capture_period_s=0, moment=moment)


def _slave(
    module: MeterModule, moment: Moment, channel: int, places: _Places
) -> Iterator[ReadOnlyObject]:
    """Yield one channel's objects; a channel without a slave shows empty texts and no rows."""
    medium = module.kind.slave_media[channel]
    slave = module.slaves.get(channel)
    yield _text(places(slave_usn(medium, channel)), slave.usn if slave else "")
    yield _text(places(slave_serial(medium, channel)), slave.serial if slave else "")
    ocr_serial = slave.ocr_serial if slave else ""
    yield TextObject(
        places(slave_ocr_serial(channel)), lambda: ocr_serial, class_id=InterfaceClass.REGISTER
    )
    yield _text(places(slave_config_id(channel)), slave.config_id if slave else "")
    register = slave_register(medium, channel)
    heat = medium is Medium.HEAT
    yield RegisterObject(
        places(register),
        lambda: Data.u32(slave.value(moment.true_s) if slave else 0),
        scaler=0 if heat else -3,
        unit=Unit.WATT_HOUR if heat else Unit.CUBIC_METRE,
    )
    yield ProfileObject(
        places(slave_profile(medium, channel)),
        module.slave_ring(channel),
        _columns(
            status_column(slave_profile_status(channel), 1), InterfaceClass.REGISTER, [register]
        ),
        capture_period_s=module.settings.slave_period_s,
        moment=moment,
    )


def _columns(
    status: CapturedColumn, class_id: int, registers: Iterable[Obis]
) -> tuple[CapturedColumn, ...]:
    values = (
        value_column(index, class_id, register, Data.u32)
        for index, register in enumerate(registers)
    )
    return (clock_column(), status, *values)


def _text(place: Place, text: str) -> TextObject:
    return TextObject(place, lambda: text)


def _note(place: Place, notes: dict[str, str], key: str) -> TextObject:
    def write(text: str) -> None:
        notes[key] = text

    return TextObject(place, lambda: notes.get(key, ""), write=write, octets_max=8)
