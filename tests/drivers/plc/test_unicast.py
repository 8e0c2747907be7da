"""One question to one node: repeats, credit, and answers that are none."""

from dataclasses import replace

import pytest

from drivers.errors import LocalUseError, NoAnswer
from drivers.plc import llc
from drivers.plc.airtime import LineTiming
from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import INITIATOR, MacFrame
from drivers.plc.unicast import UnicastRequest

TIMING = LineTiming(bit_rate_bps=2400, host_latency_s=0.25)
READ = bytes.fromhex("0501022008")
VALUE = bytes.fromhex("0C0100060001E240")
NODE = 0x001


def _request(initial_credit: int = 2, tries: int = 4) -> UnicastRequest:
    return UnicastRequest(
        initiator=INITIATOR,
        node=NODE,
        destination_lsap=llc.MANAGEMENT_LD,
        source_lsap=llc.PUBLIC_CLIENT,
        apdu=READ,
        initial_credit=initial_credit,
        timing=TIMING,
        answer_octets_max=11,
        tries=tries,
    )


def _answer(initial_credit: int = 2, hops: int = 1, delta_credit: int = 1) -> MacFrame:
    pdu = LlcPdu(destination_lsap=llc.PUBLIC_CLIENT, source_lsap=llc.MANAGEMENT_LD, l_sdu=VALUE)
    return MacFrame(
        initial_credit=initial_credit,
        current_credit=initial_credit - hops,
        delta_credit=delta_credit,
        source=NODE,
        destination=INITIATOR,
        m_sdu=pdu.encode(),
    )


def _sent(request: UnicastRequest) -> MacFrame:
    frame = MacFrame.from_host(request.octets_to_send())
    assert request.octets_to_send() == b""
    return frame


def test_the_request_is_the_frame_of_the_vector() -> None:
    """Source: vector uart_ma_data_request_read, without the modem's framing."""
    request = _request()
    request.start(0.0)
    assert request.octets_to_send().hex().upper() == "48C00001009001100501022008"


def test_an_answer_tells_need_credit_and_cost() -> None:
    request = _request()
    request.start(10.0)
    assert request.outcome() is None
    _sent(request)
    request.receive(_answer(hops=1, delta_credit=2).to_host(), 11.0)
    answer = request.outcome()
    assert answer is not None
    assert answer.apdu == VALUE
    assert (answer.need_down, answer.need_up, answer.need) == (2, 1, 2)
    assert (answer.initial_credit_used, answer.tries_used) == (2, 1)
    assert (answer.sent_octets, answer.answer_octets) == (8, 11)
    assert (request.question_octets, request.credits_used) == (8, (2,))
    assert answer.airtime_s == pytest.approx(0.9)
    assert answer.line_busy_s == pytest.approx(0.15)
    assert answer.late_until_s is None
    assert request.deadline() is None


def test_silence_is_met_with_credit_seven() -> None:
    """PLC-1: on failure the frame goes again with the maximum credit."""
    request = _request(initial_credit=1)
    request.start(0.0)
    credits_sent = []
    while (due := request.deadline()) is not None:
        assert request.outcome() is None
        credits_sent.append(_sent(request).initial_credit)
        request.tick(due - 0.001)
        assert request.octets_to_send() == b""
        request.tick(due)
    with pytest.raises(NoAnswer, match="001 silent after 4 tries"):
        request.outcome()
    assert credits_sent == [1, 7, 7, 7]
    assert request.credits_used == (1, 7, 7, 7)
    assert request.deadline() is None


def test_one_try_is_one_try() -> None:
    request = _request(tries=1)
    request.start(0.0)
    _sent(request)
    request.tick(1e6)
    assert request.octets_to_send() == b""
    with pytest.raises(NoAnswer):
        request.outcome()


def test_an_answer_to_the_last_of_two_tries_is_final() -> None:
    request = _request(initial_credit=2)
    request.start(0.0)
    request.tick(request.deadline() or 0)
    request.receive(_answer(initial_credit=7).to_host(), 8.0)
    answer = request.outcome()
    assert answer is not None
    assert (answer.tries_used, answer.initial_credit_used) == (2, 7)
    assert answer.sent_octets == 16
    assert answer.late_until_s is None


@pytest.mark.parametrize(("first_credit", "answered_credit"), [(2, 2), (7, 7)])
def test_after_a_late_answer_another_may_still_come(
    first_credit: int, answered_credit: int
) -> None:
    """INV-3: a reply has no number, so the caller must know how long a second one may come."""
    request = _request(initial_credit=first_credit)
    request.start(0.0)
    request.tick(request.deadline() or 0)
    second_due = request.deadline()
    request.receive(_answer(initial_credit=answered_credit).to_host(), 3.0)
    answer = request.outcome()
    assert answer is not None
    assert answer.late_until_s == second_due
    assert answer.initial_credit_used == answered_credit


@pytest.mark.parametrize(("hops_up", "told_down"), [(0, 3), (3, 0), (2, 2)])
def test_the_greater_of_both_needs_is_the_need(hops_up: int, told_down: int) -> None:
    """PLC-1: question and answer travel with the same credit, so it must do for both."""
    request = _request(initial_credit=3)
    request.start(0.0)
    request.receive(_answer(3, hops=hops_up, delta_credit=told_down).to_host(), 1.0)
    answer = request.outcome()
    assert answer is not None
    assert (answer.need_down, answer.need_up) == (told_down, hops_up)
    assert answer.need == max(hops_up, told_down)


OTHER_PDU = LlcPdu(destination_lsap=llc.INITIATOR, source_lsap=llc.CIASE, l_sdu=b"\x1a123456")
EMPTY_PDU = LlcPdu(destination_lsap=llc.PUBLIC_CLIENT, source_lsap=llc.MANAGEMENT_LD, l_sdu=b"")


@pytest.mark.parametrize(
    "octets",
    [
        replace(_answer(), source=0x002).to_host(),
        replace(_answer(), destination=0xC01).to_host(),
        replace(_answer(), m_sdu=OTHER_PDU.encode()).to_host(),
        replace(_answer(), m_sdu=EMPTY_PDU.encode()).to_host(),
        replace(_answer(), m_sdu=b"\x91\x10\x01\x0c").to_host(),
        replace(_answer(), m_sdu=b"").to_host(),
        b"",
        b"\x45\x00\x1c",
    ],
)
def test_what_is_no_answer_is_counted_and_passed_over(octets: bytes) -> None:
    """INV-7: a frame of another node, or for another client, is never taken for the answer."""
    request = _request()
    request.start(0.0)
    due = request.deadline()
    request.receive(octets, 0.5)
    assert request.outcome() is None
    assert (request.ignored_count, request.deadline()) == (1, due)
    request.receive(_answer().to_host(), 0.6)
    assert request.outcome() is not None


def test_nothing_is_taken_before_the_start_or_after_the_end() -> None:
    request = _request()
    request.receive(_answer().to_host(), 0.0)
    assert request.outcome() is None
    request.start(1.0)
    request.receive(_answer(delta_credit=1).to_host(), 2.0)
    first = request.outcome()
    request.receive(_answer(delta_credit=3).to_host(), 2.1)
    assert request.outcome() == first
    assert request.ignored_count == 2


@pytest.mark.parametrize(("initial_credit", "tries"), [(8, 4), (-1, 4), (2, 0)])
def test_nonsense_terms_are_our_bug(initial_credit: int, tries: int) -> None:
    with pytest.raises(LocalUseError):
        _request(initial_credit=initial_credit, tries=tries)


def test_an_apdu_that_does_not_fit_is_our_bug() -> None:
    with pytest.raises(LocalUseError):
        UnicastRequest(
            initiator=INITIATOR,
            node=NODE,
            destination_lsap=1,
            source_lsap=16,
            apdu=bytes(240),
            initial_credit=0,
            timing=TIMING,
        )
