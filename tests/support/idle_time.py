"""An event loop whose time passes only while nothing happens: what waits for minutes is tested exactly, in no time."""

from __future__ import annotations

import asyncio
import selectors
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

_T = TypeVar("_T")


class IdleTimeLoop(asyncio.SelectorEventLoop):
    """Begins at 0 s, jumps to the next timer when nothing else is left to do, and stands still while a thread works.

    Whatever a loaded machine takes for its work is no time at all here. The threads are those of the status poller, and
    those of executors.
    """

    def __init__(self) -> None:
        self._idle = _IdleSelector()
        super().__init__(self._idle)

    def time(self) -> float:
        return self._idle.passed_s

    def run_in_executor(self, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        future = super().run_in_executor(*args)
        self._idle.under_way.add(future)
        future.add_done_callback(self._idle.under_way.discard)
        return future


class _IdleSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.passed_s = 0.0
        self.under_way: set[asyncio.Future[Any]] = set()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        # Asked first: a look that is over by now has woken the loop, and the next line sees that.
        is_busy = self.under_way or any(one.name == "kore-status-poller" for one in threading.enumerate())
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None or is_busy:
            return super().select(0.01)
        self.passed_s += timeout
        return []


def run_in_idle_time(story: Coroutine[Any, Any, _T]) -> _T:
    """What ``asyncio.run`` does, in an ``IdleTimeLoop``."""
    with asyncio.Runner(loop_factory=IdleTimeLoop) as runner:
        return runner.run(story)
