"""Every published vector of short-name DLMS, read and written again."""

from datetime import UTC, datetime

import pytest

from drivers.dlms.apdu_sn import (
    DataBlock,
    InformationReport,
    ReadRequest,
    ReadResponse,
    UnconfirmedWriteRequest,
    WriteRequest,
    WriteResponse,
    decode_apdu,
)
from drivers.dlms.association import Aare, Aarq, decode_acse
from drivers.dlms.axdr import Data
from drivers.dlms.date_time import ClockStatus
from drivers.dlms.profile_rows import decode_rows
from drivers.dlms.service_error import ConfirmedServiceError, DataAccessError
from drivers.errors import MalformedFrame
from tests.drivers.dlms.gurux_judge import as_xml
from tests.drivers.vector_file import Vector, name_of, octets_of, of_layer

SHORT_NAME = of_layer("dlms-sn")
ACSE = of_layer("acse")

KINDS = {
    "ReadRequest": ReadRequest,
    "ReadResponse": ReadResponse,
    "WriteRequest": WriteRequest,
    "WriteResponse": WriteResponse,
    "UnconfirmedWriteRequest": UnconfirmedWriteRequest,
    "InformationReport": InformationReport,
    "ConfirmedServiceError": ConfirmedServiceError,
    "AARQ": Aarq,
    "AARE": Aare,
}


def decode(vector: Vector) -> object:
    octets = bytes.fromhex(vector["hex"])
    return decode_acse(octets) if vector["layer"] == "acse" else decode_apdu(octets)


def test_all_vectors_are_here() -> None:
    assert len(SHORT_NAME) == 17
    assert len(ACSE) == 2


@pytest.mark.parametrize("vector", SHORT_NAME + ACSE, ids=name_of)
def test_both_ways(vector: Vector) -> None:
    octets = bytes.fromhex(vector["hex"])
    apdu = decode(vector)
    assert apdu.encode() == octets  # type: ignore[attr-defined]  # every APDU has it
    kind = vector["decoded"]["apdu"].split()[0]
    assert type(apdu) is KINDS.get(kind, type(apdu))


@pytest.mark.parametrize(
    "vector", [each for each in SHORT_NAME + ACSE if "gurux_xml" in each], ids=name_of
)
def test_gurux_reads_the_same(vector: Vector) -> None:
    apdu = decode(vector)
    xml = as_xml(apdu.encode())  # type: ignore[attr-defined]  # every APDU has it
    stored = vector["gurux_xml"].strip()
    assert xml.startswith(stored)  # one is stored cut short


@pytest.mark.parametrize("vector", SHORT_NAME + ACSE, ids=name_of)
def test_cut_short_is_refused(vector: Vector) -> None:
    octets = bytes.fromhex(vector["hex"])
    read = decode_acse if vector["layer"] == "acse" else decode_apdu
    for cut in range(len(octets)):
        with pytest.raises(MalformedFrame):
            read(octets[:cut])
    with pytest.raises(MalformedFrame):
        read(octets + b"\x00")


def test_contents_of_a_mixed_answer() -> None:
    response = decode_apdu(octets_of("sn_read_response_mixed"))
    assert response == ReadResponse(
        results=(
            Data.u32(123456),
            Data.structure(Data.i8(-2), Data.enum(30)),
            DataAccessError.READ_WRITE_DENIED,
        )
    )


def test_contents_of_profile_rows() -> None:
    answer = octets_of("sn_read_profile_response_two_rows")
    midnight_s = int(datetime(2026, 11, 19, tzinfo=UTC).timestamp())
    unsaid = ClockStatus.DEVIATION_NOT_STATED
    assert decode_rows(answer, 3) == [
        (midnight_s + 900, unsaid, 0, (1000,)),
        (midnight_s + 1800, unsaid, 0, (1012,)),
    ]


def test_contents_of_the_association() -> None:
    aare = decode_acse(octets_of("aare_sn_accepted"))
    assert isinstance(aare, Aare)
    assert aare.initiate is not None
    assert not isinstance(aare.initiate, ConfirmedServiceError)
    assert aare.initiate.server_pdu_octets_max == 131
    assert aare.initiate.conformance == 0x1C0320


def test_blocks_both_ways_and_before_gurux() -> None:
    """docs/plc.md 6.7: no vector has a block, so gurux must agree."""
    block = DataBlock(last_block=True, block_number=2, raw_data=bytes.fromhex("0100060000"))
    octets = ReadResponse(results=(block,)).encode()
    assert octets == bytes.fromhex("0C0102010002050100060000")
    assert decode_apdu(octets) == ReadResponse(results=(block,))
    assert '<BlockNumber Value="0002" /> <RawData Value="0100060000" />' in as_xml(octets)
