"""Which object carries what in the meters of this fleet: the companion specification as a table.

The OBIS codes of registers and identification numbers are those of the meter description
(Landis+Gyr AMI description, chapter 7.4). What that description leaves open is chosen here and
marked I, for "inferred": the logical names of profiles and event logs, the two configuration ids,
the status words' bits, the event numbers, and the fixed short name of the configuration id.
Whoever gets a real fleet's companion specification changes this file and nothing else.
"""

from enum import IntEnum, IntFlag, StrEnum

from drivers.dlms.obis import Obis


class Entity(StrEnum):
    """A buffered entity of one meter: what a stream of readings holds."""

    DAILY = "daily"
    PERIODIC = "periodic"
    STANDARD_EVENTS = "standard_events"
    DISCONNECTER_EVENTS = "disconnecter_events"
    SLAVE = "slave"
    MONTHLY = "monthly"


class InterfaceClass(IntEnum):
    """Interface classes (IEC 62056-62) that these meters use."""

    DATA = 1
    REGISTER = 3
    PROFILE_GENERIC = 7
    CLOCK = 8
    ASSOCIATION_SN = 12
    SAP_ASSIGNMENT = 17


class BaseName(IntEnum):
    """Short names that are the same in every meter, whatever its object list says.

    CONFIG_ID is I: it must stand at a fixed place, because it tells which remembered object list
    is the meter's.
    """

    ASSOCIATION = 0xFA00
    SAP_ASSIGNMENT = 0xFC00
    LOGICAL_DEVICE_NAME = 0xFD00
    CONFIG_ID = 0xFE00
    FIRMWARE_MODULE = 0xFF00


class Lsap(IntEnum):
    """Link service access points of an application exchange."""

    MANAGEMENT_LD = 0x01
    PUBLIC_CLIENT = 0x10


# -- identification (attribute 2 of a Data object, a visible-string) --------------------------
USN = Obis.parse("1-0:0.0.0.255")
LOGICAL_DEVICE_NAME = Obis.parse("0-0:42.0.0.255")  # the meter's manufacturer serial number
SERIAL_MODULE = Obis.parse("0-1:96.1.9.255")
FIRMWARE_METER = Obis.parse("1-0:0.2.0.255")
FIRMWARE_MODULE = Obis.parse("1-1:0.2.0.255")
CONFIG_ID = Obis.parse("1-0:96.90.0.255")
PARAM_ID = Obis.parse("1-0:0.2.1.255")
USN_2_1 = Obis.parse("0-0:96.1.0.255")
USN_2_2 = Obis.parse("0-0:96.1.1.255")

# -- clock and registers ----------------------------------------------------------------------
CLOCK = Obis.parse("0-0:1.0.0.255")
CLOCK_SYNC_LIMIT = Obis.parse("1-0:0.9.11.255")  # seconds, u16
IMPORT_TOTAL = Obis.parse("1-0:1.8.0.255")
EXPORT_TOTAL = Obis.parse("1-0:2.8.0.255")
COMBINED_TOTAL = Obis.parse("1-0:15.8.0.255")
IMPORT_RATE_1 = Obis.parse("1-0:1.8.1.255")
IMPORT_RATE_2 = Obis.parse("1-0:1.8.2.255")
EXPORT_RATE_1 = Obis.parse("1-0:2.8.1.255")
EXPORT_RATE_2 = Obis.parse("1-0:2.8.2.255")
POWER_FAILURES = Obis.parse("0-0:96.7.0.255")
LONG_POWER_FAILURES = Obis.parse("0-0:96.7.5.255")
VOLTAGE_L1 = Obis.parse("1-1:32.7.0.255")
VOLTAGE_L2 = Obis.parse("1-1:52.7.0.255")
VOLTAGE_L3 = Obis.parse("1-1:72.7.0.255")
CURRENT_L1 = Obis.parse("1-1:31.7.0.255")

# -- profiles and logs (I) --------------------------------------------------------------------
PERIODIC_PROFILE = Obis.parse("1-0:99.1.0.255")
DAILY_PROFILE = Obis.parse("1-0:99.2.0.255")
MONTHLY_PROFILE = Obis.parse("0-0:98.1.0.255")
STANDARD_EVENT_LOG = Obis.parse("1-0:99.98.0.255")
DISCONNECTER_EVENT_LOG = Obis.parse("1-0:99.98.1.255")
PROFILE_STATUS = Obis.parse("0-0:96.10.1.255")  # the status column of profiles
EVENT_STATUS = Obis.parse("0-0:96.10.2.255")  # the status column of event logs
STANDARD_EVENT_NUMBER = Obis.parse("0-0:96.11.0.255")
DISCONNECTER_EVENT_NUMBER = Obis.parse("0-0:96.11.1.255")

MASTER_BUFFERS = {
    Entity.PERIODIC: PERIODIC_PROFILE,
    Entity.DAILY: DAILY_PROFILE,
    Entity.MONTHLY: MONTHLY_PROFILE,
    Entity.STANDARD_EVENTS: STANDARD_EVENT_LOG,
    Entity.DISCONNECTER_EVENTS: DISCONNECTER_EVENT_LOG,
}

BUFFER_ROWS_MAX = {
    Entity.PERIODIC: 2160,
    Entity.DAILY: 366,
    Entity.MONTHLY: 13,
    Entity.SLAVE: 240,
    Entity.STANDARD_EVENTS: 200,
    Entity.DISCONNECTER_EVENTS: 20,
}

IDENTIFICATION_MASTER = {
    "usn": USN,
    "msn_meter": LOGICAL_DEVICE_NAME,
    "msn_module": SERIAL_MODULE,
    "firmware_meter": FIRMWARE_METER,
    "firmware_module": FIRMWARE_MODULE,
    "config_id": CONFIG_ID,
    "param_id": PARAM_ID,
}


# -- slave meters -----------------------------------------------------------------------------
class Medium(IntEnum):
    """What a slave meter counts: value group A of its OBIS codes."""

    HEAT = 6
    GAS = 7
    WATER_COLD = 8
    WATER_HOT = 9


SLAVE_CHANNELS = range(4)  # value group B


def slave_usn(medium: int, channel: int) -> Obis:
    """Return where a slave's utility serial number stands; an empty string means no slave."""
    return Obis.parse(f"{medium}-{channel}:0.0.0.255")


def slave_serial(medium: int, channel: int) -> Obis:
    """Return where a slave's manufacturer serial number stands."""
    return Obis.parse(f"{medium}-{channel}:0.0.9.255")


def slave_ocr_serial(channel: int) -> Obis:
    """Return where the serial number of the slave's OCR module stands, as a Register (class 3).

    On channel 0 this is also the code of the master's USN 2.1, which is a Data object (class 1):
    the description gives both the same code, so only the class tells them apart (I).
    """
    return Obis.parse(f"0-{channel}:96.1.0.255")


def slave_config_id(channel: int) -> Obis:
    """Return where a slave's configuration id stands (I: "t.b.d." in the description)."""
    return Obis.parse(f"0-{channel}:96.90.0.255")


def identification_slave(medium: int, channel: int) -> dict[str, tuple[Obis, InterfaceClass]]:
    """Return, by field name, object and class of all that identifies a slave (attribute 2)."""
    return {
        "usn": (slave_usn(medium, channel), InterfaceClass.DATA),
        "msn_meter": (slave_serial(medium, channel), InterfaceClass.DATA),
        "msn_module": (slave_ocr_serial(channel), InterfaceClass.REGISTER),
        "config_id": (slave_config_id(channel), InterfaceClass.DATA),
    }


def slave_profile(medium: int, channel: int) -> Obis:
    """Return where a slave's periodic profile stands (I)."""
    return Obis.parse(f"{medium}-{channel}:99.1.0.255")


def slave_profile_status(channel: int) -> Obis:
    """Return the status column of a slave's profile (I)."""
    return Obis.parse(f"0-{channel}:96.10.3.255")


def slave_register(medium: int, channel: int) -> Obis:
    """Return the one register that a slave's profile captures."""
    field = "3.0.0" if medium == Medium.GAS else "1.0.0"
    return Obis.parse(f"{medium}-{channel}:{field}.255")


# -- status words and event numbers (I) -------------------------------------------------------
class RowStatus(IntFlag):
    """Status word of a profile row; 8-bit words stop at bit 7.

    SLAVE_UNREACHABLE is meant in slave rows only: the register is the last known one.
    """

    POWER_FAIL = 0x01
    CLOCK_ADJUSTED = 0x02
    CLOCK_LOST = 0x04
    DST = 0x08
    FATAL_ERROR = 0x10
    SLAVE_UNREACHABLE = 0x20
    POWER_UP = 0x40
    DISTURBED = 0x80
    SINGLE_PHASE_OUTAGE = 0x0100


class StandardEvent(IntEnum):
    """Event numbers of the standard event log."""

    CLOCK_ADJUSTED = 11
    DST_CHANGED = 12
    UNDERVOLTAGE_L1 = 17
    UNDERVOLTAGE_L2 = 18
    UNDERVOLTAGE_L3 = 19
    OVERVOLTAGE_L1 = 20
    OVERVOLTAGE_L2 = 21
    OVERVOLTAGE_L3 = 22
    POWER_DOWN = 23
    POWER_UP = 24
    LONG_POWER_UP = 25
    VOLTAGE_NORMAL_L1 = 26
    VOLTAGE_NORMAL_L2 = 27
    VOLTAGE_NORMAL_L3 = 28
    PARAMETERS_CHANGED = 30
    FIRMWARE_UPDATED = 31


class DisconnecterEvent(IntEnum):
    """Event numbers of the disconnecter event log."""

    REMOTE_DISCONNECTION = 1
    REMOTE_RECONNECTION_ENABLED = 2
    LOCAL_DISCONNECTION = 3
    LOCAL_RECONNECTION = 4
    MODE_CHANGED = 5
