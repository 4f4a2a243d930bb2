"""Ending a wait from a signal handler."""

from __future__ import annotations

import contextlib
import threading


class Cancellation:
    """Waits that end when a task is killed, in any thread.

    Airflow kills a task by calling ``on_kill`` in a signal handler, which interrupts the thread that waits. A
    ``threading.Event`` would now and then hang there, on a lock that this thread itself holds; to release a plain lock
    is one step.
    """

    def __init__(self) -> None:
        self.is_cancelled = False
        self._held = threading.Lock()
        self._held.acquire()

    def cancel(self) -> None:
        """End all waits, those to come as well."""
        self.is_cancelled = True
        self._release()

    def wait(self, seconds: float) -> bool:
        """Wait for so many seconds, or until it is cancelled, and say whether it is."""
        if not self.is_cancelled and self._held.acquire(timeout=min(seconds, threading.TIMEOUT_MAX)):
            self._release()  # for the next one who waits
        return self.is_cancelled

    def _release(self) -> None:
        with contextlib.suppress(RuntimeError):  # somebody has just done so
            self._held.release()
