"""What time is it in a ledger? Never earlier than when it was last saved, whatever a clock does. Pure."""

from __future__ import annotations


class SteadyTime:
    """A clock that was put back goes on from where the ledger is, until it has caught up.

    Were such a ledger taken for one of a former time, its account would have all places at once; were its time to
    stand still, nobody would get one.
    """

    def __init__(self) -> None:
        self._behind: tuple[float, float] | None = None

    def after(self, saved_at: float, reading: float, own: float) -> float:
        """What time it is in a ledger.

        Args:
            saved_at: when it was last saved.
            reading: what the ledger's clock shows.
            own: what a clock of this process shows, by which time goes on meanwhile.
        """
        if reading >= saved_at:
            self._behind = None
            return reading
        if self._behind is None or own < self._behind[1]:
            self._behind = saved_at, own
        since, own_then = self._behind
        return max(saved_at, since + own - own_then)
