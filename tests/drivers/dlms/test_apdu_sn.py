import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dlms.apdu_sn import (
    BlockNumber,
    ConfirmedServiceError,
    InformationReport,
    ReadRequest,
    ReadResponse,
    SnApdu,
    UnconfirmedWriteRequest,
    WriteRequest,
    WriteResponse,
    decode_apdu,
)
from drivers.dlms.axdr import Data
from drivers.dlms.service_error import (
    DataAccessError,
    ErrorGroup,
    Service,
    ServiceErrorReply,
    VdeStateError,
)
from drivers.dlms.variable_access import (
    BlockNumberAccess,
    DataBlock,
    ParameterizedName,
    VariableName,
    WriteDataBlockAccess,
)
from drivers.errors import LocalUseError, MalformedFrame
from tests.drivers.dlms.gurux_judge import as_xml, judged

NAMES = (VariableName(name=0x2008), VariableName(name=0xFA08))
BY_ENTRY = ParameterizedName(name=0x3008, selector=2, parameter=Data.structure(Data.u32(1)))
TWO = (Data.u8(1), Data.null())
BLOCK = DataBlock(last_block=False, block_number=7, raw_data=bytes(200))

JUDGED: dict[str, SnApdu] = {
    "read names": ReadRequest(accesses=NAMES),
    "read selected": ReadRequest(accesses=(NAMES[0], BY_ENTRY)),
    "read next block": ReadRequest(accesses=(BlockNumberAccess(block_number=7),)),
    "answer with block": ReadResponse(results=(BLOCK,)),
    "answer with errors": ReadResponse(
        results=(DataAccessError.OBJECT_UNDEFINED, Data.u8(1), DataAccessError.OTHER_REASON)
    ),
    "write": WriteRequest(accesses=NAMES, data=TWO),
    "write result": WriteResponse(
        results=(DataAccessError.SUCCESS, DataAccessError.TYPE_UNMATCHED)
    ),
    "broadcast": UnconfirmedWriteRequest(accesses=NAMES, data=TWO),
    "report": InformationReport(accesses=NAMES, data=TWO),
    "no association": ConfirmedServiceError(
        service=Service.READ, group=ErrorGroup.VDE_STATE, value=VdeStateError.NO_DLMS_CONTEXT
    ),
}
UNJUDGED: dict[str, SnApdu] = {
    "read by blocks": ReadRequest(accesses=(BLOCK,)),
    "write by blocks": WriteRequest(
        accesses=(WriteDataBlockAccess(last_block=True, block_number=2),),
        data=(Data.octet_string(b"x"),),
    ),
    "block taken": WriteResponse(results=(BlockNumber(block_number=2),)),
    "block awaited": ReadResponse(results=(BlockNumber(block_number=2),)),
    "unknown read error": ReadResponse(results=(99,)),
    "unknown write error": WriteResponse(results=(99,)),
    "unknown service error": ConfirmedServiceError(service=99, group=9, value=200),
    "report with time": InformationReport(
        accesses=NAMES, data=TWO, current_time="20261120101530.00Z"
    ),
}
ALL = JUDGED | UNJUDGED


@pytest.mark.parametrize("apdu", ALL.values(), ids=ALL)
def test_both_ways(apdu: SnApdu) -> None:
    octets = apdu.encode()
    assert decode_apdu(octets) == apdu
    for cut in range(len(octets)):
        with pytest.raises(MalformedFrame):
            decode_apdu(octets[:cut])
    with pytest.raises(MalformedFrame):
        decode_apdu(octets + b"\x00")


@pytest.mark.parametrize("apdu", JUDGED.values(), ids=JUDGED)
def test_gurux_accepts_it(apdu: SnApdu) -> None:
    judged(apdu.encode())


def test_gurux_names_the_missing_association() -> None:
    assert 'VdeStateError Value="NoDlmsContext"' in as_xml(JUDGED["no association"].encode())
    error = JUDGED["no association"]
    assert isinstance(error, ConfirmedServiceError)
    reply = ServiceErrorReply(error)
    assert reply.association_is_missing
    assert (reply.service, reply.group, reply.value) == (5, 2, 1)
    other = ConfirmedServiceError(service=Service.READ, group=ErrorGroup.SERVICE, value=1)
    assert not ServiceErrorReply(other).association_is_missing


@pytest.mark.parametrize(
    "text", ["", "04", "C001", "050103", "0C0104", "0D0103", "0584FFFFFFFF", "0C8400010000"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(MalformedFrame):
        decode_apdu(bytes.fromhex(text))


def test_names_that_do_not_fit_are_our_bug() -> None:
    with pytest.raises(LocalUseError):
        VariableName(name=0x10000).encode()


@given(st.sampled_from([0x05, 0x06, 0x0C, 0x0D, 0x0E, 0x16, 0x18]), st.binary(max_size=250))
def test_any_octets_are_an_apdu_or_refused(tag: int, body: bytes) -> None:
    try:
        apdu = decode_apdu(bytes([tag]) + body)
    except MalformedFrame:
        return
    again = apdu.encode()
    assert decode_apdu(again).encode() == again


@given(st.sampled_from(sorted(ALL)), st.data())
def test_one_wrong_octet_is_an_apdu_or_refused(name: str, draw: st.DataObject) -> None:
    octets = bytearray(ALL[name].encode())
    at = draw.draw(st.integers(0, len(octets) - 1))
    octets[at] = draw.draw(st.integers(0, 255))
    try:
        decode_apdu(bytes(octets))
    except MalformedFrame:
        return
