"""The emulated AMIS-49587 as a whole: its serial line, its T_REQ pin, and an air in front.

It knows no pty and no socket: octets and levels come in by methods, go out by callbacks, and time
is the event loop's. `PacedPty.send` and `FakeSerialLine.send` both fit `send`.

The chip's configuration cannot carry a bench rate (PlcModemSettings.is_bench_rate); the emulator
takes bit rate and packing from the line's own terms (hil.air.LineTerms).
"""

import asyncio
import random
from collections.abc import Callable

from drivers.plc.mac_frame import MacFrame
from hal.plc_modem.host_frame import Command, HostFrame
from hal.plc_modem.status import Mode, StatusMessage
from hil.air import AirEvent, FirstCopySent
from hil.modem_chip.firmware import ChipFirmware
from hil.modem_chip.uart import ChipUart, tic_s


class PlcModemEmulator:
    """One chip. All methods are called on the event loop."""

    def __init__(
        self,
        *,
        baud_bps: int,
        send: Callable[[bytes], float],
        transmit: Callable[[bytes], None],
        call_repeaters: Callable[[], None] = lambda: None,
        seed: int = 0,
    ) -> None:
        """Prepare; `send` takes octets for the host and returns when the last one is out.

        `transmit` takes the line octets of a frame's first copy, `call_repeaters` the order to send
        the repeater pattern. `seed` is for garbage.
        """
        self._loop = asyncio.get_running_loop()
        self._baud_bps = baud_bps
        self._send = send
        self._random = random.Random(seed)  # noqa: S311  (no secret)
        self._timer: asyncio.TimerHandle | None = None
        self._late_confirm_s: list[float] = []
        self._resets_after_frame = False
        self.uart = ChipUart(
            baud_bps=baud_bps, send=send, status=self._status, on_frame=self._take_frame
        )
        self.firmware = ChipFirmware(
            tell_host=self._tell_host,
            transmit=transmit,
            call_repeaters=call_repeaters,
            on_config=self._config_changed,
        )

    def octets_came(self, octets: bytes, began_at: float) -> None:
        """Take what the host sent, with the line time of its first octet's start."""
        self.uart.receive(octets, began_at, self._loop.time())
        self._rearm()

    def t_req_changed(self, *, high: bool) -> None:
        """Take the level of T_REQ; falling, it asks for a status."""
        if not high:
            self.uart.t_req_fell(self._loop.time())
        self._rearm()

    def hear(self, event: AirEvent) -> None:
        """Take what the power line did."""
        self.firmware.hear(event, self._loop.time())
        self._rearm()

    def line_vanished(self) -> None:
        """No power line answers: the chip sends into nothing for as long, and does not notice."""
        frame = self.firmware.on_air
        if frame is not None:
            self._loop.call_later(self.firmware.first_copy_s(frame), self._sent_into_nothing, frame)

    def reset(self) -> None:
        """Do what the reset pin or a dip of the supply does."""
        self.uart.forget()
        self.firmware.reset()
        self._rearm()

    def be_silent(self, for_s: float) -> None:
        """Fault: send nothing at all for a while."""
        self.uart.faults.silent_until = self._loop.time() + for_s

    def refuse_all(self, for_s: float) -> None:
        """Fault: NAK every frame of the host for a while."""
        self.uart.faults.nak_until = self._loop.time() + for_s

    def confirm_late(self, by_s: float) -> None:
        """Fault: the next MA_Data_Confirm comes so much later than it should."""
        self._late_confirm_s.append(by_s)

    def reset_in_mid_frame(self, after_octets: int) -> None:
        """Fault: the next frame to the host breaks off after so many octets, by a reset."""
        self.uart.faults.last_octets = after_octets
        self._resets_after_frame = True

    def send_garbage(self, octets: int) -> None:
        """Fault: send so many random octets."""
        self._send(self._random.randbytes(octets))

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _sent_into_nothing(self, frame: MacFrame) -> None:
        if self.firmware.on_air is frame:
            self.hear(FirstCopySent())

    def _status(self) -> StatusMessage:
        return self.firmware.status(self._loop.time())

    def _take_frame(self, frame: HostFrame) -> None:
        self.firmware.handle(frame, self._loop.time())

    def _tell_host(self, frame: HostFrame) -> None:
        if frame.command == Command.MA_DATA_CONFIRM and self._late_confirm_s:
            self._loop.call_later(self._late_confirm_s.pop(0), self._queue, frame)
            return
        self._queue(frame)

    def _queue(self, frame: HostFrame) -> None:
        self.uart.queue(frame, self._loop.time())
        if self._resets_after_frame and self.uart.faults.last_octets is None:
            self._resets_after_frame = False
            self.reset()
        self._rearm()

    def _config_changed(self) -> None:
        data_base = self.firmware.data_base
        ten_ms = data_base is not None and data_base.config.tic_is_10_ms
        self.uart.tic_s = tic_s(self._baud_bps, ten_ms=ten_ms)
        if self.firmware.mode is Mode.NOT_SET:
            self.uart.forget()

    def _rearm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = min(self.uart.deadline(), self.firmware.deadline())
        if due != float("inf"):
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._timer = None
        self.uart.tick(self._loop.time())
        self.firmware.tick(self._loop.time())
        self._rearm()
