"""Hold a DLMS conversation with one meter over the power line."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from drivers.dlms.association import AssociationRejected, AssociationRequest
from drivers.dlms.conversations import Conversation, associate
from drivers.dlms.password import Password
from drivers.dlms.service_error import ErrorGroup, ServiceErrorReply
from drivers.errors import LocalUseError, NoAnswer, ServiceRefused
from drivers.plc.airtime import LineTiming
from drivers.plc.discovery import PingExchange, PingHeard
from drivers.plc.llc import HEADER_OCTETS
from drivers.plc.mac_frame import CREDIT_MAX, M_SDU_OCTETS_MAX
from drivers.plc.repeated_request import AnswerFacts, RepeatedRequest
from drivers.plc.unicast import UnicastAnswer, UnicastRequest
from gateway.meters.airtime_price import AirtimePrice
from gateway.meters.company import Thrift
from gateway.meters.node_counter import NodeCounter
from gateway.meters.node_link import NodeLink
from gateway.meters.patience import LINE_HOLDS_S
from gateway.meters.plc_segment import PlcSegment, Priority
from hal.errors import HalError

Result = TypeVar("Result")
Facts = TypeVar("Facts", bound=AnswerFacts)

PING_TRIES: Final = 2

SHORT_TRIES: Final = 2

ASSOCIATION_OCTETS_MAX: Final = 80
"""No AARE without ciphering is longer."""

SHORT_SUBFRAMES: Final = 2
"""An exchange of no more sub-frames than this is asked again with credit 7 at once; a longer one
costs less if a ping with credit 7 first tells whether the node is there, and what it needs."""


class Length(NamedTuple):
    """Sub-frames of a question and of the longest answer to it."""

    question: int
    answer: int


PING_LENGTH: Final = Length(1, 1)
CLOCK_LENGTH: Final = Length(1, 1)
"""Of a question that sets a clock, and its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """How this client addresses meters.

    Attributes:
        initiator: our MAC address.
        client_lsap, server_lsap: access points of the application.
        pdu_octets_max: the longest APDU we take.
        timing: of the line.
    """

    initiator: int
    client_lsap: int
    server_lsap: int
    pdu_octets_max: int
    timing: LineTiming


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Generic[Result]):
    """The result of a conversation.

    Attributes:
        result: what the conversation returned.
        stamped_at_s: loop time at which the meter worked on the first request, estimated.
        uncertainty_s: by how much the estimate may be off.
    """

    result: Result
    stamped_at_s: float
    uncertainty_s: float


class MeterAccess:
    """Keeps an association with each meter and learns what its answers need.

    Args:
        segment: the line.
        settings: addresses.
        passwords: what to try the meter behind a node with, None being no security.
        counter: of what each node is asked, and answers.
        time: the loop's time.
        now_s: UTC.
    """

    def __init__(
        self,
        segment: PlcSegment,
        settings: AccessSettings,
        passwords: Callable[[NodeLink], Sequence[Password | None]],
        counter: NodeCounter,
        time: Callable[[], float],
        now_s: Callable[[], float],
    ) -> None:
        self._segment = segment
        self._settings = settings
        self._passwords = passwords
        self._counter = counter
        self._time = time
        self._now_s = now_s
        self._price = AirtimePrice(timing=settings.timing)
        self._locks: dict[bytes, asyncio.Lock] = {}

    async def converse(
        self,
        link: NodeLink,
        conversation: Callable[[], Conversation[Result]],
        priority: Priority,
        answer_octets_max: int | None = None,
    ) -> Answered[Result]:
        """Ask one meter; associate first where that is needed.

        Args:
            link: the way to the meter.
            conversation: makes the conversation; called again when the association was lost.
            priority: against others who wait for the line.
            answer_octets_max: no answer APDU of this conversation is longer; None: as long as one
                can be. The shorter, the sooner silence is noticed.

        Raises:
            NoAnswer: the meter stayed silent; noted in `link`.
            PeerError: it refused, or answered nonsense.
            HalError: the modem failed.
        """
        longest = self._settings.pdu_octets_max
        octets = longest if answer_octets_max is None else min(answer_octets_max, longest)
        lock = self._locks.setdefault(link.system_title, asyncio.Lock())
        async with lock:
            await self._associated(link, priority)
            try:
                return await self._hold(link, conversation(), priority, octets)
            except ServiceRefused as refused:
                if not _association_is_gone(refused):
                    raise
            link.terms = None
            await self._associated(link, priority)
            return await self._hold(link, conversation(), priority, octets)

    async def converse_once(
        self, link: NodeLink, conversation: Callable[[], Conversation[Result]], priority: Priority
    ) -> Result:
        """Ask one question, once, made in the moment the line is free: a time in it is true.

        Raises:
            NoAnswer: silence; whether the meter did it is unknown.
            PeerError: it refused, or answered nonsense.
            HalError: the modem failed.
        """
        made: list[Conversation[Result]] = []

        def ask() -> UnicastRequest:
            made.append(conversation())
            octets = self._settings.pdu_octets_max
            return self._request(link, next(made[0]), octets, self._credit(link, CLOCK_LENGTH))

        async with self._locks.setdefault(link.system_title, asyncio.Lock()):
            await self._associated(link, priority)
            await self._wait_out_late_answers(link)
            answer = await self._noted(link, ask, priority, CLOCK_LENGTH)
        try:
            made[0].send(answer.apdu)
        except StopIteration as ended:
            result: Result = ended.value
            return result
        raise LocalUseError("converse_once is for one question")

    async def ping(
        self, link: NodeLink, priority: Priority, credit: int | None = None, tries: int = PING_TRIES
    ) -> PingHeard:
        """Ask whether this very node is at its address [PLC-3].

        Args:
            link: the way to the node.
            priority: against others who wait for the line.
            credit: of the first try; None: as learnt.
            tries: later ones have credit 7.

        Raises:
            NoAnswer: silence.
            HalError: the modem failed.
        """
        await self._wait_out_late_answers(link)

        def ask() -> PingExchange:
            return PingExchange(
                initiator=self._settings.initiator,
                node=link.mac,
                system_title=link.system_title,
                initial_credit=link.credit.credit if credit is None else credit,
                timing=self._settings.timing,
                tries=tries,
            )

        return await self._noted(link, ask, priority, PING_LENGTH)

    async def _associated(self, link: NodeLink, priority: Priority) -> None:
        candidates = self._passwords(link)
        if link.terms is not None and link.password in candidates:
            return
        for at, password in enumerate(candidates, start=1):
            terms = AssociationRequest(
                password=password, pdu_octets_max=self._settings.pdu_octets_max
            )
            try:
                octets = ASSOCIATION_OCTETS_MAX
                link.terms = (await self._hold(link, associate(terms), priority, octets)).result
            except AssociationRejected:
                if at == len(candidates):
                    raise
            else:
                link.password = password
                return

    async def _hold(
        self,
        link: NodeLink,
        conversation: Conversation[Result],
        priority: Priority,
        answer_octets_max: int,
    ) -> Answered[Result]:
        timing = self._settings.timing
        stamped_at_s = uncertainty_s = 0.0
        apdu = next(conversation)
        while True:
            answer = await self._ask(link, apdu, priority, answer_octets_max)
            if not stamped_at_s:
                octets = len(answer.apdu) + HEADER_OCTETS
                travelled_s = timing.first_copy_s(octets) * (1 + answer.need)
                stamped_at_s = self._time() - travelled_s
                uncertainty_s = timing.host_latency_s + timing.frame_s(
                    len(apdu) + HEADER_OCTETS, answer.need
                )
            try:
                apdu = conversation.send(answer.apdu)
            except StopIteration as ended:
                return Answered(
                    result=ended.value, stamped_at_s=stamped_at_s, uncertainty_s=uncertainty_s
                )

    async def _ask(
        self, link: NodeLink, apdu: bytes, priority: Priority, answer_octets_max: int
    ) -> UnicastAnswer:
        """Ask, and again when there is silence: a long question once more at what a ping tells."""
        await self._wait_out_late_answers(link)
        length = Length(self._price.subframes(len(apdu)), self._price.subframes(answer_octets_max))
        need, credit = link.credit.credit, self._credit(link, length)
        # With all credit a question is as good a ping as any.
        is_short = length.question + length.answer <= SHORT_SUBFRAMES or credit == CREDIT_MAX
        tries = SHORT_TRIES if is_short else 1

        def ask() -> UnicastRequest:
            return self._request(link, apdu, answer_octets_max, credit, tries)

        try:
            return await self._noted(link, ask, priority, length)
        except NoAnswer:
            if is_short:
                if link.frames.is_poor:
                    self._was_too_long(link, length, CREDIT_MAX, need)
                raise
        heard = await self.ping(link, priority, credit=CREDIT_MAX)
        # It is there; if credit was no matter, the length was. On a poor line nobody can tell.
        if heard.need <= credit or link.frames.is_poor:
            self._was_too_long(link, length, credit, need)
        tries, need, credit = SHORT_TRIES, link.credit.credit, self._credit(link, length)
        try:
            return await self._noted(link, ask, priority, length)
        except NoAnswer:
            self._was_too_long(link, length, CREDIT_MAX, need)
            raise

    def _was_too_long(self, link: NodeLink, length: Length, credit: int, need: int) -> None:
        copies = 1 + max(0, credit - need)
        link.frames.exchanged(length.question, length.answer, copies, answered=False)

    def _request(
        self, link: NodeLink, apdu: bytes, answer_octets_max: int, credit: int, tries: int = 1
    ) -> UnicastRequest:
        return UnicastRequest(
            initiator=self._settings.initiator,
            node=link.mac,
            destination_lsap=self._settings.server_lsap,
            source_lsap=self._settings.client_lsap,
            apdu=apdu,
            initial_credit=credit,
            timing=self._settings.timing,
            answer_octets_max=min(answer_octets_max + HEADER_OCTETS, M_SDU_OCTETS_MAX),
            tries=tries,
        )

    def _credit(self, link: NodeLink, length: Length) -> int:
        """Return what the next question needs: a line that was just heard is still like that."""
        credit = Thrift(self._price, link.frames, link.credit.credit).credit(*length)
        is_fresh = self._now_s() - link.heard_at_s < LINE_HOLDS_S
        return max(credit, link.credit.need or 0) if is_fresh else credit

    async def _noted(
        self,
        link: NodeLink,
        make: Callable[[], RepeatedRequest[Facts]],
        priority: Priority,
        length: Length,
    ) -> Facts:
        """Run an exchange and learn from it.

        Where every try met silence, one of them with credit 7, it was not for the credit.
        """
        made: list[RepeatedRequest[Facts]] = []

        def once() -> RepeatedRequest[Facts]:
            made.append(make())
            return made[0]

        try:
            answer = await self._segment.exchange(once, priority)
        except NoAnswer:
            self._count_tries(link, made[0], priority)
            self._counter.silent(link.system_title, self._time(), made[0].tries_used)
            if CREDIT_MAX not in made[0].credits_used:
                for credit in made[0].credits_used:
                    link.credit.failure(credit)
            raise
        except HalError:
            # The request may have gone out, so an answer may still come.
            timing = self._settings.timing
            longest_s = timing.answer_due_s(M_SDU_OCTETS_MAX, M_SDU_OCTETS_MAX, CREDIT_MAX)
            link.quiet_until_s = self._time() + longest_s
            raise
        self._count_tries(link, made[0], priority)
        self._counter.answered(
            link.system_title,
            self._time(),
            priority.purpose,
            hops_down=answer.need_down,
            hops_up=answer.need_up,
            octets=answer.answer_octets,
            airtime_s=self._settings.timing.frame_s(
                answer.answer_octets, answer.initial_credit_used
            ),
        )
        for credit in made[0].credits_used[:-1]:
            link.credit.failure(credit)
        copies = 1 + max(0, answer.initial_credit_used - link.credit.credit)
        link.credit.success(answer.need_down, answer.need_up, answer.initial_credit_used)
        link.frames.exchanged(length.question, length.answer, copies, answered=True)
        link.answered(self._now_s())
        if answer.late_until_s is not None:
            link.quiet_until_s = answer.late_until_s
        return answer

    def _count_tries(
        self, link: NodeLink, made: RepeatedRequest[Facts], priority: Priority
    ) -> None:
        octets = made.question_octets
        for credit in made.credits_used:
            self._counter.tried(
                link.system_title,
                priority.purpose,
                credit=credit,
                octets=octets,
                airtime_s=self._settings.timing.frame_s(octets, credit),
            )

    async def _wait_out_late_answers(self, link: NodeLink) -> None:
        # Replies carry no number: one to an older question would be taken for the new one's.
        await asyncio.sleep(max(0.0, link.quiet_until_s - self._time()))


def _association_is_gone(refused: ServiceRefused) -> bool:
    return isinstance(refused, ServiceErrorReply) and refused.group == ErrorGroup.VDE_STATE
