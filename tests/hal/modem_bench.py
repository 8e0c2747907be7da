"""A driver and an emulated chip on a serial line in memory, on a loop whose time jumps."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator

from drivers.plc.mac_frame import MacFrame, Packing
from hal.fake_board import FakeBoard
from hal.plc_modem.modem import AmisModem
from hal.plc_modem.settings import PlcModemSettings
from hil.air import FirstCopySent, Heard, LineTerms, RepeatersCalled
from hil.plc_modem_emulator import PlcModemEmulator

SETTINGS = PlcModemSettings(bit_rate_bps=24_000)
READ = MacFrame(
    initial_credit=0,
    current_credit=0,
    delta_credit=0,
    source=0xC00,
    destination=1,
    m_sdu=bytes.fromhex("9001100501022008"),
)
REPLY = dataclasses.replace(
    READ, source=1, destination=0xC00, m_sdu=bytes.fromhex("9010010C0100060001E240")
)


class ModemBench:
    """The driver, the chip and a line that only counts, and answers when told to."""

    def __init__(self, settings: PlcModemSettings = SETTINGS) -> None:
        self.loop = asyncio.get_running_loop()
        self.board = FakeBoard(plc_baud_bps=settings.baud_bps)
        self.transmitted: list[MacFrame] = []
        self.calls = 0  # of repeaters
        self.pattern_s: float | None = 0.5  # how long a call takes; None: it never ends
        self.answers = False
        self.chip = PlcModemEmulator(
            baud_bps=settings.baud_bps,
            send=self.board.line.send,
            transmit=self._transmit,
            call_repeaters=self._call_repeaters,
        )
        self.board.line.on_octets = self.chip.octets_came
        self.board.t_req.on_change = lambda high: self.chip.t_req_changed(high=high)
        self.chip.hear(LineTerms(bit_rate_bps=settings.bit_rate_bps, packing="A"))
        self.slot_s = settings.slot_s
        self.modem = AmisModem(self.board.plc_port, self.board.plc_t_req, settings)

    @property
    def now(self) -> float:
        return self.loop.time()

    def say(self, frame: MacFrame) -> None:
        """Let the chip hear a frame."""
        self.chip.hear(Heard(frame.encode(Packing.MODEL_A)))

    def _call_repeaters(self) -> None:
        self.calls += 1
        if self.pattern_s is not None:
            self.loop.call_later(self.pattern_s, self.chip.hear, RepeatersCalled())

    def _transmit(self, octets: bytes) -> None:
        frame = MacFrame.decode(octets, Packing.MODEL_A)
        self.transmitted.append(frame)
        slots = len(octets) // 36
        self.loop.call_later(slots * self.slot_s, self.chip.hear, FirstCopySent())
        if self.answers:
            answer = dataclasses.replace(REPLY, m_sdu=REPLY.m_sdu[:-1] + frame.m_sdu[-1:])
            self.loop.call_later((slots + 2) * self.slot_s, self.say, answer)


@contextlib.asynccontextmanager
async def running(bench: ModemBench) -> AsyncIterator[ModemBench]:
    """Run the driver for the length of the block; it must still be well at the end."""
    task = asyncio.create_task(bench.modem.run())
    try:
        yield bench
        assert not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        bench.chip.close()
        await bench.board.close()
