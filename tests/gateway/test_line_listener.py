"""What a listening modem tells becomes frames, alarms, slots found and lost."""

from gateway.cli.line_listener import LineEventKind
from hal.plc_modem.messages import (
    SpyAlarmFound,
    SpyMessage,
    SpyNoAlarmFound,
    SpyNoSubframe,
    SpySearchSynchro,
    SpySubframe,
    SpySynchroFound,
)
from tests.gateway.line_events import SPY, WEAK, events_of, frame_of, told

SHORT = frame_of(bytes.fromhex("0501022008"))
LONG = frame_of(b"\x05" + bytes(80))


def test_frames_carry_the_signal_of_their_first_sub_frame() -> None:
    """PLC-3: signal and noise, where the modem tells them."""
    first, *others = told(LONG, WEAK)
    strong = [SpySubframe(SPY, each.p_sdu) for each in others if isinstance(each, SpySubframe)]
    short, long, again = events_of([*told(SHORT), first, *strong, *told(SHORT)])
    assert [each.kind for each in (short, long, again)] == [LineEventKind.FRAME] * 3
    assert (short.spy, long.spy, again.spy) == (SPY, WEAK, SPY)
    assert long.heard is not None
    assert len(long.heard.p_sdus) == 3


def test_a_silent_slot_ends_a_frame_that_was_cut_short() -> None:
    (event,) = events_of([told(LONG, WEAK)[0], SpyNoSubframe(SPY), SpyNoSubframe(SPY)])
    assert event.kind is LineEventKind.DAMAGED
    assert event.spy == WEAK
    assert event.heard is not None
    assert event.heard.reason == "1 P_sdus do not fit their code"


def test_a_lost_slot_is_told_once_and_ends_a_frame() -> None:
    search = SpySearchSynchro()
    messages: list[SpyMessage] = [
        search,
        search,
        SpySynchroFound(SPY),
        told(LONG)[0],
        search,
        search,
    ]
    kinds = [each.kind for each in events_of(messages)]
    assert kinds == [
        LineEventKind.SEARCHING,
        LineEventKind.SLOT_FOUND,
        LineEventKind.DAMAGED,
        LineEventKind.SEARCHING,
    ]


def test_alarms_are_events_and_their_absence_is_none() -> None:
    """PLC-6: a physical alarm is reported with its pattern."""
    (event,) = events_of([SpyNoAlarmFound(SPY, b"\0\0"), SpyAlarmFound(SPY, b"\x12\x34")])
    assert (event.kind, event.pattern, event.spy) == (LineEventKind.ALARM, b"\x12\x34", SPY)


def test_two_unfinished_frames_keep_their_own_signal() -> None:
    """A frame that another one cuts off is told with the signal it began with."""
    other = frame_of(b"\x05" + bytes(40))
    cut, whole = events_of([told(LONG, WEAK)[0], *told(other, SPY)])
    assert (cut.kind, cut.spy) == (LineEventKind.DAMAGED, WEAK)
    assert (whole.kind, whole.spy) == (LineEventKind.FRAME, SPY)
