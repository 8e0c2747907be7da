import pytest

from drivers.dlms.obis import Obis
from drivers.errors import LocalUseError, MalformedFrame


def test_text_and_octets_are_the_same_code() -> None:
    code = Obis.parse("1-0:1.8.0.255")
    assert code.octets == bytes.fromhex("0100010800FF")
    assert str(code) == "1-0:1.8.0.255"
    assert code == Obis.from_octets(bytes.fromhex("0100010800FF"))
    assert Obis.parse("1-0:1.8.0") == code
    assert Obis.parse("1-0:1.8.0*255") == code


@pytest.mark.parametrize("text", ["", "1.0.1.8.0.255", "1-0:1.8.256.255", "999-0:1.8.0.255", "x"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(LocalUseError):
        Obis.parse(text)


def test_other_lengths_are_refused() -> None:
    with pytest.raises(MalformedFrame):
        Obis.from_octets(b"\x01\x00\x01\x08\x00")
