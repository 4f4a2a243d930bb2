"""How can it be proven that a campaign is not there? Tried before anything is deleted, and known for ten minutes.

The documentation does not say how the service answers for a campaign that is not there. So it is asked for one that
cannot be: how it answers then is what it answers for one that was deleted. What was found out is kept beside the
account's budget ledger, so that the processes of one machine try it once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import uuid
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.budget_store import MemoryStore
from airflow_provider_campaigns.kore.errors import KoreError, KoreNotFoundError, KoreProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_campaigns.kore.budget_store import Store
    from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignStatus, CampaignType

KEPT_S = 600.0
"""Seconds for which the means that work are known."""

READ_S = 60.0
"""Seconds for which a reading shows that campaigns that are there can be read."""

FAILED_S = 5.0
"""Seconds for which it is known that none work: less than tasks wait before they try again."""

_CANDIDATES = 3
"""So many campaigns that are there are tried, until one can be read."""

_SIZE = 4096
"""Bytes of the file; what is kept is padded with blanks."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Means:
    """What proves that a campaign is not there.

    Attributes:
        has_list: the list can be read.
        nothing_found: how reading by id answers for an id that cannot be there, as ``KoreError.nothing_found``.
        is_plain: that answer says "not found"; other words prove something only together with the list.
    """

    has_list: bool
    nothing_found: str
    is_plain: bool


class Proof:
    """The means of proof of one account.

    Args:
        read: reads a campaign by its id.
        read_status: reads its status view.
        try_list: reads as much of the list of a type as shows that it can be read: campaigns by id.
        store: where what was found out is kept, shared by all who use the account on this machine.
        clock: seconds, the same in all processes of the machine.
    """

    def __init__(
        self,
        *,
        read: Callable[[str], Campaign],
        read_status: Callable[[str], CampaignStatus],
        try_list: Callable[[CampaignType | None], dict[str, Campaign]],
        store: Store,
        clock: Callable[[], float],
    ) -> None:
        self._read = read
        self._read_status = read_status
        self._try_list = try_list
        self._store = store
        self._own_store = MemoryStore()
        self._clock = clock
        self._seen: tuple[str, float] | None = None

    def saw(self, campaign_id: str) -> None:
        """A campaign was read by its id, so one that is there can be."""
        self._seen = campaign_id, self._clock()

    def means(self, kind: CampaignType | None = None) -> Means:
        """The means that work: known, or tried now with the list of a type.

        Raises:
            KoreError: none do, or they could not be tried; retryable.
        """
        asked_at = self._clock()
        with self._kept() as kept:
            # Fifty campaigns that are to be deleted together wait for the first, and are told what it was told.
            if "failed" in kept and asked_at - FAILED_S < kept["at"] <= self._clock():
                raise KoreProtocolError(kept["failed"], retryable=True)
            if self._is_fresh(kept):
                return Means(**kept["means"])
            kept.clear()
            try:
                means = self._try(kind)
            except KoreError as error:
                kept.update(at=self._clock(), failed=str(error))
                raise
            kept.update(at=self._clock(), means=asdict(means))
            return means

    @property
    def is_list_refused(self) -> bool:
        """True if that was found out within ten minutes, so that it need not be asked."""
        known = self.known()
        return known is not None and not known.has_list

    def known(self) -> Means | None:
        """The means, if they were tried within ten minutes and work."""
        with self._kept() as kept:
            return Means(**kept["means"]) if self._is_fresh(kept) else None

    def _is_fresh(self, kept: dict[str, Any]) -> bool:
        return "means" in kept and 0 <= self._clock() - kept["at"] < KEPT_S

    def is_absence(self, error: KoreError, kind: CampaignType | None, *, may_try: bool) -> bool:
        """True if an answer to a reading says that there is no such campaign, be it in words of its own.

        Those count only where the service was seen to answer so for an id that cannot be there. Where that is not
        known, it is tried if it ``may_try``.
        """
        if isinstance(error, KoreNotFoundError) or error.nothing_found is None:
            return isinstance(error, KoreNotFoundError)
        means = self._means_if_any(kind, may_try=may_try)
        return means is not None and means.nothing_found == error.nothing_found

    def stands_without_list(
        self,
        campaign_id: str,
        not_found: KoreError,
        refusal: KoreError | None,
        kind: CampaignType | None,
        *,
        may_try: bool,
    ) -> bool:
        """True if reading and the status view prove together what the list, which is refused, does not tell.

        Args:
            campaign_id: the campaign.
            not_found: how reading it was answered.
            refusal: how the list was answered; None if it was not asked, because it is known to be refused.
            kind: of which type it may be.
            may_try: what is not known may be tried.

        Raises:
            KoreError: the status view shows the campaign, or could not be read.
        """
        is_by_status = not_found.endpoint is not None and not_found.endpoint.startswith("status_")
        if is_by_status or (refusal is not None and not is_lasting(refusal)):
            return False  # the status view is no second witness to itself
        means = self._means_if_any(kind, may_try=may_try)
        if means is None or not means.is_plain or means.nothing_found != not_found.nothing_found:
            return False
        if means.has_list:
            self._keep_without_list(means)
        try:
            self._read_status(campaign_id)
        except KoreNotFoundError:
            return True
        raise KoreProtocolError(
            f"campaign {campaign_id}: reading it says that there is none ({not_found}), but the status view shows it",
            campaign_id=campaign_id,
            retryable=True,
        )

    def _means_if_any(self, kind: CampaignType | None, *, may_try: bool) -> Means | None:
        known = self.known()
        if known is not None or not may_try:
            return known
        try:
            return self.means(kind)
        except KoreError as error:
            log.info("%s", error)
            return None

    def _try(self, kind: CampaignType | None) -> Means:
        """Try the list, a campaign that is there, and one that cannot be."""
        listed: dict[str, Campaign] = {}
        refusal = None
        try:
            listed = self._try_list(kind)
        except KoreError as error:
            if not is_lasting(error):
                raise _not_tried("the list", error) from error
            refusal = error
        self._read_one_that_is_there(listed, refusal)
        not_found = self._ask_for_nobody()
        means = Means(refusal is None, not_found.nothing_found or "", isinstance(not_found, KoreNotFoundError))
        if refusal is not None:
            if not means.is_plain:
                unusable = f"the list cannot be used ({refusal})"
                raise _no_means(
                    f"{unusable}, and what is not there is not called 'not found' ({not_found})"
                ) from refusal
            log.warning("the list cannot be used (%s); that a campaign is gone is told by get and status", refusal)
        return means

    def _read_one_that_is_there(self, listed: dict[str, Campaign], refusal: KoreError | None) -> None:
        """Make sure that reading finds what is there; where the list is empty, there is nothing to be wrong about.

        One campaign that cannot be read tells nothing of the others, so a few are tried.
        """
        if self._seen is not None and 0 <= self._clock() - self._seen[1] < READ_S:
            return
        failed = None
        for candidate in [*islice(listed, _CANDIDATES)] or ([self._seen[0]] if self._seen else []):
            try:
                self._read(candidate)
            except KoreError as error:
                failed = _not_tried(f"campaign {candidate}, which is there", error)
                if error.concerns_account:
                    break
            else:
                return
        if failed is not None:
            raise failed
        if refusal is not None:
            raise _no_means(f"the list cannot be used ({refusal}), and no campaign that is there was read") from refusal

    def _ask_for_nobody(self) -> KoreError:
        """How reading is answered for an id that cannot be there."""
        try:
            self._read(f"cd-{uuid.uuid4()}")
        except KoreError as error:
            if error.nothing_found is not None:
                return error
            if is_lasting(error):
                raise _no_means(f"reading an id that cannot be there is answered by {error}") from error
            raise _not_tried("an id that cannot be there", error) from error
        raise _no_means("reading finds a campaign also for an id that cannot be there")

    def _keep_without_list(self, means: Means) -> None:
        with self._kept() as kept:
            kept["means"] = asdict(replace(means, has_list=False))

    @contextlib.contextmanager
    def _kept(self) -> Iterator[dict[str, Any]]:
        """What is kept, with everybody else kept out; changes are saved. In this process alone where that fails."""
        with contextlib.ExitStack() as stack:
            try:
                region = stack.enter_context(self._store.locked())
                before = region.read(_SIZE, 0)
            except OSError as error:
                log.info("what proves that a campaign is gone is kept in this process alone (%s)", error.strerror)
                self._store = self._own_store
                region = stack.enter_context(self._store.locked())
                before = region.read(_SIZE, 0)
            kept = _parsed(before)
            try:
                yield kept
            finally:
                after = json.dumps(kept).encode().ljust(_SIZE)
                if after != before:
                    with contextlib.suppress(OSError):
                        region.write(after[:_SIZE], 0)


def is_lasting(error: KoreError) -> bool:
    """True of an answer that will be the same the next time, or that is not understood; False of what may pass."""
    return isinstance(error, KoreProtocolError) or not error.retryable


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        kept = json.loads(content)
        Means(**kept.get("means", {"has_list": True, "nothing_found": "", "is_plain": True}))
        return {"at": float(kept["at"]), **{key: kept[key] for key in ("means", "failed") if key in kept}}
    except (ValueError, TypeError, KeyError, AttributeError):
        return {}


_WITHOUT = "Nothing was sent. Mend that, or say confirm=False, which believes the answer to the delete"


def _not_tried(what: str, error: KoreError) -> KoreError:
    if error.concerns_account and error.retryable:
        return error  # a full budget, the rate limit: it says by itself what is to be done
    return KoreProtocolError(
        f"what would prove that a campaign is gone could not be tried: {what}: {error}. {_WITHOUT}", retryable=True
    )


def _no_means(why: str) -> KoreProtocolError:
    return KoreProtocolError(f"nothing would prove that a campaign is gone: {why}. {_WITHOUT}", retryable=True)
