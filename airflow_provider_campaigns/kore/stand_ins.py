"""Which reading is asked where another is refused? The order, who may stand in for whom, and what is remembered.

The same campaign can be read in several ways: by get, by its status view and in the list, each in two versions of the
API. A service, or what is before it, may refuse one of them and answer the others. That there is no such campaign is
no refusal: ``presence`` judges that, and no stand-in is asked.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreResponseError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

REFUSED_S = 600.0
"""Seconds for which a reading that was refused for good is asked last."""

PASSING_S = 60.0
"""The same of a refusal that may pass by itself."""


class Need(Enum):
    """What is to be known; the value names the readings that tell it, the best first."""

    OBJECT = ("get",)
    """Type, status, schedule and run, for what must not be sent in doubt: a delete, a start; and for a report."""

    STATUS = ("get", "status", "list")
    """The status at least, for a stop and for whoever only waits. A status view names no type, schedule or run."""

    STATUS_ALONE = ("status", "get", "list")
    """The status, and nothing else."""

    VIEW = ("status",)
    """The status by its own view: a second witness beside get."""

    LIST = ("list",)
    """Every campaign of a type."""

    CONTACTS = ("contacts",)
    """Contact results. They come in one version only unless its path is unknown: two versions might differ."""


class StandIns:
    """The readings of one client: in which order they are asked, by what was refused in the last minutes.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._none_until: dict[Need, float] = {}
        self._all_refused_at: dict[Need, float] = {}
        self._told: set[str] = set()

    def order(self, need: Need, versions: Sequence[str]) -> list[str]:
        """Names of endpoints in the order in which they are asked; the first alone where all were refused just now."""
        names = [f"{verb}_{version}" for verb in need.value for version in versions]
        in_order = sorted(names, key=self.is_refused)
        return in_order[:1] if self._clock() < self._none_until.get(need, 0.0) else in_order

    def is_refused(self, endpoint_name: str) -> bool:
        """True if it was, while another was answered, and not long ago."""
        return self._clock() < self._until.get(endpoint_name, 0.0)

    def answered(self, need: Need, endpoint_name: str, refused: Mapping[str, KoreError]) -> list[str]:
        """One was answered, after these were refused; the names of those of which that was not said before."""
        self._none_until.pop(need, None)
        for one in Need:
            if endpoint_name.startswith(tuple(f"{verb}_" for verb in one.value)):
                self._all_refused_at.pop(one, None)
        self._until.pop(endpoint_name, None)
        for name, error in refused.items():
            self._until[name] = self._clock() + (PASSING_S if error.retryable else REFUSED_S)
        news = [name for name in refused if name not in self._told]
        self._told.update(news)
        return news

    def note_unknown_path(self, endpoint_name: str) -> bool:
        """Note that the service does not know the path of a write; True if that was not said before."""
        self._until[endpoint_name] = self._clock() + REFUSED_S
        is_news = endpoint_name not in self._told
        self._told.add(endpoint_name)
        return is_news

    def none_answered(self, need: Need, refused: Mapping[str, KoreError]) -> None:
        """All were refused. If that is about the account or the paths, fifty campaigns need not find it out anew."""
        are_of_all = [isinstance(one, KoreAuthenticationError) or is_unknown_path(one) for one in refused.values()]
        if are_of_all and all(are_of_all):
            self._none_until[need] = self._clock() + REFUSED_S

    def note_all_refused(self, need: Need) -> float:
        """Note that all were refused just now: seconds since they first were, while none of them was answered."""
        now = self._clock()
        since = self._all_refused_at.setdefault(need, now)
        if now - since > REFUSED_S:
            self._all_refused_at[need] = since = now
        return now - since


def leads_on(error: KoreError, need: Need) -> bool:
    """True if a reading was refused, or its answer is not understood, so that another may tell.

    Not so where nothing was answered, which is an outage; where the service says when to come back; where it says that
    there is no such campaign; and where a list moved while it was read.
    """
    return is_unknown_path(error) if need is Need.CONTACTS else another_may_tell(error)


def another_may_tell(error: KoreError) -> bool:
    """The same of any need, whether or not there is another."""
    # A list is not asked for a campaign, so it does not say that there is none.
    is_of_list = error.endpoint is not None and error.endpoint.startswith("list_")
    if isinstance(error, KoreNotFoundError) and not is_of_list:
        return is_unknown_path(error)
    is_answer = isinstance(error, KoreResponseError | KoreProtocolError) and not isinstance(error, KoreRateLimitError)
    has_moved = error.retryable and error.status is None
    return is_answer and not error.retry_after_s and not has_moved


def is_unknown_path(error: KoreError) -> bool:
    """True if the service does not know the path or the method that it was sent: another version may be known.

    That is a 405, a 501, or a 404 or 410 that does not speak of a campaign. A 412 is about what was sent, not where.
    """
    return error.status in {405, 501} or (error.status in {404, 410} and not error.names_campaign)


def may_pass_by(
    error: KoreError, need: Need, refused: Mapping[str, KoreError], is_absence: Callable[[KoreError], bool]
) -> bool:
    """True if something in between may have refused all readings; then they are asked again before it is believed.

    Not so where an error passes anyhow, or was looked into (401, 403); where the list was answered, and does not show
    the campaign; and where readings by id say that there is none.

    Args:
        error: what stands for all.
        need: what is to be known.
        refused: what was refused, by the name of its endpoint; empty where no other was asked.
        is_absence: whether an answer is known to mean that there is no such campaign.
    """
    if error.retryable or isinstance(error, KoreAuthenticationError) or not another_may_tell(error):
        return False
    lists = [one for name, one in refused.items() if name.startswith("list_")]
    if any(one.names_campaign for one in lists):
        return False
    return bool(lists) or need in {Need.LIST, Need.CONTACTS} or not is_absence(error)


def to_ask_again(refused: Mapping[str, KoreError], *, is_last_resort: bool = True) -> str | None:
    """Of the readings that were all refused, in order, the one that is asked again with patience; None if none is.

    It is one whose refusal may pass; or, where nothing else is left to be asked, one that was refused by 401 or 403.
    """
    if isinstance(next(iter(refused.values())), KoreNotFoundError):
        return None
    passing = [name for name, error in refused.items() if error.retryable]
    forbidden = [name for name, error in refused.items() if isinstance(error, KoreAuthenticationError)]
    return next(iter(passing or (forbidden if is_last_resort else [])), None)


def tells_most(refused: Mapping[str, KoreError]) -> KoreError:
    """The error that stands for all: of the first reading, unless that is only about its path and another is not."""
    errors = list(refused.values())
    if isinstance(errors[0], KoreNotFoundError):
        return errors[0]
    return next((one for one in errors if not is_unknown_path(one)), errors[0])
