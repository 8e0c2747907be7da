"""The client's side of CIASE: who is there, who gets which address, who still answers."""

from dataclasses import asdict, dataclass
from typing import Final

from drivers.errors import LocalUseError, MalformedFrame
from drivers.plc import llc
from drivers.plc.airtime import LineTiming
from drivers.plc.broadcast import Broadcast
from drivers.plc.ciase import (
    REGISTER_ENTRIES_MAX,
    Discover,
    DiscoverReport,
    PingRequest,
    PingResponse,
    Register,
    RegisterEntry,
    decode_ciase,
)
from drivers.plc.mac_frame import ALL_PHYSICAL, FIMA, NEW, NO_BODY, MacFrame
from drivers.plc.repeated_request import TRIES, AnswerFacts, Question, RepeatedRequest

PING_ANSWER_OCTETS: Final = 10  # three of LLC, tag, system title
_REPORT_LSAPS: Final = (llc.REPORT, llc.CIASE)
_CIASE_ANSWER_LSAPS: Final = ((llc.INITIATOR, llc.CIASE), _REPORT_LSAPS)  # which one: inferred


@dataclass(frozen=True, slots=True, kw_only=True)
class HeardReport:
    """One node that answered a Discover.

    Attributes:
        system_title: six octets, the node's own for life.
        source_mac: NEW, or the address it still has when it reports an alarm.
        alarm_descriptor: None when it reports no alarm.
        hop_distance: repetitions that the report needed to get here.
        initial_credit: the report's.
    """

    system_title: bytes
    source_mac: int
    alarm_descriptor: int | None
    hop_distance: int
    initial_credit: int


class DiscoverRound:
    """An Exchange[tuple[HeardReport, ...]]: one Discover and all that answer in its windows.

    Ends when the last window has passed, with nobody in it as a good result too. A node that is
    heard twice is reported once, as first heard. INV-1.

    Attributes:
        ignored_count: frames that came meanwhile and were no report to this client.
    """

    def __init__(
        self, *, initiator: int, discover: Discover, initial_credit: int, timing: LineTiming
    ) -> None:
        self._initiator = initiator
        self._timing = timing
        self._broadcast = Broadcast(
            initiator=initiator,
            destination=ALL_PHYSICAL,
            destination_lsap=llc.CIASE,
            source_lsap=llc.INITIATOR,
            l_sdu=discover.encode(),
            initial_credit=initial_credit,
            timing=timing,
        )
        equal = discover.ic_equal_credit
        report_credit = initial_credit if equal else discover.report_initial_credit
        self._windows_s = timing.discover_window_s(discover.allowed_time_slots, report_credit)
        self._deadline: float | None = None
        self._heard: dict[bytes, HeardReport] = {}
        self._over = False
        self.ignored_count = 0

    def start(self, now: float) -> None:
        """Begin; the Discover becomes available."""
        self._broadcast.start(now)
        sent = self._broadcast.deadline()
        assert sent is not None
        self._deadline = sent + self._windows_s + self._timing.slot_s

    def receive(self, octets: bytes, now: float) -> None:  # noqa: ARG002  (the Exchange's shape)
        """Take one frame in the modem's form; what is no report is only counted."""
        report = self._report_in(octets) if self._deadline is not None else None
        if report is None:
            self.ignored_count += 1
            return
        self._heard.setdefault(report.system_title, report)

    def tick(self, now: float) -> None:
        """End the round once its last window has passed."""
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None
            self._over = True

    def octets_to_send(self) -> bytes:
        """Return, once, the Discover."""
        return self._broadcast.octets_to_send()

    def deadline(self) -> float | None:
        """Return when the last window has passed."""
        return self._deadline

    def outcome(self) -> tuple[HeardReport, ...] | None:
        """Return who answered, in the order heard; None while windows are open."""
        return tuple(self._heard.values()) if self._over else None

    def _report_in(self, octets: bytes) -> HeardReport | None:
        try:
            frame = MacFrame.from_host(octets)
            pdu = llc.LlcPdu.decode(frame.m_sdu)
            if frame.destination != self._initiator or _lsaps(pdu) != _REPORT_LSAPS:
                return None
            report = decode_ciase(pdu.l_sdu)
        except MalformedFrame:
            return None
        if not isinstance(report, DiscoverReport) or len(report.system_titles) != 1:
            return None
        if not (frame.source == NEW or NO_BODY < frame.source < FIMA):
            return None
        return HeardReport(
            system_title=report.system_titles[0],
            source_mac=frame.source,
            alarm_descriptor=report.alarm_descriptor,
            hop_distance=frame.hop_distance,
            initial_credit=frame.initial_credit,
        )


class Registration(Broadcast):
    """An Exchange[Sent]: tells all stations who has which MAC address.

    Nobody answers it: a PingExchange to the new address shows that it was heard. At most 28
    entries fit. INV-1.

    Raises:
        LocalUseError: too many entries, or an address that is not for a server.
    """

    def __init__(
        self,
        *,
        initiator: int,
        initiator_system_title: bytes,
        entries: tuple[RegisterEntry, ...],
        initial_credit: int,
        timing: LineTiming,
    ) -> None:
        if not 0 < len(entries) <= REGISTER_ENTRIES_MAX:
            raise LocalUseError(f"{len(entries)} entries in one Register")
        for entry in entries:
            if not NO_BODY < entry.mac < FIMA:
                raise LocalUseError(f"{entry.mac:03X} is no address for a server")
        register = Register(initiator_system_title=initiator_system_title, entries=entries)
        super().__init__(
            initiator=initiator,
            destination=ALL_PHYSICAL,
            destination_lsap=llc.CIASE,
            source_lsap=llc.INITIATOR,
            l_sdu=register.encode(),
            initial_credit=initial_credit,
            timing=timing,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PingHeard(AnswerFacts):
    """A node that is there, with how its answer came back."""

    system_title: bytes


class PingExchange(RepeatedRequest[PingHeard]):
    """An Exchange[PingHeard]: is this very node at this address? Fails with NoAnswer if not.

    The answer of another node is no answer: whoever else sits at the address is not it. INV-7.
    """

    def __init__(
        self,
        *,
        initiator: int,
        node: int,
        system_title: bytes,
        initial_credit: int,
        timing: LineTiming,
        tries: int = TRIES,
    ) -> None:
        request = PingRequest(system_title=system_title).encode()
        pdu = llc.LlcPdu(destination_lsap=llc.CIASE, source_lsap=llc.INITIATOR, l_sdu=request)
        super().__init__(
            Question(
                initiator=initiator,
                node=node,
                pdu=pdu,
                initial_credit=initial_credit,
                timing=timing,
                answer_octets_max=PING_ANSWER_OCTETS,
                tries=tries,
            )
        )
        self._system_title = system_title

    def _answer_in(self, frame: MacFrame, pdu: llc.LlcPdu, now: float) -> PingHeard | None:
        if _lsaps(pdu) not in _CIASE_ANSWER_LSAPS:
            return None
        if decode_ciase(pdu.l_sdu) != PingResponse(system_title=self._system_title):
            return None
        return PingHeard(system_title=self._system_title, **asdict(self._facts(frame, now)))


def _lsaps(pdu: llc.LlcPdu) -> tuple[int, int]:
    return pdu.destination_lsap, pdu.source_lsap
