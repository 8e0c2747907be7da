"""An event loop whose clock jumps to the next timer: hours of waiting take no time.

For code without threads and sockets. What would wait for ever raises instead of hanging.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

Result = TypeVar("Result")


class NothingToWaitFor(RuntimeError):  # noqa: N818
    """Every task waits for something that no timer will bring."""


class _ClockSelector(selectors.BaseSelector):
    """Instead of waiting, moves the loop's clock."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        self._keys[number] = selectors.SelectorKey(fileobj, number, events, data)
        return self._keys[number]

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys

    def select(
        self, timeout: float | None = None
    ) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingToWaitFor
        self.now_s += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time is a number."""

    def __init__(self) -> None:
        self._selector_of_time = _ClockSelector()
        super().__init__(self._selector_of_time)

    def time(self) -> float:
        return self._selector_of_time.now_s


class InlineExecutor(Executor):
    """Runs at once, in the caller's thread."""

    def submit(  # type: ignore[override]
        self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any
    ) -> "Future[Result]":
        future: Future[Result] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  (handed on to whoever waits)
            future.set_exception(error)
        return future


def run_virtually(main: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Run a coroutine to its end; fail it when it leaves tasks behind."""

    async def checked() -> Result:
        result = await main()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks left behind: {left}"
        return result

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(checked())
