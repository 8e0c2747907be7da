"""What hangs on the network and hears frames: a meter's module, as its line sees it."""

from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from drivers.plc.mac_frame import MacFrame
    from drivers.plc.node import Reply


ALARM_PATTERN: Final = b"\x55\xaa"
"""Any two octets: the sources do not tell the value (docs/plc.md 1.2)."""


class RepeaterMode(Enum):
    """Whether a node sends on what it decodes (docs/plc.md 3, attribute repeater)."""

    NEVER = 0
    ALWAYS = 1
    DYNAMIC = 2


class Station(Protocol):
    """A node of the line."""

    @property
    def usn(self) -> str:
        """Return whose it is, for the log of the line."""

    @property
    def mac(self) -> int:
        """Return its 12-bit address."""

    @property
    def initiator_mac(self) -> int:
        """Return the client that it is locked on; 0 while unlocked."""

    @property
    def powered(self) -> bool:
        """Tell whether it hears anything at all."""

    @property
    def repeats(self) -> bool:
        """Tell whether it sends on what it decodes."""

    @property
    def repeater_mode(self) -> RepeaterMode:
        """Return who decides that."""

    @property
    def has_alarm(self) -> bool:
        """Tell whether it sends the alarm pattern in the pauses of slots."""

    @property
    def rows_given(self) -> int:
        """Return how many profile rows its last answer carried."""

    @property
    def is_searching(self) -> bool:
        """Tell whether it compares the levels of the initiators that it hears."""

    def hear(
        self, copy: "MacFrame", heard_at: float, delay_s: float, level_dbuv: float
    ) -> "Reply | None":
        """Take the copy that was decoded at a moment, so long after the first one had ended."""

    def overhear(self, initiator_mac: int, heard_at: float, level_dbuv: float) -> None:
        """Note that an initiator's frame for somebody else was decoded."""

    def become_repeater(self, *, repeats: bool) -> None:
        """Take the outcome of a repeater call."""
