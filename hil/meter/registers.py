"""The energy registers of a meter: watt-hours that only rise."""

from dataclasses import dataclass, field
from enum import StrEnum

from hil.household import HOUR_S, Household
from hil.meter.zone import LocalZone

REGISTER_MODULUS_WH = 1_000_000_000  # nine digits
_LOW_TARIFF_HOURS = frozenset({22, 23, 0, 1, 2, 3, 4, 5})
_NOMINAL_V = 230.0


class Quantity(StrEnum):
    """What a register of the electricity meter counts; all in Wh."""

    IMPORT = "import"
    EXPORT = "export"
    COMBINED = "combined"
    IMPORT_RATE_1 = "import_rate_1"
    IMPORT_RATE_2 = "import_rate_2"
    EXPORT_RATE_1 = "export_rate_1"
    EXPORT_RATE_2 = "export_rate_2"


@dataclass(slots=True, kw_only=True)
class EnergyRegisters:
    """Counts what the household draws and gives back, by tariff, up to a true time."""

    household: Household
    zone: LocalZone
    counted_to_s: float
    import_wh: dict[int, float] = field(default_factory=lambda: {1: 0.0, 2: 0.0})
    export_wh: dict[int, float] = field(default_factory=lambda: {1: 0.0, 2: 0.0})

    def advance(self, true_s: float, *, powered: bool = True) -> None:
        """Count up to a true time; without power nothing flows. Going back does nothing."""
        while self.counted_to_s < true_s:
            hour_end_s = (self.counted_to_s // HOUR_S + 1) * HOUR_S
            end_s = min(true_s, hour_end_s)
            if powered:
                rate = self._rate(self.counted_to_s)
                self.import_wh[rate] += self.household.import_wh(self.counted_to_s, end_s)
                self.export_wh[rate] += self.household.export_wh(self.counted_to_s, end_s)
            self.counted_to_s = end_s

    def value_wh(self, quantity: Quantity) -> int:
        """Return a register as the meter shows it: whole watt-hours, nine digits."""
        return int(sum(self._parts_wh(quantity))) % REGISTER_MODULUS_WH

    def voltage_v(self, phase: int, true_s: float) -> float:
        """Return a phase's voltage: the more is drawn, the lower."""
        sag = self.household.watts(true_s) / 1000.0
        return _NOMINAL_V + (1.8, -0.6, 0.9)[phase - 1] - 0.7 * sag

    def current_a(self, true_s: float) -> float:
        """Return the current of phase 1."""
        return self.household.watts(true_s) / self.voltage_v(1, true_s)

    def _parts_wh(self, quantity: Quantity) -> tuple[float, ...]:
        imported, exported = self.import_wh, self.export_wh
        parts = {
            Quantity.IMPORT: (imported[1], imported[2]),
            Quantity.EXPORT: (exported[1], exported[2]),
            Quantity.COMBINED: (*imported.values(), *exported.values()),
            Quantity.IMPORT_RATE_1: (imported[1],),
            Quantity.IMPORT_RATE_2: (imported[2],),
            Quantity.EXPORT_RATE_1: (exported[1],),
            Quantity.EXPORT_RATE_2: (exported[2],),
        }
        return parts[quantity]

    def _rate(self, true_s: float) -> int:
        return 2 if self.zone.local(true_s).hour in _LOW_TARIFF_HOURS else 1
