"""INV-2: when the line is looked at again."""

import random

import pytest

from drivers.plc.airtime import LineTiming
from drivers.plc.ciase import Discover
from drivers.plc.discovery import DiscoverRound
from drivers.plc.mac_frame import CREDIT_MAX
from drivers.plc.report_credit import ReportCredit
from drivers.plc.slot_choice import SlotChoice
from gateway.meters.look_rhythm import (
    AT_ONCE_S,
    BARREN_LOOKS_FREE,
    SUSPICIOUS_FOR_S,
    SUSPICIOUS_PERIOD_S,
    LookOutcome,
    LookRhythm,
)
from tests.drivers.plc.answer_windows import Hearing

TIMING = LineTiming(bit_rate_bps=2400)
QUICK_S, PERIOD_S = 60.0, 3600.0
NOW_S = 1_000_000.0


def _outcome(
    news: int, *, damaged: int = 0, expects: bool = False, likely: bool = False, at_s: float = NOW_S
) -> LookOutcome:
    return LookOutcome(
        ended_at_s=at_s,
        news=news,
        damaged=damaged,
        expects_more=expects or likely,
        likely_more=likely,
    )


def _rhythm() -> LookRhythm:
    return LookRhythm(quick_s=QUICK_S, period_s=PERIOD_S)


@pytest.mark.parametrize(
    ("outcome", "next_look_at_s"),
    [
        (_outcome(0), NOW_S + PERIOD_S),
        (_outcome(0, expects=True), NOW_S + QUICK_S),
        (_outcome(0, likely=True), NOW_S + QUICK_S),  # nobody came: something else may go first
        (_outcome(1), NOW_S + QUICK_S),  # where one came there may be others soon
        (_outcome(1, expects=True), NOW_S + QUICK_S),
        (_outcome(1, likely=True), AT_ONCE_S),
    ],
)
def test_the_next_look_follows_what_the_last_one_brought(
    outcome: LookOutcome, next_look_at_s: float
) -> None:
    assert _rhythm().next_look_at_s(outcome) == next_look_at_s


def test_who_is_expected_in_vain_is_looked_for_less_and_less() -> None:
    """Whatever noise makes the belief of: in the end it is one look in a period."""
    rhythm = _rhythm()
    pauses = [rhythm.next_look_at_s(_outcome(0, likely=True)) - NOW_S for _ in range(60)]
    assert pauses[:BARREN_LOOKS_FREE] == [QUICK_S] * BARREN_LOOKS_FREE
    assert pauses[BARREN_LOOKS_FREE] == 2 * QUICK_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == PERIOD_S
    assert rhythm.next_look_at_s(_outcome(1, expects=True)) == NOW_S + QUICK_S
    assert rhythm.next_look_at_s(_outcome(0, expects=True)) == NOW_S + QUICK_S


def test_where_something_damaged_was_heard_looks_come_more_often_for_a_day() -> None:
    """INV-1: somebody may be out there who is heard too badly, for now."""
    rhythm = _rhythm()
    assert rhythm.next_look_at_s(_outcome(0, damaged=1)) == NOW_S + SUSPICIOUS_PERIOD_S
    later_s = NOW_S + SUSPICIOUS_FOR_S - 1
    assert rhythm.next_look_at_s(_outcome(0, at_s=later_s)) == later_s + SUSPICIOUS_PERIOD_S
    later_s = NOW_S + SUSPICIOUS_FOR_S
    assert rhythm.next_look_at_s(_outcome(0, at_s=later_s)) == later_s + PERIOD_S


def test_a_period_shorter_than_the_quick_one_counts() -> None:
    rhythm = LookRhythm(quick_s=60.0, period_s=20.0)
    assert rhythm.next_look_at_s(_outcome(1)) == NOW_S + 20.0


def _look_s(slots: int, credit: int) -> float:
    """Return how long a Discover with its windows takes the line, all waits and latency too."""
    discover = Discover(
        response_probability=100, allowed_time_slots=slots, report_initial_credit=credit
    )
    look = DiscoverRound(
        initiator=0xC00, discover=discover, initial_credit=CREDIT_MAX, timing=TIMING
    )
    look.start(0.0)
    deadline = look.deadline()
    assert deadline is not None
    return deadline


def test_an_hourly_look_at_a_line_at_rest_takes_a_thousandth_of_it() -> None:
    """INV-2: eight slots there and eight back, 2.4 s; 3.35 s with every wait. 0.2 % are 7.2 s."""
    assert _look_s(1, CREDIT_MAX) == pytest.approx(3.35)
    assert 16 * TIMING.slot_s == pytest.approx(2.4)
    assert _look_s(1, CREDIT_MAX) / 3600.0 < 0.001


def _days_at_rest(days: int, hearing: Hearing) -> tuple[list[int], float]:
    """Return the windows of each look in so many days with nobody new, and the share of time."""
    rng = random.Random(1)
    choice, credit, rhythm = SlotChoice(), ReportCredit(), _rhythm()
    windows: list[int] = []
    now_s = busy_s = 0.0
    while now_s < days * 86_400:
        terms = choice.next_terms()
        look_s = _look_s(terms.slots, credit.for_windows(terms.slots))
        heard, damaged = hearing.look(0, terms, rng)
        choice.round_over(answers=heard, collisions=damaged)
        credit.round_over([])
        windows.append(terms.slots)
        busy_s += look_s
        ended = LookOutcome(
            ended_at_s=now_s + look_s,
            news=0,
            damaged=0,
            expects_more=choice.expects_more,
            likely_more=choice.likely_more,
        )
        now_s = rhythm.next_look_at_s(ended)
    return windows, busy_s / now_s


def test_with_nobody_new_there_is_one_look_an_hour_with_one_window() -> None:
    """INV-2: after the first three, which size a line never seen."""
    windows, _ = _days_at_rest(1, Hearing())
    assert len(windows) <= 24 + 4
    assert windows[4:] == [1] * len(windows[4:])


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.1])
def test_weeks_with_nobody_new_cost_little(noise: float) -> None:
    """INV-2: at most 0.2 % of the time, though each false damaged frame may be two new meters."""
    windows, share = _days_at_rest(10, Hearing(noise=noise))
    assert share <= 0.002
    assert len(windows) <= 10 * 24 * 1.25
    assert windows.count(1) >= 0.8 * len(windows)


def test_a_line_full_of_noise_is_looked_at_hourly_all_the_same() -> None:
    """INV-2: each window seems spoilt, as by a crowd that never comes through."""
    windows, share = _days_at_rest(10, Hearing(noise=1.0))
    assert len(windows) <= 10 * 24 * 1.1
    assert share <= 0.03
