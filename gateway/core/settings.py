"""The settings of the daemon's own parts: names, units, ranges, defaults and their reasons.

What hal and drivers are told is made of these; store and head-end define their own.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import Ge, Gt, Le, Len, MinLen, Predicate

from drivers.plc.mac_frame import Packing
from gateway.core.clock import ClockTrust
from hal.board import RTS, BoardKind

Seconds = Annotated[float, Gt(0), Le(31_622_400)]
"""A time span of at most a leap year; 0 would be a busy loop."""


def is_topic_word(text: str) -> bool:
    """Return whether `text` may be one level of an MQTT topic and part of a file name."""
    return 1 <= len(text) <= 64 and text.isascii() and text.replace("-", "").isalnum()


Frequency = Annotated[int, Ge(9_000), Le(95_000)]
"""CENELEC band A, the utilities' own (EN 50065-1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcentratorSettings:
    """The [concentrator] section: who this box is and where it keeps its things.

    Attributes:
        dc_id: the name under which the head-end knows this concentrator; part of MQTT topics.
        system_title: its six octets on the power line, unique in the field.
        data_directory: the store; made if it is not there.
        control_socket: where `gridgate status` and the others ask.
    """

    dc_id: Annotated[str, Predicate(is_topic_word)] = "GG-000001"
    system_title: Annotated[bytes, Len(6, 6)] = bytes.fromhex("474701000001")
    data_directory: Path = Path("/var/lib/gridgate")
    control_socket: Path = Path("/run/gridgate/control.sock")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSection:
    """The [board] section: all that differs between a Raspberry Pi and the rig.

    Attributes:
        kind: how pins are reached.
        plc_port: the PLC modem's serial device.
        plc_baud_bps: the rate that the modem's straps set; 38400 on the AMIS-49587 module.
        plc_t_req: the modem's request line: "rts", or the name of a pin.
        pin_chip: the socket of the emulated pins; rig only.
    """

    kind: BoardKind = BoardKind.RASPBERRYPI
    plc_port: Path = Path("/dev/serial0")
    plc_baud_bps: Annotated[int, Ge(1200), Le(921_600)] = 38_400
    plc_t_req: Annotated[str, MinLen(1)] = RTS
    pin_chip: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlcSettings:
    """The [plc] section: the power line and how its meters are looked for.

    Attributes:
        bit_rate_bps: of the line. In the field 2400 at 50 Hz mains; a bench may be faster.
        mains_frequency_hz: 50 or 60.
        packing: how sub-frames are packed, one setting for modem timing and line (docs/plc.md 2.4).
        mark_hz, space_hz: the two tones of the S-FSK pair.
        initiator_mac: this master's own address.
        discover_period_s: between two looks for new meters on a line that is known [INV-2].
        discover_quick_period_s: the same, while looks find somebody or somebody is expected.
        discover_slots_min, discover_slots_max: answer windows of a look, at rest and at most.
        host_latency_s: allowance for UART, kernel and scheduling, on each request.
        node_forgets_after_s: a node not addressed for so long becomes NEW by itself [INV-5]; as it
            is set in the meters.
        node_silent_ping_s: a node not heard for so long is pinged, so that it keeps its address.
        node_lost_after_s: a node silent for so long, polls included, is told as lost.
        repeater_call_period_s: when the network has changed, its nodes settle anew which of them
            repeat, but not more often than this; 0 leaves it to their own settings.
        repeater_threshold_dbuv: who hears another repeater as loud as this stops repeating then.
    """

    bit_rate_bps: Annotated[int, Ge(300), Le(1_000_000)] = 2400
    mains_frequency_hz: Annotated[int, Ge(50), Le(60)] = 50
    packing: Packing = Packing.MODEL_A
    mark_hz: Frequency = 74_000
    space_hz: Frequency = 63_300
    initiator_mac: Annotated[int, Ge(0xC00), Le(0xDFF)] = 0xC00
    discover_period_s: Seconds = 3600.0
    discover_quick_period_s: Seconds = 60.0
    discover_slots_min: Annotated[int, Ge(1), Le(255)] = 1
    discover_slots_max: Annotated[int, Ge(1), Le(255)] = 60
    host_latency_s: Annotated[float, Ge(0), Le(60)] = 0.5
    node_forgets_after_s: Seconds = 21_600.0
    node_silent_ping_s: Seconds = 18_000.0
    node_lost_after_s: Seconds = 86_400.0
    repeater_call_period_s: Annotated[float, Ge(0), Le(604_800)] = 3600.0
    repeater_threshold_dbuv: Annotated[int, Ge(1), Le(255)] = 116


@dataclass(frozen=True, slots=True, kw_only=True)
class DlmsSettings:
    """The [dlms] section: how meters are spoken to.

    Attributes:
        client_lsap: the client's address; 16 is the public client.
        server_lsap: the meter's management logical device.
        pdu_octets_max: longest APDU proposed to a meter; 239 fits one frame of the power line.
        credentials_file: LLS passwords by meter or kind, mode 0600; None: no meter wants one.
    """

    client_lsap: Annotated[int, Ge(1), Le(127)] = 16
    server_lsap: Annotated[int, Ge(1), Le(127)] = 1
    pdu_octets_max: Annotated[int, Ge(24), Le(239)] = 239
    credentials_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionSettings:
    """The [collection] section: what is read, how far back, how often.

    Attributes:
        history_days: how far back a meter's profiles are fetched when it is first met [ACQ-2].
        events_period_s: between two reads of a meter's event logs; a row whose status tells of
            an event has them read at once.
        row_age_max_s: a row is fetched at this age even if an answer could carry more of them;
            until then rows wait for company, for a full answer costs the least airtime a row.
        slave_late_s: a slave's row may appear in its master so long after its time, because
            masters fetch hourly rows of battery meters once a day.
        read_delay_s: wait after a row is due, so that meters with a slow clock have it too.
        retry_after_s: before a buffer that had nothing new is asked again; longer each time.
    """

    history_days: Annotated[int, Ge(1), Le(400)] = 40
    events_period_s: Seconds = 86_400.0
    row_age_max_s: Seconds = 21_600.0
    slave_late_s: Seconds = 90_000.0
    read_delay_s: Annotated[float, Ge(0), Le(3600)] = 30.0
    retry_after_s: Seconds = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSettings:
    """The [clock] section: whose time this is, and how it is handed on.

    Attributes:
        trust: "system" vouches for the operating system's clock; "none" broadcasts nothing.
        broadcast_period_s: between two broadcasts of the time to all meters [TIM-1].
        set_above_s: a meter that deviates by more is set on its own as well.
    """

    trust: ClockTrust = ClockTrust.SYSTEM
    broadcast_period_s: Seconds = 3600.0
    set_above_s: Annotated[float, Ge(1), Le(86_400)] = 10.0
