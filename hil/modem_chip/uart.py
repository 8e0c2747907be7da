"""The chip's side of the serial line: T_REQ, status, ACK, NAK, repeats, and the chip's timers.

Tic, Tack and Tsr are judged on line time, which comes with the octets: a host that was quick on
the line is never punished for this process being slow.

Source: AMIS-49587 datasheet, host interface (docs/plc.md 8.3).
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from hal.plc_modem.host_deframer import HostDeframer, Role
from hal.plc_modem.host_frame import ControlOctet, HostFrame
from hal.plc_modem.status import StatusMessage

TSR_S = 0.2
TACK_S = 0.04
TWBC_S = 0.005
TIC_10_MS_S = 0.01
_TIC_S = {4800: 0.01, 9600: 0.005, 19_200: 0.0025, 38_400: 0.00125}

_DELIVERY_ALLOWANCE_S = 0.01  # octets are handed on later than their line time (DELIVERY_S)


def tic_s(baud_bps: int, *, ten_ms: bool) -> float:
    """Return the gap that ends a frame; the newest chips' 115,200 bit/s is taken as 38,400."""
    return TIC_10_MS_S if ten_ms else _TIC_S.get(baud_bps, _TIC_S[38_400])


@dataclass(slots=True)
class UartFaults:
    """Misbehaviour that a test or the process orders; times are line times."""

    silent_until: float = 0.0
    nak_until: float = 0.0
    last_octets: int | None = None  # so many octets of the next own frame, then nothing


@dataclass(slots=True)
class _Unacknowledged:
    frame: HostFrame
    ended_at: float
    repeat_at: float | None = None
    is_repeat: bool = False


class ChipUart:
    """Arbitration, without knowing any command."""

    def __init__(
        self,
        *,
        baud_bps: int,
        send: Callable[[bytes], float],
        status: Callable[[], StatusMessage],
        on_frame: Callable[[HostFrame], None],
    ) -> None:
        """Prepare; `send` puts octets on the line and returns when the last one ends."""
        self.tic_s = tic_s(baud_bps, ten_ms=False)
        self.faults = UartFaults()
        self.unsolicited_frames = 0  # of a host that did not ask, or came after Tsr
        self.frames_refused = 0
        self._octet_s = 10 / baud_bps
        self._send_octets = send
        self._status = status
        self._on_frame = on_frame
        self._deframer = HostDeframer(Role.MODEM)
        self._line_ended_at = 0.0  # last octet heard
        self._turn_until: float | None = None  # the host may begin a frame
        self._queue: deque[HostFrame] = deque()
        self._open: _Unacknowledged | None = None

    def t_req_fell(self, now: float) -> None:
        """Answer the host's request to send."""
        ended_at = self._send(self._status().encode(), now)
        self._turn_until = ended_at + TSR_S

    def queue(self, frame: HostFrame, now: float) -> None:
        """Send a frame to the host as soon as the one before is acknowledged."""
        self._queue.append(frame)
        self._send_next(now)

    def forget(self) -> None:
        """Drop what is on its way: the chip was reset."""
        self._queue.clear()
        self._open = None
        self._turn_until = None
        self._deframer.line_went_idle()

    def receive(self, octets: bytes, began_at: float, now: float) -> None:
        """Take octets that stood on the line back to back from `began_at` on."""
        if began_at - self._line_ended_at > self.tic_s:
            self._end_of_burst(now)
        self._line_ended_at = began_at + len(octets) * self._octet_s
        rejected = self._deframer.rejected_count
        for message in self._deframer.receive(octets):
            if isinstance(message, HostFrame):
                self._take_frame(message, now)
            elif isinstance(message, ControlOctet):
                self._take_control(message, began_at, now)
        if self._deframer.rejected_count > rejected:
            self._refuse(now)

    def tick(self, now: float) -> None:
        """Act on timers."""
        if self._gap_due() <= now:
            self._end_of_burst(now)
        waiting = self._open
        if waiting is None:
            return
        if waiting.repeat_at is not None:
            if now >= waiting.repeat_at:
                ended_at = self._send(waiting.frame.encode(), now)
                self._open = _Unacknowledged(waiting.frame, ended_at, is_repeat=True)
        elif now >= waiting.ended_at + TACK_S + _DELIVERY_ALLOWANCE_S:
            self._open = None  # no answer counts as ACK
            self._send_next(now)

    def deadline(self) -> float:
        """Return when `tick` is due; infinite while nothing is awaited."""
        due = self._gap_due()
        if self._open is not None:
            repeat_at = self._open.repeat_at
            acked_at = self._open.ended_at + TACK_S + _DELIVERY_ALLOWANCE_S
            due = min(due, acked_at if repeat_at is None else repeat_at)
        return due

    def _gap_due(self) -> float:
        if not self._deframer.unsettled:
            return float("inf")
        return self._line_ended_at + self.tic_s + _DELIVERY_ALLOWANCE_S

    def _end_of_burst(self, now: float) -> None:
        if self._deframer.unsettled:
            frames = [m for m in self._deframer.line_went_idle() if isinstance(m, HostFrame)]
            for frame in frames:
                self._take_frame(frame, now)
            if not frames:
                self._refuse(now)

    def _take_frame(self, frame: HostFrame, now: float) -> None:
        began_at = self._line_ended_at - len(frame.encode()) * self._octet_s
        if self._turn_until is None or began_at > self._turn_until:
            self.unsolicited_frames += 1
            return
        if now < self.faults.nak_until:
            self._refuse(now)
            return
        self._turn_until = None
        self._send(bytes([ControlOctet.ACK]), now)
        self._on_frame(frame)

    def _take_control(self, octet: ControlOctet, began_at: float, now: float) -> None:
        waiting = self._open
        if waiting is None or not 0 <= began_at - waiting.ended_at <= TACK_S:
            return
        if octet is ControlOctet.NAK and not waiting.is_repeat:
            waiting.repeat_at = now + TWBC_S
            return
        self._open = None
        self._send_next(now)

    def _refuse(self, now: float) -> None:
        """Say NAK, once for each turn of the host."""
        if self._turn_until is not None:
            self._turn_until = None
            self.frames_refused += 1
            self._send(bytes([ControlOctet.NAK]), now)

    def _send_next(self, now: float) -> None:
        if self._open is None and self._queue:
            frame = self._queue.popleft()
            octets = frame.encode()
            if self.faults.last_octets is not None:
                octets, self.faults.last_octets = octets[: self.faults.last_octets], None
            self._open = _Unacknowledged(frame, self._send(octets, now))

    def _send(self, octets: bytes, now: float) -> float:
        return now if now < self.faults.silent_until else self._send_octets(octets)
