import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dlms.apdu_sn import (
    DataBlock,
    ReadRequest,
    ReadResponse,
    WriteRequest,
    decode_apdu,
)
from drivers.dlms.association import (
    Aarq,
    Conformance,
    Diagnostic,
    Password,
    Rlrq,
    decode_acse,
)
from drivers.dlms.axdr import Data
from drivers.dlms.conversations import read_value
from drivers.dlms.initiate import OUR_SERVICES, InitiateRequest
from drivers.dlms.long_answer import in_blocks
from drivers.dlms.profile_rows import encode_rows
from drivers.dlms.service_error import (
    ConfirmedServiceError,
    DataAccessError,
    ErrorGroup,
    Service,
    ServiceError,
)
from drivers.dlms.sn_server import PDU_OCTETS_MIN, SnServer
from drivers.dlms.variable_access import (
    BlockNumberAccess,
    ParameterizedName,
    VariableAccess,
    VariableName,
)
from drivers.errors import LocalUseError
from tests.drivers.dlms.gurux_judge import judged
from tests.drivers.dlms.sn_meter import CLIENT, LAYOUT, PROFILE_BASE, FakeObject, Meter

BUFFER = VariableName(name=PROFILE_BASE + 8)
USN = VariableName(name=0x2008)


def ask(meter: Meter, *accesses: VariableAccess) -> object:
    answer = meter.server.receive(ReadRequest(accesses=accesses).encode(), CLIENT)
    assert answer is not None
    return decode_apdu(judged(answer))


def refusal(service: Service, value: ServiceError) -> ConfirmedServiceError:
    return ConfirmedServiceError(service=service, group=ErrorGroup.SERVICE, value=value)


def test_associations_are_per_client() -> None:
    meter = Meter()
    meter.associated()
    assert meter.server.is_associated(CLIENT)
    answer = meter.server.receive(ReadRequest(accesses=(USN,)).encode(), CLIENT + 1)
    assert answer == bytes.fromhex("0E050201")
    write = WriteRequest(accesses=(USN,), data=(Data.null(),))
    assert meter.server.receive(write.encode(), CLIENT + 1) == bytes.fromhex("0E060201")


def test_a_block_is_served_again_when_it_got_lost() -> None:
    meter = Meter(30)
    meter.associated()
    first = ask(meter, BUFFER)
    assert isinstance(first, ReadResponse)
    second = ask(meter, BlockNumberAccess(block_number=1))
    assert second == ask(meter, BlockNumberAccess(block_number=1))
    third = ask(meter, BlockNumberAccess(block_number=2))
    assert isinstance(third, ReadResponse)
    (block,) = third.results
    assert isinstance(block, DataBlock)
    assert block.block_number == 3


def test_blocks_that_there_are_not() -> None:
    meter = Meter(30)
    meter.associated()
    none = ReadResponse(results=(DataAccessError.NO_LONG_GET_IN_PROGRESS,))
    assert ask(meter, BlockNumberAccess(block_number=1)) == none
    ask(meter, BUFFER)
    invalid = ReadResponse(results=(DataAccessError.DATA_BLOCK_NUMBER_INVALID,))
    assert ask(meter, BlockNumberAccess(block_number=99)) == invalid
    assert ask(meter, BlockNumberAccess(block_number=1)) == none
    ask(meter, BUFFER)
    ask(meter, USN)
    assert ask(meter, BlockNumberAccess(block_number=1)) == none
    ask(meter, BUFFER)
    unavailable = DataAccessError.DATA_BLOCK_UNAVAILABLE
    mixed = ask(meter, BlockNumberAccess(block_number=1), USN)
    assert isinstance(mixed, ReadResponse)
    assert mixed.results[0] == unavailable


@pytest.mark.parametrize(
    ("missing", "accesses"),
    [
        (Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ, (BUFFER,)),
        (Conformance.MULTIPLE_REFERENCES, (USN, USN)),
        (
            Conformance.PARAMETERIZED_ACCESS,
            (ParameterizedName(name=0x3008, selector=2, parameter=Data.null()),),
        ),
        (Conformance.READ, (USN,)),
    ],
)
def test_what_was_not_negotiated_is_refused(
    missing: Conformance, accesses: tuple[VariableAccess, ...]
) -> None:
    meter = Meter(30)
    meter.associated(conformance=OUR_SERVICES & ~missing)
    too_long = missing == Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    value = ServiceError.PDU_SIZE if too_long else ServiceError.UNSUPPORTED
    assert ask(meter, *accesses) == refusal(Service.READ, value)


def test_the_client_decides_how_long_an_answer_may_be() -> None:
    meter = Meter(30)
    meter.associated(pdu_octets_max=64)
    answer = meter.server.receive(ReadRequest(accesses=(BUFFER,)).encode(), CLIENT)
    assert answer is not None
    assert 55 < len(answer) <= 64


def test_the_shortest_pdu_that_is_allowed_still_carries_blocks() -> None:
    meter = Meter(2)
    meter.associated(pdu_octets_max=PDU_OCTETS_MIN)
    assert meter.hold(read_value(BUFFER.name)) == Data.from_octets(
        encode_rows(meter.profile.rows, LAYOUT)
    )


def test_a_request_that_is_too_long() -> None:
    meter = Meter()
    meter.associated()
    assert ask(meter, *[USN] * 100) == refusal(Service.READ, ServiceError.PDU_SIZE)


def test_writes_to_what_may_not_be_written() -> None:
    meter = Meter()
    meter.associated()
    selected = ParameterizedName(name=USN.name, selector=1, parameter=Data.null())
    accesses = (USN, VariableName(name=0x1000), selected)
    request = WriteRequest(accesses=accesses, data=(Data.u8(1),) * 3)
    answer = meter.server.receive(request.encode(), CLIENT)
    assert answer == bytes.fromhex("0D03 00 0104 010D")
    short = WriteRequest(accesses=(USN, USN), data=(Data.u8(1),))
    assert meter.server.receive(short.encode(), CLIENT) == bytes.fromhex("0E060302")


@pytest.mark.parametrize("attribute", [2, 3])
def test_the_association_object_is_read_only(attribute: int) -> None:
    meter = Meter()
    meter.associated()
    name = VariableName(name=0xFA00 + 8 * (attribute - 1))
    answer = meter.server.receive(
        WriteRequest(accesses=(name,), data=(Data.null(),)).encode(), CLIENT
    )
    assert answer == bytes.fromhex("0D010103")
    method = WriteRequest(accesses=(VariableName(name=0xFA20),), data=(Data.null(),))
    assert meter.server.receive(method.encode(), CLIENT) == bytes.fromhex("0D010103")
    assert ask(meter, VariableName(name=0xFA10), VariableName(name=0xFA20)) == ReadResponse(
        results=(DataAccessError.OBJECT_UNDEFINED,) * 2
    )
    selected = ParameterizedName(name=0xFA08, selector=1, parameter=Data.null())
    assert ask(meter, selected) == ReadResponse(results=(DataAccessError.SCOPE_OF_ACCESS_VIOLATED,))


def test_a_parameter_of_the_wrong_type_is_an_error_of_one_name() -> None:
    meter = Meter()
    meter.associated()
    selected = ParameterizedName(name=0x3008, selector=2, parameter=Data.u8(1))
    answer = ask(meter, selected, USN)
    assert isinstance(answer, ReadResponse)
    assert answer.results[0] == DataAccessError.TYPE_UNMATCHED
    assert isinstance(answer.results[1], Data)


@pytest.mark.parametrize(
    ("aarq", "diagnostic"),
    [
        (
            Aarq(
                context=bytes.fromhex("60857405080101"),
                initiate=InitiateRequest(conformance=OUR_SERVICES, client_pdu_octets_max=239),
            ),
            Diagnostic.CONTEXT_NAME_NOT_SUPPORTED,
        ),
        (
            Aarq(
                initiate=InitiateRequest(
                    conformance=OUR_SERVICES, client_pdu_octets_max=239, dlms_version=5
                )
            ),
            Diagnostic.NO_REASON_GIVEN,
        ),
        (
            Aarq(initiate=InitiateRequest(conformance=OUR_SERVICES, client_pdu_octets_max=11)),
            Diagnostic.NO_REASON_GIVEN,
        ),
    ],
)
def test_associations_that_cannot_be(aarq: Aarq, diagnostic: Diagnostic) -> None:
    answer = Meter().server.receive(aarq.encode(), CLIENT)
    assert answer is not None
    aare = decode_acse(judged(answer))
    assert getattr(aare, "diagnostic", None) == diagnostic


def test_what_deserves_no_answer_gets_none() -> None:
    meter = Meter()
    for octets in (b"", b"\xc0", b"\x60", b"\x61\x00", b"\x0c\x00", Rlrq().encode(), b"\x16\x01"):
        assert meter.server.receive(octets, CLIENT) is None


def test_damaged_requests_are_answered_by_an_error() -> None:
    meter = Meter()
    meter.associated()
    assert meter.server.receive(b"\x05\x01", CLIENT) == bytes.fromhex("0E050300")
    assert meter.server.receive(b"\x06\x01", CLIENT) == bytes.fromhex("0E060300")


def test_two_objects_at_one_place_are_our_bug() -> None:
    place = [FakeObject(0x2000, 1, "1-0:0.0.0.255")] * 2
    with pytest.raises(LocalUseError):
        SnServer(place, pdu_octets_max=239, password=None, conformance=OUR_SERVICES)


@given(st.binary(max_size=239))
def test_no_octets_bring_a_meter_down(octets: bytes) -> None:
    meter = Meter()
    meter.associated()
    for tag in (b"", b"\x05\x01\x04\x30\x08", b"\x06", b"\x16", b"\x60"):
        answer = meter.server.receive(tag + octets, CLIENT)
        assert answer is None or len(answer) <= 239


def test_another_mechanism_than_low_level_security() -> None:
    aarq = Aarq(
        initiate=InitiateRequest(conformance=OUR_SERVICES, client_pdu_octets_max=239),
        mechanism=bytes.fromhex("60857405080205"),
        password=Password(b"challenge"),
    )
    answer = Meter(password=Password(b"challenge")).server.receive(aarq.encode(), CLIENT)
    assert answer is not None
    aare = decode_acse(judged(answer))
    named = Diagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED
    assert getattr(aare, "diagnostic", None) == named


def test_a_pdu_without_room_for_a_block_is_our_bug() -> None:
    with pytest.raises(LocalUseError):
        in_blocks(b"", 9)
