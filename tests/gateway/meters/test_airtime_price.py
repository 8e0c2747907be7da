"""PLC-7: what a use of the line is thought to cost is what it does cost."""

import pytest

from drivers.dlms.companion import CLOCK, Entity
from drivers.dlms.conversations import by_range, read, read_profile_entries, read_profile_range
from drivers.dlms.data_types import DataTag
from drivers.dlms.profile_rows import RowLayout, encode_rows
from drivers.plc.airtime import ALIGNMENT_SLOTS, LineTiming
from drivers.plc.ciase import PingRequest, PingResponse
from drivers.plc.llc import HEADER_OCTETS
from drivers.plc.mac_frame import M_SDU_OCTETS_MAX, Packing
from gateway.meters.airtime_price import AirtimePrice, rows_octets
from gateway.meters.company import ENTRY_QUESTION_OCTETS, RANGE_QUESTION_OCTETS
from gateway.meters.meter_access import PING_LENGTH
from gateway.meters.schedule import EVENTS_QUESTION_OCTETS
from tests.gateway.meters.test_stream_plan import make_stream

TIMING = LineTiming(bit_rate_bps=2400)
PRICE = AirtimePrice(timing=TIMING)
NOON_S = 1_790_000_000
TITLE = b"LGZ001"


@pytest.mark.parametrize("credit", [0, 1, 7])
@pytest.mark.parametrize(("question", "answer"), [(24, 34), (56, 239), (113, 80)])
def test_an_exchange_costs_what_the_line_is_taken_for(
    question: int, answer: int, credit: int
) -> None:
    """As long as it is waited for, without alignment, host and what is only allowed for."""
    due_s = TIMING.answer_due_s(question + HEADER_OCTETS, answer + HEADER_OCTETS, credit)
    allowance_s = ALIGNMENT_SLOTS * TIMING.slot_s + TIMING.host_latency_s
    assert PRICE.exchange_s(question, answer, credit) == pytest.approx(due_s - allowance_s)


def test_a_ping_of_credit_seven_takes_eighteen_slots() -> None:
    assert PRICE.ping_s() == pytest.approx(18 * 0.15)
    assert PRICE.ping_s(0) == pytest.approx(4 * 0.15)
    pdus = PingRequest(system_title=TITLE), PingResponse(system_title=TITLE)
    assert {PRICE.subframes(len(pdu.encode())) for pdu in pdus} == {1}
    assert tuple(PING_LENGTH) == (1, 1)
    assert PRICE.subframes_s(sum(PING_LENGTH), 7) == PRICE.ping_s()


def test_a_broadcast_takes_its_repetitions() -> None:
    assert PRICE.broadcast_s(24) == pytest.approx(8 * 0.15)
    assert PRICE.broadcast_s(24, 2) == pytest.approx(3 * 0.15)


@pytest.mark.parametrize("packing", list(Packing))
def test_no_answer_is_dearer_than_the_longest_frame(packing: Packing) -> None:
    """A longer one comes in blocks, each of them an exchange of its own."""
    timing = LineTiming(bit_rate_bps=2400, packing=packing)
    price = AirtimePrice(timing=timing)
    assert price.subframes(5000) == price.subframes(M_SDU_OCTETS_MAX - HEADER_OCTETS) == 7


def test_questions_are_as_long_as_they_are_priced() -> None:
    buffer, clock = 0x1008, 0x2008
    whole_day = by_range(buffer, CLOCK, NOON_S, NOON_S + 86_399)
    assert len(next(read_profile_entries(buffer, 2153, 2160))) == ENTRY_QUESTION_OCTETS
    assert len(next(read_profile_range(buffer, CLOCK, NOON_S, NOON_S))) == RANGE_QUESTION_OCTETS
    assert len(next(read([clock, whole_day, whole_day]))) == EVENTS_QUESTION_OCTETS


@pytest.mark.parametrize("rows", [1, 2, 8])
def test_answers_are_as_long_as_they_are_priced(rows: int) -> None:
    """Of rows of two values of 32 bits and a status of 16; tag, count and choice in front."""
    stream = make_stream(Entity.PERIODIC)
    layout = RowLayout(status=DataTag.LONG_UNSIGNED, values=(DataTag.DOUBLE_LONG_UNSIGNED,) * 2)
    buffer = encode_rows([(NOON_S, 0, 0, (1, 2))] * rows, layout)
    assert rows_octets(rows, stream.row_octets) == len(b"\x0c\x01\x00" + buffer)
