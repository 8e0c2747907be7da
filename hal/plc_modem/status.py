"""The status message, `3F` and three octets, that answers a falling T_REQ.

Source: AMIS-49587 datasheet, status message table (docs/plc.md 8.4).
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from hal.errors import MalformedModemFrame

STATUS_START = 0x3F
STATUS_OCTETS = 4
ALARM_BIT = 0x02
"""In a slave: physical alarms are enabled. In a master (inferred, the datasheet is silent): an
alarm pattern was heard since the status before. Nothing else knows of this bit."""

_CONDITION_BITS = 0x1F


class Mode(IntEnum):
    """What the modem is configured as; the code of the configuration's MODE bits, 0 for none."""

    NOT_SET = 0
    MASTER = 1
    SLAVE = 2
    MONITOR = 3


class Condition(IntFlag):
    """Bits of the first octet behind 3F; NEW and NOT_LOCKED exist in a slave only."""

    BUSY = 0x01
    NOT_SET = 0x02
    NOT_SYNC = 0x04
    NEW = 0x08
    NOT_LOCKED = 0x10


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """One status; what the last two octets mean depends on the mode, which it does not carry."""

    conditions: Condition
    counter_octet: int
    last_octet: int

    @classmethod
    def decode(cls, octets: bytes) -> "StatusMessage":
        """Return the status that `octets` are, 3F included.

        Raises:
            MalformedModemFrame: not 3F and three octets, or a condition bit that does not exist.
        """
        if len(octets) != STATUS_OCTETS or octets[0] != STATUS_START:
            raise MalformedModemFrame("a status is 3F and three octets", octets)
        if octets[1] & ~_CONDITION_BITS:
            raise MalformedModemFrame(f"condition bits {octets[1]:02X}", octets)
        return cls(Condition(octets[1]), octets[2], octets[3])

    def encode(self) -> bytes:
        """Return the four octets."""
        return bytes([STATUS_START, self.conditions, self.counter_octet, self.last_octet])

    @property
    def busy(self) -> bool:
        """Tell whether the modem still holds a frame to send."""
        return bool(self.conditions & Condition.BUSY)

    @property
    def not_set(self) -> bool:
        """Tell whether the modem waits for a configuration."""
        return bool(self.conditions & Condition.NOT_SET)

    @property
    def slot_counter(self) -> int:
        """Return TS_Nb, the modem's count of time slots, modulo 8."""
        return self.counter_octet >> 5

    @property
    def alarm_enabled(self) -> bool:
        """Tell whether physical alarms are listened for, or were heard; see ALARM_BIT."""
        return bool(self.counter_octet & ALARM_BIT)

    @property
    def pll_locked(self) -> bool:
        """Tell whether the modem follows the mains."""
        return bool(self.counter_octet & 0x01)

    def fields(self, mode: Mode) -> dict[str, int | str]:
        """Return the fields by the datasheet's names, as a modem in `mode` means them."""
        names = (Condition.BUSY, "BUSY"), (Condition.NOT_SET, "NotSET")
        more = (Condition.NOT_SYNC, "NotSYNC"), (Condition.NEW, "NEW")
        last = ((Condition.NOT_LOCKED, "NotLOCKED"),)
        found: dict[str, int | str] = {
            name: 1 for bit, name in (*names, *more, *last) if self.conditions & bit
        }
        if mode is Mode.NOT_SET:
            return found | {"version": f"{self.last_octet >> 4}.{self.last_octet & 0x0F}"}
        found |= {"TS_Nb": self.slot_counter, "ALARM_EN": int(self.alarm_enabled)}
        found |= {"PLL_LOCK": int(self.pll_locked)}
        if mode is Mode.MASTER:
            return found | {"InvalFrCnt": self.last_octet}
        found |= {"DEP": self.last_octet >> 5}
        if mode is Mode.SLAVE:
            found |= {"MDC": self.last_octet >> 2 & 7, "REP": self.last_octet & 3}
        return found

    def likely_mode(self) -> Mode:
        """Return the mode this status speaks of, as far as it can be told: a slave looks like one.

        A synchronised, registered and locked slave cannot be told from a master.
        """
        if self.not_set:
            return Mode.NOT_SET
        if self.conditions & (Condition.NEW | Condition.NOT_LOCKED):
            return Mode.SLAVE
        return Mode.MASTER
