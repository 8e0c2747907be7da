import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.dlms import profile_rows
from drivers.dlms.axdr import Data
from drivers.dlms.data_types import DataTag
from drivers.dlms.date_time import ClockStatus, CosemDateTime
from drivers.dlms.profile_rows import ProfileRow, RowLayout, decode_rows, encode_rows
from drivers.errors import LocalUseError, MalformedFrame
from tests.drivers.dlms.gurux_judge import value_of

QUARTER_S = 1_795_046_400  # 2026-11-19 00:00:00 UTC
U32 = DataTag.DOUBLE_LONG_UNSIGNED
WIDE = RowLayout(status=DataTag.LONG_UNSIGNED, values=(U32,) * 4, deviation_min=-60)
NARROW = RowLayout(status=DataTag.UNSIGNED, values=(U32,))


def rows(count: int, registers: int = 4) -> list[ProfileRow]:
    return [
        (QUARTER_S + 900 * at, ClockStatus.DST, at % 200, tuple(range(at, at + registers)))
        for at in range(count)
    ]


def generic(octets: bytes) -> list[ProfileRow]:
    """Decode by way of Data and CosemDateTime: the slow truth."""
    decoded = []
    for row in Data.from_octets(octets).items():
        clock, status, *values = row.items()
        moment = clock.moment()
        utc_s = moment.utc_s()
        assert utc_s is not None
        registers = tuple([value.integer() for value in values])
        decoded.append((int(utc_s), int(moment.marks()), status.integer(), registers))
    return decoded


@pytest.mark.parametrize("count", [0, 1, 2, 6, 96, 127, 128, 300])
def test_rows_come_back(count: int) -> None:
    """ACQ-4: time in UTC with its DST flag, status, registers."""
    octets = encode_rows(rows(count), WIDE)
    assert decode_rows(octets) == rows(count) == generic(octets)
    assert decode_rows(b"\x0c\x01\x00" + octets, 3) == rows(count)


def test_gurux_reads_the_same_numbers() -> None:
    octets = encode_rows(rows(6), WIDE)
    read: Any = value_of(octets)
    assert [tuple(row[2:]) for row in read] == [row[3] for row in rows(6)]
    assert [bytes(row[0]) for row in read] == [
        CosemDateTime.from_utc(row[0], -60, 0x80).encode() for row in rows(6)
    ]


@pytest.mark.parametrize("tag", list(profile_rows._NUMBER_FORMS))
def test_every_type_of_number_may_be_a_column(tag: DataTag) -> None:
    layout = RowLayout(status=tag, values=(tag, U32))
    some = [(QUARTER_S, 0, 7, (9, 10)), (QUARTER_S + 1, 0, 100, (0, 1))]
    assert decode_rows(encode_rows(some, layout)) == some


def test_negative_registers() -> None:
    layout = RowLayout(status=DataTag.UNSIGNED, values=(DataTag.DOUBLE_LONG, DataTag.LONG64))
    some = [(QUARTER_S, 0, 0, (-5, -(2**40)))]
    assert decode_rows(encode_rows(some, layout)) == some


def test_clock_as_date_time() -> None:
    octets = encode_rows(rows(3, 1), NARROW).replace(b"\x09\x0c", b"\x19")
    assert decode_rows(octets) == rows(3, 1) == generic(octets)


def test_rows_of_different_shapes() -> None:
    mixed = b"\x01\x03" + b"".join(
        [
            encode_rows(rows(1), WIDE)[2:],
            encode_rows(rows(1, 1), NARROW)[2:],
            encode_rows(rows(1), WIDE)[2:],
        ]
    )
    assert decode_rows(mixed) == rows(1) + rows(1, 1) + rows(1) == generic(mixed)


def test_shapes_of_one_size_are_told_apart() -> None:
    one = RowLayout(status=DataTag.UNSIGNED, values=(DataTag.LONG_UNSIGNED,))
    other = RowLayout(status=DataTag.LONG_UNSIGNED, values=(DataTag.UNSIGNED,))
    some = [(QUARTER_S, 0, 1, (2,)), (QUARTER_S, 0, 3, (4,))]
    for _ in range(3):
        for layout in (one, other):
            assert decode_rows(encode_rows(some, layout)) == some
    mixed = b"\x01\x02" + encode_rows(some[:1], one)[2:] + encode_rows(some[1:], other)[2:]
    assert decode_rows(mixed) == some


def test_what_the_clock_left_unsaid_is_marked() -> None:
    layout = RowLayout(status=DataTag.UNSIGNED, values=(U32,), deviation_min=-0x8000)
    octets = bytearray(encode_rows([(QUARTER_S, 0, 0, (1,))], NARROW))
    clock_at = octets.index(b"\x09\x0c") + 2
    octets[clock_at + 9 : clock_at + 12] = b"\x80\x00\xff"
    ((captured_at_s, clock_status, _, _),) = decode_rows(bytes(octets))
    assert captured_at_s == QUARTER_S
    assert clock_status == ClockStatus.DEVIATION_NOT_STATED | ClockStatus.STATUS_NOT_STATED
    assert (
        layout.deviation_min
        == CosemDateTime.decode(bytes(octets[clock_at : clock_at + 12])).deviation_min
    )


@pytest.mark.parametrize(
    ("at", "octets"),
    [
        (0, "FFFF"),  # any year
        (2, "0D"),  # month 13
        (2, "021E"),  # 30 February
        (5, "18"),  # hour 24
        (6, "3C"),  # minute 60
        (7, "FF"),  # any second
        (9, "7FFF"),  # 22 days from UTC
    ],
)
def test_a_row_without_a_real_time_is_refused(at: int, octets: str) -> None:
    damaged = bytearray(encode_rows(rows(3, 1), NARROW))
    clock_at = damaged.rindex(b"\x09\x0c") + 2
    patch = bytes.fromhex(octets)
    damaged[clock_at + at : clock_at + at + len(patch)] = patch
    for _ in range(2):  # refused also by what was remembered
        with pytest.raises(MalformedFrame):
            decode_rows(bytes(damaged))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        "0201",
        "01",
        "010000",
        "0101",
        "0184FFFFFFFF",
        "01 01 0200",
        "01 01 01 02 0000",
        "01 01 02 02 00 1100",  # null clock
        "01 01 02 01 090C 07EA0B1304000F00FF800000",  # no status
        "01 01 02 02 090C 07EA0B1304000F00FF800000 0900",  # a string for a status
        "01 01 02 02 090B 07EA0B1304000F00FF8000 1100",  # eleven octets of clock
        "01 01 02 FF 090C 07EA0B1304000F00FF800000" + "1100" * 254,
    ],
)
def test_what_are_no_rows_is_refused(text: str) -> None:
    with pytest.raises(MalformedFrame):
        decode_rows(bytes.fromhex(text))


def test_every_cut_and_every_addition_is_refused() -> None:
    octets = encode_rows(rows(4), WIDE)
    for cut in range(len(octets)):
        with pytest.raises(MalformedFrame):
            decode_rows(octets[:cut])
    with pytest.raises(MalformedFrame):
        decode_rows(octets + b"\x00")


@settings(max_examples=300)
@given(st.integers(0, 10_000), st.integers(0, 255), st.integers(1, 5))
def test_one_wrong_octet_is_seen_as_the_slow_decoder_sees_it(
    at: int, value: int, count: int
) -> None:
    octets = bytearray(encode_rows(rows(count, 2), RowLayout(status=U32, values=(U32, U32))))
    octets[at % len(octets)] = value
    try:
        fast = decode_rows(bytes(octets))
    except MalformedFrame:
        return
    assert fast == generic(bytes(octets))


@given(st.binary(max_size=200))
def test_any_octets_are_rows_or_refused(octets: bytes) -> None:
    try:
        decode_rows(b"\x01" + octets)
    except MalformedFrame:
        return


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_rows, "_HOURS_MAX", 10)
    monkeypatch.setattr(profile_rows, "_ZONES_MAX", 10)
    monkeypatch.setattr(profile_rows, "_SHAPES_MAX", 10)
    for remembered in (profile_rows._HOUR_S, profile_rows._ZONE_S, profile_rows._MARKS):
        remembered.clear()
    profile_rows._shapes_met.clear()
    for at in range(50):
        layout = RowLayout(status=DataTag.UNSIGNED, values=(U32,) * (at % 30), deviation_min=at)
        some = [(QUARTER_S + 3600 * at, at, 0, (1,) * (at % 30))]
        assert decode_rows(encode_rows(some, layout)) == some
    assert len(profile_rows._HOUR_S) <= 10
    assert len(profile_rows._ZONE_S) <= 10
    assert len(profile_rows._MARKS) <= 10
    assert len(profile_rows._shapes_met) <= 10


def test_fast_enough_to_keep_the_aim_of_the_bench() -> None:
    """Issue 2, 7.6: the bench measures it; this only catches a fall to the slow path."""
    octets = encode_rows(rows(96), WIDE)
    decode_rows(octets)

    def spent(decode: Any) -> float:
        began = time.perf_counter()
        decode(octets)
        return time.perf_counter() - began

    fast = min(spent(decode_rows) for _ in range(20))
    slow = min(spent(generic) for _ in range(5))
    assert slow > 5 * fast


def test_registers_must_match_the_layout() -> None:
    with pytest.raises(LocalUseError):
        encode_rows(rows(1, 2), NARROW)
    with pytest.raises(LocalUseError):
        encode_rows([(QUARTER_S, 0, 256, (1,))], NARROW)
