import copy
import logging
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dlms.association import (
    LOW_LEVEL_SECURITY,
    Aare,
    Aarq,
    AcseApdu,
    AssociationResult,
    Conformance,
    Diagnostic,
    Password,
    Rlre,
    Rlrq,
    decode_acse,
)
from drivers.dlms.initiate import OUR_SERVICES, InitiateRequest, InitiateResponse
from drivers.dlms.service_error import ConfirmedServiceError, ErrorGroup, InitiateError, Service
from drivers.errors import MalformedFrame
from tests.drivers.dlms.gurux_judge import as_xml, judged

ASKED = InitiateRequest(conformance=OUR_SERVICES, client_pdu_octets_max=239)
GRANTED = InitiateResponse(conformance=OUR_SERVICES, server_pdu_octets_max=239)

APDUS: dict[str, AcseApdu] = {
    "lowest level": Aarq(initiate=ASKED),
    "low level": Aarq(initiate=ASKED, mechanism=LOW_LEVEL_SECURITY, password=Password(b"12345678")),
    "accepted": Aare(
        result=AssociationResult.ACCEPTED, diagnostic=Diagnostic.NONE, initiate=GRANTED
    ),
    "rejected": Aare(
        result=AssociationResult.REJECTED_PERMANENT,
        diagnostic=Diagnostic.AUTHENTICATION_FAILURE,
        initiate=ConfirmedServiceError(
            service=Service.INITIATE, group=ErrorGroup.INITIATE, value=InitiateError.REFUSED
        ),
    ),
    "release": Rlrq(),
    "released": Rlre(),
}
OTHERS: dict[str, AcseApdu] = {
    "rejected by the provider, without a word": Aare(
        result=99, diagnostic=77, initiate=None, from_provider=True
    ),
    "release without reason": Rlrq(reason=None),
}
ALL = APDUS | OTHERS


@pytest.mark.parametrize("apdu", ALL.values(), ids=ALL)
def test_both_ways(apdu: AcseApdu) -> None:
    octets = apdu.encode()
    assert decode_acse(octets) == apdu
    for cut in range(2 if isinstance(apdu, Rlre) else len(octets)):
        with pytest.raises(MalformedFrame):
            decode_acse(octets[:cut])


@pytest.mark.parametrize("apdu", APDUS.values(), ids=APDUS)
def test_gurux_accepts_it(apdu: AcseApdu) -> None:
    judged(apdu.encode())


def test_gurux_reads_our_proposal() -> None:
    xml = as_xml(APDUS["low level"].encode())
    assert 'MechanismName Value="Low"' in xml
    assert 'ConformanceBit Name="BlockTransferWithGetOrRead"' in xml
    assert 'ProposedMaxPduSize Value="00EF"' in xml


def test_a_dedicated_key_and_other_options_are_read_over() -> None:
    octets = bytes.fromhex("01 01 02ABCD 01 01 01 07 06 5F1F0400 1C0320 0100")
    request = InitiateRequest.decode(octets)
    assert request.conformance == Conformance(0x1C0320)
    assert request.client_pdu_octets_max == 256


def test_a_reply_to_release_with_a_wrong_length_is_understood() -> None:
    """docs/plc.md 6.7: a known server announces fewer octets than it sends."""
    assert decode_acse(bytes.fromhex("6301800100")) == Rlre(reason=0)


@pytest.mark.parametrize(
    "text", ["", "04", "6000", "6100", "60840000FFFF", "6101A1", "6200FF", "6203800200"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(MalformedFrame):
        decode_acse(bytes.fromhex(text))


def test_password_shows_itself_nowhere() -> None:
    """SEC: no log line and no traceback shows a password."""
    password = Password(b"12345678")
    for shown in (repr(password), str(password), f"{password}", repr(APDUS["low level"])):
        assert "12345678" not in shown
        assert "***" in shown
    record = logging.LogRecord("x", logging.INFO, "", 1, "%s", (password,), None)
    assert "12345678" not in record.getMessage()
    assert copy.copy(password) == pickle.loads(pickle.dumps(password)) == password
    assert password != Password(b"12345679")
    assert len({password, Password(b"12345678")}) == 1


@given(st.sampled_from([0x60, 0x61, 0x62, 0x63]), st.binary(max_size=120))
def test_any_octets_are_an_apdu_or_refused(tag: int, body: bytes) -> None:
    try:
        decode_acse(bytes([tag, len(body)]) + body)
    except MalformedFrame:
        return


@given(st.sampled_from(sorted(ALL)), st.data())
def test_one_wrong_octet_is_an_apdu_or_refused(name: str, draw: st.DataObject) -> None:
    octets = bytearray(ALL[name].encode())
    at = draw.draw(st.integers(0, len(octets) - 1))
    octets[at] = draw.draw(st.integers(0, 255))
    try:
        decode_acse(bytes(octets))
    except MalformedFrame:
        return
