"""A conversation over the line: how it is repeated, what is learnt, how long it is waited for."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from drivers.dlms.association import AssociationRejected
from drivers.dlms.companion import CLOCK, PERIODIC_PROFILE, BaseName, InterfaceClass
from drivers.dlms.conversations import read, read_clock, read_profile_entries, read_profile_range
from drivers.dlms.cosem_objects import attribute_name
from drivers.dlms.password import Password
from drivers.errors import NoAnswer
from drivers.plc.airtime import LineTiming
from drivers.plc.llc import HEADER_OCTETS
from drivers.plc.mac_frame import CREDIT_MAX, INITIATOR, M_SDU_OCTETS_MAX, MacFrame
from gateway.core.purpose import Purpose
from gateway.meters.airtime_price import rows_octets
from gateway.meters.meter_access import PING_TRIES, AccessSettings, Answered, MeterAccess
from gateway.meters.node_link import NodeLink
from gateway.meters.plc_segment import PlcSegment, Priority
from hal.errors import ModemReset
from hil.dlms_meter import ApduServer
from hil.meter.moment import Moment
from hil.meter.object_table import meter_objects
from hil.meter_server import server_for
from tests.gateway.core.jumping_loop import jumping
from tests.gateway.meters.one_node_line import MAC, OneNodeLine
from tests.gateway.meters.virtual_rig import START_S

TIMING = LineTiming(bit_rate_bps=2400)
CONFIG_ID = attribute_name(BaseName.CONFIG_ID, 2)
LONG_M_SDU = 100


@dataclass
class Counts:
    """What was counted; implements NodeCounter and ChannelCounter."""

    tries: list[tuple[Purpose, int, int]] = field(default_factory=list)
    answers: list[tuple[Purpose, int, int, int]] = field(default_factory=list)
    silences: list[int] = field(default_factory=list)
    airtime_s: float = 0.0

    def tried(
        self, node: bytes, purpose: Purpose, *, credit: int, octets: int, airtime_s: float
    ) -> None:
        del node
        self.tries.append((purpose, credit, octets))
        self.airtime_s += airtime_s

    def answered(
        self,
        node: bytes,
        at_s: float,
        purpose: Purpose,
        *,
        hops_down: int,
        hops_up: int,
        octets: int,
        airtime_s: float,
    ) -> None:
        del node, at_s
        self.answers.append((purpose, hops_down, hops_up, octets))
        self.airtime_s += airtime_s

    def silent(self, node: bytes, at_s: float, tries: int) -> None:
        del node, at_s
        self.silences.append(tries)

    def channel_used(
        self, at_s: float, purpose: Purpose, *, held_s: float, frames_sent: int, frames_heard: int
    ) -> None:
        pass


class Bench:
    """One meter, the line to it, and who asks."""

    def __init__(
        self, hops: int = 0, passwords: Sequence[Password | None] = (None,), credit: int = 7
    ) -> None:
        self.line = OneNodeLine(TIMING, hops=hops)
        self.loop = asyncio.get_running_loop()
        self.link = NodeLink(system_title=self.line.meter.node.system_title, mac=MAC)
        self.link.credit.start(credit)
        self.counts = Counts()
        self.passwords = list(passwords)
        settings = AccessSettings(
            initiator=INITIATOR,
            client_lsap=16,
            server_lsap=1,
            pdu_octets_max=239,
            timing=TIMING,
        )
        self.access = MeterAccess(
            PlcSegment(self.line, self.loop.time, self.counts),
            settings,
            lambda _: self.passwords,
            self.counts,
            self.loop.time,
            lambda: START_S + self.loop.time(),
        )
        buffers = {
            each.logical_name: each.base_name
            for each in meter_objects(self.line.module, Moment())
            if each.class_id == InterfaceClass.PROFILE_GENERIC
        }
        clocks = [
            each.base_name
            for each in meter_objects(self.line.module, Moment())
            if each.logical_name == CLOCK
        ]
        self.buffer = attribute_name(buffers[PERIODIC_PROFILE], 2)
        self.clock = attribute_name(clocks[0], 2)

    async def associated(self) -> "Bench":
        """Open the association, and forget what that took."""
        await self.short()
        self.line.sent.clear()
        self.counts.__init__()  # type: ignore[misc]  # as new
        return self

    async def short(self) -> str:
        """Ask a short question with a short answer."""
        answered = await self.access.converse(
            self.link, lambda: read([CONFIG_ID]), Priority.IDENTIFICATION, answer_octets_max=25
        )
        (value,) = answered.result
        return value.text()  # type: ignore[union-attr]  # of a meter that answers

    async def long(self) -> int:
        """Ask for eight rows; return how many came."""
        octets = rows_octets(8, 29)
        answered = await self.access.converse(
            self.link,
            lambda: read_profile_entries(self.buffer, 10, 17),
            Priority.PROFILE,
            answer_octets_max=octets,
        )
        return len(answered.result)

    def needs(self, need: int, answers: int = 30) -> None:
        """Let the node have answered for a while with this need."""
        self.line.hops = need
        for _ in range(answers):
            self.link.credit.success(min(3, need), need)


def _loses_questions(count: int) -> Callable[[MacFrame], bool]:
    """Lose so many frames of the master that are no pings."""
    left = [count]

    def loses(frame: MacFrame) -> bool:
        is_question = frame.source == INITIATOR and frame.m_sdu[1] != 0
        lost = is_question and left[0] > 0
        left[0] -= lost
        return lost

    return loses


def _loses_long_answers(frame: MacFrame) -> bool:
    return frame.source == MAC and len(frame.m_sdu) > LONG_M_SDU


@jumping
async def test_the_first_question_opens_the_association_and_others_use_it() -> None:
    bench = Bench(hops=1)
    assert await bench.short()
    assert await bench.short()
    assert [what for what, _ in bench.line.whats()] == ["associate", "ask", "ask"]
    assert bench.link.heard_at_s == pytest.approx(START_S + bench.loop.time(), abs=1.0)


@jumping
async def test_credit_comes_down_to_what_the_answers_need() -> None:
    """PLC-1."""
    bench = Bench(hops=2)
    for _ in range(6):
        await bench.short()
    credits_used = [credit for _, credit in bench.line.whats()]
    assert credits_used[0] == 7
    assert credits_used == sorted(credits_used, reverse=True)
    assert (credits_used[-1], bench.link.credit.need) == (2, 2)


@jumping
async def test_a_short_question_that_met_silence_is_asked_again_with_all_the_credit() -> None:
    """PLC-1: at once: to ask first whether it is there would cost as much."""
    bench = await Bench(hops=2, credit=2).associated()
    bench.needs(2)
    bench.line.loses = _loses_questions(1)
    assert await bench.short()
    assert bench.line.whats() == [("ask", 2), ("ask", 7)]


@jumping
async def test_a_short_question_is_not_asked_a_third_time() -> None:
    """PLC-1: the next turn comes by and by; others wait."""
    bench = await Bench(credit=0).associated()
    bench.line.is_gone = True
    with pytest.raises(NoAnswer):
        await bench.short()
    assert [what for what, _ in bench.line.whats()] == ["ask", "ask"]


@jumping
async def test_before_a_long_question_is_repeated_a_ping_tells_whether_anybody_is_there() -> None:
    """PLC-1, PLC-7: it costs a tenth of the question with all its repetitions."""
    bench = await Bench(hops=1, credit=1).associated()
    bench.needs(1)
    bench.line.loses = _loses_questions(1)
    assert await bench.long() == 8
    assert bench.line.whats() == [("ask", 1), ("ping", 7), ("ask", 1)]


@jumping
async def test_what_the_ping_tells_decides_how_the_question_is_repeated() -> None:
    """PLC-1: the node has moved away by two hops; the third try has what the ping needed."""
    bench = await Bench(credit=0).associated()
    bench.needs(0, answers=3)
    bench.line.hops = 2
    assert await bench.long() == 8
    assert bench.line.whats() == [("ask", 0), ("ping", 7), ("ask", 2)]


@jumping
async def test_a_long_question_goes_out_with_all_the_credit_only_in_the_end() -> None:
    """PLC-1."""
    bench = await Bench(hops=1, credit=1).associated()
    bench.needs(1)
    bench.line.loses = _loses_questions(2)
    assert await bench.long() == 8
    assert bench.line.whats() == [("ask", 1), ("ping", 7), ("ask", 1), ("ask", 7)]


@jumping
async def test_who_does_not_answer_the_ping_is_not_asked_the_long_question_again() -> None:
    """PLC-7: a dead meter costs one question and two pings."""
    bench = await Bench(credit=0).associated()
    bench.needs(0)
    bench.line.is_gone = True
    with pytest.raises(NoAnswer):
        await bench.long()
    assert bench.line.whats() == [("ask", 0)] + [("ping", 7)] * PING_TRIES
    assert bench.counts.silences == [1, PING_TRIES]


@jumping
async def test_a_long_question_that_is_never_answered_by_one_who_is_there() -> None:
    """PLC-2: short frames get through and long ones do not: next time fewer rows are asked for."""
    bench = await Bench(credit=0).associated()
    bench.needs(0)
    chance = bench.link.frames.chance(1, 7)
    bench.line.loses = _loses_long_answers
    for _ in range(8):
        with pytest.raises(NoAnswer):
            await bench.long()
    assert bench.line.whats()[:4] == [("ask", 0), ("ping", 7), ("ask", 0), ("ask", 7)]
    assert bench.link.frames.chance(1, 7) < chance / 2


@jumping
async def test_silence_of_a_node_that_is_gone_teaches_nothing() -> None:
    """PLC-1, PLC-2: back after a night, it is asked as before, and for as many rows."""
    bench = await Bench(credit=3).associated()
    bench.needs(3)
    chance = bench.link.frames.chance(1, 7)
    bench.line.is_gone = True
    for _ in range(300):
        with pytest.raises(NoAnswer):
            await bench.access.ping(bench.link, Priority.SUPERVISION, credit=CREDIT_MAX, tries=1)
        with pytest.raises(NoAnswer):
            await bench.access.ping(bench.link, Priority.SUPERVISION)
    assert bench.link.frames.chance(1, 7) == chance
    assert bench.link.credit.credit == 3
    bench.line.is_gone = False
    await bench.access.ping(bench.link, Priority.SUPERVISION, credit=CREDIT_MAX, tries=1)
    bench.line.sent.clear()
    assert await bench.long() == 8
    assert bench.line.whats() == [("ask", 3)]


@jumping
async def test_a_node_whose_need_grew_is_asked_with_more() -> None:
    """PLC-1: its repeater is gone; told in two bits, it may need more than three."""
    bench = await Bench(credit=1).associated()
    bench.needs(1)
    bench.line.hops = 5
    for _ in range(8):
        assert await bench.long() == 8
    assert bench.link.credit.credit >= 5
    bench.line.sent.clear()
    assert await bench.long() == 8
    assert len(bench.line.sent) == 1


@pytest.mark.parametrize("octets", [34, 63, 120, 239])
@jumping
async def test_the_shorter_the_answer_awaited_the_sooner_silence_is_noticed(octets: int) -> None:
    """PLC-7: seconds of the line, on each silence."""
    bench = await Bench(credit=0).associated()
    bench.needs(0)
    bench.line.is_gone = True
    with pytest.raises(NoAnswer):
        await bench.access.converse(
            bench.link,
            lambda: read_profile_range(bench.buffer, CLOCK, int(START_S), int(START_S) + 900),
            Priority.PROFILE,
            answer_octets_max=octets,
        )
    first, second = bench.line.sent[:2]
    question = len(first.frame.m_sdu)
    due_s = TIMING.answer_due_s(question, octets + HEADER_OCTETS, first.credit)
    assert second.at_s - first.at_s == pytest.approx(due_s)


@jumping
async def test_an_answer_is_awaited_as_long_as_any_can_be_unless_somebody_knows_better() -> None:
    bench = await Bench(credit=0).associated()
    bench.needs(0)
    bench.line.is_gone = True
    with pytest.raises(NoAnswer):
        await bench.access.converse(bench.link, lambda: read([CONFIG_ID]), Priority.PROFILE)
    first, second = bench.line.sent[:2]
    due_s = TIMING.answer_due_s(len(first.frame.m_sdu), M_SDU_OCTETS_MAX, 0)
    assert second.at_s - first.at_s == pytest.approx(due_s)


@jumping
async def test_each_try_is_counted_with_its_credit_and_length() -> None:
    """PLC-3: and the airtime is that of all tries and the answer."""
    bench = await Bench(hops=1, credit=1).associated()
    bench.needs(1)
    bench.line.loses = _loses_questions(1)
    await bench.long()
    asked = len(bench.line.sent[0].frame.m_sdu)
    assert bench.counts.tries == [
        (Purpose.COLLECTION, 1, asked),
        (Purpose.COLLECTION, 7, 10),
        (Purpose.COLLECTION, 1, asked),
    ]
    pong, rows = bench.counts.answers
    assert pong == (Purpose.COLLECTION, 1, 1, 10)
    assert rows[:3] == (Purpose.COLLECTION, 1, 1)
    expected_s = sum(TIMING.frame_s(octets, credit) for _, credit, octets in bench.counts.tries)
    expected_s += TIMING.frame_s(10, 7) + TIMING.frame_s(rows[3], 1)
    assert bench.counts.airtime_s == pytest.approx(expected_s)
    assert bench.counts.silences == [1]


@jumping
async def test_after_an_answer_to_a_first_try_its_second_answer_is_waited_out() -> None:
    """INV-3: replies carry no number; the second one would be taken for the next question's."""
    bench = await Bench(credit=7).associated()
    bench.link.credit.start(7)
    bench.line.loses = _loses_questions(1)
    await bench.short()
    free_at_s = bench.link.quiet_until_s
    assert free_at_s > bench.loop.time()
    await bench.short()
    assert bench.line.sent[-1].at_s >= free_at_s


@jumping
async def test_when_the_modem_fails_a_late_answer_is_waited_out() -> None:
    """REL-1, INV-3: the question may have gone out all the same."""
    bench = await Bench(credit=0).associated()
    bench.line.error = ModemReset("gone")
    with pytest.raises(ModemReset):
        await bench.short()
    longest_s = TIMING.answer_due_s(M_SDU_OCTETS_MAX, M_SDU_OCTETS_MAX, CREDIT_MAX)
    assert bench.link.quiet_until_s == pytest.approx(bench.loop.time() + longest_s)
    assert bench.counts.silences == []
    bench.line.error = None
    failed_at_s = bench.loop.time()
    assert await bench.short()
    assert bench.line.sent[-1].at_s >= failed_at_s + longest_s


@jumping
async def test_a_lost_association_is_opened_again_and_the_question_asked_again() -> None:
    """INV-5: a meter that was without mains has forgotten it."""
    bench = await Bench(credit=0).associated()
    bench.line.meter._server.drop_associations()
    assert await bench.short()
    assert [what for what, _ in bench.line.whats()] == ["ask", "associate", "ask"]


def _wants(bench: Bench, password: bytes) -> None:
    def make() -> ApduServer:
        return server_for(bench.line.module, bench.line.meter._moment, Password(password))

    bench.line.meter._server = make()


@jumping
async def test_passwords_are_tried_one_after_the_other_and_the_right_one_is_kept() -> None:
    """SEC-2."""
    wrong, right = Password(b"wrong"), Password(b"right")
    bench = Bench(passwords=[None, wrong, right], credit=0)
    _wants(bench, b"right")
    assert await bench.short()
    assert bench.link.password == right
    assert [what for what, _ in bench.line.whats()] == ["associate"] * 3 + ["ask"]
    bench.passwords = [wrong]
    with pytest.raises(AssociationRejected):
        await bench.short()


@jumping
async def test_what_must_not_be_done_twice_goes_out_once() -> None:
    """TIM-1: whether a clock was set is unknown after silence."""
    bench = await Bench(credit=0).associated()
    bench.line.loses = lambda frame: frame.source == MAC
    with pytest.raises(NoAnswer):
        await bench.access.converse_once(
            bench.link, lambda: read_clock(bench.clock), Priority.CLOCK
        )
    assert bench.line.whats() == [("ask", bench.line.sent[0].credit)]


@jumping
async def test_two_who_ask_one_meter_take_turns() -> None:
    """INV-3: question by question of two conversations would mix their answers."""
    bench = await Bench(credit=0).associated()
    bench.link.terms = None
    answers = await asyncio.gather(bench.long(), bench.short(), bench.long())
    assert answers[0] == answers[2] == 8
    assert [what for what, _ in bench.line.whats()] == ["associate", "ask", "ask", "ask"]


@pytest.mark.parametrize("hops", [0, 2, 5])
@jumping
async def test_when_a_meter_worked_is_known_to_its_uncertainty(hops: int) -> None:
    """TIM-2: the time in an answer is compared with our own of that moment."""
    bench = await Bench(hops=hops, credit=7).associated()
    worked: list[float] = []
    serve = bench.line.meter._server.receive

    def note(apdu: bytes, client_lsap: int) -> bytes | None:
        worked.append(bench.loop.time())
        return serve(apdu, client_lsap)

    bench.line.meter._server.receive = note  # type: ignore[method-assign]
    answered: Answered[object] = await bench.access.converse(
        bench.link, lambda: read_clock(bench.clock), Priority.CLOCK
    )
    assert abs(answered.stamped_at_s - worked[0]) <= answered.uncertainty_s


@jumping
async def test_a_ping_has_the_credit_learnt_and_then_all() -> None:
    """PLC-3: a poll of a silent node, which is asked with all, goes out once."""
    bench = await Bench(credit=1).associated()
    bench.needs(1)
    bench.line.is_gone = True
    with pytest.raises(NoAnswer):
        await bench.access.ping(bench.link, Priority.SUPERVISION)
    assert bench.line.whats() == [("ping", 1), ("ping", 7)]
    bench.line.sent.clear()
    with pytest.raises(NoAnswer):
        await bench.access.ping(bench.link, Priority.SUPERVISION, credit=CREDIT_MAX, tries=1)
    assert bench.line.whats() == [("ping", 7)]
