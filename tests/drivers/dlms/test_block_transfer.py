"""Long answers put together again, and those that cannot be."""

import collections

import pytest

from drivers.dlms.apdu_sn import ReadResponse, results_in_raw_data
from drivers.dlms.axdr import Data
from drivers.dlms.conversations import read
from drivers.dlms.profile_rows import encode_rows
from drivers.dlms.service_error import DataAccessError
from drivers.dlms.variable_access import DataBlock
from drivers.errors import MalformedFrame
from tests.drivers.dlms.sn_meter import LAYOUT, NOW_S


def blocks(*numbers_and_ends: tuple[int, bool]) -> list[bytes]:
    return [
        ReadResponse(
            results=(DataBlock(last_block=end, block_number=number, raw_data=b"\x00"),)
        ).encode()
        for number, end in numbers_and_ends
    ]


@pytest.mark.parametrize(
    "answers",
    [
        blocks((2, True)),
        blocks((1, False), (1, True)),
        blocks((1, False), (3, True)),
        [*blocks((1, False)), ReadResponse(results=(Data.null(),)).encode()],
        [
            ReadResponse(
                results=(DataBlock(last_block=False, block_number=1, raw_data=b""),)
            ).encode()
        ],
        [
            ReadResponse(
                results=(
                    DataBlock(last_block=True, block_number=1, raw_data=b""),
                    Data.null(),
                )
            ).encode()
        ],
    ],
    ids=["begins at 2", "repeats", "leaves out", "breaks off", "empty block", "block and value"],
)
def test_blocks_out_of_order_are_refused(answers: list[bytes]) -> None:
    conversation = read([1])
    next(conversation)
    for answer in answers[:-1]:
        conversation.send(answer)
    with pytest.raises(MalformedFrame):
        conversation.send(answers[-1])


def test_a_long_answer_without_end_is_given_up() -> None:
    """HAR: bounded memory whatever a meter sends."""
    conversation = read([1])
    next(conversation)
    answers = (
        ReadResponse(
            results=(DataBlock(last_block=False, block_number=number, raw_data=bytes(230)),)
        ).encode()
        for number in range(1, 300_000 // 230)
    )
    with pytest.raises(MalformedFrame):
        collections.deque(map(conversation.send, answers), maxlen=0)


def test_the_two_shapes_of_raw_data_are_never_confused() -> None:
    """docs/plc.md 6.7: count and choice look like an array's beginning."""
    one_row = Data.from_octets(encode_rows([(NOW_S, 0, 0, (1, 2, 3, 4))], LAYOUT))
    for value in (Data.array(), Data.array(Data.null()), one_row, Data.structure(Data.u8(1))):
        assert results_in_raw_data(value.encode(), 1) == (value,)
        assert results_in_raw_data(b"\x01\x00" + value.encode(), 1) == (value,)
    assert results_in_raw_data(b"\x01\x01\x03", 1) == (DataAccessError.READ_WRITE_DENIED,)
    two = Data.u8(1).encode() + Data.structure(Data.null()).encode()
    assert results_in_raw_data(two, 2) == (Data.u8(1), Data.structure(Data.null()))
    for nonsense in (b"", b"\x01", b"\x01\x00", b"\x01\x02\x00"):
        if nonsense != b"\x01\x00":  # that one is an empty array
            with pytest.raises(MalformedFrame):
                results_in_raw_data(nonsense, 1)
