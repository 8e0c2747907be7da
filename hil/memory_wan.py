"""The way to the head-end, in memory: it takes time, and it can be cut."""

import asyncio
import random


class MemoryWan:
    """One concentrator's way to the head-end.

    Attributes:
        changed: set, and made anew, whenever the way was cut or mended.
        cuts: how often it was cut.
    """

    def __init__(self, seed: str, delay_s: tuple[float, float] = (0.05, 0.4)) -> None:
        """Prepare an open way; each message takes a time between the two."""
        self._dice = random.Random(f"wan/{seed}")  # noqa: S311  (dice, not a key)
        self._delay_s = delay_s
        self.is_cut = False
        self.cuts = 0
        self.changed = asyncio.Event()

    def cut(self) -> None:
        """Let nothing pass any more; what is on its way is lost."""
        if not self.is_cut:
            self.is_cut = True
            self.cuts += 1
            self._tell()

    def mend(self) -> None:
        """Let everything pass again."""
        self.is_cut = False
        self._tell()

    async def pass_through(self) -> bool:
        """Take the time of one way; return whether the far end was reached."""
        changed = self.changed
        delay_s = self._dice.uniform(*self._delay_s)
        if self.is_cut:
            return False
        try:
            async with asyncio.timeout(delay_s):
                await changed.wait()
        except TimeoutError:
            return True
        return False

    def _tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()
