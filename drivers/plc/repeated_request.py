"""One question to one node, put again with more credit while nobody answers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from drivers.errors import LocalUseError, MalformedFrame, NoAnswer
from drivers.plc.airtime import LineTiming
from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import CREDIT_MAX, M_SDU_OCTETS_MAX, MacFrame

TRIES: Final = 3

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, of whom, and how patiently.

    Attributes:
        initiator: MAC address of this side.
        node: MAC address asked.
        pdu: what is asked.
        initial_credit: of the first try, 0 to 7; later tries have 7.
        timing: of the line.
        answer_octets_max: the longest M_sdu the answer may have.
        tries: how often it is asked at most; 1 for what must not be done twice.
    """

    initiator: int
    node: int
    pdu: LlcPdu
    initial_credit: int
    timing: LineTiming
    answer_octets_max: int = M_SDU_OCTETS_MAX
    tries: int = TRIES


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFacts:
    """How an answer came back.

    Attributes:
        need_down: repetitions that the question needed, as the node tells; 3 may mean more.
        need_up: repetitions that the answer needed.
        initial_credit_used: initial credit of the try that was answered.
        tries_used: how often the question went out.
        sent_octets: M_sdu octets handed to the modem, all tries together.
        answer_octets: of the answer's M_sdu.
        airtime_s: line time of all tries and the answer.
        line_busy_s: how long the answer's own repetitions still hold the line.
        late_until_s: time before which an answer to another of the tries may still come; None
            when none can. A reply carries no number, so nobody else should ask this node before.
    """

    need_down: int
    need_up: int
    initial_credit_used: int
    tries_used: int
    sent_octets: int
    answer_octets: int
    airtime_s: float
    line_busy_s: float
    late_until_s: float | None

    @property
    def need(self) -> int:
        """Return the greater of both needs."""
        return max(self.need_down, self.need_up)


class RepeatedRequest(ABC, Generic[Answer]):
    """The waiting and repeating that every question to one node shares; an Exchange.

    Attributes:
        ignored_count: frames that came meanwhile and were no answer to this.
    """

    def __init__(self, question: Question) -> None:
        if question.tries < 1 or not 0 <= question.initial_credit <= CREDIT_MAX:
            raise LocalUseError(f"{question.tries} tries at credit {question.initial_credit}")
        self._question = question
        self._m_sdu = question.pdu.encode()
        self._credits: list[int] = []
        self._to_send = b""
        self._deadline: float | None = None
        self._answer: Answer | None = None
        self._failure: NoAnswer | None = None
        self.ignored_count = 0

    @property
    def tries_used(self) -> int:
        """How often the question has gone out."""
        return len(self._credits)

    @property
    def question_octets(self) -> int:
        """Length of the question's M_sdu."""
        return len(self._m_sdu)

    @property
    def credits_used(self) -> tuple[int, ...]:
        """The initial credit of each try so far."""
        return tuple(self._credits)

    def start(self, now: float) -> None:
        """Begin; the first frame becomes available."""
        self._ask(now)

    def receive(self, octets: bytes, now: float) -> None:
        """Take one frame in the modem's form; what is no answer is only counted."""
        if self._deadline is None:
            self.ignored_count += 1
            return
        try:
            frame = MacFrame.from_host(octets)
            if (frame.source, frame.destination) != (self._question.node, self._question.initiator):
                answer = None
            else:
                answer = self._answer_in(frame, LlcPdu.decode(frame.m_sdu), now)
        except MalformedFrame:
            answer = None
        if answer is None:
            self.ignored_count += 1
            return
        self._answer = answer
        self._deadline = None
        self._to_send = b""

    def tick(self, now: float) -> None:
        """Ask again, or give up, once the answer is overdue."""
        if self._deadline is None or now < self._deadline:
            return
        if self.tries_used < self._question.tries:
            self._ask(now)
            return
        self._deadline = None
        self._failure = NoAnswer(
            f"node {self._question.node:03X} silent after {self.tries_used} tries"
        )

    def octets_to_send(self) -> bytes:
        """Return, once, the frame that must go out now."""
        octets, self._to_send = self._to_send, b""
        return octets

    def deadline(self) -> float | None:
        """Return when the answer is overdue."""
        return self._deadline

    def outcome(self) -> Answer | None:
        """Return the answer once there is one.

        Raises:
            NoAnswer: every try met silence.
        """
        if self._failure is not None:
            raise self._failure
        return self._answer

    @abstractmethod
    def _answer_in(self, frame: MacFrame, pdu: LlcPdu, now: float) -> Answer | None:
        """Return the answer that this PDU of the node asked is, or None; raise MalformedFrame."""

    def _facts(self, frame: MacFrame, now: float) -> AnswerFacts:
        timing = self._question.timing
        asked_s = sum(timing.frame_s(len(self._m_sdu), credit) for credit in self._credits)
        answer_octets = len(frame.m_sdu)
        return AnswerFacts(
            need_down=frame.delta_credit,
            need_up=frame.hop_distance,
            initial_credit_used=self._credit_answered(frame),
            tries_used=self.tries_used,
            sent_octets=len(self._m_sdu) * self.tries_used,
            answer_octets=answer_octets,
            airtime_s=asked_s + timing.frame_s(answer_octets, frame.initial_credit),
            line_busy_s=timing.repetitions_left_s(answer_octets, frame.current_credit),
            late_until_s=self._late_until(frame, now),
        )

    def _credit_answered(self, frame: MacFrame) -> int:
        # A server answers with the credit of the question (inferred), which tells the tries apart.
        credit = frame.initial_credit
        return credit if credit in self._credits else self._credits[-1]

    def _late_until(self, frame: MacFrame, now: float) -> float | None:
        if self.tries_used == 1:
            return None
        last_try_only = self._credits.count(frame.initial_credit) == 1
        if last_try_only and self._credits[-1] == frame.initial_credit:
            return None  # a node answers in order: whatever came before is over
        assert self._deadline is not None
        return max(now, self._deadline)

    def _ask(self, now: float) -> None:
        question = self._question
        # PLC-1: whoever was silent once is asked with all the credit there is.
        credit = CREDIT_MAX if self._credits else question.initial_credit
        self._credits.append(credit)
        self._to_send = MacFrame(
            initial_credit=credit,
            current_credit=credit,
            delta_credit=0,
            source=question.initiator,
            destination=question.node,
            m_sdu=self._m_sdu,
        ).to_host()
        self._deadline = now + question.timing.answer_due_s(
            len(self._m_sdu), question.answer_octets_max, credit
        )
