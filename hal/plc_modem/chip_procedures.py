"""What is done with a chip apart from sending: configure it, check on it, read its counters."""

import logging

from hal.errors import HalError, ModemRefused, ModemReset, ModemSilent
from hal.plc_modem.access_db import Ident, request_record
from hal.plc_modem.chip_dialogue import ChipDialogue, ModemDisobeys
from hal.plc_modem.config_record import ModemConfig
from hal.plc_modem.messages import (
    AccessDbConfirm,
    AccessDbRequest,
    IsaConfirm,
    IsaRequest,
    ResetRequest,
    WriteConfigConfirm,
    WriteConfigRequest,
)
from hal.plc_modem.settings import PlcModemSettings

log = logging.getLogger(__name__)

_STATUS_PAUSE_S = 0.02
_CONFIG_TRIES = 3


async def bring_up(chip: ChipDialogue, settings: PlcModemSettings, config: ModemConfig) -> None:
    """Configure the chip, again and again while that may still help.

    Raises:
        PortLost: the serial line or the pin is gone.
        ModemSilent: no attempt of a whole series brought an answer.
        ModemRefused: it refuses the configuration itself.
    """
    silent = refused = 0
    pause_s = settings.pause_after_failure_s
    while True:
        try:
            await configure(chip, settings, config)
        except ModemSilent as error:
            silent += 1
            reason: HalError = error
            if silent >= settings.resets_while_silent:
                raise
        except ModemRefused as error:
            refused += 1
            reason = error
            if refused >= _CONFIG_TRIES:
                raise
        except (ModemReset, ModemDisobeys) as error:
            silent = 0
            reason = error
        else:
            return
        log.warning("modem does not come up", extra={"REASON": str(reason)})
        await chip.pause(pause_s)
        pause_s = min(2 * pause_s, settings.pause_after_failure_max_s)


async def configure(chip: ChipDialogue, settings: PlcModemSettings, config: ModemConfig) -> None:
    """Make the chip what `config` says, whatever it was before.

    Raises:
        ModemSilent: no status.
        ModemDisobeys: it takes no frame, or confirms something else.
        ModemRefused: it refuses the configuration.
    """
    if not (await chip.poll()).not_set:
        await chip.deliver(ResetRequest(), needs_config=False)
        await _wait_for_status(chip, settings.reply_wait_s, not_set=True)
    await chip.deliver(WriteConfigRequest(config), needs_config=False)
    reply = await chip.reply(WriteConfigConfirm, chip.now() + settings.reply_wait_s)
    if reply is None:
        raise ModemDisobeys("no answer to the configuration")
    if reply.config != config:
        raise ModemDisobeys("the modem echoes another configuration")
    await _wait_for_status(chip, settings.pll_wait_s, not_set=False)


async def check_configured(chip: ChipDialogue) -> None:
    """Ask for a status; twice, as it has no checksum, before the configuration counts as lost.

    Raises:
        ModemReset: it is lost.
        ModemSilent: no status.
    """
    if (await chip.poll()).not_set and (await chip.poll()).not_set:
        raise ModemReset("the modem has lost its configuration")


async def call_repeaters(chip: ChipDialogue, settings: PlcModemSettings, within_s: float) -> None:
    """Have the chip send the repeater pattern at the master's place; wait until all have sent.

    Raises:
        ModemRefused: it refuses.
        ModemSilent: nothing came within that time, three slots and some slack.
    """
    request = IsaRequest(level=settings.repeater_level_dbuv, transmission_position=0)
    await chip.deliver(request)
    until = chip.now() + within_s + 3 * settings.slot_s + settings.confirm_slack_s
    if await chip.reply(IsaConfirm, until) is None:
        raise ModemDisobeys("no confirm of a repeater call")


async def _wait_for_status(chip: ChipDialogue, wait_s: float, *, not_set: bool) -> None:
    until = chip.now() + wait_s
    while True:
        status = await chip.poll()
        if status.not_set is not_set and (not_set or status.pll_locked):
            return
        if chip.now() >= until:
            break
        await chip.pause(_STATUS_PAUSE_S)
    if not_set or status.not_set:
        raise ModemDisobeys("the modem did not follow a reset or a configuration")
    log.warning("modem is not locked on the mains", extra={"WAITED_S": wait_s})


async def read_chip_counters(chip: ChipDialogue) -> dict[str, int]:
    """Return the chip's frame counters and its version, each name with `chip_` before it.

    Raises:
        HalError: refused, silent, or gone.
    """
    counts: dict[str, int] = {}
    for ident, numbers in ((Ident.COUNTERS, (0,)), (Ident.SOFTWARE_VERSION, ())):
        await chip.deliver(AccessDbRequest(request_record(ident, *numbers)))
        reply = await chip.reply(AccessDbConfirm, chip.now() + 1.0)
        if reply is None or reply.record.ident != ident:
            raise ModemDisobeys(f"no answer to AccessDB {ident.name}")
        counts |= {f"chip_{name}": number for name, number in reply.record.fields}
    return counts
