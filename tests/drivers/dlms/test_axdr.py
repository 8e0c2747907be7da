import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.dlms.axdr import Data, expand
from drivers.dlms.axdr_primitives import DEPTH_MAX, encode_length, read_length
from drivers.dlms.data_types import BitString, CompactArray, DataTag, TypeDescription
from drivers.dlms.date_time import CosemDate, CosemDateTime, CosemTime
from drivers.errors import LocalUseError, MalformedFrame
from drivers.octets import OctetReader
from tests.drivers.dlms.gurux_judge import value_of

U16 = TypeDescription(tag=DataTag.LONG_UNSIGNED)
COMPACT = CompactArray(
    description=TypeDescription(
        tag=DataTag.STRUCTURE,
        elements=(U16, TypeDescription(tag=DataTag.ARRAY, count=2, elements=(U16,))),
    ),
    contents=bytes.fromhex("000100020003000400050006"),
)

EXAMPLES = [
    ("00", Data.null()),
    ("010211011102", Data.array(Data.u8(1), Data.u8(2))),
    ("0202 0FFE 161E", Data.structure(Data.i8(-2), Data.enum(30))),
    ("0300", Data(DataTag.BOOLEAN, value=False)),
    ("0301", Data.boolean(bool(1))),
    ("040A FF80", Data(DataTag.BIT_STRING, BitString(octets=b"\xff\x80", bit_count=10))),
    ("05FFFFFFFE", Data.i32(-2)),
    ("060001E240", Data.u32(123456)),
    ("0902ABCD", Data.octet_string(b"\xab\xcd")),
    ("0A0474657374", Data.visible_string("test")),
    ("0C02C3A9", Data(DataTag.UTF8_STRING, "é")),
    ("0D42", Data(DataTag.BCD, 0x42)),
    ("0F80", Data.i8(-128)),
    ("10FFFF", Data.i16(-1)),
    ("11FF", Data.u8(255)),
    ("12FFFF", Data.u16(65535)),
    ("13 02 02 12 01 0002 12 0C 000100020003000400050006", Data(DataTag.COMPACT_ARRAY, COMPACT)),
    ("14FFFFFFFFFFFFFFFF", Data(DataTag.LONG64, -1)),
    ("15FFFFFFFFFFFFFFFF", Data(DataTag.LONG64_UNSIGNED, 2**64 - 1)),
    ("16FF", Data.enum(255)),
    ("173F800000", Data(DataTag.FLOAT32, 1.0)),
    ("18BFF0000000000000", Data(DataTag.FLOAT64, -1.0)),
    (
        "19 07EA0B14050A0F1E00FFC400",
        Data(DataTag.DATE_TIME, CosemDateTime.decode(bytes.fromhex("07EA0B14050A0F1E00FFC400"))),
    ),
    ("1A 07EA0B1405", Data(DataTag.DATE, CosemDate(year=2026, month=11, day=20, weekday=5))),
    ("1B 0A0F1E00", Data(DataTag.TIME, CosemTime(hour=10, minute=15, second=30, hundredths=0))),
    ("1CFF", Data(DataTag.DELTA_INTEGER, -1)),
    ("1DFFFF", Data(DataTag.DELTA_LONG, -1)),
    ("1EFFFFFFFF", Data(DataTag.DELTA_DOUBLE_LONG, -1)),
    ("1FFF", Data(DataTag.DELTA_UNSIGNED, 255)),
    ("20FFFF", Data(DataTag.DELTA_LONG_UNSIGNED, 65535)),
    ("21FFFFFFFF", Data(DataTag.DELTA_DOUBLE_LONG_UNSIGNED, 2**32 - 1)),
    ("FF", Data(DataTag.DONT_CARE)),
]


def test_every_type_has_an_example() -> None:
    assert {data.tag for _, data in EXAMPLES} == set(DataTag)


@pytest.mark.parametrize(("text", "data"), EXAMPLES, ids=[data.tag.name for _, data in EXAMPLES])
def test_both_ways(text: str, data: Data) -> None:
    octets = bytes.fromhex(text)
    assert Data.from_octets(octets) == data
    assert data.encode() == octets
    for cut in range(len(octets)):
        with pytest.raises(MalformedFrame):
            Data.from_octets(octets[:cut])
    with pytest.raises(MalformedFrame):
        Data.from_octets(octets + b"\x00")


@pytest.mark.parametrize(
    "data",
    [
        data
        for _, data in EXAMPLES
        if isinstance(data.value, int | float | str)
        # It knows no delta types, and shows UTF-8 beyond ASCII as hex.
        and (data.tag < DataTag.DELTA_INTEGER and data.tag != DataTag.UTF8_STRING)
    ],
    ids=lambda data: data.tag.name,
)
def test_gurux_reads_the_same_value(data: Data) -> None:
    assert value_of(data.encode()) == data.value


@pytest.mark.parametrize(
    ("length", "text"),
    [(0, "00"), (127, "7F"), (128, "8180"), (255, "81FF"), (256, "820100"), (65536, "83010000")],
)
def test_lengths(length: int, text: str) -> None:
    """docs/plc.md 6.7: a peer writes 128 to 255 wrong."""
    assert encode_length(length) == bytes.fromhex(text)
    assert read_length(OctetReader(bytes.fromhex(text))) == length


@pytest.mark.parametrize("size", [128, 255, 256, 70_000])
def test_long_strings(size: int) -> None:
    data = Data.octet_string(bytes(size))
    assert Data.from_octets(data.encode()) == data


def test_compact_array_unfolds() -> None:
    def row(first: int) -> Data:
        return Data.structure(Data.u16(first), Data.array(Data.u16(first + 1), Data.u16(first + 2)))

    assert expand(COMPACT) == (row(1), row(4))


@pytest.mark.parametrize(
    ("description", "contents"),
    [
        (U16, b"\x00"),
        (TypeDescription(tag=DataTag.NULL), b"\x00"),
        (
            TypeDescription(
                tag=DataTag.ARRAY,
                count=65535,
                elements=(
                    TypeDescription(
                        tag=DataTag.ARRAY,
                        count=65535,
                        elements=(TypeDescription(tag=DataTag.NULL),),
                    ),
                ),
            ),
            b"\x00",
        ),
    ],
    ids=["cut", "no octets each", "four milliard nothings"],
)
def test_compact_array_that_lies_is_refused(description: TypeDescription, contents: bytes) -> None:
    with pytest.raises(MalformedFrame):
        expand(CompactArray(description=description, contents=contents))


HOSTILE = {
    "arrays in arrays": b"\x01\x01" * 100_000,
    "structures in structures": b"\x02\x01" * 100_000,
    "descriptions in descriptions": b"\x13" + b"\x02\x01" * 100_000,
    "array descriptions": b"\x13" + b"\x01\xff\xff" * 100_000,
    "four milliard elements": b"\x01\x84\xff\xff\xff\xff" + b"\x00" * 1000,
    "four milliard octets": b"\x09\x84\xff\xff\xff\xff" + b"\x00" * 1000,
    "four milliard bits": b"\x04\x84\xff\xff\xff\xff" + b"\x00" * 1000,
    "length in 127 octets": b"\x09\xff" + b"\x00" * 1000,
    "endless length": b"\x09\x80" + b"\x00" * 1000,
    "unknown type": b"\x07\x00",
    "compact in compact": b"\x13\x13\x12\x00",
    "no UTF-8": b"\x0c\x01\xff",
}


@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE)
def test_hostile_octets_cost_little(octets: bytes) -> None:
    """HAR: bounded time and memory, and no other error than MalformedFrame."""
    began = time.perf_counter()
    tracemalloc.start()
    try:
        with pytest.raises(MalformedFrame):
            Data.from_octets(octets)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - began < 1
    assert peak < 4 * len(octets) + 100_000


def test_deepest_allowed_nesting() -> None:
    data = Data.null()
    for _ in range(DEPTH_MAX):
        data = Data.structure(data)
    assert Data.from_octets(data.encode()) == data
    with pytest.raises(LocalUseError):
        Data.structure(data).encode()
    with pytest.raises(MalformedFrame):
        Data.from_octets(b"\x02\x01" + data.encode())


@pytest.mark.parametrize(
    "data",
    [
        Data.u8(256),
        Data.u8(-1),
        Data(DataTag.UNSIGNED, 1.5),
        Data(DataTag.UNSIGNED, "1"),
        Data(DataTag.OCTET_STRING, "text"),
        Data(DataTag.VISIBLE_STRING, "\u20ac"),
        Data(DataTag.DATE, CosemTime()),
        Data(DataTag.ARRAY, 1),
        Data(DataTag.BOOLEAN, 1),
        Data(DataTag.BIT_STRING, BitString(octets=b"", bit_count=1)),
    ],
    ids=repr,
)
def test_values_of_another_type_are_our_bug(data: Data) -> None:
    with pytest.raises(LocalUseError):
        data.encode()


def test_accessors_check_the_type() -> None:
    assert Data.u8(3).integer() == 3
    assert Data.octet_string(b"ab").octets() == b"ab"
    assert Data.octet_string(b"ab").text() == Data.visible_string("ab").text() == "ab"
    assert Data.array(Data.null()).items() == (Data.null(),)
    moment = CosemDateTime.from_utc(0)
    assert Data.clock_string(moment).moment() == Data(DataTag.DATE_TIME, moment).moment() == moment
    for wrong in (
        Data.null().integer,
        Data(DataTag.BOOLEAN, value=True).integer,
        Data.u8(1).octets,
    ):
        with pytest.raises(MalformedFrame):
            wrong()
    for also_wrong in (Data.u8(1).items, Data.u8(1).text, Data.octet_string(b"").moment):
        with pytest.raises(MalformedFrame):
            also_wrong()


@given(st.binary(max_size=200))
def test_any_octets_are_data_or_refused(octets: bytes) -> None:
    try:
        data = Data.from_octets(octets)
    except MalformedFrame:
        return
    again = data.encode()
    assert Data.from_octets(again).encode() == again


def test_lengths_that_cannot_be_are_our_bug() -> None:
    for length in (-1, 2**32):
        with pytest.raises(LocalUseError):
            encode_length(length)


def test_bits_read_like_text() -> None:
    assert str(BitString(octets=b"\xff\x80", bit_count=10)) == "1111111110"
