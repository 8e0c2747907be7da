"""The line: slots, repetition with credit, hops, loss, collisions."""

from dataclasses import dataclass, field

import pytest

from drivers.errors import MalformedFrame
from drivers.plc.airtime import LineTiming
from drivers.plc.mac_frame import ALL_PHYSICAL, INITIATOR, MacFrame, Packing
from drivers.plc.node import Reply
from hil.air import AirEvent, FirstCopySent, Heard, HeardBad
from hil.line_tap import LineTap
from hil.lv_line import LvLine
from tests.hil.line_helpers import JumpingTimer, dice

TIMING = LineTiming(bit_rate_bps=2400)
SLOT_S = 0.15


@dataclass
class Parrot:
    """A station that answers with its own address after a chosen number of slots."""

    mac: int
    hop_distance: int = 0
    powered: bool = True
    answers: bool = True
    after_slots: int = 0
    answer_octets: int = 11
    heard: list[tuple[int, float, float]] = field(default_factory=list)

    def hear(self, copy: MacFrame, heard_at: float, delay_s: float) -> Reply | None:
        self.heard.append((copy.current_credit, round(heard_at, 6), round(delay_s, 6)))
        if not self.answers:
            return None
        frame = MacFrame(
            initial_credit=copy.initial_credit,
            current_credit=copy.initial_credit,
            delta_credit=0,
            source=self.mac,
            destination=INITIATOR,
            m_sdu=b"\x90" * self.answer_octets,
        )
        return Reply(frame=frame, after_slots=self.after_slots)


@dataclass
class Setup:
    line: LvLine
    timer: JumpingTimer
    told: list[tuple[float, AirEvent]]

    def transmit(self, destination: int, credit: int, octets: int = 11) -> None:
        frame = MacFrame(
            initial_credit=credit,
            current_credit=credit,
            delta_credit=0,
            source=INITIATOR,
            destination=destination,
            m_sdu=bytes(octets),
        )
        self.line.modem_transmits(frame.encode(Packing.MODEL_A))

    def heard(self) -> list[tuple[float, int, int]]:
        """Return moment, source and hop distance of what the modem decoded."""
        frames = [
            (at, MacFrame.decode(event.octets, Packing.MODEL_A))
            for at, event in self.told
            if isinstance(event, Heard)
        ]
        return [(at, frame.source, frame.hop_distance) for at, frame in frames]

    def times_of(self, kind: type[AirEvent]) -> list[float]:
        return [at for at, event in self.told if isinstance(event, kind)]


def make_line(*stations: Parrot, loss: float = 0.0, bad_share: float = 1.0, seed: int = 1) -> Setup:
    timer = JumpingTimer()
    told: list[tuple[float, AirEvent]] = []
    line = LvLine(
        timer=timer,
        timing=TIMING,
        rng=dice(seed),
        tell_modem=lambda event: told.append((round(timer.time(), 6), event)),
        loss_per_hop=loss,
        bad_share=bad_share,
    )
    line.stations.extend(stations)
    return Setup(line, timer, told)


def test_a_question_and_its_answer_keep_the_slots() -> None:
    """PLC-1: first copy, repetitions, then the answer with as many repetitions of its own."""
    station = Parrot(mac=0x001, hop_distance=2, after_slots=1)
    setup = make_line(station)
    setup.timer.advance_to(1.0)  # between two slots: the next begins at 1.05
    setup.transmit(0x001, credit=2)
    setup.timer.advance(10.0)
    assert setup.times_of(FirstCopySent) == [1.2]
    assert station.heard == [(0, 1.5, 0.3)]
    assert setup.heard() == [(2.1, 0x001, 2)]


def test_longer_frames_take_more_slots() -> None:
    """PLC-7: airtime is sub-frames times copies times slot."""
    station = Parrot(mac=0x001, hop_distance=1, answer_octets=242)
    setup = make_line(station)
    setup.transmit(0x001, credit=1, octets=100)
    setup.timer.advance(10.0)
    assert setup.times_of(FirstCopySent) == [0.45]
    assert station.heard == [(0, 0.9, 0.45)]
    assert setup.heard() == [(round(0.9 + 2 * 7 * SLOT_S, 6), 0x001, 1)]
    assert round(setup.line.counters.busy_s, 6) == round(0.9 + 14 * SLOT_S, 6)


def test_too_little_credit_does_not_reach_far_stations() -> None:
    """PLC-1: a station three hops away needs three repetitions."""
    station = Parrot(mac=0x001, hop_distance=3)
    setup = make_line(station)
    for credit in (0, 1, 2, 3):
        setup.transmit(0x001, credit)
        setup.timer.advance(10.0)
    assert len(station.heard) == 1
    assert len(setup.heard()) == 1


def test_only_stations_addressed_and_powered_hear() -> None:
    """INV-5: an unpowered station neither hears nor answers."""
    one, other, dark = Parrot(mac=0x001), Parrot(mac=0x002), Parrot(mac=0x003, powered=False)
    setup = make_line(one, other, dark)
    setup.transmit(0x001, credit=0)
    setup.timer.advance(5.0)
    setup.transmit(0x003, credit=0)
    setup.timer.advance(5.0)
    assert (len(one.heard), len(other.heard), len(dark.heard)) == (1, 0, 0)


def test_answers_in_one_window_collide_and_in_two_do_not() -> None:
    """INV-1, INV-2: two reports in the same discover window spoil each other."""
    stations = [Parrot(mac=0xFFE, after_slots=after) for after in (0, 3, 3, 6)]
    setup = make_line(*stations)
    setup.transmit(ALL_PHYSICAL, credit=2)
    setup.timer.advance(10.0)
    ends = [at for at, _, _ in setup.heard()]
    assert ends == [0.6, 1.5]  # windows 0 and 2 of three slots each
    assert setup.times_of(HeardBad) == [1.05]  # a heap of frames sounds like one bad frame
    assert setup.line.counters.collisions == 1


def test_damaged_octets_fail_their_frame_check() -> None:
    """PLC-2: what the modem is told as bad really is."""
    setup = make_line(Parrot(mac=0x001), loss=1.0)
    setup.line.loss_per_hop = 0.0
    setup.transmit(0x001, credit=0)
    setup.timer.advance_to(0.14)
    setup.line.loss_per_hop = 1.0
    setup.timer.advance(10.0)
    (bad,) = [event for _, event in setup.told if isinstance(event, HeardBad)]
    with pytest.raises(MalformedFrame, match="frame check"):
        MacFrame.decode(bad.octets, Packing.MODEL_A)


def test_repetition_makes_up_for_loss() -> None:
    """PLC-1: with spare credit a lossy line still gets nearly everything through."""
    shares = {}
    for credit in (1, 3):
        setup = make_line(Parrot(mac=0x001, hop_distance=1), loss=0.2, seed=4)
        for _ in range(500):
            setup.transmit(0x001, credit)
            setup.timer.advance(5.0)
        shares[credit] = len(setup.heard()) / 500
    assert 0.3 < shares[1] < 0.5
    assert shares[3] > 0.85


def test_the_modem_waits_until_the_line_is_free() -> None:
    """PLC-7: its next frame neither cuts repetitions short nor speaks into an answer."""
    setup = make_line(Parrot(mac=0x001), Parrot(mac=0x002))
    setup.transmit(0x001, credit=1)
    setup.transmit(0x002, credit=0)
    setup.timer.advance(5.0)
    assert setup.times_of(FirstCopySent) == [0.15, 0.75]  # 0.3 asked and 0.3 answered in between
    assert [source for _, source, _ in setup.heard()] == [0x001, 0x002]


def test_a_station_does_not_speak_while_the_modem_does() -> None:
    """PLC-1: half duplex: an answer whose moment finds the line taken is not sent."""
    late = Parrot(mac=0x002, after_slots=10)
    setup = make_line(late, Parrot(mac=0x001, answers=False))
    setup.transmit(0x002, credit=0)
    setup.timer.advance_to(1.5)  # the answer is due at 1.65
    setup.transmit(0x001, credit=7)
    setup.timer.advance(20.0)
    assert late.heard
    assert setup.heard() == []
    assert setup.line.counters.answers_not_sent == 1


def test_a_late_process_plans_nothing_anew() -> None:
    """HIL-1: the line's own clock decides, not the moment at which a callback ran."""

    class LateTimer(JumpingTimer):
        def time(self) -> float:
            return self.now + 0.02  # the loop is always 20 ms behind

    station = Parrot(mac=0x001, hop_distance=1, after_slots=1)
    setup = make_line(station)
    late = LateTimer()
    setup.line._timer = late
    setup.transmit(0x001, credit=1)
    late.advance_to(9.0)
    assert station.heard == [(0, 0.45, 0.15)]


def test_garbage_from_the_modem_is_counted_and_dropped() -> None:
    """HIL-3: a modem that went mad does not stop the line."""
    setup = make_line(Parrot(mac=0x001))
    setup.line.modem_transmits(b"\x6c\x6c nonsense")
    setup.transmit(0x001, credit=0)
    setup.timer.advance(5.0)
    assert setup.line.counters.frames_malformed == 1
    assert len(setup.heard()) == 1


def overheard(setup: Setup) -> list[tuple[float, str, int, int]]:
    """Let a tap hear the line; return moment, kind, source and credit of what it hears."""
    heard: list[tuple[float, str, int, int]] = []

    def take(event: AirEvent) -> None:
        assert isinstance(event, Heard | HeardBad)
        octets = event.octets
        source = int.from_bytes(octets[3:6], "big") >> 12
        heard.append((setup.timer.now, type(event).__name__, source, octets[2] >> 2 & 7))

    setup.line.tap = LineTap(timer=setup.timer, timing=TIMING, tell=take)
    return heard


def test_a_tap_hears_every_copy_in_both_directions() -> None:
    """HIL-1: a second modem may listen to the line, as gridgate sniff does."""
    setup = make_line(Parrot(mac=1, hop_distance=1))
    heard = overheard(setup)
    setup.transmit(destination=1, credit=2)
    setup.timer.advance(3)
    assert [each[0] for each in heard] == pytest.approx([n * SLOT_S for n in (1, 2, 3, 5, 6)])
    assert [each[1:] for each in heard] == [
        ("Heard", INITIATOR, 2),
        ("Heard", INITIATOR, 1),
        ("Heard", INITIATOR, 0),
        ("Heard", 1, 1),
        ("Heard", 1, 0),
    ]


def test_a_tap_hears_collisions_as_damage_and_changes_nothing() -> None:
    """HIL-2: the same seed gives the same run, whether somebody listens or not."""
    quiet, tapped = (
        make_line(Parrot(mac=1), Parrot(mac=2), loss=0.2, bad_share=0.5) for _ in range(2)
    )
    heard = overheard(tapped)
    for setup in (quiet, tapped):
        for _ in range(5):
            setup.transmit(destination=ALL_PHYSICAL, credit=1)
            setup.timer.advance(3)
    assert quiet.told == tapped.told
    assert quiet.line.counters == tapped.line.counters
    spoilt = [each for each in heard if each[1] == "HeardBad"]
    assert len(spoilt) > 0
    assert {source for _, _, source, _ in spoilt} == {1, 2}


def test_what_a_foreign_station_sends_is_heard_by_modem_and_stations() -> None:
    """HIL-3: hostile frames reach everybody; what is none costs nothing but a count."""
    parrot = Parrot(mac=1)
    setup = make_line(parrot)
    frame = MacFrame(
        initial_credit=0,
        current_credit=0,
        delta_credit=0,
        source=0xC07,
        destination=1,
        m_sdu=bytes(9),
    )
    setup.line.foreign_transmits(frame.encode(Packing.MODEL_A))
    setup.line.foreign_transmits(b"nonsense")
    assert [event for _, event in setup.told] == [
        Heard(frame.encode(Packing.MODEL_A)),
        Heard(b"nonsense"),
    ]
    assert len(parrot.heard) == 1
    assert setup.line.counters.frames_malformed == 1
