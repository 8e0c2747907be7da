"""Faults of a serial line, seeded, and the text that orders them.

    drop=0.001,flip=0.0005,delay=0.01:0.05,cut=12:3,seed=7

| order            | effect                                                              |
|------------------|---------------------------------------------------------------------|
| `drop=P`         | each octet is lost with probability P                               |
| `flip=P`         | each octet has one bit changed with probability P                   |
| `delay=P:S`      | each burst is held back S seconds with probability P                |
| `cut=AT:FOR`     | from AT seconds after the start, for FOR seconds, nothing passes    |
| `seed=N`         | the randomness                                                      |
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFaults:
    """Probabilities per octet or burst; times in seconds since the line was opened."""

    drop: float = 0.0
    flip: float = 0.0
    delay: float = 0.0
    delay_s: float = 0.0
    cuts: tuple[tuple[float, float], ...] = ()
    seed: int = 0

    @classmethod
    def parse(cls, text: str) -> "LineFaults":
        """Read the orders of the module's docstring.

        Raises:
            ValueError: an order that is none.
        """
        values: dict[str, float] = {}
        cuts: list[tuple[float, float]] = []
        seed = 0
        for order in filter(None, text.split(",")):
            name, _, value = order.strip().partition("=")
            first, _, second = value.partition(":")
            if name in {"drop", "flip"}:
                values[name] = float(first)
            elif name == "delay":
                values |= {"delay": float(first), "delay_s": float(second)}
            elif name == "cut":
                cuts.append((float(first), float(second)))
            elif name == "seed":
                seed = int(first)
            else:
                raise ValueError(f"no fault {name!r}: drop, flip, delay, cut, seed")
        return cls(**values, cuts=tuple(cuts), seed=seed)


class FaultyLine:
    """Applies faults to one direction of one line."""

    def __init__(self, faults: LineFaults, direction: str) -> None:
        self._faults = faults
        self._random = random.Random(f"{faults.seed} {direction}")  # noqa: S311  (no secret)

    def hold_back_s(self) -> float:
        """Return how long the next burst is delayed."""
        faults = self._faults
        return faults.delay_s if faults.delay and self._random.random() < faults.delay else 0.0

    def pass_on(self, octets: bytes, since_open_s: float) -> bytes:
        """Return what is left of the octets."""
        faults = self._faults
        if any(at <= since_open_s < at + duration for at, duration in faults.cuts):
            return b""
        if not faults.drop and not faults.flip:
            return octets
        return b"".join(map(self._one, octets))

    def _one(self, octet: int) -> bytes:
        if self._random.random() < self._faults.drop:
            return b""
        if self._random.random() < self._faults.flip:
            octet ^= 1 << self._random.randrange(8)
        return bytes([octet])
