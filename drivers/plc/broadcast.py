"""A frame that nobody answers: done when its last repetition is over."""

from dataclasses import dataclass

from drivers.plc.airtime import LineTiming
from drivers.plc.llc import LlcPdu
from drivers.plc.mac_frame import MacFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a broadcast cost.

    Attributes:
        sent_octets: M_sdu octets handed to the modem.
        airtime_s: line time with all repetitions.
    """

    sent_octets: int
    airtime_s: float


class Broadcast:
    """An Exchange[Sent] for Register, RepeaterCall, ClearAlarm, the time, any unconfirmed APDU."""

    def __init__(
        self,
        *,
        initiator: int,
        destination: int,
        destination_lsap: int,
        source_lsap: int,
        l_sdu: bytes,
        initial_credit: int,
        timing: LineTiming,
    ) -> None:
        pdu = LlcPdu(destination_lsap=destination_lsap, source_lsap=source_lsap, l_sdu=l_sdu)
        self._frame = MacFrame(
            initial_credit=initial_credit,
            current_credit=initial_credit,
            delta_credit=0,
            source=initiator,
            destination=destination,
            m_sdu=pdu.encode(),
        )
        self._timing = timing
        self._to_send = b""
        self._deadline: float | None = None
        self._over = False

    def start(self, now: float) -> None:
        """Begin; the frame becomes available."""
        credit = self._frame.initial_credit
        self._to_send = self._frame.to_host()
        self._deadline = now + self._timing.sent_s(len(self._frame.m_sdu), credit)

    def receive(self, octets: bytes, now: float) -> None:
        """Take what is heard meanwhile: nothing that this waits for."""

    def tick(self, now: float) -> None:
        """End once the last repetition is over."""
        if self._deadline is not None and now >= self._deadline:
            self._deadline = None
            self._over = True

    def octets_to_send(self) -> bytes:
        """Return, once, the frame."""
        octets, self._to_send = self._to_send, b""
        return octets

    def deadline(self) -> float | None:
        """Return when the last repetition is over at the latest."""
        return self._deadline

    def outcome(self) -> Sent | None:
        """Return what it cost once it is over."""
        if not self._over:
            return None
        octets = len(self._frame.m_sdu)
        airtime_s = self._timing.frame_s(octets, self._frame.initial_credit)
        return Sent(sent_octets=octets, airtime_s=airtime_s)
