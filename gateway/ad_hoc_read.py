"""Read registers of one meter now, ahead of whatever the line collects [ACQ-5]."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from drivers.dlms.axdr import Data
from drivers.dlms.companion import InterfaceClass
from drivers.dlms.conversations import read
from drivers.dlms.obis import Obis
from drivers.dlms.units import unit_name
from drivers.errors import DriverError, LocalUseError, NoAnswer
from gateway.core.errors import RequestRefused
from gateway.meters.meter_kind import SCALER_UNIT, VALUE, MeterKind
from gateway.meters.meter_state import MeterState
from gateway.meters.plc_segment import Priority
from hal.errors import HalError

if TYPE_CHECKING:
    from gateway.meters.meter_access import MeterAccess

REGISTERS_MAX: Final = 8
"""More at once would make an answer so long that others wait."""

Answer = dict[str, Any]


class AdHocReader:
    """Asks a meter for the present values of its registers.

    Args:
        access: to meters.
        meters: those that are known now, by the system title of their node.
        time: the loop's.
    """

    def __init__(
        self,
        access: "MeterAccess",
        meters: Callable[[], Mapping[bytes, MeterState]],
        time: Callable[[], float],
    ) -> None:
        self._access = access
        self._meters = meters
        self._time = time

    async def answer(self, request: Answer) -> Answer:
        """Answer {"meter": USN, "registers": [OBIS, ...]}.

        Raises:
            RequestRefused: no such meter or register, or the meter does not answer.
        """
        meter = self._meter(request.get("meter"))
        registers = _registers(request.get("registers"))
        names = [name for obis in registers for name in _names(meter.kind, obis)]
        began_s = self._time()
        try:
            answered = await self._access.converse(
                meter.link, lambda: read(names), Priority.AD_HOC_READ
            )
        except NoAnswer as error:
            raise RequestRefused(f"meter {meter.usn} does not answer") from error
        except (DriverError, HalError) as error:
            raise RequestRefused(f"meter {meter.usn} could not be read: {error}") from error
        values = iter(answered.result)
        return {
            "meter": meter.usn,
            "took_s": round(self._time() - began_s, 3),
            "values": [_told(obis, next(values), next(values)) for obis in registers],
        }

    def _meter(self, usn: object) -> MeterState:
        for meter in self._meters().values():
            if meter.usn == usn:
                return meter
        raise RequestRefused(f"no meter {usn!r} is there to be asked; see `gridgate meters`")


def _registers(given: object) -> Sequence[Obis]:
    if not isinstance(given, list) or not 1 <= len(given) <= REGISTERS_MAX:
        raise RequestRefused(f"registers is {given!r}; give 1 to {REGISTERS_MAX} OBIS codes")
    try:
        return [Obis.parse(str(each)) for each in given]
    except (DriverError, LocalUseError, ValueError) as error:
        raise RequestRefused(f"{error}; give OBIS codes such as 1-0:1.8.0.255") from error


def _names(kind: MeterKind, obis: Obis) -> tuple[int, int]:
    value = kind.name_of(obis, InterfaceClass.REGISTER, VALUE)
    scaler = kind.name_of(obis, InterfaceClass.REGISTER, SCALER_UNIT)
    if value is None or scaler is None:
        raise RequestRefused(f"meters of kind {kind.config_id} have no register {obis}")
    return value, scaler


def _told(obis: Obis, value: object, scaler_unit: object) -> Answer:
    if not isinstance(value, Data):
        return {"obis": str(obis), "value": None, "reason": f"refused with {value}"}
    scaler, unit = 0, 255
    if isinstance(scaler_unit, Data):
        scaler, unit = (part.integer() for part in scaler_unit.items())
    return {
        "obis": str(obis),
        "value": value.integer(),
        "scaler": scaler,
        "unit": unit_name(unit),
    }
