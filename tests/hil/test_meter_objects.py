"""The meter as its client sees it: conversations against the very server it carries."""

import random
from typing import TypeVar

import pytest
from gurux_dlms import GXDLMSTranslator

from drivers.dlms import companion, conversations
from drivers.dlms.association import AssociationRequest
from drivers.dlms.axdr import Data
from drivers.dlms.companion import BaseName, Entity, InterfaceClass, Medium
from drivers.dlms.cosem_objects import ObjectList, attribute_name
from drivers.dlms.date_time import CosemDateTime
from drivers.dlms.obis import Obis
from drivers.dlms.service_error import DataAccessError
from drivers.dlms.variable_access import ParameterizedName
from drivers.errors import ServiceRefused
from drivers.plc.llc import MANAGEMENT_LD, PUBLIC_CLIENT, LlcPdu
from drivers.plc.mac_frame import ALL_CONFIGURED, INITIATOR, MacFrame
from drivers.plc.node import Reply
from hil.dlms_meter import DlmsMeter
from hil.meter.kinds import POLYPHASE, SINGLE_PHASE, MeterKind
from hil.meter.module import MeterModule, MeterSettings
from hil.meter.slave import SlaveMeter, slave_flow
from hil.meter_server import server_for
from hil.rig_clock import RigClock
from tests.hil.line_helpers import START_S, make_module

MAC = 0x015
Result = TypeVar("Result")


class Client:
    """Speaks to one meter without a line between."""

    def __init__(self, module: MeterModule, at_s: float = START_S) -> None:
        self.meter = DlmsMeter(
            module,
            clock=RigClock(0.0),
            now=at_s,
            rng=random.Random(1),
            make_server=server_for,
        )
        self.meter.node.mac = MAC
        self.meter.node.initiator_mac = INITIATOR
        self.at_s = at_s
        self.delay_s = 0.0

    def hear(
        self, apdu: bytes, *, destination: int = MAC, lsap: int = MANAGEMENT_LD
    ) -> Reply | None:
        pdu = LlcPdu(destination_lsap=lsap, source_lsap=PUBLIC_CLIENT, l_sdu=apdu)
        frame = MacFrame(
            initial_credit=2,
            current_credit=2,
            delta_credit=0,
            source=INITIATOR,
            destination=destination,
            m_sdu=pdu.encode(),
        )
        return self.meter.hear(frame, self.at_s, self.delay_s, 90.0)

    def answer(self, apdu: bytes) -> bytes:
        reply = self.hear(apdu)
        assert reply is not None
        assert reply.frame.destination == INITIATOR
        return LlcPdu.decode(reply.frame.m_sdu).l_sdu

    def talk(self, conversation: conversations.Conversation[Result]) -> Result:
        try:
            request = next(conversation)
            while True:
                request = conversation.send(self.answer(request))
        except StopIteration as end:
            result: Result = end.value
            return result

    def associated(self) -> "Client":
        self.talk(conversations.associate(AssociationRequest(password=None, pdu_octets_max=239)))
        return self

    def objects(self) -> ObjectList:
        return self.talk(conversations.read_object_list())


def name_of(objects: ObjectList, obis: Obis, class_id: int, attribute: int = 2) -> int:
    entry = objects.find(obis, class_id)
    assert entry is not None
    return attribute_name(entry.base_name, attribute)


@pytest.fixture(params=[SINGLE_PHASE, POLYPHASE], ids=lambda kind: str(kind.name))
def kind(request: pytest.FixtureRequest) -> MeterKind:
    found: MeterKind = request.param
    return found


def test_every_listed_object_answers(kind: MeterKind) -> None:
    """INV-3: the object list is true: value, unit and logical name stand where it says."""
    client = Client(make_module(kind=kind)).associated()
    objects = client.objects()
    assert len(objects) > 40
    for entry in objects:
        logical_name, value = client.talk(
            conversations.read([entry.attribute_name(1), entry.attribute_name(2)])
        )
        assert logical_name == Data.octet_string(entry.logical_name.octets)
        assert isinstance(value, Data)
        if entry.class_id == InterfaceClass.REGISTER:
            (unit,) = client.talk(conversations.read([entry.attribute_name(3)]))
            assert isinstance(unit, Data)


def test_kinds_differ_and_meters_of_one_kind_do_not() -> None:
    """INV-3: config_id and firmware tell which object list a meter has."""
    lists: dict[tuple[str, ...], set[str]] = {}
    for seed, kind in ((1, SINGLE_PHASE), (2, SINGLE_PHASE), (3, POLYPHASE)):
        client = Client(make_module(kind=kind, seed=seed)).associated()
        names = [attribute_name(BaseName.CONFIG_ID, 2), attribute_name(BaseName.FIRMWARE_MODULE, 2)]
        key = tuple(
            value.text()
            for value in client.talk(conversations.read(names))
            if isinstance(value, Data)
        )
        lists.setdefault(key, set()).add(client.objects().to_json())
    assert len(lists) == 2
    assert all(len(found) == 1 for found in lists.values())


def test_identification_numbers_are_read(kind: MeterKind) -> None:
    """INV-3: USN, serial numbers, firmware ids, config_id, param_id."""
    client = Client(make_module(kind=kind)).associated()
    objects = client.objects()
    texts = {}
    for field, obis in companion.IDENTIFICATION_MASTER.items():
        value = client.talk(conversations.read_value(name_of(objects, obis, InterfaceClass.DATA)))
        texts[field] = value.text()
    assert texts == {
        "usn": "U000000007",
        "msn_meter": "LGZ00000007",
        "msn_module": "LGZ50000007",
        "firmware_meter": kind.firmware_meter,
        "firmware_module": kind.firmware_module,
        "config_id": kind.config_id,
        "param_id": "1",
    }


def test_rows_come_as_the_meter_captured_them(kind: MeterKind) -> None:
    """ACQ-4: octets decode to exactly the integers the truth is written from, blocks included."""
    client = Client(make_module(kind=kind)).associated()
    client.at_s = START_S + 1_000
    name = name_of(client.objects(), companion.PERIODIC_PROFILE, InterfaceClass.PROFILE_GENERIC)
    from_s, to_s = int(START_S) + 100, int(START_S) + 600
    rows = client.talk(conversations.read_profile_range(name, companion.CLOCK, from_s, to_s))
    held = client.meter.module.rings[Entity.PERIODIC].in_range(from_s, to_s)
    assert len(rows) == 50
    assert rows == [(row.captured_at_s, row.clock_status, row.status, row.values) for row in held]


def test_a_range_is_closed_at_both_ends_and_understands_deviation() -> None:
    """ACQ-2: bounds that fall on rows are inside, also when written in local time."""
    client = Client(make_module()).associated()
    client.at_s = START_S + 100
    name = name_of(client.objects(), companion.PERIODIC_PROFILE, InterfaceClass.PROFILE_GENERIC)
    first = int(START_S) + 7

    def bound(at_s: int, deviation_min: int) -> Data:
        return Data.clock_string(CosemDateTime.from_utc(at_s, deviation_min))

    definition = Data.structure(
        Data.u16(8), Data.octet_string(companion.CLOCK.octets), Data.i8(2), Data.u16(0)
    )
    parameter = Data.structure(definition, bound(first, -60), bound(first + 20, 330), Data.array())
    access = ParameterizedName(name=name, selector=1, parameter=parameter)
    rows = client.talk(conversations.read_value(access)).items()
    assert [row.items()[0].moment().utc_s() for row in rows] == [first, first + 10, first + 20]
    chosen = Data.structure(definition, bound(first, 0), bound(first, 0), Data.array(definition))
    access = ParameterizedName(name=name, selector=1, parameter=chosen)
    assert [len(row.items()) for row in client.talk(conversations.read_value(access)).items()] == [
        1
    ]


def test_entries_count_from_the_oldest() -> None:
    """ACQ-3: the first entry tells how far back a meter still reaches."""
    client = Client(make_module()).associated()
    client.at_s = START_S + 100
    objects = client.objects()
    base = name_of(objects, companion.PERIODIC_PROFILE, InterfaceClass.PROFILE_GENERIC, 1)
    count, first = client.talk(conversations.read_first_entry_and_count(base))
    assert count == 10
    assert first is not None
    assert first[0] == int(START_S) + 7
    name = attribute_name(base, 2)
    assert len(client.talk(conversations.read_profile_entries(name, 3, 5))) == 3
    assert len(client.talk(conversations.read_profile_entries(name, 8))) == 3
    assert client.talk(conversations.read_profile_entries(name, 11)) == []
    periods = client.talk(conversations.read([attribute_name(base, 4), attribute_name(base, 8)]))
    assert periods == [Data.u32(10), Data.u32(2160)]


def test_a_slave_shows_in_its_place_and_nowhere_else() -> None:
    """INV-8: number, serials and rows of a slave; an empty number where there is none."""
    slave = SlaveMeter(
        channel=1,
        medium=Medium.WATER_COLD,
        usn="S123",
        serial="ELS00000123",
        ocr_serial="XEM00000123",
        config_id="SLAVE-WATER_COLD",
        flow=slave_flow(Medium.WATER_COLD, 3),
        counted_to_s=START_S,
        count=5_000.0,
    )
    settings = MeterSettings(
        periodic_period_s=10,
        slave_period_s=60,
        periodic_history_rows=0,
        daily_history_rows=0,
        slave_history_rows=0,
    )
    client = Client(make_module(slaves={1: slave}, settings=settings)).associated()
    client.at_s = START_S + 300
    objects = client.objects()
    found = {}
    for channel, medium in enumerate(SINGLE_PHASE.slave_media):
        for field, (obis, class_id) in companion.identification_slave(medium, channel).items():
            value = client.talk(conversations.read_value(name_of(objects, obis, class_id)))
            found[channel, field] = value.text()
    assert found[1, "usn"] == "S123"
    assert found[1, "msn_module"] == "XEM00000123"
    assert {value for (channel, _), value in found.items() if channel != 1} == {""}
    name = name_of(objects, companion.slave_profile(8, 1), InterfaceClass.PROFILE_GENERIC)
    rows = client.talk(
        conversations.read_profile_range(name, companion.CLOCK, int(START_S), int(START_S) + 300)
    )
    assert len(rows) == 5
    assert all(len(values) == 1 for _, _, _, values in rows)


def test_the_clock_is_set_by_write_and_by_broadcast_with_the_repetitions_added() -> None:
    """TIM-1: a node corrects the time it hears for the repetitions that brought it."""
    client = Client(make_module(offset_s=90.0)).associated()
    name = name_of(client.objects(), companion.CLOCK, InterfaceClass.CLOCK)
    stamp = Data.clock_string(CosemDateTime.from_utc(START_S))
    client.talk(conversations.write(name, stamp))
    assert abs(client.meter.module.clock.offset_s) < 0.01
    client.at_s += 0.45
    client.delay_s = 0.45
    apdu = conversations.unconfirmed_write_apdu(
        name, Data.clock_string(CosemDateTime.from_utc(START_S + 2))
    )
    assert client.hear(apdu, destination=ALL_CONFIGURED) is None
    assert client.meter.module.clock.offset_s == pytest.approx(2.0, abs=0.01)
    moment = client.talk(conversations.read_clock(name))
    assert moment.utc_s() == pytest.approx(START_S + 2.45, abs=0.011)
    assert moment.deviation_min == -60


def test_nonsense_times_are_refused() -> None:
    """TIM-1: a date that is none changes nothing."""
    client = Client(make_module()).associated()
    name = name_of(client.objects(), companion.CLOCK, InterfaceClass.CLOCK)
    for data in (Data.clock_string(CosemDateTime()), Data.u8(3), Data.octet_string(b"short")):
        with pytest.raises(ServiceRefused):
            client.talk(conversations.write(name, data))
    assert client.meter.module.clock.offset_s == 0.0


def test_what_only_the_factory_may_write_is_refused_and_notes_are_kept() -> None:
    """INV-3: a serial number cannot be changed over the line; USN 2.1 belongs to the utility."""
    client = Client(make_module()).associated()
    objects = client.objects()
    name = name_of(objects, companion.USN, InterfaceClass.DATA)
    with pytest.raises(ServiceRefused) as refused:
        client.talk(conversations.write(name, Data.visible_string("X")))
    assert refused.value.code == DataAccessError.READ_WRITE_DENIED
    note = name_of(objects, companion.USN_2_1, InterfaceClass.DATA)
    client.talk(conversations.write(note, Data.visible_string("PLOT 9")))
    assert client.talk(conversations.read_value(note)).text() == "PLOT 9"
    with pytest.raises(ServiceRefused):
        client.talk(conversations.write(note, Data.visible_string("far too long")))


def test_power_loss_and_a_new_registration_end_the_association() -> None:
    """INV-5: who comes back as NEW is asked from the start."""
    client = Client(make_module()).associated()
    client.meter.power_off(START_S)
    client.meter.power_on(START_S + 1)
    with pytest.raises(ServiceRefused):
        client.objects()
    client.associated()
    client.at_s += 7 * 3600
    assert client.hear(b"\x05\x01\x02\x20\x08") is None
    assert client.meter.mac == 0xFFE


def test_noise_for_an_apdu_never_raises_and_a_broadcast_is_never_answered() -> None:
    """INV-7: whatever arrives, the meter lives on, and answers only what was asked of it alone."""
    client = Client(make_module()).associated()
    chance = random.Random(3)
    good = bytes.fromhex("0501042008010204020412000809060000010000FF0F0212000009")
    for _ in range(3_000):
        apdu = bytearray(good[: chance.randint(1, len(good))])
        apdu[chance.randrange(len(apdu))] = chance.randrange(256)
        apdu[0] = chance.choice((0x05, 0x06, 0x16, 0x60, 0x0E, chance.randrange(256)))
        client.hear(bytes(apdu))
    for request in (good, b"\x05\x01\x02\xfd\x08", b"", b"\x60"):
        assert client.hear(request, destination=ALL_CONFIGURED) is None
        assert client.hear(request, lsap=0x42) is None
    client.associated()
    assert len(client.objects()) > 40


def test_gurux_reads_the_same_rows() -> None:
    """ACQ-4: a decoder that is not ours sees the same numbers."""
    client = Client(make_module()).associated()
    client.at_s = START_S + 45
    name = name_of(client.objects(), companion.PERIODIC_PROFILE, InterfaceClass.PROFILE_GENERIC)
    answer = client.answer(next(conversations.read([name])))
    text = GXDLMSTranslator().pduToXml(answer)
    for row in client.meter.module.rings[Entity.PERIODIC]:
        moment = CosemDateTime.from_utc(row.captured_at_s, row.deviation_min, row.clock_status)
        assert moment.encode().hex().upper() in text
        assert all(f"{value:08X}" in text for value in row.values)
