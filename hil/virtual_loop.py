"""An event loop whose time is a number: it jumps from one timer to the next.

Nothing waits in it: no thread, no socket, no clock. Work for an executor is done at once. A loop
in which everything waits for something that cannot come says so, with the names of the tasks.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

Result = TypeVar("Result")

_NAMES_TOLD = 12


class EverythingWaits(RuntimeError):  # noqa: N818  (reads as what it is in an except clause)
    """No timer is set and no callback is ready: the run would stand still for ever."""


class InlineExecutor(Executor):
    """Does at once what it is given: the loop's time stands still meanwhile."""

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> "Future[Result]":  # noqa: ANN401  (the base's)
        """Do it; what it raises is handed on to whoever waits."""
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  (handed on)
            future.set_exception(error)
        return future


class _Nobody(selectors.BaseSelector):
    """Asks the operating system nothing; a wait moves the time instead."""

    def __init__(self) -> None:
        self.jump: Callable[[], None] = lambda: None
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:  # noqa: ANN401  (the base's)
        key = selectors.SelectorKey(fileobj, id(fileobj), events, data)
        self._keys[fileobj] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:  # noqa: ANN401
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self.jump()
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """For code that sleeps, and reaches the world through nothing but what it was given."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s
        nobody = _Nobody()
        super().__init__(nobody)
        nobody.jump = self._jump
        self._clock_resolution = 1e-9  # timers are met exactly, so nothing needs rounding

    def time(self) -> float:
        """Return the seconds that have passed."""
        return self._now_s

    def run_in_executor(  # type: ignore[override]  # done at once, whoever is to do it
        self,
        executor: Executor | None,
        func: Callable[..., Result],
        *args: Any,  # noqa: ANN401  (the base's)
    ) -> "asyncio.Future[Result]":
        """Do it now."""
        del executor
        future: asyncio.Future[Result] = self.create_future()
        try:
            future.set_result(func(*args))
        except BaseException as error:  # noqa: BLE001  (handed on to whoever waits)
            future.set_exception(error)
        return future

    def _jump(self) -> None:
        timers = self._scheduled  # type: ignore[attr-defined]  # the base loop's heap of timers
        if timers:
            self._now_s = max(self._now_s, timers[0].when())
        elif not self._stopping:  # type: ignore[attr-defined]
            names = sorted(task.get_name() for task in asyncio.all_tasks(self))
            raise EverythingWaits(
                f"everything waits at {self._now_s:.3f} s: {', '.join(names[:_NAMES_TOLD])}"
            )


def run_virtually(main: Coroutine[Any, Any, Result], start_s: float = 0.0) -> Result:
    """Run to the end on a loop of its own, in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(start_s)) as runner:
        return runner.run(main)
