"""What the master knows, in memory, of the way to one node."""

from dataclasses import dataclass, field
from typing import Final

from drivers.dlms.association import AssociationTerms
from drivers.dlms.password import Password
from drivers.plc.credit import CreditLedger
from drivers.plc.frame_ledger import FrameLedger
from gateway.meters.patience import rest_after_breaking_off_s, rest_after_failures_s
from gateway.meters.unfinished import Unfinished

OUTAGE_KEPT_S: Final = 86_400.0
"""An outage weighs half as much after this time."""

SHAKY_OUTAGES: Final = 0.6
"""A node with more outages on record than this may vanish at any time."""


@dataclass(slots=True)
class NodeLink:
    """The way to one node that has an address. Times are UTC seconds unless said otherwise.

    Attributes:
        system_title: six octets, the node's own for life.
        mac: address that this master gave it.
        told_at_s: when it was told its address.
        is_confirmed: it answered there; until then it may not have heard the Register.
        heard_at_s: its last sign of life.
        credit: the learnt need for repetitions.
        frames: how well long frames get through.
        terms: what the association allows; None until there is one.
        password: with which it was opened.
        quiet_until_s: loop time before which a late answer may still come.
        retry_at_s: before it, a node that was silent or refused is left alone.
        outages: how often it fell silent, older times weighing less; as of `outage_at_s`.
        silent_since_s: the first of the failures in a row; None after an answer.
        failures_in_a_row: turns that met silence; an answer ends them.
        refusals_in_a_row: turns that brought answers of no use; only a good turn ends them.
        broken_off_in_a_row: turns in which it was heard, and then not any more; only a good turn
            ends them.
        unfinished: what it has said of itself so far, while not all of it came through.
        told_in_vain: how often it was told its address and never answered there.
        is_lost: silent for too long, and told so.
    """

    system_title: bytes
    mac: int
    told_at_s: float = 0.0
    is_confirmed: bool = False
    heard_at_s: float = 0.0
    credit: CreditLedger = field(default_factory=CreditLedger)
    frames: FrameLedger = field(default_factory=FrameLedger)
    terms: AssociationTerms | None = None
    password: Password | None = None
    quiet_until_s: float = 0.0
    retry_at_s: float = 0.0
    silent_since_s: float | None = None
    failures_in_a_row: int = 0
    refusals_in_a_row: int = 0
    broken_off_in_a_row: int = 0
    unfinished: Unfinished | None = None
    told_in_vain: int = 0
    is_lost: bool = False
    outages: float = 0.0
    outage_at_s: float = 0.0

    def answered(self, now_s: float) -> None:
        """Note a sign of life."""
        self.failures_in_a_row = 0
        self.silent_since_s = None
        self.retry_at_s = 0.0
        self.heard_at_s = now_s

    def was_silent(self, now_s: float) -> None:
        """Note that a turn met silence; the owner says when the next one comes."""
        self.failures_in_a_row += 1
        if self.silent_since_s is None:
            self.silent_since_s = now_s
            self.outages = 1.0 + self._outages(now_s)
            self.outage_at_s = now_s

    def broke_off(self, now_s: float) -> None:
        """Note that a turn met silence though it had been answered just before."""
        self.broken_off_in_a_row += 1
        self.retry_at_s = now_s + rest_after_breaking_off_s(self.broken_off_in_a_row)

    def refused(self, now_s: float) -> None:
        """Note that a turn brought no use; the next comes later each time."""
        self.refusals_in_a_row += 1
        self.retry_at_s = now_s + rest_after_failures_s(self.refusals_in_a_row)

    def is_shaky(self, now_s: float) -> bool:
        """Return whether the node has lately fallen silent more than now and then."""
        return self._outages(now_s) > SHAKY_OUTAGES

    def _outages(self, now_s: float) -> float:
        age_s = max(0.0, now_s - self.outage_at_s)
        return float(self.outages * 0.5 ** (age_s / OUTAGE_KEPT_S))

    def satisfied(self) -> None:
        """Note that a turn went well from end to end."""
        self.refusals_in_a_row = 0
        self.broken_off_in_a_row = 0
