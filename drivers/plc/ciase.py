"""The PDUs of CIASE, IEC 61334-4-511: how stations are found, named and pinged."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, TypeAlias

from drivers.errors import LocalUseError, MalformedFrame
from drivers.octets import OctetReader

SYSTEM_TITLE_OCTETS: Final = 6  # eight in the HDLC-based profile, which is not spoken here
DEFAULT_RECEPTION_THRESHOLD_DBUV: Final = (
    104  # from memory (docs/plc.md 5); sent as "default" anyway
)
REPEATER_SUB_SLOTS: Final = 21  # places for patterns in one slot (docs/plc.md 3.1)
REGISTER_ENTRIES_MAX: Final = 28  # what one MAC frame carries
ALARM_NEW_METER: Final = 0x01
ALARM_PENDING: Final = 0x82


class CiaseTag(IntEnum):
    """First octet of a CIASE PDU."""

    SERVICE_ERROR = 0x0E
    PING_REQUEST = 0x19
    PING_RESPONSE = 0x1A
    REGISTER = 0x1C
    DISCOVER = 0x1D
    DISCOVER_REPORT = 0x1E
    REPEATER_CALL = 0x1F
    CLEAR_ALARM = 0x39


class ClearAlarmChoice(IntEnum):
    """Which alarms of which servers a ClearAlarm ends."""

    ONE_ALARM = 0
    ALARMS = 1
    ALARMS_OF_SERVERS = 2
    ALARM_OF_EACH_SERVER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Discover:
    """The client's question who is new.

    Attributes:
        response_probability: chance that a server answers, in percent.
        allowed_time_slots: answer windows on offer.
        report_initial_credit: initial credit of the reports, 0 to 7.
        ic_equal_credit: the reports take the Discover's own initial credit instead.
    """

    response_probability: int
    allowed_time_slots: int
    report_initial_credit: int
    ic_equal_credit: bool = False

    def encode(self) -> bytes:
        """Return the PDU."""
        probability = _octet(self.response_probability, 100)
        slots = _u16(self.allowed_time_slots)
        credit = _octet(self.report_initial_credit, 7)
        return _tagged(CiaseTag.DISCOVER, probability, slots, credit, _flag(self.ic_equal_credit))


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoverReport:
    """A server's answer to Discover; a server names only itself.

    Attributes:
        system_titles: six octets each.
        alarm_descriptor: None when there is no alarm.
    """

    system_titles: tuple[bytes, ...]
    alarm_descriptor: int | None = None

    def encode(self) -> bytes:
        """Return the PDU."""
        titles = _sequence([_title(each) for each in self.system_titles])
        return _tagged(CiaseTag.DISCOVER_REPORT, titles, _optional(self.alarm_descriptor))


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterEntry:
    """One server and the MAC address it gets."""

    system_title: bytes
    mac: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The client's word who has which MAC address from now on."""

    initiator_system_title: bytes
    entries: tuple[RegisterEntry, ...]

    def encode(self) -> bytes:
        """Return the PDU."""
        entries = [_title(each.system_title) + _u16(each.mac) for each in self.entries]
        return _tagged(CiaseTag.REGISTER, _title(self.initiator_system_title), _sequence(entries))


@dataclass(frozen=True, slots=True, kw_only=True)
class PingRequest:
    """The client's question whether this very server is there."""

    system_title: bytes

    def encode(self) -> bytes:
        """Return the PDU."""
        return _tagged(CiaseTag.PING_REQUEST, _title(self.system_title))


@dataclass(frozen=True, slots=True, kw_only=True)
class PingResponse:
    """The server's answer that it is."""

    system_title: bytes

    def encode(self) -> bytes:
        """Return the PDU."""
        return _tagged(CiaseTag.PING_RESPONSE, _title(self.system_title))


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeaterCall:
    """The client's order to settle which dynamic repeaters are needed.

    Attributes:
        max_mac: highest MAC address given so far.
        new_slots: slots kept for servers without one.
        reception_threshold_dbuv: level above which a heard pattern counts; None is the default.
    """

    max_mac: int
    new_slots: int
    reception_threshold_dbuv: int | None = None

    def encode(self) -> bytes:
        """Return the PDU."""
        threshold = _optional(self.reception_threshold_dbuv)
        return _tagged(
            CiaseTag.REPEATER_CALL, _u16(self.max_mac), _octet(self.new_slots), threshold
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearAlarm:
    """The client's word that alarms are dealt with.

    The encoding is from memory and has met no other one (docs/plc.md 5); its one place is
    here and in `_clear_alarm`.

    Attributes:
        choice: how `servers` and `alarm_descriptors` belong together.
        alarm_descriptors: the alarms ended.
        servers: system titles; empty means every server.
    """

    choice: ClearAlarmChoice = ClearAlarmChoice.ONE_ALARM
    alarm_descriptors: tuple[int, ...]
    servers: tuple[bytes, ...] = ()

    def encode(self) -> bytes:
        """Return the PDU.

        Raises:
            LocalUseError: the fields do not fit the choice.
        """
        alarms = [_octet(each) for each in self.alarm_descriptors]
        titles = [_title(each) for each in self.servers]
        match self.choice:
            case ClearAlarmChoice.ONE_ALARM if len(alarms) == 1 and not titles:
                body = alarms[0]
            case ClearAlarmChoice.ALARMS if not titles:
                body = _sequence(alarms)
            case ClearAlarmChoice.ALARMS_OF_SERVERS:
                body = _sequence(titles) + _sequence(alarms)
            case ClearAlarmChoice.ALARM_OF_EACH_SERVER if len(alarms) == len(titles):
                body = _sequence(
                    [title + alarm for title, alarm in zip(titles, alarms, strict=True)]
                )
            case _:
                raise LocalUseError(
                    f"{len(alarms)} alarms, {len(titles)} servers: {self.choice.name}"
                )
        return _tagged(CiaseTag.CLEAR_ALARM, bytes([self.choice]), body)


@dataclass(frozen=True, slots=True, kw_only=True)
class CiaseServiceError:
    """A server's word that it cannot serve a CIASE request; octets as in a DLMS service error."""

    service: int
    group: int
    value: int

    def encode(self) -> bytes:
        """Return the PDU."""
        return _tagged(CiaseTag.SERVICE_ERROR, bytes([self.service, self.group, self.value]))


CiasePdu: TypeAlias = (
    Discover
    | DiscoverReport
    | Register
    | PingRequest
    | PingResponse
    | RepeaterCall
    | ClearAlarm
    | CiaseServiceError
)


def decode_ciase(octets: bytes) -> CiasePdu:
    """Read one CIASE PDU.

    Raises:
        MalformedFrame: unknown tag, wrong length, or a value out of its range.
    """
    reader = OctetReader(octets)
    tag = reader.u8()
    decode = _DECODERS.get(tag)
    if decode is None:
        raise MalformedFrame(f"{tag:02X} is no CIASE tag", octets)
    pdu = decode(reader)
    reader.end()
    return pdu


def _discover(reader: OctetReader) -> Discover:
    probability = _bounded(reader.u8(), 100, "response probability")
    slots = reader.u16()
    credit = _bounded(reader.u8(), 7, "report credit")
    equal = bool(_bounded(reader.u8(), 1, "IC-equal flag"))
    return Discover(
        response_probability=probability,
        allowed_time_slots=slots,
        report_initial_credit=credit,
        ic_equal_credit=equal,
    )


def _discover_report(reader: OctetReader) -> DiscoverReport:
    titles = _titles(reader)
    return DiscoverReport(system_titles=titles, alarm_descriptor=_optional_of(reader))


def _register(reader: OctetReader) -> Register:
    initiator = reader.take(SYSTEM_TITLE_OCTETS)
    entries = tuple(
        RegisterEntry(
            system_title=reader.take(SYSTEM_TITLE_OCTETS),
            mac=_bounded(reader.u16(), 0xFFF, "MAC address"),
        )
        for _ in range(reader.u8())
    )
    return Register(initiator_system_title=initiator, entries=entries)


def _ping_request(reader: OctetReader) -> PingRequest:
    return PingRequest(system_title=reader.take(SYSTEM_TITLE_OCTETS))


def _ping_response(reader: OctetReader) -> PingResponse:
    return PingResponse(system_title=reader.take(SYSTEM_TITLE_OCTETS))


def _repeater_call(reader: OctetReader) -> RepeaterCall:
    return RepeaterCall(
        max_mac=reader.u16(),
        new_slots=reader.u8(),
        reception_threshold_dbuv=_optional_of(reader),
    )


def _clear_alarm(reader: OctetReader) -> ClearAlarm:
    choice = ClearAlarmChoice(_bounded(reader.u8(), 3, "ClearAlarm choice"))
    if choice is ClearAlarmChoice.ONE_ALARM:
        return ClearAlarm(choice=choice, alarm_descriptors=(reader.u8(),))
    if choice is ClearAlarmChoice.ALARM_OF_EACH_SERVER:
        pairs = [(reader.take(SYSTEM_TITLE_OCTETS), reader.u8()) for _ in range(reader.u8())]
        return ClearAlarm(
            choice=choice,
            alarm_descriptors=tuple(alarm for _, alarm in pairs),
            servers=tuple(title for title, _ in pairs),
        )
    servers = _titles(reader) if choice is ClearAlarmChoice.ALARMS_OF_SERVERS else ()
    alarms = tuple(reader.take(reader.u8()))
    return ClearAlarm(choice=choice, alarm_descriptors=alarms, servers=servers)


def _service_error(reader: OctetReader) -> CiaseServiceError:
    return CiaseServiceError(service=reader.u8(), group=reader.u8(), value=reader.u8())


_DECODERS: Final[dict[int, Callable[[OctetReader], CiasePdu]]] = {
    CiaseTag.SERVICE_ERROR: _service_error,
    CiaseTag.PING_REQUEST: _ping_request,
    CiaseTag.PING_RESPONSE: _ping_response,
    CiaseTag.REGISTER: _register,
    CiaseTag.DISCOVER: _discover,
    CiaseTag.DISCOVER_REPORT: _discover_report,
    CiaseTag.REPEATER_CALL: _repeater_call,
    CiaseTag.CLEAR_ALARM: _clear_alarm,
}


def _titles(reader: OctetReader) -> tuple[bytes, ...]:
    return tuple(reader.take(SYSTEM_TITLE_OCTETS) for _ in range(reader.u8()))


def _optional_of(reader: OctetReader) -> int | None:
    present = _bounded(reader.u8(), 1, "presence flag")
    return reader.u8() if present else None


def _bounded(value: int, limit: int, what: str) -> int:
    if value > limit:
        raise MalformedFrame(f"{what} {value} is above {limit}")
    return value


def _tagged(tag: CiaseTag, *fields: bytes) -> bytes:
    return bytes([tag]) + b"".join(fields)


def _title(system_title: bytes) -> bytes:
    if len(system_title) != SYSTEM_TITLE_OCTETS:
        raise LocalUseError(f"a system title of {len(system_title)} octets")
    return system_title


def _octet(value: int, limit: int = 0xFF) -> bytes:
    if not 0 <= value <= limit:
        raise LocalUseError(f"{value} is not within 0 to {limit}")
    return bytes([value])


def _u16(value: int) -> bytes:
    if not 0 <= value <= 0xFFFF:
        raise LocalUseError(f"{value} does not fit two octets")
    return value.to_bytes(2, "big")


def _flag(value: bool) -> bytes:  # noqa: FBT001  (one octet of the PDU, not a switch)
    return b"\x01" if value else b"\x00"


def _optional(value: int | None) -> bytes:
    return _flag(False) if value is None else _flag(True) + _octet(value)  # noqa: FBT003


def _sequence(items: Sequence[bytes]) -> bytes:
    if len(items) > 0xFF:
        raise LocalUseError(f"{len(items)} items in a list")
    return bytes([len(items)]) + b"".join(items)
