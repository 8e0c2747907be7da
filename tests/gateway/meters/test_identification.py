"""What a meter says of itself, and how little of it is taken on trust."""

import pytest

from drivers.dlms.axdr import Data
from drivers.dlms.companion import (
    DAILY_PROFILE,
    PARAM_ID,
    PERIODIC_PROFILE,
    STANDARD_EVENT_LOG,
    USN,
    Entity,
    InterfaceClass,
    Medium,
    slave_usn,
)
from drivers.dlms.cosem_objects import ObjectList, ObjectListEntry
from drivers.dlms.obis import Obis
from drivers.dlms.service_error import DataAccessError
from drivers.errors import MalformedFrame
from gateway.meters.answers import first_row
from gateway.meters.identification import PERIOD_MAX_S, Identity, identify
from gateway.meters.meter_kind import MeterKind
from tests.gateway.meters.meter_lab import LabMeter


def _identify(meter: LabMeter, kind: MeterKind | None = None) -> Identity:
    meter.associate()
    return meter.hold(identify(lambda *_: kind))


def _name(
    obis: Obis, interface_class: InterfaceClass = InterfaceClass.DATA, attribute: int = 2
) -> int:
    name = _identify(LabMeter()).kind.name_of(obis, interface_class, attribute)
    assert name is not None
    return name


def test_everything_is_read_in_a_few_requests() -> None:
    """INV-3, INV-8: numbers, kind, buffers, periods; the object list only for a new kind."""
    meter = LabMeter()
    identity = _identify(meter)
    truth = meter.module.identity
    assert identity.kind_is_new
    assert (identity.usn, identity.msn_meter) == (truth.usn, truth.serial_meter)
    assert (identity.msn_module, identity.param_id) == (truth.serial_module, truth.param_id)
    assert {found.entity: found.capture_period_s for found in identity.buffers} == {
        Entity.PERIODIC: 900,
        Entity.DAILY: 86_400,
        Entity.STANDARD_EVENTS: 0,
        Entity.DISCONNECTER_EVENTS: 0,
    }
    (slave,) = identity.slaves
    (truth_slave,) = meter.module.slaves.values()
    assert (slave.usn, slave.msn_meter) == (truth_slave.usn, truth_slave.serial)
    asked = len(meter.asked)
    again = _identify(meter, identity.kind)
    assert not again.kind_is_new
    assert len(meter.asked) - asked <= 5
    assert again.kind == identity.kind


def test_the_kind_survives_the_store() -> None:
    """INV-3: what was read once is known after a restart."""
    kind = _identify(LabMeter()).kind
    assert MeterKind.from_json(*kind.key, kind.to_json()) == kind


@pytest.mark.parametrize("usn", ["", "   ", "\0\0", "A" * 65, "A\nB"])
def test_a_number_that_is_none(usn: str) -> None:
    """INV-3: readings of nameless meters would all be mixed."""
    meter = LabMeter()
    meter.answers[_name(USN)] = Data.visible_string(usn)
    with pytest.raises(MalformedFrame, match="no utility serial number"):
        _identify(meter)


def test_what_is_refused_is_left_empty() -> None:
    """INV-3: a meter is not unread for a parameter id that it does not tell."""
    meter = LabMeter()
    meter.answers[_name(PARAM_ID)] = DataAccessError.READ_WRITE_DENIED
    assert _identify(meter).param_id == ""


@pytest.mark.parametrize(
    ("told", "period_s"),
    [
        (Data.u32(1), 1),
        (Data.u32(900), 900),
        (Data.u32(0), 3600),
        (Data.u32(2**32 - 1), 3600),
        (Data.i32(-900), 3600),
        (Data.u32(PERIOD_MAX_S), PERIOD_MAX_S),
        (DataAccessError.OBJECT_UNDEFINED, 3600),
    ],
)
def test_periods_that_make_no_sense(told: Data | DataAccessError, period_s: int) -> None:
    """ACQ-1: never 0, which would mean events, and never so long that nothing would be asked."""
    meter = LabMeter()
    meter.answers[_name(PERIODIC_PROFILE, InterfaceClass.PROFILE_GENERIC, 4)] = told
    meter.answers[_name(DAILY_PROFILE, InterfaceClass.PROFILE_GENERIC, 4)] = Data.u32(0)
    meter.answers[_name(STANDARD_EVENT_LOG, InterfaceClass.PROFILE_GENERIC, 4)] = Data.u32(60)
    periods = {found.entity: found.capture_period_s for found in _identify(meter).buffers}
    assert periods[Entity.PERIODIC] == period_s
    assert periods[Entity.DAILY] == 86_400
    assert periods[Entity.STANDARD_EVENTS] == 0


def test_a_first_row_without_a_date_is_no_reason_to_give_up() -> None:
    """ACQ-1: the buffer is read later, from as far back as is wanted."""
    meter = LabMeter()
    row = Data.structure(Data.octet_string(b"\xff" * 12), Data.u8(0), Data.u32(1))
    meter.answers[_name(PERIODIC_PROFILE, InterfaceClass.PROFILE_GENERIC)] = Data.array(row)
    found = {found.entity: found for found in _identify(meter).buffers}
    assert found[Entity.PERIODIC].oldest_s is None
    assert found[Entity.DAILY].oldest_s is not None
    assert first_row(Data.u8(1)) == ([], None)


def test_a_slave_needs_a_number_of_its_own() -> None:
    """INV-8: not its master's, and not twice."""
    meter = LabMeter()
    (slave,) = meter.module.slaves.values()
    place = slave_usn(slave.medium, slave.channel)
    meter.answers[_name(place)] = Data.visible_string(meter.module.identity.usn)
    assert _identify(meter).slaves == ()
    twice = LabMeter()
    for medium, channel in ((Medium.WATER_COLD, 1), (Medium.HEAT, 2)):
        other = _identify(LabMeter()).kind.name_of(
            slave_usn(medium, channel), InterfaceClass.DATA, 2
        )
        if other is not None:
            twice.answers[other] = Data.visible_string(slave.usn)
    assert [found.usn for found in _identify(twice).slaves] == [slave.usn]


def test_an_object_list_without_a_clock() -> None:
    """TIM-1: such a kind has no clock; nothing is guessed."""
    kind = _identify(LabMeter()).kind
    entries = [entry for entry in kind.objects if entry.class_id != InterfaceClass.CLOCK]
    bare = MeterKind(config_id="C", firmware_module="F", objects=ObjectList(entries))
    assert bare.clock_time_name() is None


def test_names_beyond_two_octets_do_not_exist() -> None:
    """INV-3: an object at FFFF would have attributes that no request can name."""
    entry = ObjectListEntry(
        base_name=0xFFFF,
        class_id=InterfaceClass.PROFILE_GENERIC,
        version=1,
        logical_name=PERIODIC_PROFILE,
    )
    kind = MeterKind(config_id="C", firmware_module="F", objects=ObjectList([entry]))
    assert kind.buffers() == {}
