"""Every command of the host protocol as a value.

Source: AMIS-49587 datasheet, host interface commands (docs/plc.md 8.5 to 8.10).
"""

from dataclasses import dataclass
from enum import IntEnum

from hal.plc_modem.access_db import AccessError, DbRecord
from hal.plc_modem.config_record import ModemConfig
from hal.plc_modem.mac_record import MacRecord


class ConfirmStatus(IntEnum):
    """What became of an MA_Data_Request."""

    OK = 0xFF
    LM_TU1 = 0x00  # refused
    LM_SE = 0x03  # syntax error
    LM_TU2 = 0x0A  # not authorised, or not synchronised
    LM_TU3 = 0x14  # buffer not free
    LM_TU4 = 0x1E  # modem busy


class LostCause(IntEnum):
    """Why a slave or monitor lost synchronism."""

    NOT_ADDRESSED = 0x01
    FRAME_NOT_OK = 0x02
    CONFIRM_TIMEOUT = 0x03
    WRONG_INITIATOR = 0x04
    EXTERNAL_DESYNCHRO = 0x05
    SEARCH_INITIATOR = 0x06


class DetectionMethod(IntEnum):
    """How the demodulator decides."""

    NONE = 0
    ASK0 = 1
    ASK1 = 2
    FSK = 3
    FSK0 = 4
    FSK1 = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SpyData:
    """What the demodulator saw: signal and noise of both carriers, threshold, method, gain."""

    signal_space: int
    noise_space: int
    signal_mark: int
    noise_mark: int
    threshold: int
    method: DetectionMethod | int
    bit_and_gain: int

    @property
    def synchro_bit(self) -> int:
        """Return bits 6..4 of the last octet."""
        return self.bit_and_gain >> 4 & 7

    @property
    def gain(self) -> int:
        """Return bits 2..0 of the last octet."""
        return self.bit_and_gain & 7


@dataclass(frozen=True, slots=True)
class SynchroFound:
    """A slot start was found."""

    spy: SpyData


@dataclass(frozen=True, slots=True, kw_only=True)
class SynchroConfirmed:
    """A good frame of an initiator confirmed the slot."""

    source: int
    destination: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SynchroLost:
    """Synchronism is gone; which addresses the two words are depends on the cause.

    NOT_ADDRESSED, FRAME_NOT_OK, CONFIRM_TIMEOUT, EXTERNAL_DESYNCHRO: local, initiator;
    WRONG_INITIATOR: source, destination; SEARCH_INITIATOR: last received, chosen.
    """

    cause: LostCause | int
    first_mac: int
    second_mac: int


@dataclass(frozen=True, slots=True)
class DesynchroRequest:
    """Host to slave: look for a slot again."""


@dataclass(frozen=True, slots=True)
class ResetRequest:
    """Host: go back to not set; answered by ACK only."""


@dataclass(frozen=True, slots=True)
class SyntaxErrorReport:
    """ST's sister chip: unknown code or bad length; content not documented here."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class OldWriteConfig:
    """The superseded configuration commands 31, 32, 33, kept as octets."""

    command: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class AccessDbRequest:
    """Host: read or write one object."""

    record: DbRecord


@dataclass(frozen=True, slots=True)
class AccessDbConfirm:
    """Modem: the object's value."""

    record: DbRecord


@dataclass(frozen=True, slots=True)
class AccessDbError:
    """Modem: refused."""

    code: AccessError | int


@dataclass(frozen=True, slots=True)
class DataIndication:
    """Modem: a frame was heard."""

    mac: MacRecord


@dataclass(frozen=True, slots=True)
class DataIndicationBadCrc:
    """Modem: a frame with a bad frame check was heard (an option)."""

    mac: MacRecord


@dataclass(frozen=True, slots=True)
class DataRequest:
    """Host: send a frame."""

    mac: MacRecord


@dataclass(frozen=True, slots=True)
class DataConfirm:
    """Modem: the first transmission has ended, or why there was none."""

    status: ConfirmStatus | int


@dataclass(frozen=True, slots=True, kw_only=True)
class IsaRequest:
    """Host: take part in a repeater call; the level comes first on the AMIS."""

    level: int
    transmission_position: int


@dataclass(frozen=True, slots=True)
class IsaConfirm:
    """Modem: content not found for the AMIS; ST's twin is in docs/plc.md 8.10."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class WriteConfigRequest:
    """Host: configure."""

    config: ModemConfig


@dataclass(frozen=True, slots=True)
class WriteConfigConfirm:
    """Modem: configured so."""

    config: ModemConfig


@dataclass(frozen=True, slots=True)
class WriteConfigError:
    """Modem: refused; codes as AccessDB for addresses (I)."""

    code: AccessError | int


@dataclass(frozen=True, slots=True)
class SpyNoSubframe:
    """Monitor: a slot without a sub-frame."""

    spy: SpyData


@dataclass(frozen=True, slots=True)
class SpySubframe:
    """Monitor: the 38 octets of one sub-frame."""

    spy: SpyData
    p_sdu: bytes


@dataclass(frozen=True, slots=True)
class SpySearchSynchro:
    """Monitor: still searching."""


@dataclass(frozen=True, slots=True)
class SpySynchroFound:
    """Monitor: a slot start was found."""

    spy: SpyData


@dataclass(frozen=True, slots=True)
class SpyNoAlarmFound:
    """Monitor: the pause of a slot held no alarm."""

    spy: SpyData
    pattern: bytes


@dataclass(frozen=True, slots=True)
class SpyAlarmFound:
    """Monitor: the pause of a slot held an alarm."""

    spy: SpyData
    pattern: bytes


SpyMessage = (
    SpyNoSubframe
    | SpySubframe
    | SpySearchSynchro
    | SpySynchroFound
    | SpyNoAlarmFound
    | SpyAlarmFound
)


@dataclass(frozen=True, slots=True)
class UnknownCommand:
    """A command that is not in the table: data, not an error."""

    command: int
    octets: bytes


Message = (
    SynchroFound
    | SynchroConfirmed
    | SynchroLost
    | DesynchroRequest
    | ResetRequest
    | SyntaxErrorReport
    | OldWriteConfig
    | AccessDbRequest
    | AccessDbConfirm
    | AccessDbError
    | DataIndication
    | DataIndicationBadCrc
    | DataRequest
    | DataConfirm
    | IsaRequest
    | IsaConfirm
    | WriteConfigRequest
    | WriteConfigConfirm
    | WriteConfigError
    | SpyMessage
    | UnknownCommand
)
