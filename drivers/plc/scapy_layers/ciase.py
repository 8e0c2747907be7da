"""The PDUs of CIASE: Discover, DiscoverReport, Register, Ping, RepeaterCall, ClearAlarm, error."""

from typing import Final

from scapy.fields import (
    ByteEnumField,
    ByteField,
    ConditionalField,
    PacketListField,
    ShortField,
    XByteField,
    XShortField,
)
from scapy.packet import Packet, Raw

from drivers.plc.scapy_layers.field_kinds import (
    LIST_ITEMS_MAX,
    CountField,
    list_field,
    octets_field,
)

SYSTEM_TITLE_OCTETS: Final = 6

_ONE_ALARM, _ALARMS, _ALARMS_OF_SERVERS, _ALARM_OF_EACH_SERVER = range(4)
_CHOICE_NAMES: Final = {
    _ONE_ALARM: "one alarm",
    _ALARMS: "alarms",
    _ALARMS_OF_SERVERS: "alarms of servers",
    _ALARM_OF_EACH_SERVER: "alarm of each server",
}
_LISTS_ALARMS: Final = (_ALARMS, _ALARMS_OF_SERVERS)


class CiaseDiscover(Packet):
    """The client asks who is new."""

    name = "CIASE Discover"
    fields_desc = [
        XByteField("tag", 0x1D),
        ByteField("response_probability", 100),
        ShortField("allowed_time_slots", 10),
        ByteField("report_initial_credit", 0),
        ByteField("ic_equal_credit", 0),
    ]

    def mysummary(self) -> str:
        """Return what is offered."""
        credit = (
            "its own credit" if self.ic_equal_credit else f"credit {self.report_initial_credit}"
        )
        return (
            f"Discover {self.response_probability}% {self.allowed_time_slots} slots,"
            f" reports with {credit}"
        )


class CiaseDiscoverReport(Packet):
    """A server answers a Discover."""

    name = "CIASE DiscoverReport"
    fields_desc = [
        XByteField("tag", 0x1E),
        CountField("count", count_of="system_titles"),
        list_field("system_titles", octets_field("", SYSTEM_TITLE_OCTETS), "count"),
        ByteField("alarm_present", 0),
        ConditionalField(
            XByteField("alarm_descriptor", 1), lambda report: bool(report.alarm_present)
        ),
    ]

    def mysummary(self) -> str:
        """Return who reports, and which alarm."""
        alarm = f" alarm {self.alarm_descriptor:02X}" if self.alarm_present else ""
        return f"DiscoverReport {_titles(self.system_titles)}{alarm}"


class CiaseRegisterEntry(Packet):
    """One server and the MAC address it gets."""

    name = "CIASE Register entry"
    fields_desc = [octets_field("system_title", SYSTEM_TITLE_OCTETS), XShortField("mac", 1)]

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        """Leave what follows to the next entry."""
        return b"", s


class CiaseRegister(Packet):
    """The client says who has which MAC address from now on."""

    name = "CIASE Register"
    fields_desc = [
        XByteField("tag", 0x1C),
        octets_field("initiator_system_title", SYSTEM_TITLE_OCTETS),
        CountField("count", count_of="entries"),
        PacketListField(
            "entries",
            [],
            CiaseRegisterEntry,
            count_from=lambda register: register.count,
            max_count=LIST_ITEMS_MAX,
        ),
    ]

    def mysummary(self) -> str:
        """Return who gets which address."""
        entries = [
            f"{each.system_title.hex().upper()} = {each.mac:03X}"
            for each in self.entries
            if isinstance(each, CiaseRegisterEntry)
        ]
        return f"Register {', '.join(entries)}"


class CiasePingRequest(Packet):
    """The client asks whether this very server is there."""

    name = "CIASE PingRequest"
    fields_desc = [XByteField("tag", 0x19), octets_field("system_title", SYSTEM_TITLE_OCTETS)]

    def mysummary(self) -> str:
        """Return who is asked."""
        return f"PingRequest {_titles([self.system_title])}"


class CiasePingResponse(Packet):
    """The server answers that it is."""

    name = "CIASE PingResponse"
    fields_desc = [XByteField("tag", 0x1A), octets_field("system_title", SYSTEM_TITLE_OCTETS)]

    def mysummary(self) -> str:
        """Return who answers."""
        return f"PingResponse {_titles([self.system_title])}"


class CiaseRepeaterCall(Packet):
    """The client orders to settle which dynamic repeaters are needed."""

    name = "CIASE RepeaterCall"
    fields_desc = [
        XByteField("tag", 0x1F),
        XShortField("max_mac", 0),
        ByteField("new_slots", 0),
        ByteField("threshold_present", 0),
        ConditionalField(
            ByteField("reception_threshold_dbuv", 104), lambda call: bool(call.threshold_present)
        ),
    ]

    def mysummary(self) -> str:
        """Return who is called."""
        return f"RepeaterCall up to {self.max_mac:03X}, {self.new_slots} slots for new"


class CiaseAlarmOfServer(Packet):
    """One server and the alarm of it that is ended."""

    name = "CIASE alarm of a server"
    fields_desc = [
        octets_field("system_title", SYSTEM_TITLE_OCTETS),
        XByteField("alarm_descriptor", 1),
    ]

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        """Leave what follows to the next pair."""
        return b"", s


class CiaseClearAlarm(Packet):
    """The client says that alarms are dealt with; the encoding is from memory (docs/plc.md 5)."""

    name = "CIASE ClearAlarm"
    fields_desc = [
        XByteField("tag", 0x39),
        ByteEnumField("choice", _ONE_ALARM, _CHOICE_NAMES),
        ConditionalField(
            XByteField("alarm_descriptor", 1), lambda clear: clear.choice == _ONE_ALARM
        ),
        ConditionalField(
            CountField("server_count", count_of="servers"),
            lambda clear: clear.choice == _ALARMS_OF_SERVERS,
        ),
        ConditionalField(
            list_field("servers", octets_field("", SYSTEM_TITLE_OCTETS), "server_count"),
            lambda clear: clear.choice == _ALARMS_OF_SERVERS,
        ),
        ConditionalField(
            CountField("alarm_count", count_of="alarm_descriptors"),
            lambda clear: clear.choice in _LISTS_ALARMS,
        ),
        ConditionalField(
            list_field("alarm_descriptors", XByteField("", 1), "alarm_count"),
            lambda clear: clear.choice in _LISTS_ALARMS,
        ),
        ConditionalField(
            CountField("pair_count", count_of="pairs"),
            lambda clear: clear.choice == _ALARM_OF_EACH_SERVER,
        ),
        ConditionalField(
            PacketListField(
                "pairs",
                [],
                CiaseAlarmOfServer,
                count_from=lambda clear: clear.pair_count,
                max_count=LIST_ITEMS_MAX,
            ),
            lambda clear: clear.choice == _ALARM_OF_EACH_SERVER,
        ),
    ]

    def mysummary(self) -> str:
        """Return which choice it is."""
        return f"ClearAlarm, {_CHOICE_NAMES.get(self.choice, f'choice {self.choice}')}"


class CiaseServiceError(Packet):
    """A server cannot serve a CIASE request."""

    name = "CIASE ConfirmedServiceError"
    fields_desc = [
        XByteField("tag", 0x0E),
        ByteField("service", 1),
        ByteField("group", 0),
        ByteField("value", 0),
    ]

    def mysummary(self) -> str:
        """Return the three codes."""
        return f"ConfirmedServiceError {self.service} {self.group} {self.value}"


_LAYERS: Final[dict[int, type[Packet]]] = {
    0x0E: CiaseServiceError,
    0x19: CiasePingRequest,
    0x1A: CiasePingResponse,
    0x1C: CiaseRegister,
    0x1D: CiaseDiscover,
    0x1E: CiaseDiscoverReport,
    0x1F: CiaseRepeaterCall,
    0x39: CiaseClearAlarm,
}


def ciase_layer(octets: bytes) -> type[Packet]:
    """Return the layer that octets begin with; Raw for an unknown tag."""
    return _LAYERS.get(octets[0], Raw) if octets else Raw


def _titles(system_titles: list[bytes]) -> str:
    return ", ".join(title.hex().upper() for title in system_titles)
