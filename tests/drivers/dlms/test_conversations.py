"""Client and server back to back; gurux-dlms judges every APDU between them."""

from typing import TYPE_CHECKING

import pytest

from drivers.dlms.apdu_sn import (
    ReadResponse,
    WriteResponse,
    decode_apdu,
)
from drivers.dlms.association import (
    Aare,
    AssociationRejected,
    AssociationRequest,
    AssociationResult,
    Conformance,
    Diagnostic,
    Password,
    decode_acse,
)
from drivers.dlms.axdr import Data
from drivers.dlms.companion import CLOCK
from drivers.dlms.conversations import (
    associate,
    by_range,
    read,
    read_clock,
    read_first_entry_and_count,
    read_object_list,
    read_profile_entries,
    read_profile_range,
    read_range_with_clock,
    read_value,
    release,
    unconfirmed_write_apdu,
    write,
    write_apdu,
)
from drivers.dlms.cosem_objects import attribute_name, method_name
from drivers.dlms.date_time import CosemDateTime
from drivers.dlms.initiate import OUR_SERVICES
from drivers.dlms.obis import Obis
from drivers.dlms.service_error import (
    ConfirmedServiceError,
    DataAccessError,
    ErrorGroup,
    Service,
    ServiceErrorReply,
)
from drivers.dlms.sn_server import RawDataShape
from drivers.errors import MalformedFrame, ServiceRefused
from tests.drivers.dlms.sn_meter import (
    CLIENT,
    CLOCK_BASE,
    NOW_S,
    PROFILE_BASE,
    VALUE_BASE,
    Meter,
)
from tests.drivers.vector_file import octets_of

if TYPE_CHECKING:
    from collections.abc import Callable

USN_NAME = attribute_name(VALUE_BASE, 2)
TIME_NAME = attribute_name(CLOCK_BASE, 2)
BUFFER_NAME = attribute_name(PROFILE_BASE, 2)
WITHOUT_BLOCKS = OUR_SERVICES & ~Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
SHAPES = pytest.mark.parametrize("shape", list(RawDataShape))
FAR_S = NOW_S + 10**7


def test_associate_read_release() -> None:
    meter = Meter()
    terms = meter.associated()
    assert terms.conformance == OUR_SERVICES
    assert terms.server_pdu_octets_max == 239
    assert meter.hold(read_value(USN_NAME)) == Data.visible_string("USN0001")
    meter.hold(release())
    with pytest.raises(ServiceErrorReply) as refused:
        meter.hold(read_value(USN_NAME))
    assert refused.value.association_is_missing


def test_what_the_meter_does_not_offer_is_not_granted() -> None:
    terms = Meter(conformance=WITHOUT_BLOCKS).associated()
    assert terms.conformance == WITHOUT_BLOCKS


@pytest.mark.parametrize(
    ("given", "diagnostic"),
    [
        (None, Diagnostic.AUTHENTICATION_REQUIRED),
        (Password(b"87654321"), Diagnostic.AUTHENTICATION_FAILURE),
        (Password(b"12345678"), None),
    ],
)
def test_low_level_security(given: Password | None, diagnostic: Diagnostic | None) -> None:
    meter = Meter(password=Password(b"12345678"))
    if diagnostic is None:
        meter.associated(given)
        return
    with pytest.raises(AssociationRejected) as rejected:
        meter.associated(given)
    assert rejected.value.diagnostic == diagnostic
    assert rejected.value.result == AssociationResult.REJECTED_PERMANENT
    assert not meter.server.is_associated(CLIENT)


def test_several_names_in_one_request() -> None:
    """INV-3: identification in few requests; a refusal of one does not spoil the others."""
    meter = Meter()
    meter.associated()
    values = meter.hold(read([USN_NAME, USN_NAME + 8, 0x1000, attribute_name(VALUE_BASE, 1)]))
    assert values == [
        Data.visible_string("USN0001"),
        DataAccessError.OBJECT_UNDEFINED,
        DataAccessError.OBJECT_UNDEFINED,
        Data.octet_string(Obis.parse("1-0:0.0.0.255").octets),
    ]
    assert len(meter.asked) == 2


def test_object_list() -> None:
    meter = Meter()
    meter.associated()
    objects = meter.hold(read_object_list())
    clock = objects.find(CLOCK, 8)
    assert clock is not None
    assert clock.base_name == CLOCK_BASE
    assert [entry.base_name for entry in objects] == [0x2000, 0x2BC0, 0x3000, 0xFA00]


@SHAPES
@pytest.mark.parametrize("pdu_octets_max", [40, 64, 131, 239])
def test_long_object_list_in_blocks(shape: RawDataShape, pdu_octets_max: int) -> None:
    """docs/plc.md 6.7: both shapes of raw data are understood."""
    meter = Meter(shape=shape, pdu_octets_max=pdu_octets_max)
    meter.associated(pdu_octets_max=0)
    assert len(meter.hold(read_object_list())) == 4
    assert all(len(answer) <= pdu_octets_max for answer in meter.answered[1:])


@SHAPES
def test_rows_by_range(shape: RawDataShape) -> None:
    """ACQ-2: a range of time, both ends included, in one answer or in blocks."""
    meter = Meter(100, shape=shape)
    meter.associated()
    rows = meter.profile.rows
    some = meter.hold(read_profile_range(BUFFER_NAME, CLOCK, rows[2][0], rows[5][0]))
    assert some == rows[2:6]
    assert len(meter.asked) == 2
    assert meter.hold(read_profile_range(BUFFER_NAME, CLOCK, NOW_S, FAR_S)) == rows
    assert len(meter.asked) > 15
    assert meter.hold(read_profile_range(BUFFER_NAME, CLOCK, NOW_S + 1, NOW_S + 2)) == []


def test_request_by_range_is_the_published_one_but_for_utc() -> None:
    access = by_range(0x3008, CLOCK, NOW_S - 86400, NOW_S)
    vector = octets_of("sn_read_profile_by_range")
    ours = b"\x05\x01" + access.encode()
    assert len(ours) == len(vector)
    assert ours[:26] == vector[:26]
    first = access.parameter.items()[1].moment()
    assert first.deviation_min == 0
    assert first.utc_s() == NOW_S - 86400


@SHAPES
def test_rows_by_entry(shape: RawDataShape) -> None:
    meter = Meter(30, shape=shape)
    meter.associated()
    assert meter.hold(read_profile_entries(BUFFER_NAME, 2, 3)) == meter.profile.rows[1:3]
    assert meter.hold(read_profile_entries(BUFFER_NAME, 1)) == meter.profile.rows
    assert meter.hold(read_first_entry_and_count(PROFILE_BASE)) == (30, meter.profile.rows[0])


def test_empty_profile_has_no_first_row() -> None:
    meter = Meter(0)
    meter.associated()
    assert meter.hold(read_first_entry_and_count(PROFILE_BASE)) == (0, None)
    assert len(meter.asked) == 2


@SHAPES
def test_time_and_rows_in_one_request(shape: RawDataShape) -> None:
    """TIM-2: the meter's time comes with the rows, so that a deviation costs no airtime."""
    meter = Meter(40, shape=shape)
    meter.associated()
    for count in (0, 4, 40):
        to_s = NOW_S + 900 * count - 1
        moment, rows = meter.hold(read_range_with_clock(TIME_NAME, BUFFER_NAME, NOW_S, to_s))
        assert moment.utc_s() == NOW_S
        assert rows == meter.profile.rows[:count]


def test_clock_is_read_written_and_broadcast() -> None:
    meter = Meter()
    meter.associated()
    assert meter.hold(read_clock(TIME_NAME)).utc_s() == NOW_S
    later = Data.clock_string(CosemDateTime.from_utc(NOW_S + 5))
    meter.hold(write(TIME_NAME, later))
    assert meter.clock.attributes[2] == later
    meter.server.drop_associations()
    latest = Data.clock_string(CosemDateTime.from_utc(NOW_S + 9))
    assert meter.server.receive(unconfirmed_write_apdu(TIME_NAME, latest), CLIENT) is None
    assert meter.clock.attributes[2] == latest
    assert write_apdu(TIME_NAME, latest)[1:] == unconfirmed_write_apdu(TIME_NAME, latest)[1:]


def test_method_is_called_by_writing_to_its_name() -> None:
    meter = Meter()
    meter.associated()
    meter.hold(write(method_name(7, PROFILE_BASE, 1), Data.i8(0)))
    assert meter.profile.invoked == [(1, Data.i8(0))]
    assert meter.asked[-1] == octets_of("sn_method_profile_reset")


def test_refusals_carry_their_code() -> None:
    meter = Meter()
    meter.associated()
    with pytest.raises(ServiceRefused) as read_refused:
        meter.hold(read_value(0x1000))
    assert read_refused.value.code == DataAccessError.OBJECT_UNDEFINED
    with pytest.raises(ServiceRefused) as write_refused:
        meter.hold(write(attribute_name(VALUE_BASE, 3), Data.u8(1)))
    assert write_refused.value.code == DataAccessError.READ_WRITE_DENIED
    with pytest.raises(ServiceRefused):
        meter.hold(read_profile_range(USN_NAME, CLOCK, 0, 1))
    with pytest.raises(ServiceRefused):
        meter.hold(read_range_with_clock(0x1000, BUFFER_NAME, 0, 1))


@pytest.mark.parametrize("conversation", ["read", "write", "associate"])
def test_a_service_error_in_place_of_the_answer(conversation: str) -> None:
    error = ConfirmedServiceError(service=Service.READ, group=ErrorGroup.HARDWARE_RESOURCE, value=1)
    meter = Meter(on_answer=lambda _: error.encode())
    ask: dict[str, Callable[[], object]] = {
        "read": lambda: meter.hold(read_profile_range(BUFFER_NAME, CLOCK, 0, 1)),
        "write": lambda: meter.hold(write(TIME_NAME, Data.null())),
        "associate": meter.associated,
    }
    with pytest.raises(ServiceErrorReply) as refused:
        ask[conversation]()
    assert refused.value.group == ErrorGroup.HARDWARE_RESOURCE
    assert not refused.value.association_is_missing


LATE_ANSWERS = {
    "nothing": b"",
    "another service": WriteResponse(results=(DataAccessError.SUCCESS,)).encode(),
    "two values": ReadResponse(results=(Data.u8(1), Data.u8(1), Data.u8(1))).encode(),
    "a value of another type": ReadResponse(results=(Data.u8(1),)).encode(),
    "rows of something else": b"\x0c\x01\x00" + Data.array(Data.u8(1)).encode(),
    "noise": bytes(range(200)),
}


@pytest.mark.parametrize("answer", LATE_ANSWERS.values(), ids=LATE_ANSWERS)
def test_answers_to_another_question_are_refused(answer: bytes) -> None:
    for conversation in (
        read_profile_range(BUFFER_NAME, CLOCK, 0, 1),
        read_range_with_clock(TIME_NAME, BUFFER_NAME, 0, 1),
        read_object_list(),
        read_first_entry_and_count(PROFILE_BASE),
        release(),
        associate(AssociationRequest(password=None, pdu_octets_max=239)),
    ):
        next(conversation)
        with pytest.raises(MalformedFrame):
            conversation.send(answer)


def test_a_write_wants_one_result() -> None:
    for answer in ("0D00", "0D020000", "0D01020001", "0C010000"):
        conversation = write(TIME_NAME, Data.null())
        next(conversation)
        with pytest.raises(MalformedFrame):
            conversation.send(bytes.fromhex(answer))


def test_a_reason_without_a_name_is_still_a_refusal() -> None:
    conversation = read([1])
    next(conversation)
    with pytest.raises(StopIteration) as ended:
        conversation.send(ReadResponse(results=(99,)).encode())
    assert ended.value.value == [DataAccessError.OTHER_REASON]


def test_acceptance_without_terms_is_no_acceptance() -> None:
    conversation = associate(AssociationRequest(password=None, pdu_octets_max=239))
    next(conversation)
    accepted = Aare(result=AssociationResult.ACCEPTED, diagnostic=Diagnostic.NONE, initiate=None)
    with pytest.raises(MalformedFrame):
        conversation.send(accepted.encode())


def test_what_was_sent_for_low_level_security() -> None:
    meter = Meter(password=Password(b"12345678"))
    meter.associated(Password(b"12345678"))
    aarq = decode_acse(meter.asked[0])
    assert bytes.fromhex("8A020780 8B0760857405080201 AC0A8008") + b"12345678" in aarq.encode()


def test_short_answers_are_what_gurux_calls_them() -> None:
    meter = Meter(3)
    meter.associated()
    meter.hold(read_profile_range(BUFFER_NAME, CLOCK, NOW_S, FAR_S))
    assert decode_apdu(meter.answered[-1]).encode() == meter.answered[-1]


def test_the_right_family_of_answer_is_not_enough() -> None:
    for conversation, answer in (
        (associate(AssociationRequest(password=None, pdu_octets_max=239)), "6303800100"),
        (release(), "6203800100"),
    ):
        next(conversation)
        with pytest.raises(MalformedFrame):
            conversation.send(bytes.fromhex(answer))


def test_an_object_may_dislike_what_is_written() -> None:
    meter = Meter()
    meter.associated()
    meter.value.wants_structures = True
    with pytest.raises(ServiceRefused) as refused:
        meter.hold(write(USN_NAME, Data.u8(1)))
    assert refused.value.code == DataAccessError.TYPE_UNMATCHED
