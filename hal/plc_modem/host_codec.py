"""From frames of the host protocol to values and back, for both roles.

    message = decode_message(HostFrame.decode(octets))
    octets = encode_message(ResetRequest()).encode()
    describe(message)      # {"command": "DataRequest", "mac": {"initial_credit": 2, ...}}

Source: AMIS-49587 datasheet, host interface commands (docs/plc.md 8.5 to 8.10).
"""

import dataclasses
from collections.abc import Callable
from enum import IntEnum
from typing import TypeVar

from hal.errors import MalformedModemFrame
from hal.plc_modem import access_db
from hal.plc_modem.access_db import AccessError, DbRecord, Ident
from hal.plc_modem.config_record import ModemConfig
from hal.plc_modem.field_reader import FieldReader
from hal.plc_modem.host_frame import Command, HostFrame
from hal.plc_modem.mac_record import MacRecord
from hal.plc_modem.messages import (
    AccessDbConfirm,
    AccessDbError,
    AccessDbRequest,
    ConfirmStatus,
    DataConfirm,
    DataIndication,
    DataIndicationBadCrc,
    DataRequest,
    DesynchroRequest,
    DetectionMethod,
    IsaConfirm,
    IsaRequest,
    LostCause,
    Message,
    OldWriteConfig,
    ResetRequest,
    SpyAlarmFound,
    SpyData,
    SpyNoAlarmFound,
    SpyNoSubframe,
    SpySearchSynchro,
    SpySubframe,
    SpySynchroFound,
    SynchroConfirmed,
    SynchroFound,
    SynchroLost,
    SyntaxErrorReport,
    UnknownCommand,
    WriteConfigConfirm,
    WriteConfigError,
    WriteConfigRequest,
)

P_SDU_OCTETS = 38
PATTERN_OCTETS = 2

_FOUND, _CONFIRMED, _LOST = 1, 2, 4  # first octet of a Synchro_Indication

_SHOWN_IN_HEX = ("_mac", "source", "destination", "_step", "_options")

_Octets = (
    IsaConfirm
    | SyntaxErrorReport
    | SpySearchSynchro
    | SpySubframe
    | SpyNoAlarmFound
    | SpyAlarmFound
    | SpyNoSubframe
    | SpySynchroFound
)
_Rare = (
    SynchroFound
    | SynchroConfirmed
    | SynchroLost
    | IsaRequest
    | OldWriteConfig
    | UnknownCommand
    | _Octets
)

Code = TypeVar("Code", bound=IntEnum)


def decode_message(frame: HostFrame) -> Message:
    """Return what a frame says.

    Raises:
        MalformedModemFrame: the data do not fit the command.
    """
    if (read := _READERS.get(frame.command)) is None:
        return UnknownCommand(frame.command, frame.data)
    reader = FieldReader(frame.data)
    message = read(reader)
    reader.end()
    return message


def encode_message(message: Message) -> HostFrame:  # noqa: C901, PLR0911, PLR0912  (a table)
    """Return the frame that says `message`."""
    match message:
        case DesynchroRequest():
            return HostFrame(Command.DESYNCHRO_REQUEST)
        case ResetRequest():
            return HostFrame(Command.RESET_REQUEST)
        case DataIndication(mac):
            return HostFrame(Command.MA_DATA_INDICATION, mac.encode())
        case DataIndicationBadCrc(mac):
            return HostFrame(Command.MA_DATA_INDICATION_BAD_CRC, mac.encode())
        case DataRequest(mac):
            return HostFrame(Command.MA_DATA_REQUEST, mac.encode())
        case DataConfirm(status):
            return HostFrame(Command.MA_DATA_CONFIRM, bytes([status]))
        case WriteConfigRequest(config):
            return HostFrame(Command.WRITE_CONFIG_REQUEST, config.encode())
        case WriteConfigConfirm(config):
            return HostFrame(Command.WRITE_CONFIG_CONFIRM, config.encode())
        case WriteConfigError(code):
            return HostFrame(Command.WRITE_CONFIG_ERROR, bytes([code]))
        case AccessDbRequest(record):
            data = access_db.encode_record(record, confirm=False)
            return HostFrame(Command.ACCESS_DB_REQUEST, data)
        case AccessDbConfirm(record):
            data = access_db.encode_record(record, confirm=True)
            return HostFrame(Command.ACCESS_DB_CONFIRM, data)
        case AccessDbError(code):
            return HostFrame(Command.ACCESS_DB_ERROR, bytes([code]))
        case _:
            return _encode_rare(message)


def describe(message: Message) -> dict[str, object]:
    """Return the message's name and its fields as plain values, octets as hex."""
    return {"command": type(message).__name__} | _plain_fields(message)


def _encode_rare(message: _Rare) -> HostFrame:
    match message:
        case SynchroFound(spy):
            return HostFrame(Command.SYNCHRO_INDICATION, bytes([_FOUND, 0]) + _spy_octets(spy))
        case SynchroConfirmed():
            words = _words(message.source, message.destination)
            return HostFrame(Command.SYNCHRO_INDICATION, bytes([_CONFIRMED, 0]) + words)
        case SynchroLost():
            words = _words(message.first_mac, message.second_mac)
            return HostFrame(Command.SYNCHRO_INDICATION, bytes([_LOST, message.cause]) + words)
        case IsaRequest():
            words = _words(message.level, message.transmission_position)
            return HostFrame(Command.ISA_REQUEST, words)
        case OldWriteConfig(command, octets) | UnknownCommand(command, octets):
            return HostFrame(command, octets)
        case _:
            return _encode_octets(message)


def _encode_octets(message: _Octets) -> HostFrame:  # noqa: PLR0911  (a table)
    match message:
        case IsaConfirm(octets):
            return HostFrame(Command.ISA_CONFIRM, octets)
        case SyntaxErrorReport(octets):
            return HostFrame(Command.SYNTAX_ERROR, octets)
        case SpySearchSynchro():
            return HostFrame(Command.SPY_SEARCH_SYNCHRO)
        case SpySubframe(spy, octets):
            return HostFrame(Command.SPY_SUBFRAME, _spy_octets(spy) + octets)
        case SpyNoAlarmFound(spy, octets):
            return HostFrame(Command.SPY_NO_ALARM_FOUND, _spy_octets(spy) + octets)
        case SpyAlarmFound(spy, octets):
            return HostFrame(Command.SPY_ALARM_FOUND, _spy_octets(spy) + octets)
        case SpyNoSubframe(spy):
            return HostFrame(Command.SPY_NO_SUBFRAME, _spy_octets(spy))
        case SpySynchroFound(spy):
            return HostFrame(Command.SPY_SYNCHRO_FOUND, _spy_octets(spy))


def _plain_fields(value: object) -> dict[str, object]:
    assert dataclasses.is_dataclass(value)
    names = [field.name for field in dataclasses.fields(value)]
    if isinstance(value, DbRecord):
        plain = {"ident": _plain(value.ident)} | dict(value.fields)
        return plain | ({"rest": value.rest.hex().upper()} if value.rest else {})
    plain = {name: _plain(getattr(value, name), name) for name in names}
    if isinstance(value, ModemConfig):
        plain |= {"mode": value.mode.name, "bit_rate_bps": value.bit_rate_bps}
        plain |= {"mains_hz": value.mains_hz}
    return plain


def _plain(value: object, name: str = "") -> object:
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, IntEnum):
        digits = 4 if isinstance(value, Ident) else 2
        return f"{value.value:0{digits}X} {value.name}"
    if isinstance(value, tuple):
        return [_plain(each, name.removesuffix("s")) for each in value]
    if dataclasses.is_dataclass(value):
        return _plain_fields(value)
    if isinstance(value, int) and name.endswith(_SHOWN_IN_HEX):
        return f"{value:03X}"
    return value


def _known(kind: type[Code], number: int) -> Code | int:
    return kind(number) if number in tuple(kind) else number


def _words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(2, "little") for number in numbers)


def _spy_octets(spy: SpyData) -> bytes:
    words = _words(
        spy.signal_space, spy.noise_space, spy.signal_mark, spy.noise_mark, spy.threshold
    )
    return words + bytes([spy.method, spy.bit_and_gain])


def _read_spy(reader: FieldReader) -> SpyData:
    return SpyData(
        signal_space=reader.number(2),
        noise_space=reader.number(2),
        signal_mark=reader.number(2),
        noise_mark=reader.number(2),
        threshold=reader.number(2),
        method=_known(DetectionMethod, reader.number(1)),
        bit_and_gain=reader.number(1),
    )


def _read_synchro(reader: FieldReader) -> Message:
    event, second = reader.number(1), reader.number(1)
    if event == _FOUND:
        return SynchroFound(_read_spy(reader))
    if event == _CONFIRMED:
        return SynchroConfirmed(source=reader.number(2), destination=reader.number(2))
    if event == _LOST:
        return SynchroLost(
            cause=_known(LostCause, second),
            first_mac=reader.number(2),
            second_mac=reader.number(2),
        )
    raise MalformedModemFrame(f"Synchro_Indication of event {event:02X}")


def _read_isa(reader: FieldReader) -> Message:
    return IsaRequest(level=reader.number(2), transmission_position=reader.number(2))


_Reader = Callable[[FieldReader], Message]

_READERS: dict[int, _Reader] = {
    Command.SYNCHRO_INDICATION: _read_synchro,
    Command.DESYNCHRO_REQUEST: lambda _: DesynchroRequest(),
    Command.SYNTAX_ERROR: lambda r: SyntaxErrorReport(r.rest()),
    Command.RESET_REQUEST: lambda _: ResetRequest(),
    Command.OLD_WRITE_CONFIG_REQUEST: lambda r: OldWriteConfig(0x31, r.rest()),
    Command.OLD_WRITE_CONFIG_CONFIRM: lambda r: OldWriteConfig(0x32, r.rest()),
    Command.OLD_WRITE_CONFIG_ERROR: lambda r: OldWriteConfig(0x33, r.rest()),
    Command.ACCESS_DB_REQUEST: lambda r: AccessDbRequest(
        access_db.decode_record(r.rest(), confirm=False)
    ),
    Command.ACCESS_DB_CONFIRM: lambda r: AccessDbConfirm(
        access_db.decode_record(r.rest(), confirm=True)
    ),
    Command.ACCESS_DB_ERROR: lambda r: AccessDbError(_known(AccessError, r.number(1))),
    Command.MA_DATA_INDICATION: lambda r: DataIndication(MacRecord.decode(r.rest())),
    Command.MA_DATA_REQUEST: lambda r: DataRequest(MacRecord.decode(r.rest())),
    Command.MA_DATA_CONFIRM: lambda r: DataConfirm(_known(ConfirmStatus, r.number(1))),
    Command.MA_DATA_INDICATION_BAD_CRC: lambda r: DataIndicationBadCrc(MacRecord.decode(r.rest())),
    Command.ISA_REQUEST: _read_isa,
    Command.ISA_CONFIRM: lambda r: IsaConfirm(r.rest()),
    Command.WRITE_CONFIG_REQUEST: lambda r: WriteConfigRequest(ModemConfig.decode(r.rest())),
    Command.WRITE_CONFIG_CONFIRM: lambda r: WriteConfigConfirm(ModemConfig.decode(r.rest())),
    Command.WRITE_CONFIG_ERROR: lambda r: WriteConfigError(_known(AccessError, r.number(1))),
    Command.SPY_NO_SUBFRAME: lambda r: SpyNoSubframe(_read_spy(r)),
    Command.SPY_SUBFRAME: lambda r: SpySubframe(_read_spy(r), r.take(P_SDU_OCTETS)),
    Command.SPY_SEARCH_SYNCHRO: lambda _: SpySearchSynchro(),
    Command.SPY_SYNCHRO_FOUND: lambda r: SpySynchroFound(_read_spy(r)),
    Command.SPY_NO_ALARM_FOUND: lambda r: SpyNoAlarmFound(_read_spy(r), r.take(PATTERN_OCTETS)),
    Command.SPY_ALARM_FOUND: lambda r: SpyAlarmFound(_read_spy(r), r.take(PATTERN_OCTETS)),
}
