"""How long are results waited for that are not final yet? A note beside the report tells the next try since when.

The note holds no contact: numbers of pages, and a digest.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from airflow_provider_campaigns.reports.gathering import PendingRows
from airflow_provider_campaigns.reports.manifest import PENDING_NAME, json_bytes
from airflow_provider_campaigns.reports.rows import key_from
from airflow_provider_campaigns.reports.whole_reading import page_of

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.clock import Clock
    from airflow_provider_campaigns.reports.folder import Folder
    from airflow_provider_campaigns.reports.rows import PhoneNumbers

log = logging.getLogger(__name__)

LOOK_EVERY = timedelta(minutes=15)
"""Two looks so far apart that find the same end the waiting."""


@dataclass(frozen=True, slots=True)
class _Note:
    """What is known of the pending rows of one run.

    Attributes:
        first_seen: when a whole reading first met any.
        since: since when they have been seen as they are.
        page_size: of the pages whose numbers ``seen`` has.
        seen: the rows.
    """

    first_seen: datetime
    since: datetime
    page_size: int
    seen: PendingRows

    @classmethod
    def kept_in(cls, folder: Folder) -> Self | None:
        """The note in a report's folder; None if there is none or it is torn, and then the waiting begins anew."""
        if not folder.exists(PENDING_NAME):
            return None
        try:
            body = json.loads(folder.read(PENDING_NAME))
            first_seen, since = (datetime.fromisoformat(body[name]) for name in ("first_seen", "since"))
            return cls(first_seen, since, int(body["page_size"]), PendingRows(**body["seen"]))
        except (ValueError, TypeError, KeyError):
            return None

    def keep(self, folder: Folder) -> None:
        body = {**asdict(self), "first_seen": self.first_seen.isoformat(), "since": self.since.isoformat()}
        folder.write(PENDING_NAME, [json_bytes(body)])


class Waiting:
    """The waiting for the pending rows of one run.

    It ends ``timeout`` after the run has ended, but never later than so long after the first report has met such rows:
    what a service says of the end may be wrong. A look reads only the pages that had such rows; one that finds them
    as they were, or none of them, makes a whole reading worth its requests.

    Args:
        folder: of the run's report; the note is there.
        ended_at: when the run ended, aware; None where that is not known.
        timeout: for how long its results may become final; zero does not wait.
        begins_anew: the note that is there, if any, is about another run.
        clock: the time it lives in.
    """

    def __init__(
        self, folder: Folder, *, ended_at: datetime | None, timeout: timedelta, begins_anew: bool, clock: Clock
    ) -> None:
        self._folder = folder
        self._ended_at = ended_at
        self._timeout = timeout
        self._clock = clock
        self._note = None if begins_anew else _Note.kept_in(folder)

    @property
    def ends_at(self) -> datetime:
        """When it ends at the latest."""
        return self._ends_at(self._clock.now())

    @property
    def next_look_at(self) -> datetime:
        """From when on a try does more than read the campaign."""
        return self.ends_at if self._note is None else min(self._note.since + LOOK_EVERY, self.ends_at)

    def go_on(self, client: KoreClient, campaign_id: str, phone_numbers: PhoneNumbers) -> bool:
        """Go on waiting, with a look if one is due; False if there is no note, or it is time for a whole reading."""
        note, now = self._note, self._clock.now()
        if note is None or now >= self.ends_at:
            return False
        if now < self.next_look_at:
            return True
        seen, key = PendingRows(), key_from(client.settings.client_secret)
        for number in note.seen.pages:
            self._clock.check_cancelled()
            if self._clock.now() >= self.ends_at:
                return False
            answer = client.get_contact_page(campaign_id, page=number, limit=note.page_size)
            seen.add(number, page_of(answer, campaign_id, phone_numbers, key))
        log.info("campaign %s: %d results are not final, %d were", campaign_id, seen.rows, note.seen.rows)
        if not seen.rows or seen.is_like(note.seen):
            return False
        self._keep(replace(note, since=self._clock.now(), seen=seen))
        return True

    def is_over(self, seen: PendingRows) -> bool:
        """True if what a whole reading has just seen is waited for no longer: it is as before, or time is up."""
        note, now = self._note, self._clock.now()
        if now >= self._ends_at(now):
            return True
        return note is not None and now >= note.since + LOOK_EVERY and seen.is_like(note.seen)

    def begin(self, seen: PendingRows, page_size: int) -> None:
        """Wait for what a whole reading has just seen, by pages of this size; or go on waiting."""
        now = self._clock.now()
        since = self._note.since if self._note is not None and seen.is_like(self._note.seen) else now
        self._keep(_Note(now if self._note is None else self._note.first_seen, since, page_size, seen))

    def _ends_at(self, now: datetime) -> datetime:
        first_seen = now if self._note is None else self._note.first_seen
        return min(first_seen, self._ended_at or first_seen) + self._timeout

    def _keep(self, note: _Note) -> None:
        note.keep(self._folder)
        self._note = note
