"""What a modem process is ordered to do wrong, and when, as one line of text.

    flip=0.0005,silent=20:3,nak=40:2,reset=60,garbage=70:40,late=80:2.5,break=90:7

Orders of the serial line (drop, flip, delay, cut, seed) stand in hil.line_faults; those of the
chip, with AT in seconds after the start:

| order            | effect                                                              |
|------------------|---------------------------------------------------------------------|
| `silent=AT:FOR`  | the chip sends nothing for FOR seconds                              |
| `nak=AT:FOR`     | the chip refuses every frame for FOR seconds                        |
| `reset=AT`       | the chip forgets its configuration                                  |
| `break=AT:N`     | its next frame breaks off after N octets, by a reset                |
| `garbage=AT:N`   | N random octets                                                     |
| `late=AT:S`      | the next MA_Data_Confirm comes S seconds late                       |
"""

from collections.abc import Callable
from dataclasses import dataclass

from hil.line_faults import LineFaults
from hil.plc_modem_emulator import PlcModemEmulator

_ACTIONS: dict[str, Callable[[PlcModemEmulator, float], None]] = {
    "silent": lambda chip, amount: chip.be_silent(amount),
    "nak": lambda chip, amount: chip.refuse_all(amount),
    "reset": lambda chip, _amount: chip.reset(),
    "break": lambda chip, amount: chip.reset_in_mid_frame(int(amount)),
    "garbage": lambda chip, amount: chip.send_garbage(int(amount)),
    "late": lambda chip, amount: chip.confirm_late(amount),
}


@dataclass(frozen=True, slots=True)
class ChipFault:
    """One order: what, when (seconds after the start), how much."""

    kind: str
    at_s: float
    amount: float

    def apply(self, chip: PlcModemEmulator) -> None:
        """Make the chip misbehave now."""
        _ACTIONS[self.kind](chip, self.amount)


def parse_faults(text: str) -> tuple[LineFaults, tuple[ChipFault, ...]]:
    """Split an order text into the line's and the chip's.

    Raises:
        ValueError: an order that is none.
    """
    chip_faults: list[ChipFault] = []
    line_orders: list[str] = []
    for order in filter(None, text.split(",")):
        kind, _, value = order.strip().partition("=")
        if kind in _ACTIONS:
            at_s, _, amount = value.partition(":")
            chip_faults.append(ChipFault(kind, float(at_s), float(amount or 0)))
        else:
            line_orders.append(order)
    return LineFaults.parse(",".join(line_orders)), tuple(chip_faults)
