"""The server's side of the power line: a node's life from NEW to REGISTERED."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from drivers.errors import LocalUseError, MalformedFrame
from drivers.plc import llc
from drivers.plc.ciase import (
    ALARM_NEW_METER,
    CiasePdu,
    ClearAlarm,
    ClearAlarmChoice,
    Discover,
    DiscoverReport,
    PingRequest,
    PingResponse,
    Register,
    decode_ciase,
)
from drivers.plc.initiator_search import InitiatorSearch
from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import (
    ALL_CONFIGURED,
    ALL_PHYSICAL,
    DELTA_CREDIT_MAX,
    FIMA,
    LIMA,
    NEW,
    NO_BODY,
    MacFrame,
)

NOT_ADDRESSED_TIMEOUT_S: Final = 6 * 3600.0
FRAME_NOT_OK_TIMEOUT_S: Final = 45.0


class NodeState(StrEnum):
    """Whether a client has given the node an address."""

    NEW = "new"
    REGISTERED = "registered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A frame that the node itself answers with.

    Attributes:
        frame: what goes out.
        after_slots: slots to wait once the last repetition of the frame received is over.
    """

    frame: MacFrame
    after_slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """An APDU for the node's application.

    Attributes:
        pdu: the LLC PDU, with the access points to answer between.
        frame: the copy heard: its hop distance tells the delay of the repetitions.
        answerable: sent to this node alone; a broadcast is never answered.
    """

    pdu: LlcPdu
    frame: MacFrame
    answerable: bool


Received: TypeAlias = Reply | Delivered | None


class PlcNode:
    """A server station; whoever runs it repeats frames on the line and keeps the time.

    All times are seconds of one monotonic clock that the owner chose. What docs/plc.md marks as
    inferred stands here alone: which frames count as "addressed", what a lock refuses, and that
    a node whose address is given to another becomes NEW.

    Source: docs/plc.md 2.3, 3, 5.1, 8.9.

    Attributes:
        system_title: six octets, the node's own for life.
        mac: its address; NEW until registered.
        initiator_mac: the client it is locked on; NO_BODY while unlocked.
        initiator_system_title: that client's title; empty while not registered.
        groups: MAC group addresses it listens to.
        alarm_descriptor: the alarm to report at the next Discover; None for none.
        times_become_new: how often it lost its registration, and with it every association.
        foreign_count: frames from a client that it is not locked on.
        search: whom it listens to while it has no address.
    """

    def __init__(
        self,
        *,
        system_title: bytes,
        now: float = 0.0,
        not_addressed_timeout_s: float = NOT_ADDRESSED_TIMEOUT_S,
        frame_not_ok_timeout_s: float = FRAME_NOT_OK_TIMEOUT_S,
        search_initiator_s: float = 0.0,
    ) -> None:
        self.system_title = system_title
        self.mac = NEW
        self.initiator_mac = NO_BODY
        self.initiator_system_title = b""
        self.groups: frozenset[int] = frozenset()
        self.alarm_descriptor: int | None = None
        self.times_become_new = 0
        self.foreign_count = 0
        self.search = InitiatorSearch(search_initiator_s)
        self._not_addressed_timeout_s = not_addressed_timeout_s
        self._frame_not_ok_timeout_s = frame_not_ok_timeout_s
        self._addressed_at = now
        self._good_frame_at: float | None = None

    @property
    def state(self) -> NodeState:
        """Whether a client has given it an address."""
        return NodeState.NEW if self.mac == NEW else NodeState.REGISTERED

    @property
    def locked(self) -> bool:
        """Whether it listens to one client only."""
        return self.initiator_mac != NO_BODY

    def synchronised(self, now: float) -> bool:
        """Return whether it has heard its client's slots lately."""
        heard_at = self._good_frame_at
        return heard_at is not None and now - heard_at < self._frame_not_ok_timeout_s

    def receive(
        self, frame: MacFrame, now: float, rng: random.Random, level_dbuv: float = 0.0
    ) -> Received:
        """Take the first good copy of a frame; return what to do about it.

        Never raises for what the far end sent. `level_dbuv` is how loud it was.
        """
        if not FIMA <= frame.source <= LIMA or not self._listens_to(frame.source, level_dbuv, now):
            return None
        self._good_frame_at = now
        if not self._is_for_me(frame.destination):
            return None
        if self.mac == frame.destination != NEW:
            self._addressed_at = now
        try:
            pdu = LlcPdu.decode(frame.m_sdu)
            if pdu.destination_lsap != llc.CIASE:
                alone = frame.destination == self.mac != NEW
                return Delivered(pdu=pdu, frame=frame, answerable=alone)
            request = decode_ciase(pdu.l_sdu)
        except MalformedFrame:
            return None
        return self._serve(request, frame, now, rng)

    def answer(self, apdu: bytes, request: Delivered) -> MacFrame:
        """Return the frame that carries the application's answer.

        Raises:
            LocalUseError: the answer is too long, or nobody may answer this request.
        """
        if not request.answerable:
            raise LocalUseError("a broadcast is not answered")
        asked = request.pdu
        return self._reply_frame(
            request.frame,
            LlcPdu(
                destination_lsap=asked.source_lsap,
                source_lsap=asked.destination_lsap,
                l_sdu=apdu,
            ),
            initial_credit=request.frame.initial_credit,
        )

    def tick(self, now: float) -> bool:
        """Fall back to NEW when nobody addressed the node for too long; return whether it did."""
        due = self.deadline()
        if due is None or now < due:
            return False
        self.become_new()
        return True

    def deadline(self) -> float | None:
        """Return when `tick` is due; None while the node is NEW."""
        if self.state is NodeState.NEW:
            return None
        return self._addressed_at + self._not_addressed_timeout_s

    def become_new(self) -> None:
        """Forget the registration: time-out, or the reset method of the active-initiator object."""
        if self.state is NodeState.REGISTERED:
            self.times_become_new += 1
        self.mac = NEW
        self.initiator_mac = NO_BODY
        self.initiator_system_title = b""
        self.groups = frozenset()
        self.search.begin_again()
        self._good_frame_at = None

    def _listens_to(self, initiator_mac: int, level_dbuv: float, now: float) -> bool:
        if self.locked:
            self.foreign_count += initiator_mac != self.initiator_mac
            return initiator_mac == self.initiator_mac
        self.search.heard(initiator_mac, level_dbuv, now)
        return self.search.accepts(initiator_mac, now)

    def _is_for_me(self, destination: int) -> bool:
        if destination in {self.mac, ALL_PHYSICAL} or destination in self.groups:
            return True
        return destination == ALL_CONFIGURED and self.state is NodeState.REGISTERED

    def _serve(
        self, request: CiasePdu, frame: MacFrame, now: float, rng: random.Random
    ) -> Received:
        match request:
            case Discover():
                return self._report(request, frame, rng.random, rng.randrange)
            case Register():
                self._register(request, frame.source, now)
            case PingRequest() if request.system_title == self.system_title:
                return self._pong(frame)
            case ClearAlarm():
                self._clear_alarm(request)
            case _:
                pass  # the repeater call is the line's business, the rest is a server's own PDUs
        return None

    def _report(
        self,
        discover: Discover,
        frame: MacFrame,
        draw: Callable[[], float],
        draw_below: Callable[[int], int],
    ) -> Reply | None:
        alarm = self.alarm_descriptor
        if alarm is None and self.state is NodeState.REGISTERED:
            return None
        if not discover.allowed_time_slots or draw() * 100 >= discover.response_probability:
            return None
        credit = discover.report_initial_credit
        if discover.ic_equal_credit:
            credit = frame.initial_credit
        report = DiscoverReport(
            system_titles=(self.system_title,),
            alarm_descriptor=ALARM_NEW_METER if alarm is None else alarm,
        )
        pdu = LlcPdu(destination_lsap=llc.REPORT, source_lsap=llc.CIASE, l_sdu=report.encode())
        window = draw_below(discover.allowed_time_slots)
        return Reply(
            frame=self._reply_frame(frame, pdu, initial_credit=credit),
            after_slots=window * (1 + credit),
        )

    def _pong(self, frame: MacFrame) -> Reply:
        response = PingResponse(system_title=self.system_title)
        pdu = LlcPdu(destination_lsap=llc.INITIATOR, source_lsap=llc.CIASE, l_sdu=response.encode())
        answer = self._reply_frame(frame, pdu, initial_credit=frame.initial_credit)
        return Reply(frame=answer, after_slots=0)

    def _register(self, register: Register, initiator_mac: int, now: float) -> None:
        client = register.initiator_system_title
        if self.state is NodeState.REGISTERED and client != self.initiator_system_title:
            return  # a neighbour's concentrator, overheard
        for entry in register.entries:
            if entry.system_title == self.system_title:
                if NO_BODY < entry.mac < FIMA:
                    self.mac = entry.mac
                    self.initiator_mac = initiator_mac
                    self.initiator_system_title = client
                    self._addressed_at = now
                return
        if any(entry.mac == self.mac for entry in register.entries):
            self.become_new()  # the address is somebody else's now

    def _clear_alarm(self, clear: ClearAlarm) -> None:
        match clear.choice:
            case ClearAlarmChoice.ALARM_OF_EACH_SERVER:
                ended = {
                    alarm
                    for title, alarm in zip(clear.servers, clear.alarm_descriptors, strict=True)
                    if title == self.system_title
                }
            case ClearAlarmChoice.ALARMS_OF_SERVERS if self.system_title not in clear.servers:
                ended = set()
            case _:
                ended = set(clear.alarm_descriptors)
        if self.alarm_descriptor in ended:
            self.alarm_descriptor = None

    def _reply_frame(self, heard: MacFrame, pdu: LlcPdu, *, initial_credit: int) -> MacFrame:
        return MacFrame(
            initial_credit=initial_credit,
            current_credit=initial_credit,
            delta_credit=min(DELTA_CREDIT_MAX, heard.hop_distance),
            source=self.mac,
            destination=heard.source,
            m_sdu=pdu.encode(),
        )
