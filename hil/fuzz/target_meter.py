"""The server of the meter that is shot at, with a few objects that take anything."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from drivers.dlms.axdr import Data
from drivers.dlms.date_time import CosemDateTime
from drivers.dlms.initiate import OUR_SERVICES
from drivers.dlms.obis import Obis
from drivers.dlms.service_error import AccessRefused, DataAccessError
from drivers.dlms.sn_server import SnServer

_PDU_OCTETS_MAX: Final = 131
_VALUE: Final = 2
_REGISTER, _PROFILE, _CLOCK, _NAME = 3, 7, 8, 1


@dataclass(slots=True, kw_only=True)
class TargetObject:
    """An object that keeps what is written to its attribute 2 and serves it in parts or whole."""

    base_name: int
    class_id: int
    logical_name: Obis
    version: int = 0
    value: Data = field(default_factory=Data.null)

    def read(self, attribute: int, selector: int | None, parameter: Data | None) -> Data:
        """Return the value; a selection must be a structure, as a profile wants it."""
        if attribute != _VALUE:
            raise AccessRefused(DataAccessError.OBJECT_UNDEFINED)
        if selector is not None and parameter is not None:
            parameter.items()
        return self.value

    def write(self, attribute: int, data: Data) -> None:
        """Keep the value; a clock wants a moment."""
        if attribute != _VALUE:
            raise AccessRefused(DataAccessError.READ_WRITE_DENIED)
        if self.class_id == _CLOCK and data.moment().utc_s() is None:
            raise AccessRefused(DataAccessError.TYPE_UNMATCHED)
        self.value = data

    def invoke(self, method: int, data: Data) -> None:
        """Want a number, as a profile's reset does."""
        if method > 1:
            raise AccessRefused(DataAccessError.OBJECT_UNDEFINED)
        data.integer()


def target_server() -> SnServer:
    """Return a server with a register, a clock, a long profile and a name."""
    return SnServer(
        _objects(), pdu_octets_max=_PDU_OCTETS_MAX, password=None, conformance=OUR_SERVICES
    )


def _objects() -> Sequence[TargetObject]:
    rows = [Data.structure(Data.u32(number), Data.octet_string(bytes(12))) for number in range(40)]
    moment = CosemDateTime.from_utc(1_795_219_203)
    kinds = (
        (0x2000, _REGISTER, "1-0:1.8.0.255", Data.u32(123_456)),
        (0x2BC0, _CLOCK, "0-0:1.0.0.255", Data.clock_string(moment)),
        (0x3000, _PROFILE, "1-0:99.1.0.255", Data.array(*rows)),
        (0xFD00, _NAME, "0-0:42.0.0.255", Data.octet_string(b"LGZ00000007")),
    )
    return [
        TargetObject(base_name=base, class_id=kind, logical_name=Obis.parse(name), value=value)
        for base, kind, name, value in kinds
    ]
