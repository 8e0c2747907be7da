import pytest

from drivers.dlms.axdr import Data
from drivers.dlms.cosem_objects import (
    AttributeCode,
    MethodCode,
    ObjectList,
    ObjectListEntry,
    attribute_name,
    method_name,
    what_stands_at,
)
from drivers.dlms.obis import Obis
from drivers.errors import LocalUseError, MalformedFrame
from tests.drivers.dlms.gurux_judge import value_of

CLOCK = ObjectListEntry(
    base_name=0x2BC0, class_id=8, version=0, logical_name=Obis.parse("0-0:1.0.0.255")
)
ASSOCIATION = ObjectListEntry(
    base_name=0xFA00, class_id=12, version=1, logical_name=Obis.parse("0-0:40.0.0.255")
)
OBJECTS = ObjectList([CLOCK, ASSOCIATION])


def test_names_of_the_examples() -> None:
    assert attribute_name(0x2BC0, 2) == 0x2BC8 == CLOCK.attribute_name(2)
    assert method_name(7, 0x3000, 1) == 0x3058
    assert method_name(12, 0xFA00, 8) == 0xFA58 == ASSOCIATION.method_name(8)
    assert CLOCK.method_name(6) == 0x2BC0 + 0x60 + 40


@pytest.mark.parametrize(("class_id", "method"), [(7, 5), (7, 0), (1, 1)])
def test_methods_that_a_class_does_not_have(class_id: int, method: int) -> None:
    with pytest.raises(LocalUseError):
        method_name(class_id, 0x3000, method)


def test_offsets_back_to_attributes_and_methods() -> None:
    assert what_stands_at(7, 0x00) == AttributeCode(index=1)
    assert what_stands_at(7, 0x38) == AttributeCode(index=8)
    assert what_stands_at(7, 0x58) == MethodCode(index=1)
    assert what_stands_at(7, 0x70) == MethodCode(index=4)
    assert what_stands_at(7, 0x78) is None
    assert what_stands_at(7, 0x01) is None
    assert what_stands_at(1, 0x08) == AttributeCode(index=2)


def test_finding_needs_name_and_class() -> None:
    assert OBJECTS.find(Obis.parse("0-0:1.0.0.255"), 8) == CLOCK
    assert OBJECTS.find(Obis.parse("0-0:1.0.0.255"), 1) is None
    assert list(OBJECTS) == [CLOCK, ASSOCIATION]
    assert len(OBJECTS) == 2


def test_list_as_data_and_as_text() -> None:
    """INV-3: the list is remembered by kind of meter, so it must survive a text column."""
    octets = OBJECTS.to_data().encode()
    assert octets[:2] == b"\x01\x02"
    assert bytes.fromhex("0204 10FA00 12000C 1101 09060000280000FF") in octets
    read: object = value_of(octets)
    assert isinstance(read, list)
    assert read[0][:3] == [0x2BC0, 8, 0]
    assert ObjectList.from_data(Data.from_octets(octets)) == OBJECTS
    assert ObjectList.from_json(OBJECTS.to_json()) == OBJECTS
    assert hash(ObjectList.from_json(OBJECTS.to_json())) == hash(OBJECTS)


@pytest.mark.parametrize("text", ["", "{}x", "[1]", "[[1,2,3]]", '[[1,2,3,"x"]]', "[[1,2,3,4]]"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(LocalUseError):
        ObjectList.from_json(text)


@pytest.mark.parametrize(
    "data",
    [
        Data.null(),
        Data.array(Data.null()),
        Data.array(Data.structure(Data.i16(1))),
        Data.array(
            Data.structure(Data.i16(1), Data.u16(1), Data.u8(0), Data.octet_string(b"short"))
        ),
    ],
)
def test_other_data_is_refused(data: Data) -> None:
    with pytest.raises(MalformedFrame):
        ObjectList.from_data(data)
