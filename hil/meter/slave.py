"""A slave meter on the M-Bus of an electricity meter: one register, read by its master."""

from dataclasses import dataclass

from drivers.dlms.companion import Medium
from hil.household import SHAPE_HEATING, SHAPE_WATER, HourlyDraw

REGISTER_MODULUS = 1_000_000_000
_MEAN_PER_HOUR = {
    Medium.HEAT: 900.0,  # Wh
    Medium.GAS: 150.0,  # litres
    Medium.WATER_COLD: 12.0,  # litres
    Medium.WATER_HOT: 6.0,  # litres
}


@dataclass(slots=True, kw_only=True)
class SlaveMeter:
    """A gas, water or heat meter.

    Attributes:
        count: litres (register in m3 with scaler -3), or watt-hours of heat.
    """

    channel: int
    medium: Medium
    usn: str
    serial: str
    ocr_serial: str
    config_id: str
    flow: HourlyDraw
    counted_to_s: float
    count: float

    def advance(self, true_s: float) -> None:
        """Count up to a true time; a slave lives on its own battery."""
        if true_s > self.counted_to_s:
            self.count += self.flow.amount(self.counted_to_s, true_s)
            self.counted_to_s = true_s

    def value(self, true_s: float) -> int:
        """Return the register at a true time."""
        self.advance(true_s)
        return int(self.count) % REGISTER_MODULUS


def slave_flow(medium: Medium, seed: int) -> HourlyDraw:
    """Return the flow that a slave of this medium sees."""
    water = medium in {Medium.WATER_COLD, Medium.WATER_HOT}
    return HourlyDraw(
        seed=seed,
        mean_per_hour=_MEAN_PER_HOUR[medium],
        shape=SHAPE_WATER if water else SHAPE_HEATING,
        bursts=0.15 if water else 0.05,
        floor_share=0.05 if water else 0.7,
    )
