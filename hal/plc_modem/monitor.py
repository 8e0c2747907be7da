"""The driver of one AMIS-49587 that only listens: monitor mode, kept up by itself."""

import asyncio
import logging
from collections import deque

from hal.errors import ModemReset, ModemSilent
from hal.plc_modem.chip_dialogue import ChipDialogue, ModemDisobeys
from hal.plc_modem.chip_procedures import bring_up, check_configured
from hal.plc_modem.host_deframer import HostDeframer, Role
from hal.plc_modem.messages import SpyMessage
from hal.plc_modem.settings import PlcModemSettings
from hal.ports import BytePort, OutputPin

log = logging.getLogger(__name__)


class AmisMonitor:
    """One modem on one serial line that tells what stands in each slot of the power line.

    It hands out sub-frames, each with the signal and noise of its slot, good or damaged; putting
    them together is the caller's business.

    Attributes:
        dropped_count: messages that nobody fetched in time.
    """

    def __init__(self, port: BytePort, t_req: OutputPin, settings: PlcModemSettings) -> None:
        self._port = port
        self._t_req = t_req
        self._settings = settings
        self._up = asyncio.Event()
        self._heard: deque[SpyMessage] = deque(maxlen=settings.frames_kept_max)
        self._heard_any = asyncio.Event()
        self.dropped_count = 0

    async def run(self) -> None:
        """Put the modem into monitor mode and keep it there until cancelled.

        Raises:
            PortLost: the serial line or T_REQ is gone.
            ModemSilent: no attempt of a whole series brought an answer.
            ModemRefused: the modem refuses the configuration itself.
        """
        chip = ChipDialogue(
            self._port, self._t_req, self._settings, HostDeframer(Role.HOST), on_spy=self._take
        )
        try:
            await chip.run(self._keep_up)
        finally:
            self._up.clear()

    async def ready(self) -> None:
        """Wait until the modem listens."""
        await self._up.wait()

    async def receive(self) -> SpyMessage:
        """Return what the modem says next; cancelling loses nothing."""
        while not self._heard:
            self._heard_any.clear()
            await self._heard_any.wait()
        return self._heard.popleft()

    async def _keep_up(self, chip: ChipDialogue) -> None:
        while True:
            await bring_up(chip, self._settings, self._settings.monitor_config())
            self._up.set()
            try:
                await self._listen(chip)
            except (ModemReset, ModemSilent, ModemDisobeys) as trouble:
                self._up.clear()
                log.warning("monitor modem lost", extra={"REASON": str(trouble)})

    async def _listen(self, chip: ChipDialogue) -> None:
        watch_at = chip.now() + self._settings.watch_period_s
        while True:
            if chip.now() >= watch_at:
                await check_configured(chip)
                watch_at = chip.now() + self._settings.watch_period_s
            else:
                await chip.step(watch_at)

    def _take(self, message: SpyMessage) -> None:
        if len(self._heard) == self._heard.maxlen:
            self.dropped_count += 1
        self._heard.append(message)
        self._heard_any.set()
