"""The network: slots, repetition with credit, hops, loss, collisions, capture."""

from dataclasses import replace

import pytest

from drivers.errors import MalformedFrame
from drivers.plc.ciase import RepeaterCall
from drivers.plc.llc import CIASE, LlcPdu
from drivers.plc.llc import INITIATOR as INITIATOR_LSAP
from drivers.plc.mac_frame import ALL_PHYSICAL, MacFrame, Packing
from hil.air import AlarmHeard, FirstCopySent, HeardBad, RepeatersCalled
from hil.lv_network.purpose import Purpose
from hil.lv_network.station import RepeaterMode
from hil.lv_network.topology import Physics
from tests.hil.line_helpers import JumpingTimer
from tests.hil.lv_network.lines import QUIET, SLOT_S, Line, Parrot, chain


def test_a_question_and_its_answer_keep_the_slots() -> None:
    """PLC-1: first copy, repetitions, then the answer with as many repetitions of its own."""
    far = Parrot(mac=0x003, after_slots=1)
    line = Line(chain(1, 2, 3), Parrot(mac=0x001), Parrot(mac=0x002), far)
    line.timer.advance_to(1.0)  # between two slots: the next begins at 1.05
    line.transmit(0x003, credit=2)
    line.timer.advance(10.0)
    assert line.times_of(FirstCopySent) == [1.2]
    assert far.heard == [(0, 1.5, 0.3)]
    assert line.heard() == [(2.1, 0x003, 2)]


def test_longer_frames_take_more_slots() -> None:
    """PLC-7: airtime is sub-frames times copies times slot."""
    station = Parrot(mac=0x002, answer_octets=242)
    line = Line(chain(1, 2), Parrot(mac=0x001), station)
    line.transmit(0x002, credit=1, octets=100)
    line.timer.advance(10.0)
    assert line.times_of(FirstCopySent) == [0.45]
    assert station.heard == [(0, 0.9, 0.45)]
    assert line.heard() == [(round(0.9 + 2 * 7 * SLOT_S, 6), 0x002, 1)]
    assert round(line.network.counters.busy_s, 6) == round(0.9 + 14 * SLOT_S, 6)
    assert [(frame.subframes, frame.slots, frame.hop) for frame in line.log] == [
        (3, 6, 1),
        (7, 14, 1),
    ]


def test_each_repetition_reaches_one_hop_further() -> None:
    """PLC-1: a station at hop distance three needs three repetitions; two do not reach it."""
    far = Parrot(mac=0x004)
    line = Line(chain(1, 2, 3, 4), *(Parrot(mac=mac) for mac in (1, 2, 3)), far)
    for credit in (0, 1, 2, 3):
        line.transmit(0x004, credit)
        line.timer.advance(20.0)
    assert [credit for credit, _, _ in far.heard] == [0]
    assert [hops for _, _, hops in line.heard()] == [3]


def test_one_that_repeats_nothing_ends_the_line() -> None:
    """PLC-5: without mains, or told not to repeat, it carries nobody's frames."""
    for change in ({"powered": False}, {"repeats": False}, {"initiator_mac": 0xC01}):
        between = replace(Parrot(mac=0x001), **change)
        far = Parrot(mac=0x002)
        line = Line(chain(1, 2), between, far)
        line.transmit(0x002, credit=7)
        line.timer.advance(20.0)
        assert far.heard == [], change


def test_only_the_one_addressed_hears_and_all_hear_a_broadcast() -> None:
    """INV-7: by address."""
    one, other, dark = Parrot(mac=0x001), Parrot(mac=0x002), Parrot(mac=0x003, powered=False)
    line = Line(chain(0.2, 0.3, 0.4), one, other, dark)
    line.transmit(0x001, credit=0)
    line.timer.advance(5.0)
    assert (len(one.heard), len(other.heard), len(dark.heard)) == (1, 0, 0)
    one.answers = other.answers = False
    line.transmit(ALL_PHYSICAL, credit=0)
    line.timer.advance(5.0)
    assert (len(one.heard), len(other.heard), len(dark.heard)) == (2, 1, 0)


def test_answers_in_one_window_collide_and_in_two_do_not() -> None:
    """INV-1, INV-2: two reports as loud as each other, in the same window, spoil each other."""
    stations = [Parrot(mac=0xFFE, after_slots=after, initiator_mac=0) for after in (0, 3, 3, 6)]
    line = Line(chain(0.5, 0.5, 0.5, 0.5), *stations)
    line.transmit(ALL_PHYSICAL, credit=2)
    line.timer.advance(10.0)
    assert [at for at, _, _ in line.heard()] == [0.6, 1.5]  # windows 0 and 2 of three slots each
    assert line.times_of(HeardBad) == [1.35]  # a heap of frames sounds like one bad frame
    assert line.network.counters.collisions == 1


def test_the_louder_of_two_is_captured() -> None:
    """INV-2: near and far in one window: the near one is decoded."""
    near, far = Parrot(mac=0xFFE, initiator_mac=0), Parrot(mac=0xFFE, initiator_mac=0)
    line = Line(chain(0.1, 0.9), near, far)
    line.transmit(ALL_PHYSICAL, credit=0)
    line.timer.advance(10.0)
    assert len(line.heard()) == 1
    assert line.log[1].hop == 0
    assert line.times_of(HeardBad) == []


def test_damaged_octets_fail_their_frame_check() -> None:
    """PLC-2: what the modem is told as bad really is."""
    line = Line(chain(0.5, physics=Physics(impulse_share=1.0)), Parrot(mac=0x001))
    frame = MacFrame(
        initial_credit=0,
        current_credit=0,
        delta_credit=0,
        source=0x001,
        destination=0xC00,
        m_sdu=b"\x90" * 11,
    )
    line.transmit(0x001, credit=0)
    line.network._answer(1, frame, 0.3, Purpose.OTHER, 0)
    line.timer.advance(10.0)
    (bad,) = [event for _, event in line.told if isinstance(event, HeardBad)]
    with pytest.raises(MalformedFrame, match="frame check"):
        MacFrame.decode(bad.octets, Packing.MODEL_A)


def test_repetition_makes_up_for_impulses() -> None:
    """PLC-1: with spare credit a line full of impulses still gets nearly everything through."""
    shares = {}
    for credit in (0, 2):
        line = Line(chain(0.5, physics=Physics(impulse_share=0.3)), Parrot(mac=0x001), seed=4)
        for _ in range(300):
            line.transmit(0x001, credit)
            line.timer.advance(5.0)
        shares[credit] = len(line.heard()) / 300
    assert 0.4 < shares[0] < 0.58  # 0.7 * 0.7
    assert shares[2] > 0.92  # 0.973 * 0.973


def test_the_modem_waits_until_the_line_is_free() -> None:
    """PLC-7: its next frame neither cuts repetitions short nor speaks into an answer it hears."""
    silent = Parrot(mac=0x001, answers=False)
    line = Line(chain(0.5, 0.6), silent, Parrot(mac=0x002, answer_octets=100))
    line.transmit(0x001, credit=1)
    line.transmit(0x002, credit=1)
    line.timer.advance_to(1.1)  # the answer's first copy was heard, its repetition goes on to 1.5
    line.transmit(0x001, credit=0)
    line.timer.advance(5.0)
    assert line.times_of(FirstCopySent) == [0.15, 0.45, 1.65]
    assert line.heard() == [(1.05, 0x002, 0)]


def test_a_station_without_mains_at_its_moment_answers_nothing() -> None:
    """INV-5: it heard the question, and lost its mains before it could answer."""
    late = Parrot(mac=0x001, after_slots=10)
    line = Line(chain(0.5), late)
    line.transmit(0x001, credit=0)
    line.timer.advance_to(1.0)
    late.powered = False
    line.network.refresh(0)
    line.timer.advance(20.0)
    assert late.heard
    assert line.heard() == []
    assert line.network.counters.answers_not_sent == 1


def test_a_late_process_plans_nothing_anew() -> None:
    """HIL-1: the line's own clock decides, not the moment at which a callback ran."""

    class LateTimer(JumpingTimer):
        def time(self) -> float:
            return self.now + 0.02  # the loop is always 20 ms behind

    station = Parrot(mac=0x002, after_slots=1)
    line = Line(chain(1, 2), Parrot(mac=0x001), station)
    late = LateTimer()
    line.network._timer = line.modem._timer = late
    line.transmit(0x002, credit=1)
    late.advance_to(9.0)
    assert station.heard == [(0, 0.45, 0.15)]


def test_garbage_from_the_modem_is_counted_and_dropped() -> None:
    """HIL-3: a modem that went mad does not stop the line."""
    line = Line(chain(0.5), Parrot(mac=0x001))
    line.network.transmit(line.modem, b"\x6c\x6c nonsense")
    line.transmit(0x001, credit=0)
    line.timer.advance(5.0)
    assert line.network.counters.frames_malformed == 1
    assert len(line.heard()) == 1


def test_an_alarm_travels_in_the_pauses() -> None:
    """PLC-6: hop by hop, one pause each; a frame with too few slots does not bring it."""
    stations = [Parrot(mac=mac) for mac in (1, 2, 3)]
    line = Line(chain(1, 2, 3), *stations)
    line.transmit(0x001, credit=2)
    line.timer.advance(5.0)
    assert line.times_of(AlarmHeard) == []
    stations[2].has_alarm = True
    line.network.refresh(2)
    line.transmit(0x001, credit=0)
    line.timer.advance(5.0)
    assert line.times_of(AlarmHeard) == []
    line.transmit(0x001, credit=2)
    line.timer.advance(5.0)
    assert len(line.times_of(AlarmHeard)) == 1


def test_the_repeater_call_leaves_those_who_are_needed() -> None:
    """PLC-5: whoever hears a repeater loudly is none itself, always is always, never is never."""
    modes = {1: RepeaterMode.DYNAMIC, 2: RepeaterMode.DYNAMIC, 3: RepeaterMode.ALWAYS}
    stations = [Parrot(mac=mac, repeater_mode=mode) for mac, mode in modes.items()]
    never = Parrot(mac=4, repeats=False, repeater_mode=RepeaterMode.NEVER)
    line = Line(chain(0.9, 0.95, 0.92, 0.97), *stations, never)
    call = RepeaterCall(max_mac=4, new_slots=0)
    pdu = LlcPdu(destination_lsap=CIASE, source_lsap=INITIATOR_LSAP, l_sdu=call.encode())
    for station in (*stations, never):
        station.answers = False
    line.broadcast(pdu.encode())
    line.timer.advance(5.0)
    line.network.call_repeaters(line.modem)
    line.timer.advance(5.0)
    assert [station.repeats for station in (*stations, never)] == [True, False, True, False]
    assert len(line.times_of(RepeatersCalled)) == 1


def test_a_node_that_compares_initiators_overhears() -> None:
    """INV-7: frames for others tell it who is how loud."""
    one, searching = Parrot(mac=0x001), Parrot(mac=0xFFE, initiator_mac=0, is_searching=True)
    line = Line(chain(0.5, 0.6), one, searching)
    line.transmit(0x001, credit=0)
    line.timer.advance(5.0)
    assert searching.overheard == [0xC00]
    assert searching.heard == []


@pytest.mark.parametrize(("tie_db", "heard"), [(0.0, 0), (50.0, 1)])
def test_two_concentrators_disturb_each_other_at_the_edge(tie_db: float, heard: int) -> None:
    """INV-7: a neighbour's frame at the same time is noise, the less the more lies between."""
    topology = chain(0.5, substations=2, physics=replace(QUIET, tie_db=tie_db))
    mine = Parrot(mac=0x001, answers=False)
    line = Line(topology, mine)
    other = line.network.connect_modem(lambda _event: None)
    line.transmit(0x001, credit=0)
    line.transmit(0x7FF, credit=0, modem=other, source=0xC01)
    line.timer.advance(5.0)
    assert len(mine.heard) == heard
