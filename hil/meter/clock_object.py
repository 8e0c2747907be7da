"""The clock as a COSEM object (class 8)."""

from drivers.dlms.axdr import Data
from drivers.dlms.companion import InterfaceClass
from drivers.dlms.date_time import DEVIATION_UNSPECIFIED, CosemDateTime
from drivers.dlms.service_error import AccessRefused, DataAccessError
from hil.meter.module import MeterModule
from hil.meter.moment import Moment
from hil.meter.objects import Place, ReadOnlyObject

TIME = 2
_TIME_ZONE = 3
_STATUS = 4
_DST_BEGIN = 5
_DST_END = 6
_DST_DEVIATION = 7
_DST_ENABLED = 8
_CLOCK_BASE = 9
_DST_SHIFT_MIN = 60
_LAST_SUNDAY = 0xFE  # day of month: last; with a weekday it means the last such day
_INTERNAL_CRYSTAL = 1


class ClockObject(ReadOnlyObject):
    """Reads and sets the meter's clock.

    A time written is taken for the time at which the frame's first transmission ended; what the
    repetitions took is added (TIM-1; docs/plc.md 9, inferred).
    """

    class_id = InterfaceClass.CLOCK

    def __init__(self, place: Place, module: MeterModule, moment: Moment) -> None:
        """Show the module's clock at the moment that its owner keeps up to date."""
        super().__init__(place)
        self._module = module
        self._moment = moment

    def read_attribute(self, attribute: int) -> Data:
        """Return an attribute."""
        if attribute == TIME:
            return self._time()
        zone, now_s = self._module.clock.zone, self._now_s()
        others = {
            _TIME_ZONE: Data.i16(zone.standard_deviation_min),
            _STATUS: Data.u8(self._module.clock_status(now_s)),
            _DST_BEGIN: _changing_day(3),
            _DST_END: _changing_day(10),
            _DST_DEVIATION: Data.i8(_DST_SHIFT_MIN),
            _DST_ENABLED: Data.boolean(zone.dst),
            _CLOCK_BASE: Data.enum(_INTERNAL_CRYSTAL),
        }
        return others.get(attribute) or super().read_attribute(attribute)

    def write(self, attribute: int, data: Data) -> None:
        """Set the time; nothing else can be written."""
        if attribute != TIME:
            raise AccessRefused(DataAccessError.READ_WRITE_DENIED)
        stated = data.moment()
        time_s = stated.utc_s()
        if time_s is None:
            raise AccessRefused(DataAccessError.TYPE_UNMATCHED)
        if stated.deviation_min == DEVIATION_UNSPECIFIED:
            time_s += self._module.clock.zone.standard_deviation_min * 60
        change = self._module.set_clock(time_s + self._moment.delay_s, self._moment.true_s)
        if not change.accepted:
            raise AccessRefused(DataAccessError.TEMPORARY_FAILURE)

    def _time(self) -> Data:
        now_s = self._now_s()
        return Data.clock_string(
            CosemDateTime.from_utc(
                now_s,
                self._module.clock.zone.deviation_min(now_s),
                self._module.clock_status(now_s),
            )
        )

    def _now_s(self) -> float:
        return self._module.clock.time_s(self._moment.true_s)


def _changing_day(month: int) -> Data:
    hour = 2 if month < 6 else 3  # local time at the change
    moment = CosemDateTime(
        month=month, day=_LAST_SUNDAY, weekday=7, hour=hour, minute=0, second=0, hundredths=0
    )
    return Data.clock_string(moment)
