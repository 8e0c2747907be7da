"""One emulated PLC modem as a process: pty and pins on one side, the power line on the other.

    python -m hil.modem_process --pty-link PATH --pin-socket PATH --air PATH
        [--baud 38400] [--faults ORDERS] [--seed N] [--log FILE]

The pty's link appears last: when it is there, everything else listens. The power line may come
and go. Pins: `plc_t_req` (request line, active low) and `plc_reset` (active low).
"""

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path

from hil.air import AirBroken
from hil.air_socket import AirClient, connect_air
from hil.loopback_serial import PacedPty
from hil.modem_faults import ChipFault, parse_faults
from hil.pin_chip import ChipPin, PinChip
from hil.plc_modem_emulator import PlcModemEmulator

log = logging.getLogger("hil.modem_process")

T_REQ = "plc_t_req"
RESET = "plc_reset"

_AIR_RETRY_S = 0.1


class ModemRig:
    """Chip, pty, pins and air of one modem, wired together."""

    def __init__(
        self, *, pty_link: Path, pin_socket: Path, air: Path, baud_bps: int, faults: str, seed: int
    ) -> None:
        line_faults, self._chip_faults = parse_faults(faults)
        self._air_path = air
        self._air: AirClient | None = None
        self._pty = PacedPty(
            baud_bps=baud_bps,
            faults=line_faults,
            link=pty_link,
        )
        self.chip = PlcModemEmulator(
            baud_bps=baud_bps,
            send=self._pty.send,
            transmit=self._transmit,
            call_repeaters=self._call_repeaters,
            seed=seed,
        )
        self._pty.on_octets = self.chip.octets_came
        pins = {name: ChipPin(rests_high=True, may_be_set=True) for name in (T_REQ, RESET)}
        self._pins = PinChip(pin_socket, pins, self._edge)

    async def run(self) -> None:
        """Serve until cancelled; leaves neither link nor socket behind."""
        loop = asyncio.get_running_loop()
        timers = [loop.call_later(each.at_s, self._misbehave, each) for each in self._chip_faults]
        try:
            await self._pins.start()
            self._pty.open()
            self._pty.publish()
            log.info("modem listens at %s", self._pty.path)
            while True:
                await self._serve_air()
                await asyncio.sleep(_AIR_RETRY_S)
        finally:
            for timer in timers:
                timer.cancel()
            self.chip.close()
            self._pty.close()
            await self._pins.close()

    async def _serve_air(self) -> None:
        try:
            self._air = await connect_air(self._air_path)
        except AirBroken:
            return
        log.info("power line is there")
        try:
            while True:
                self.chip.hear(await self._air.next_event())
        except AirBroken as reason:
            log.warning("power line is gone: %s", reason)
        finally:
            air, self._air = self._air, None
            await air.close()
            self.chip.line_vanished()

    def _transmit(self, octets: bytes) -> None:
        if self._air is None:
            asyncio.get_running_loop().call_soon(self.chip.line_vanished)
        else:
            self._air.transmit(octets)

    def _call_repeaters(self) -> None:
        if self._air is not None:
            self._air.call_repeaters()

    def _edge(self, name: str, high: bool) -> None:  # noqa: FBT001  (a pin's level)
        if name == T_REQ:
            self.chip.t_req_changed(high=high)
        elif not high:
            log.info("reset by pin")
            self.chip.reset()

    def _misbehave(self, fault: ChipFault) -> None:
        log.info("fault: %s", fault)
        fault.apply(self.chip)


async def serve(options: argparse.Namespace) -> None:
    """Run one modem until SIGTERM or SIGINT."""
    rig = ModemRig(
        pty_link=options.pty_link,
        pin_socket=options.pin_socket,
        air=options.air,
        baud_bps=options.baud,
        faults=options.faults,
        seed=options.seed,
    )
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await rig.run()


def main(arguments: list[str] | None = None) -> int:
    """Run the process; 0 when it was told to stop, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="hil.modem_process", description="An emulated PLC modem.")
    parser.add_argument("--pty-link", type=Path, required=True)
    parser.add_argument("--pin-socket", type=Path, required=True)
    parser.add_argument("--air", type=Path, required=True)
    parser.add_argument("--baud", type=int, default=38_400)
    parser.add_argument("--faults", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path)
    options = parser.parse_args(arguments)
    try:
        parse_faults(options.faults)
    except ValueError as reason:
        parser.error(f"--faults: {reason}")
    logging.basicConfig(
        filename=options.log, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(serve(options))
    return 0


if __name__ == "__main__":
    sys.exit(main())
