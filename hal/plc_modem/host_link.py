"""The host's side of the serial line's arbitration, without I/O: T_REQ, status, ACK, NAK, repeats.

The modem is master of the serial line. To send, the host pulls T_REQ low, gets a status, sends
its frame and gets ACK or NAK; on NAK or silence it begins again with T_REQ. Frames of the modem
come at any time and are acknowledged at once.

The owner gives octets and time, drives T_REQ as `t_req_low` says and writes `octets_to_send`.

Source: AMIS-49587 datasheet, host interface (docs/plc.md 8.3).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from hal.plc_modem.host_frame import Command, ControlOctet, HostFrame
from hal.plc_modem.settings import PlcModemSettings
from hal.plc_modem.status import StatusMessage

Received = HostFrame | ControlOctet | StatusMessage

_REPEAT_WINDOW_S = 0.2  # a modem repeats a frame at once; longer ago it is another frame


class LinkOutcome(Enum):
    """How a request to the modem ended on the serial line."""

    DELIVERED = "acknowledged"
    POLLED = "status came, nothing was to be sent"
    NOT_SET = "the modem has no configuration"
    SILENT = "no status"
    UNACKNOWLEDGED = "neither ACK nor NAK"
    REFUSED = "NAK"
    BUSY = "the modem stayed busy"


@dataclass(frozen=True, slots=True)
class LinkResult:
    """The outcome of a request, and the last status that was seen on the way."""

    outcome: LinkOutcome
    status: StatusMessage | None


@dataclass(slots=True)
class LinkCounters:
    """What happened on the serial line since the start."""

    frames_sent: int = 0
    frames_received: int = 0
    repeats_received: int = 0
    frames_damaged: int = 0
    naks_received: int = 0
    acks_missing: int = 0
    statuses_missing: int = 0


class _State(Enum):
    IDLE = 0
    POLLING = 1  # T_REQ is low, the status is due
    HOLDING = 2  # T_REQ is high until the next poll
    SENT = 3  # the frame is out, ACK or NAK is due


class Deframer(Protocol):
    """Who finds messages in octets: hal.plc_modem.host_deframer."""

    junk_octets: int
    rejected_count: int

    @property
    def unsettled(self) -> bool:
        """Whether octets wait for what may still come."""

    def receive(self, octets: bytes) -> list[Received]:
        """Take octets and return the messages they complete."""

    def line_went_idle(self) -> list[Received]:
        """Return messages that hid behind an unfinished one."""


class HostLink:
    """One request at a time, and the modem's frames at any time."""

    def __init__(self, settings: PlcModemSettings, deframer: Deframer) -> None:
        self.counters = LinkCounters()
        self._settings = settings
        self._deframer = deframer
        self._last_octet_at = 0.0
        self._to_send = bytearray()
        self._frames: list[HostFrame] = []
        self._last_indication: tuple[HostFrame, float] | None = None
        self._state = _State.IDLE
        self._wake_at = 0.0  # when the present state has lasted too long
        self._t_req_until: float | None = None  # T_REQ may rise once STX is out
        self._frame: HostFrame | None = None
        self._needs_config = False
        self._was_sent = False  # at least once
        self._tries_left = 0
        self._polls_left = 0
        self._busy_until: float | None = None
        self._status: StatusMessage | None = None
        self.alarms_heard = 0  # physical alarms: how often a status began to tell of one
        self._alarm_stood = False
        self._result: LinkResult | None = None

    @property
    def t_req_low(self) -> bool:
        """Tell whether T_REQ must be low now."""
        return self._state is _State.POLLING or self._t_req_until is not None

    @property
    def junk_octets(self) -> int:
        """Return how many octets made no sense so far."""
        return self._deframer.junk_octets

    def request(self, frame: HostFrame | None, now: float, *, needs_config: bool = False) -> None:
        """Begin to deliver `frame`, or with None only to fetch a status.

        `needs_config` asks for a modem that is configured and holds no frame: otherwise the
        result is NOT_SET, or the frame waits until the modem is free.
        """
        assert self._state is _State.IDLE, "one request at a time"
        self._frame = frame
        self._needs_config = needs_config
        self._was_sent = False
        self._tries_left = self._settings.link_tries
        self._polls_left = self._settings.status_tries
        self._busy_until = None
        self._status = None
        self._result = None
        self._poll(now)

    def take_result(self) -> LinkResult | None:
        """Return, once, how the request ended; None while it goes on."""
        result, self._result = self._result, None
        return result

    def take_frames(self) -> list[HostFrame]:
        """Return, once, the frames that came from the modem; they are acknowledged already."""
        frames, self._frames = self._frames, []
        return frames

    def octets_to_send(self) -> bytes:
        """Return, once, what must go out now."""
        octets = bytes(self._to_send)
        self._to_send.clear()
        return octets

    def receive(self, octets: bytes, now: float) -> None:
        """Take what the serial line gave."""
        self._give_up_stale_octets(now)
        self._last_octet_at = now
        rejected = self._deframer.rejected_count
        messages = self._deframer.receive(octets)
        if not messages and self._deframer.rejected_count > rejected:
            self.counters.frames_damaged += 1
            self._to_send.append(ControlOctet.NAK)
        self._take(messages, now)

    def tick(self, now: float) -> None:
        """Act on whatever is overdue."""
        self._give_up_stale_octets(now)
        if self._t_req_until is not None and now >= self._t_req_until:
            self._t_req_until = None
        if self._state is _State.IDLE or now < self._wake_at:
            return
        if self._state is _State.HOLDING:
            self._poll(now)
        elif self._state is _State.POLLING:
            self.counters.statuses_missing += 1
            self._polls_left -= 1
            if self._polls_left <= 0:
                self._end(LinkOutcome.SILENT)
            else:
                self._hold(now)
        else:
            self.counters.acks_missing += 1
            self._try_again(LinkOutcome.UNACKNOWLEDGED, now)

    def deadline(self) -> float | None:
        """Return when `tick` is due; None while nothing is awaited."""
        times = [] if self._state is _State.IDLE else [self._wake_at]
        if self._t_req_until is not None:
            times.append(self._t_req_until)
        if self._deframer.unsettled:
            times.append(self._last_octet_at + self._settings.octet_gap_s)
        return min(times, default=None)

    def _give_up_stale_octets(self, now: float) -> None:
        if self._deframer.unsettled and now >= self._last_octet_at + self._settings.octet_gap_s:
            self._take(self._deframer.line_went_idle(), now)

    def _take(self, messages: list[Received], now: float) -> None:
        for message in messages:
            if isinstance(message, HostFrame):
                self._take_frame(message, now)
            elif isinstance(message, StatusMessage):
                self._take_status(message, now)
            elif self._state is not _State.SENT:
                continue  # an ACK or NAK that nobody waits for
            elif message is ControlOctet.ACK:
                self._end(LinkOutcome.DELIVERED)
            else:
                self.counters.naks_received += 1
                self._try_again(LinkOutcome.REFUSED, now)

    def _take_frame(self, frame: HostFrame, now: float) -> None:
        self._to_send.append(ControlOctet.ACK)
        self.counters.frames_received += 1
        if frame.command == Command.MA_DATA_INDICATION:
            last, self._last_indication = self._last_indication, (frame, now)
            if last and last[0] == frame and now - last[1] < _REPEAT_WINDOW_S:
                self.counters.repeats_received += 1
                return
        elif self._state is not _State.IDLE and self._was_sent and _answers(frame, self._frame):
            self._end(LinkOutcome.DELIVERED)  # its ACK was lost, or read as NAK
        self._frames.append(frame)

    def _take_status(self, status: StatusMessage, now: float) -> None:
        if self._state is not _State.POLLING:
            return
        self._status = status
        alarm = status.alarm_enabled and not status.not_set
        self.alarms_heard += alarm and not self._alarm_stood
        self._alarm_stood = alarm
        if self._needs_config and status.not_set:
            self._end(LinkOutcome.NOT_SET)
        elif self._frame is None:
            self._end(LinkOutcome.POLLED)
        elif self._needs_config and status.busy:
            self._wait_until_free(now)
        else:
            octets = self._frame.encode()
            self._to_send += octets
            self.counters.frames_sent += 1
            self._last_indication = None  # whatever comes from now on may answer this frame
            self._state = _State.SENT
            self._was_sent = True
            self._t_req_until = now + 2 * self._settings.octet_s
            self._wake_at = now + len(octets) * self._settings.octet_s + self._settings.ack_wait_s

    def _wait_until_free(self, now: float) -> None:
        if self._busy_until is None:
            self._busy_until = now + self._settings.line_busy_max_s
        if now < self._busy_until:
            self._hold(now)
        else:
            self._end(LinkOutcome.BUSY)

    def _try_again(self, outcome: LinkOutcome, now: float) -> None:
        self._tries_left -= 1
        if self._tries_left <= 0:
            self._end(outcome)
        else:
            self._hold(now)

    def _poll(self, now: float) -> None:
        self._state = _State.POLLING
        self._wake_at = now + self._settings.status_wait_s

    def _hold(self, now: float) -> None:
        """Let T_REQ rise: only a falling edge asks for the next status."""
        self._state = _State.HOLDING
        self._t_req_until = None
        self._wake_at = now + self._settings.slot_s / 4

    def _end(self, outcome: LinkOutcome) -> None:
        self._state = _State.IDLE
        self._t_req_until = None
        self._result = LinkResult(outcome, self._status)


def _answers(frame: HostFrame, request: HostFrame | None) -> bool:
    """Tell whether `frame` is the confirm or error of the request's service."""
    return request is not None and frame.command - request.command in {1, 2}
