"""The driver of one AMIS-49587 as master of its line: up, kept up, and brought back by itself."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from hal.errors import HalError, ModemRefused, ModemReset, ModemSilent
from hal.plc_modem.chip_dialogue import ChipDialogue, ModemDisobeys
from hal.plc_modem.chip_procedures import (
    bring_up,
    call_repeaters,
    check_configured,
    read_chip_counters,
)
from hal.plc_modem.host_deframer import HostDeframer, Role
from hal.plc_modem.host_frame import DATA_OCTETS_MAX, Command, HostFrame
from hal.plc_modem.mac_record import HEADER_OCTETS
from hal.plc_modem.messages import (
    ConfirmStatus,
    DataConfirm,
    DataIndication,
    DataIndicationBadCrc,
)
from hal.plc_modem.settings import PlcModemSettings
from hal.ports import BytePort, OutputPin

log = logging.getLogger(__name__)

_BUSY = (ConfirmStatus.LM_TU3, ConfirmStatus.LM_TU4)
_TROUBLE = (ModemReset, ModemSilent, ModemDisobeys)
_MAINS_TOLERANCE = 0.97  # the slots follow the mains, which may be a little fast
_CONFIRMS_MISSING_MAX = 3  # in a row; then the modem is reset

T = TypeVar("T")


class _ConfirmMissing(HalError):  # noqa: N818
    """No MA_Data_Confirm, from a modem that is otherwise well."""


_MODEM_IS_WELL = (ModemRefused, _ConfirmMissing)


@dataclass(slots=True)
class _Job(Generic[T]):
    """One caller's wish; the caller may leave, the owner task still finishes it."""

    work: Callable[[ChipDialogue], Awaitable[T]]
    done: asyncio.Future[T] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    async def run(self, chip: ChipDialogue) -> None:
        """Do it; trouble with the modem is told to the caller and raised as well."""
        try:
            result = await self.work(chip)
        except HalError as error:
            self.fail(error)
            if not isinstance(error, _MODEM_IS_WELL):
                raise
        else:
            if not self.done.done():
                self.done.set_result(result)

    def fail(self, error: HalError) -> None:
        """Tell the caller, if it still waits."""
        if not self.done.done():
            self.done.set_exception(error)


class AmisModem:
    """One modem on one serial line; see hal.ports.PlcModem."""

    def __init__(self, port: BytePort, t_req: OutputPin, settings: PlcModemSettings) -> None:
        self._port = port
        self._t_req = t_req
        self._settings = settings
        self._chip: ChipDialogue | None = None
        self._up = asyncio.Event()
        self._jobs: deque[_Job[None] | _Job[dict[str, int]]] = deque()
        self._heard: deque[bytes] = deque(maxlen=settings.frames_kept_max)
        self._heard_any = asyncio.Event()
        self._confirms_missing = 0  # in a row
        self._counts: dict[str, int] = dict.fromkeys(
            (
                "times_configured",
                "times_lost",
                "frames_requested",
                "frames_heard",
                "frames_heard_damaged",
                "frames_dropped",
                "confirms_missing",
                "confirms_negative",
            ),
            0,
        )

    async def run(self) -> None:
        """Bring the modem up and keep it up until cancelled.

        Raises:
            PortLost: the serial line or T_REQ is gone.
            ModemSilent: no attempt of a whole series brought an answer.
            ModemRefused: the modem refuses the configuration itself.
        """
        deframer = HostDeframer(Role.HOST)
        chip = self._chip = ChipDialogue(
            self._port, self._t_req, self._settings, deframer, self._take_indication
        )
        try:
            await chip.run(self._keep_up)
        finally:
            self._chip = None
            self._up.clear()
            self._fail_jobs(ModemReset("the modem's driver has stopped"))

    async def ready(self) -> None:
        """Wait until the modem is configured as master and may send."""
        await self._up.wait()

    async def send(self, frame: bytes) -> None:
        """Send one MAC_Frame record; return at the end of its first transmission.

        A cancelled caller leaves a frame that was begun to its end; the next one waits for it.

        Raises:
            ModemReset: the modem is not up, or went down meanwhile.
            ModemRefused: refused by the modem.
            HalError: silent; whether the frame went out is then unknown.
            ValueError: no MAC_Frame record (our bug).
        """
        if not HEADER_OCTETS <= len(frame) <= DATA_OCTETS_MAX:
            raise ValueError(f"a MAC_Frame record of {len(frame)} octets")
        request = HostFrame(Command.MA_DATA_REQUEST, frame)
        await self._ask(_Job(lambda chip: self._transmit(chip, request)))

    async def call_repeaters(self, within_s: float) -> None:
        """Send the repeater pattern (ISA_Request); return when all have had their places.

        Raises:
            ModemReset: the modem is not up, or went down meanwhile.
            HalError: refused, or silent for longer than `within_s` and some slack.
        """
        await self._ask(_Job(lambda chip: call_repeaters(chip, self._settings, within_s)))

    async def receive(self) -> bytes:
        """Return the next frame heard with a good frame check; cancelling loses nothing."""
        while not self._heard:
            self._heard_any.clear()
            await self._heard_any.wait()
        return self._heard.popleft()

    async def read_statistics(self) -> dict[str, int]:
        """Return the driver's counters and, while the modem is up, the chip's (`chip_...`)."""
        counts = self.counters()
        if self._up.is_set():
            try:
                counts |= await self._ask(_Job(read_chip_counters))
            except HalError:
                log.debug("no counters from the modem", exc_info=True)
        return counts

    def counters(self) -> dict[str, int]:
        """Return the driver's own counters."""
        counts = dict(self._counts)
        if self._chip is not None:
            line = self._chip.link.counters
            counts |= {name: getattr(line, name) for name in line.__slots__}
            counts["junk_octets"] = self._chip.link.junk_octets
            counts["alarms_heard"] = self._chip.link.alarms_heard
        return counts

    async def _ask(self, job: _Job[T]) -> T:
        if self._chip is None or not self._up.is_set():
            raise ModemReset("the modem is not up")
        self._jobs.append(job)  # type: ignore[arg-type]  # T is one of the two kinds
        self._chip.wake()
        try:
            return await job.done
        except asyncio.CancelledError:
            if job in self._jobs:
                self._jobs.remove(job)  # type: ignore[arg-type]
            raise

    async def _keep_up(self, chip: ChipDialogue) -> None:
        while True:
            await self._bring_up(chip)
            came_up_at = chip.now()
            try:
                await self._serve(chip)
            except _TROUBLE as trouble:
                self._up.clear()
                self._confirms_missing = 0
                self._counts["times_lost"] += 1
                up_s = round(chip.now() - came_up_at, 1)
                log.warning("modem lost", extra={"REASON": str(trouble), "UP_S": up_s})
                self._fail_jobs(ModemReset(f"the modem went down: {trouble}"))

    async def _serve(self, chip: ChipDialogue) -> None:
        watch_at = chip.now() + self._settings.watch_period_s
        while True:
            if self._jobs:
                await self._jobs.popleft().run(chip)
                watch_at = chip.now() + self._settings.watch_period_s
            elif chip.now() >= watch_at:
                await check_configured(chip)
                watch_at = chip.now() + self._settings.watch_period_s
            else:
                await chip.step(watch_at)

    async def _bring_up(self, chip: ChipDialogue) -> None:
        began_at = chip.now()
        await bring_up(chip, self._settings, self._settings.master_config())
        self._counts["times_configured"] += 1
        self._up.set()
        log.info("modem is up", extra={"AFTER_S": round(chip.now() - began_at, 2)})

    async def _transmit(self, chip: ChipDialogue, request: HostFrame) -> None:
        settings = self._settings
        free_until = chip.now() + settings.line_busy_max_s
        self._counts["frames_requested"] += 1
        while True:
            began_at = chip.now()
            await chip.deliver(request)
            confirm = await self._await_confirm(chip, request, began_at)
            if confirm.status == ConfirmStatus.OK:
                return
            self._counts["confirms_negative"] += 1
            if confirm.status not in _BUSY or chip.now() >= free_until:
                name = getattr(confirm.status, "name", "unknown")
                reason = f"MA_Data_Confirm {confirm.status:02X} {name}"
                raise ModemRefused(reason, confirm.status)
            await chip.pause(settings.slot_s / 2)

    async def _await_confirm(
        self, chip: ChipDialogue, request: HostFrame, began_at: float
    ) -> DataConfirm:
        octets = len(request.data)
        until = chip.now() + self._settings.confirm_wait_s(octets)
        # No frame can be out before its own airtime is over: an earlier OK is the late confirm of
        # a frame before it.
        earliest_ok = began_at + _MAINS_TOLERANCE * self._settings.first_copy_s(octets)
        while (confirm := await chip.reply(DataConfirm, until)) is not None:
            if confirm.status != ConfirmStatus.OK or chip.now() >= earliest_ok:
                self._confirms_missing = 0
                return confirm
            log.warning("modem confirms late", extra={"REASON": "confirm of an earlier frame"})
        self._counts["confirms_missing"] += 1
        log.warning("modem did not confirm", extra={"COMMAND": f"{request.command:02X}"})
        self._confirms_missing += 1
        if self._confirms_missing >= _CONFIRMS_MISSING_MAX:
            raise ModemDisobeys("no MA_Data_Confirm several times in a row")
        await check_configured(chip)
        raise _ConfirmMissing("no MA_Data_Confirm; whether the frame went out is unknown")

    def _take_indication(self, indication: DataIndication | DataIndicationBadCrc) -> None:
        if isinstance(indication, DataIndicationBadCrc):
            self._counts["frames_heard_damaged"] += 1
            return
        self._counts["frames_heard"] += 1
        if len(self._heard) == self._heard.maxlen:
            self._counts["frames_dropped"] += 1
            log.warning("frame heard but never fetched", extra={"REASON": "queue full"})
        self._heard.append(indication.mac.encode())
        self._heard_any.set()

    def _fail_jobs(self, error: HalError) -> None:
        while self._jobs:
            self._jobs.popleft().fail(error)
