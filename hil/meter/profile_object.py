"""A profile or event log as a COSEM object (class 7), with selective access."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from drivers.dlms.axdr import Data
from drivers.dlms.companion import CLOCK, InterfaceClass
from drivers.dlms.data_types import DataTag
from drivers.dlms.date_time import CosemDateTime
from drivers.dlms.obis import Obis
from drivers.dlms.service_error import AccessRefused, DataAccessError
from drivers.errors import MalformedFrame
from hil.meter.moment import Moment
from hil.meter.objects import Place, ReadOnlyObject
from hil.meter.rows import Row, RowRing

BUFFER = 2
_BY_RANGE = 1
_BY_ENTRY = 2
_CAPTURE_OBJECTS = 3
_CAPTURE_PERIOD = 4
_SORT_METHOD = 5
_SORT_OBJECT = 6
_ENTRIES_IN_USE = 7
_PROFILE_ENTRIES = 8
_FIFO = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CapturedColumn:
    """One column: what object and attribute it is a copy of, and how a row shows it."""

    class_id: int
    logical_name: Obis
    show: Callable[[Row], Data]

    def definition(self) -> Data:
        """Return the capture object definition."""
        return Data.structure(
            Data.u16(self.class_id),
            Data.octet_string(self.logical_name.octets),
            Data.i8(2),
            Data.u16(0),
        )


def clock_column() -> CapturedColumn:
    """Return the first column of every profile: when the row was captured."""
    return CapturedColumn(class_id=InterfaceClass.CLOCK, logical_name=CLOCK, show=_show_clock)


def status_column(logical_name: Obis, octets: int) -> CapturedColumn:
    """Return the second column: the status word, of one octet or two."""
    number = Data.u8 if octets == 1 else Data.u16

    def show(row: Row) -> Data:
        return number(row.status)

    return CapturedColumn(class_id=InterfaceClass.DATA, logical_name=logical_name, show=show)


def value_column(
    index: int, class_id: int, logical_name: Obis, number: Callable[[int], Data]
) -> CapturedColumn:
    """Return a column for the value at a place of the row."""

    def show(row: Row) -> Data:
        return number(row.values[index])

    return CapturedColumn(class_id=class_id, logical_name=logical_name, show=show)


class ProfileObject(ReadOnlyObject):
    """Gives rows of a ring by range of time or by place; they are encoded only when asked for."""

    class_id = InterfaceClass.PROFILE_GENERIC
    version = 1

    def __init__(
        self,
        place: Place,
        ring: RowRing,
        columns: Sequence[CapturedColumn],
        *,
        capture_period_s: int,
        moment: Moment,
    ) -> None:
        """Show a ring; a period of 0 says that events fill it; rows given count in the moment."""
        super().__init__(place)
        self._moment = moment
        self._ring = ring
        self._columns = tuple(columns)
        self._capture_period_s = capture_period_s

    def read(self, attribute: int, selector: int | None, parameter: Data | None) -> Data:
        """Return an attribute; the buffer also in part."""
        if selector is None:
            return super().read(attribute, selector, parameter)
        if attribute != BUFFER or parameter is None:
            raise AccessRefused(DataAccessError.SCOPE_OF_ACCESS_VIOLATED)
        try:
            if selector == _BY_RANGE:
                return self._by_range(parameter)
            if selector == _BY_ENTRY:
                return self._by_entry(parameter)
        except (MalformedFrame, ValueError) as error:
            raise AccessRefused(DataAccessError.TYPE_UNMATCHED) from error
        raise AccessRefused(DataAccessError.SCOPE_OF_ACCESS_VIOLATED)

    def read_attribute(self, attribute: int) -> Data:
        """Return a whole attribute."""
        if attribute == BUFFER:
            return self._shown(list(self._ring), self._columns)
        if attribute == _CAPTURE_OBJECTS:
            return Data.array(*(column.definition() for column in self._columns))
        if attribute == _SORT_OBJECT:
            return self._columns[0].definition()
        numbers = {
            _CAPTURE_PERIOD: Data.u32(self._capture_period_s),
            _SORT_METHOD: Data.enum(_FIFO),
            _ENTRIES_IN_USE: Data.u32(len(self._ring)),
            _PROFILE_ENTRIES: Data.u32(self._ring.depth),
        }
        return numbers.get(attribute) or super().read_attribute(attribute)

    def _by_range(self, parameter: Data) -> Data:
        restricting, first, last, selected = parameter.items()
        class_id, logical_name, attribute, _ = restricting.items()
        asked = (class_id.integer(), logical_name.octets(), attribute.integer())
        if asked != (InterfaceClass.CLOCK, CLOCK.octets, 2):
            raise AccessRefused(DataAccessError.SCOPE_OF_ACCESS_VIOLATED)
        rows = self._ring.in_range(_bound_s(first), _bound_s(last))
        return self._shown(rows, self._selected(selected.items()))

    def _by_entry(self, parameter: Data) -> Data:
        first, last, first_column, last_column = (item.integer() for item in parameter.items())
        columns = self._columns[max(first_column, 1) - 1 : last_column or len(self._columns)]
        return self._shown(self._ring.entries(first, last), columns)

    def _shown(self, rows: Sequence[Row], columns: Sequence[CapturedColumn]) -> Data:
        self._moment.rows_given += len(rows)
        return Data.array(
            *(Data.structure(*(column.show(row) for column in columns)) for row in rows)
        )

    def _selected(self, definitions: Sequence[Data]) -> Sequence[CapturedColumn]:
        if not definitions:
            return self._columns
        names = []
        for definition in definitions:
            class_id, logical_name, _, _ = definition.items()
            names.append((class_id.integer(), logical_name.octets()))
        return [
            column
            for column in self._columns
            if (column.class_id, column.logical_name.octets) in names
        ]


def _bound_s(data: Data) -> float | None:
    """Return a bound of a range in UTC seconds; what is not stated leaves that end open."""
    return None if data.tag is DataTag.NULL else data.moment().utc_s()


def _show_clock(row: Row) -> Data:
    moment = CosemDateTime.from_utc(row.captured_at_s, row.deviation_min, row.clock_status)
    return Data.clock_string(moment)
