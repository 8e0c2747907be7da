"""Which client a node without an address listens to: the loudest of those that it can hear."""

from typing import Final

PATIENCE_S: Final = 7_200.0
"""A client that was chosen and has not been heard for so long is not waited for any more."""


class InitiatorSearch:
    """Compares the levels of initiators for a while, then keeps to the loudest.

    A node at the edge of a neighbour's network would else be registered by whoever happens to ask
    first [INV-7]. How a real modem chooses within its search time-out is not known in detail: this
    file is the whole model. Source: docs/plc.md 8.6, 8.9 (inferred).

    Args:
        window_s: how long levels are compared, from the first frame on; 0 takes the first.
    """

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._levels: dict[int, float] = {}
        self._began_at: float | None = None
        self._chosen: int | None = None
        self._heard_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether levels are still being compared."""
        return self._window_s > 0.0 and self._chosen is None

    def heard(self, initiator_mac: int, level_dbuv: float, now: float) -> None:
        """Note a frame of an initiator, whoever it was for."""
        if self._window_s <= 0.0:
            return
        if self._chosen is not None:
            if initiator_mac == self._chosen:
                self._heard_at = now
            elif now - self._heard_at >= PATIENCE_S:
                self.begin_again()
        if self._chosen is None:
            self._began_at = now if self._began_at is None else self._began_at
            loudest = max(level_dbuv, self._levels.get(initiator_mac, level_dbuv))
            self._levels[initiator_mac] = loudest

    def accepts(self, initiator_mac: int, now: float) -> bool:
        """Return whether a frame of this initiator may be answered."""
        if self._window_s <= 0.0:
            return True
        if self._chosen is None and self._began_at is not None:
            if now - self._began_at < self._window_s:
                return False
            self._chosen = max(self._levels, key=self._levels.__getitem__)
            self._heard_at = now
        return initiator_mac == self._chosen

    def begin_again(self) -> None:
        """Forget what was heard."""
        self._levels.clear()
        self._began_at = None
        self._chosen = None
