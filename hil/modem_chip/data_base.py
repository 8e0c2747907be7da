"""What AccessDB reads and writes in the emulated chip."""

from dataclasses import dataclass, field, replace

from hal.plc_modem.access_db import (
    COUNTER_NAMES,
    AccessError,
    DbRecord,
    Ident,
    confirm_record,
)
from hal.plc_modem.config_record import ModemConfig
from hal.plc_modem.status import Mode

SOFTWARE_VERSION = 0x21
_INVALID_FRAMES_MAX = 255
_MIN_DELTA_CREDIT_REST = 7

# Objects that are a field of the configuration: ident -> fields, in the order of the record.
_CONFIG_FIELDS: dict[int, tuple[str, ...]] = {
    Ident.INITIATOR_RANGE: ("first_initiator_mac", "last_initiator_mac"),
    Ident.ADDRESSES: ("local_mac", "active_initiator_mac"),
    Ident.SYNCHRO_CONFIRM_S: ("synchro_confirm_s",),
    Ident.FRAME_NOT_OK_S: ("frame_not_ok_s",),
    Ident.NOT_ADDRESSED_MIN: ("not_addressed_min",),
    Ident.FREQUENCIES: ("space_step", "mark_step"),
    Ident.SEARCH_INITIATOR_S: ("search_initiator_s",),
}
# Objects that only remember what was written; the value after power-on.
_PLAIN = {
    Ident.MAX_TRANSMITTING_GAIN: 0,
    Ident.SYNCHRO: 0,
    Ident.MAX_RECEIVING_GAIN: 8,
    Ident.REPEATER: 0,
    Ident.MIN_RECEIVING_GAIN: 8,
    Ident.SEARCH_INITIATOR_GAIN: 0,
}
_GAINS = (Ident.MAX_TRANSMITTING_GAIN, Ident.MAX_RECEIVING_GAIN, Ident.MIN_RECEIVING_GAIN)
_STATISTICS_OCTETS = 30


class DbRefused(Exception):  # noqa: N818
    """The chip answers with an error; `code` says which."""

    def __init__(self, code: AccessError) -> None:
        super().__init__(code.name)
        self.code = code


def check_config(config: ModemConfig) -> None:
    """Refuse a configuration that the chip would not take.

    Raises:
        DbRefused: which field is wrong, as far as the codes can say it.
    """
    first, last, local = config.first_initiator_mac, config.last_initiator_mac, config.local_mac
    if config.mode is Mode.NOT_SET or not 1 <= first <= last <= 0xFFF:
        raise DbRefused(AccessError.ILLEGAL_DATA_COMMAND)
    if config.mode is Mode.MASTER and not first <= local <= last:
        raise DbRefused(AccessError.ILLEGAL_LOCAL_MAC)
    if config.mode is Mode.SLAVE and not (local == 0xFFE or 1 <= local < first):
        raise DbRefused(AccessError.ILLEGAL_LOCAL_MAC)
    initiator = config.active_initiator_mac
    if initiator and not (config.mode is Mode.SLAVE and first <= initiator <= last):
        raise DbRefused(AccessError.ILLEGAL_INITIATOR_MAC)


@dataclass(slots=True)
class ChipDataBase:
    """The objects of a configured chip."""

    config: ModemConfig
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTER_NAMES, 0))
    invalid_frames: int = 0
    min_delta_credit: int = _MIN_DELTA_CREDIT_REST
    _plain: dict[Ident, int] = field(default_factory=lambda: dict(_PLAIN))

    def count(self, name: str) -> None:
        """Count one frame under a name of COUNTER_NAMES."""
        self.counters[name] = self.counters[name] + 1 & 0xFFFFFFFF

    def count_invalid(self) -> None:
        """Count a frame with a bad frame check."""
        self.count("crc_nok")
        self.invalid_frames = min(self.invalid_frames + 1, _INVALID_FRAMES_MAX)

    def access(self, request: DbRecord) -> DbRecord:
        """Do what a request asks and return the confirm.

        Raises:
            DbRefused: no such object, or a value that it does not take.
        """
        ident = request.ident
        if not isinstance(ident, Ident):
            raise DbRefused(AccessError.ILLEGAL_DATA_COMMAND)
        numbers = tuple(number for _, number in request.fields)
        if ident in _CONFIG_FIELDS:
            self._change(dict(zip(_CONFIG_FIELDS[ident], numbers, strict=True)))
        elif ident is Ident.GROUP_ADDRESSES:
            self._change({"group_macs": numbers})
        elif ident in self._plain:
            numbers = (self._write_plain(ident, numbers[0]),)
        else:
            return self._read(ident, numbers)
        return confirm_record(ident, *numbers)

    def _change(self, fields: dict[str, object]) -> None:
        changed = replace(self.config, **fields)  # type: ignore[arg-type]  # names are the table's
        check_config(changed)
        self.config = changed

    def _write_plain(self, ident: Ident, number: int) -> int:
        if ident in _GAINS:
            number = (number - 1) // 2 if number % 2 else 8
        self._plain[ident] = number
        return number

    def _read(self, ident: Ident, numbers: tuple[int, ...]) -> DbRecord:
        if ident is Ident.STATISTICS:
            return DbRecord(ident, (), bytes(_STATISTICS_OCTETS))
        if ident is Ident.READ_CONFIG:
            return DbRecord(ident, (), self.config.encode())
        if ident is Ident.COUNTERS:
            counts = tuple(self.counters.values())
            if numbers[0]:
                self.counters = dict.fromkeys(COUNTER_NAMES, 0)
            return confirm_record(ident, *counts)
        number = SOFTWARE_VERSION
        if ident is Ident.INVALID_FRAME_COUNTER:
            number, self.invalid_frames = self.invalid_frames, 0
        elif ident is Ident.MIN_DELTA_CREDIT:
            number, self.min_delta_credit = self.min_delta_credit, _MIN_DELTA_CREDIT_REST
        elif ident is Ident.PHY_ALARM:
            number = self.config.alarm_and_attenuation >> 4
        return confirm_record(ident, number)
