"""What the modem's frames carry besides MAC records and its data base."""

from typing import Any, Final

from scapy.fields import (
    BitEnumField,
    BitField,
    ByteEnumField,
    ConditionalField,
    LEShortField,
    XByteField,
    XLEShortField,
    XStrField,
)
from scapy.packet import Packet

from drivers.plc.scapy_layers.field_kinds import octets_field

_P_SDU_OCTETS: Final = 38
_PATTERN_OCTETS: Final = 2
_FOUND, _CONFIRMED, _LOST = 1, 2, 4
_EVENT_NAMES: Final = {_FOUND: "found", _CONFIRMED: "confirmed", _LOST: "lost"}
_METHOD_NAMES: Final = {0: "none", 1: "ASK0", 2: "ASK1", 3: "FSK", 4: "FSK0", 5: "FSK1"}
_CONFIRM_NAMES: Final = {
    0xFF: "OK",
    0x00: "LM_TU1",
    0x03: "LM_SE",
    0x0A: "LM_TU2",
    0x14: "LM_TU3",
    0x1E: "LM_TU4",
}
_ERROR_NAMES: Final = {
    0x11: "unavailable resource",
    0x12: "request not allowed",
    0x21: "unavailable mode",
    0x22: "illegal data or command",
    0x23: "illegal local MAC",
    0x24: "illegal initiator MAC",
    0x25: "unavailable command",
}
_MODE_NAMES: Final = {1: "master", 2: "slave", 3: "monitor"}


def spy_fields() -> list[Any]:
    """Return the twelve octets that say what the demodulator saw."""
    return [
        LEShortField("signal_space", 0),
        LEShortField("noise_space", 0),
        LEShortField("signal_mark", 0),
        LEShortField("noise_mark", 0),
        LEShortField("threshold", 0),
        ByteEnumField("method", 3, _METHOD_NAMES),
        XByteField("bit_and_gain", 0),
    ]


def _on(event: int, *fields: Any) -> list[Any]:  # noqa: ANN401  (fields of any type)
    return [ConditionalField(each, lambda synchro: synchro.event == event) for each in fields]


class ModemSynchro(Packet):
    """A slave or monitor tells of its synchronism: found, confirmed, lost and why."""

    name = "modem synchro"
    fields_desc = [
        ByteEnumField("event", _FOUND, _EVENT_NAMES),
        XByteField("cause", 0),
        *_on(_FOUND, *spy_fields()),
        *_on(_CONFIRMED, XLEShortField("source", 0), XLEShortField("destination", 0)),
        *_on(_LOST, XLEShortField("first_mac", 0), XLEShortField("second_mac", 0)),
    ]


class ModemConfirm(Packet):
    """What became of an MA_Data_Request."""

    name = "modem confirm"
    fields_desc = [ByteEnumField("status", 0xFF, _CONFIRM_NAMES)]


class ModemError(Packet):
    """Why the modem refused."""

    name = "modem error"
    fields_desc = [ByteEnumField("code", 0x22, _ERROR_NAMES)]


class ModemIsaRequest(Packet):
    """Take part in a repeater call; the level comes first on the AMIS."""

    name = "modem ISA request"
    fields_desc = [LEShortField("level", 98), LEShortField("transmission_position", 0)]


class ModemConfig(Packet):
    """The configuration; octets 33 and later are inferred (docs/plc.md 8.6)."""

    name = "modem configuration"
    fields_desc = [
        *(XLEShortField(name, 0) for name in ("fima", "lima", "local_mac", "initiator_mac")),
        *(
            LEShortField(name, 0)
            for name in ("synchro_confirm_s", "frame_not_ok_s", "not_addressed_min")
        ),
        *(XLEShortField(f"group{number}", 0) for number in range(1, 6)),
        XLEShortField("space_step", 0),
        XLEShortField("mark_step", 0),
        XByteField("zero_crossing_adjust", 0),
        XByteField("alarm_and_attenuation", 0),
        BitField("pre_slot", 0, 1),
        BitField("reserved", 0, 1),
        BitEnumField("mode", 1, 3, _MODE_NAMES),
        BitField("rate_code", 3, 2),
        BitField("mains_60_hz", 0, 1),
        XByteField("search_options", 1),
        XByteField("gain_options", 0),
        XByteField("repeater_options", 0x80),
        XStrField("search_initiator_s", b"\x1e\x00"),  # least significant first; one octet in 35
    ]


class ModemSpy(Packet):
    """Monitor: what the demodulator saw in a slot that held no sub-frame, or at a slot start."""

    name = "modem spy"
    fields_desc = spy_fields()


class ModemSpySubframe(Packet):
    """Monitor: one sub-frame, good or damaged."""

    name = "modem spy sub-frame"
    fields_desc = [*spy_fields(), octets_field("p_sdu", _P_SDU_OCTETS)]


class ModemSpyAlarm(Packet):
    """Monitor: what stood in the pause of a slot."""

    name = "modem spy alarm"
    fields_desc = [*spy_fields(), octets_field("pattern", _PATTERN_OCTETS)]


DATA_LAYERS: Final[dict[int, type[Packet]]] = {
    0x10: ModemSynchro,
    0x43: ModemError,
    0x52: ModemConfirm,
    0x61: ModemIsaRequest,
    0x71: ModemConfig,
    0x72: ModemConfig,
    0x73: ModemError,
    0xA0: ModemSpy,
    0xB0: ModemSpySubframe,
    0xD0: ModemSpy,
    0xE0: ModemSpyAlarm,
    0xF0: ModemSpyAlarm,
}
