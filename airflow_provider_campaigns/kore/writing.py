"""A write that was sent once, and what is still to be found out of it.

What became of it is told by readings. It says when it wants one, and does not read by itself, so that one list can tell
of many. Its steps are ``Sender``'s.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from airflow_provider_campaigns.kore.errors import KoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.presence import ProvenMissing
    from airflow_provider_campaigns.kore.writes import Receipt

AT_ONCE = -math.inf

Reading: TypeAlias = "Campaign | ProvenMissing"

Steps: TypeAlias = "Generator[Pause, Read, Receipt]"
Finding: TypeAlias = "Generator[Pause, Read, Receipt | None]"


class Pause(NamedTuple):
    """A write stands still before what takes time, so that others can be served first.

    Attributes:
        was_accepted: whether it may have been, by a 2xx that does not say what it did.
        look_at: when it is to be told a reading of its campaign, ``AT_ONCE`` without any wait; None: it goes on by
            itself.
        look_by: the same for whoever has many to look at: an earlier reading could only tell sooner that it is done.
    """

    was_accepted: bool
    look_at: float | None = None
    look_by: float | None = None


class Read(NamedTuple):
    """A reading, and when it began."""

    campaign: Reading
    began: float


class Writing:
    """A write that was sent once.

    Attributes:
        receipt: of a write that took effect; None while that is not known.
        was_accepted: whether it may have been, by a 2xx that does not say what it did; it may take a while to show.
        look_at: when its campaign is to be read to find out what became of it, as its clock tells; None where that is
            not what comes next.
        look_by: the same where readings are scarce: an earlier one could only tell sooner that it is done.
    """

    def __init__(
        self,
        steps: Steps,
        look: Callable[[], Reading],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """Sends it; raises what ``finish`` raises where that is clear at once."""
        self._steps = steps
        self._look = look
        self._clock = clock
        self._sleep = sleep
        self.receipt: Receipt | None = None
        self.was_accepted = False
        self.look_at: float | None = None
        self.look_by: float | None = None
        self.go_on()

    def finish(self) -> Receipt:
        """Find out what became of it, send it again where that is right, and wait for that.

        Raises:
            KoreError: it did not take effect, or nobody can tell (``outcome_unknown``).
        """
        while self.receipt is None:
            if self.look_at is None:
                self.go_on()
            else:
                self._look_now(self.look_at)
        return self.receipt

    def go_on(self) -> None:
        """Send it again, after the wait that this takes; not for one that is to be told a reading.

        Raises:
            KoreError: as ``finish``.
        """
        self._go_on(partial(next, self._steps))

    @property
    def is_in_doubt(self) -> bool:
        """True if it may have taken effect, and reading is to tell."""
        return self.look_at is not None and self.look_at != AT_ONCE

    def wait_to_look(self, *, is_scarce: bool = False) -> None:
        """Wait until its campaign is to be read."""
        if left_s := self.looks_in_s(is_scarce=is_scarce):
            self._sleep(left_s)

    def looks_in_s(self, *, is_scarce: bool = False) -> float:
        """Seconds until its campaign is to be read; 0 if it is due. ``is_scarce`` is of readings."""
        at = self.look_by if is_scarce else self.look_at
        return 0.0 if at is None else max(0.0, at - self._clock())

    def tell(self, reading: Reading | KoreError, *, age_s: float = 0.0) -> None:
        """Go by a reading of the campaign that began so long ago, or by what was raised in its place.

        One may read many campaigns at once, and tell each of them.

        Raises:
            KoreError: as ``finish``.
        """
        if isinstance(reading, KoreError):
            self._go_on(partial(self._steps.throw, reading))
        else:
            self._go_on(partial(self._steps.send, Read(reading, self._clock() - age_s)))

    def _look_now(self, look_at: float) -> None:
        try:
            if look_at != AT_ONCE:
                self._sleep(max(0.0, look_at - self._clock()))
            began = self._clock()
            reading = self._look()
        except BaseException as error:  # noqa: BLE001 - raised where it waits, which knows what is in doubt
            self._go_on(partial(self._steps.throw, error))
        else:
            self.tell(reading, age_s=self._clock() - began)

    def _go_on(self, step: Callable[[], Pause]) -> None:
        try:
            self.was_accepted, self.look_at, self.look_by = step()
        except StopIteration as end:
            self.receipt, self.look_at, self.look_by = end.value, None, None
