"""How many requests an account may still send."""

from __future__ import annotations

from collections import deque


class RateLimit:
    """Counts admitted requests in a sliding window (page: rate limits; 60 per minute and account)."""

    def __init__(self) -> None:
        self._admitted: deque[float] = deque()

    def forget(self) -> None:
        """Start counting anew."""
        self._admitted.clear()

    def admit(self, now: float, *, limit: int | None, window_s: float) -> float:
        """Count a request and return 0, or refuse it and return after how many seconds one is free.

        A request leaves the window exactly `window_s` after it was admitted. A limit of 0 frees nothing: the answer is
        then the whole window.
        """
        if limit is None:
            return 0.0
        while self._admitted and now - self._admitted[0] >= window_s:
            self._admitted.popleft()
        if len(self._admitted) < limit:
            self._admitted.append(now)
            return 0.0
        return self._admitted[len(self._admitted) - limit] + window_s - now if limit else window_s
