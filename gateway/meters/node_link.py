"""What the master knows, in memory, of the way to one node."""

from dataclasses import dataclass, field

from drivers.dlms.association import AssociationTerms
from drivers.dlms.password import Password
from drivers.plc.credit import CreditLedger
from gateway.meters.patience import rest_after_failures_s


@dataclass(slots=True)
class NodeCounters:
    """Exchanges with one node since the daemon started [PLC-3]."""

    asked: int = 0
    answered: int = 0
    repeated: int = 0
    unanswered: int = 0


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
        terms: what the association allows; None until there is one.
        password: with which it was opened.
        quiet_until_s: loop time before which a late answer may still come.
        retry_at_s: before it, a node that was silent or refused is left alone.
        silent_since_s: the first of the failures in a row; None after an answer.
        failures_in_a_row: turns that met silence; an answer ends them.
        refusals_in_a_row: turns that brought answers of no use; only a good turn ends them.
        told_in_vain: how often it was told its address and never answered there.
        is_lost: silent for too long; only pinged, at `ping_at_s`.
    """

    system_title: bytes
    mac: int
    told_at_s: float = 0.0
    is_confirmed: bool = False
    heard_at_s: float = 0.0
    credit: CreditLedger = field(default_factory=CreditLedger)
    terms: AssociationTerms | None = None
    password: Password | None = None
    quiet_until_s: float = 0.0
    retry_at_s: float = 0.0
    silent_since_s: float | None = None
    failures_in_a_row: int = 0
    refusals_in_a_row: int = 0
    told_in_vain: int = 0
    is_lost: bool = False
    ping_at_s: float = 0.0
    counters: NodeCounters = field(default_factory=NodeCounters)

    def answered(self, now_s: float) -> None:
        """Note a sign of life."""
        self.failures_in_a_row = 0
        self.silent_since_s = None
        self.retry_at_s = 0.0
        self.heard_at_s = now_s

    def failed(self, now_s: float, *, silent: bool) -> None:
        """Note that a turn failed; the next comes later each time.

        Args:
            now_s: UTC.
            silent: nothing was heard; otherwise the node refused or answered nonsense.
        """
        if silent:
            self.failures_in_a_row += 1
            if self.silent_since_s is None:
                self.silent_since_s = now_s
            self.retry_at_s = now_s + rest_after_failures_s(self.failures_in_a_row)
        else:
            self.refusals_in_a_row += 1
            self.retry_at_s = now_s + rest_after_failures_s(self.refusals_in_a_row)

    def satisfied(self) -> None:
        """Note that a turn went well from end to end."""
        self.refusals_in_a_row = 0
