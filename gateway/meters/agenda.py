"""Who is due when, and which of those who are due brings most for the line's time [PLC-7].

Whoever is concerned by a turn, or by any other change, is renewed: only his turns are made anew.
So an idle line costs nothing, and a busy one little, however many meters it has.
"""

import heapq
import itertools
from collections.abc import Callable, Iterable
from typing import Final

from gateway.meters.turn import Turn

COMPARED_AGAIN_S: Final = 60.0
"""Values grow with waiting; those who wait are compared anew this often."""

Key = bytes
"""Whose turns they are: a node's system title; empty for what concerns all nodes."""

ALL_NODES: Final = b""


class Agenda:
    """The turns of all nodes.

    Args:
        turns_of: makes the turns of one, due now or later; none when he is gone.
    """

    def __init__(self, turns_of: Callable[[Key, float], Iterable[Turn]]) -> None:
        self._turns_of = turns_of
        self._next_due_s: dict[Key, float] = {}
        self._sleeping: list[tuple[float, int, Key]] = []
        self._waiting: dict[Key, tuple[int, Turn]] = {}
        self._ranked: list[tuple[float, int, Key]] = []
        self._ranked_at_s: float | None = None
        self._order = itertools.count()

    def renew(self, key: Key, now_s: float) -> None:
        """Make somebody's turns anew: something has changed for him."""
        self._waiting.pop(key, None)
        turns = list(self._turns_of(key, now_s))
        if not turns:
            self._next_due_s.pop(key, None)
            return
        due_s = min(turn.due_at_s for turn in turns)
        self._next_due_s[key] = due_s
        if due_s > now_s:
            heapq.heappush(self._sleeping, (due_s, next(self._order), key))
            return
        self._waits(key, [turn for turn in turns if turn.due_at_s <= now_s], now_s)

    def forget(self) -> None:
        """Forget everybody, for a clock that was set; renew all of them then."""
        self._next_due_s.clear()
        self._sleeping.clear()
        self._waiting.clear()
        self._ranked.clear()
        self._ranked_at_s = None

    def next_turn(self, now_s: float) -> Turn | None:
        """Return the turn of most value among those due; None when nobody is."""
        self._wake(now_s)
        if self._ranked_at_s is None or now_s - self._ranked_at_s >= COMPARED_AGAIN_S:
            self._rank(now_s)
        while self._ranked:
            _, place, key = self._ranked[0]
            waiting = self._waiting.get(key)
            if waiting is not None and waiting[0] == place:
                return waiting[1]
            heapq.heappop(self._ranked)  # he was renewed since
        return None

    def next_due_s(self) -> float | None:
        """Return when the next one who is not due yet will be; None when there is nobody."""
        while self._sleeping:
            due_s, _, key = self._sleeping[0]
            if self._next_due_s.get(key) == due_s and key not in self._waiting:
                return due_s
            heapq.heappop(self._sleeping)  # he was renewed since
        return None

    def _wake(self, now_s: float) -> None:
        while self._sleeping and self._sleeping[0][0] <= now_s:
            due_s, _, key = heapq.heappop(self._sleeping)
            if self._next_due_s.get(key) == due_s and key not in self._waiting:
                self.renew(key, now_s)

    def _waits(self, key: Key, due: list[Turn], now_s: float) -> None:
        turn = max(due, key=lambda each: each.value(now_s))
        place = next(self._order)
        self._waiting[key] = (place, turn)
        heapq.heappush(self._ranked, (-turn.value(now_s), place, key))

    def _rank(self, now_s: float) -> None:
        """Compare all who wait, as their turns are worth now."""
        self._ranked_at_s = now_s
        keys, self._ranked = list(self._waiting), []
        self._waiting.clear()
        for key in keys:
            self.renew(key, now_s)
