"""LLC headers, against the vectors."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import LocalUseError, MalformedFrame
from drivers.plc import llc
from drivers.plc.llc import LlcPdu
from tests.drivers.vector_file import Vector, name_of, of_layer


@pytest.mark.parametrize("vector", of_layer("llc"), ids=name_of)
def test_vectors_in_both_directions(vector: Vector) -> None:
    octets = bytes.fromhex(vector["hex"])
    decoded = vector["decoded"]
    pdu = LlcPdu.decode(octets)
    assert pdu.encode() == octets
    assert pdu.destination_lsap == int(decoded["dst_lsap"].split()[0], 16)
    assert pdu.source_lsap == int(decoded["src_lsap"].split()[0], 16)
    if " " not in decoded["apdu"]:
        assert pdu.l_sdu == bytes.fromhex(decoded["apdu"])


@given(st.integers(0, 255), st.integers(0, 255), st.binary(max_size=239))
def test_round_trip(destination: int, source: int, l_sdu: bytes) -> None:
    pdu = LlcPdu(destination_lsap=destination, source_lsap=source, l_sdu=l_sdu)
    assert LlcPdu.decode(pdu.encode()) == pdu


@pytest.mark.parametrize("octets", ["", "90", "9000", "91000100", "00000100"])
def test_other_services_and_stumps_are_malformed(octets: str) -> None:
    with pytest.raises(MalformedFrame):
        LlcPdu.decode(bytes.fromhex(octets))


def test_what_does_not_fit_is_our_bug() -> None:
    for wrong in (
        LlcPdu(destination_lsap=0x100, source_lsap=llc.INITIATOR, l_sdu=b""),
        LlcPdu(destination_lsap=llc.CIASE, source_lsap=-1, l_sdu=b""),
        LlcPdu(destination_lsap=llc.CIASE, source_lsap=llc.INITIATOR, l_sdu=bytes(240)),
    ):
        with pytest.raises(LocalUseError):
            wrong.encode()
