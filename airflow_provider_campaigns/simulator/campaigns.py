"""The campaign: its configuration, its status, and how one status leads to another."""

from __future__ import annotations

import copy
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_campaigns.simulator.clock import iso_ms

if TYPE_CHECKING:
    from collections.abc import Mapping

CampaignType = Literal["voice", "sms"]

STATUSES = ("Active", "Completed", "Ready", "Paused", "Preparing", "Stopped", "Scheduled", "Rescheduled")
RUNNING = frozenset({"Active", "Paused"})
STARTABLE = frozenset({"Ready", "Stopped", "Completed"})
DELETABLE = frozenset({"Ready", "Stopped", "Completed"})
HAVE_RUN = frozenset({"Active", "Paused", "Stopped", "Completed"})

# Status changes that the pages, the UI guide or the samples speak of, whoever causes them.
TRANSITIONS = {
    "Preparing": frozenset({"Ready"}),
    "Ready": frozenset({"Active", "Scheduled", "Rescheduled"}),
    "Scheduled": frozenset({"Active", "Ready"}),
    "Rescheduled": frozenset({"Active", "Ready"}),
    "Active": frozenset({"Paused", "Stopped", "Completed"}),
    "Paused": frozenset({"Active", "Stopped"}),
    "Stopped": frozenset({"Active", "Scheduled"}),
    "Completed": frozenset({"Active", "Scheduled"}),
}

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_S = 86_400.0

_OFFICE_HOURS = {
    "frequency": "WEEKLY",
    "timezone": "Asia/Kolkata",
    "days": [{"day": day, "start": "9:00 AM", "end": "6:00 PM"} for day in ("MO", "TU", "WE", "TH", "FR")],
}


def office_hours() -> dict[str, Any]:
    """The calling hours of every documented sample: Monday to Friday, 9 to 18, Asia/Kolkata."""
    return copy.deepcopy(_OFFICE_HOURS)


def next_occurrence(recurrence: Mapping[str, Any], after: float) -> float:
    """When a schedule comes again after one of its times: so many days later, or on the next of its days of the week.

    The first time is the start itself. Weeks begin on Monday, and all is in UTC, which knows no summer time.
    """
    if recurrence["recurType"] == "Daily":
        return float(after + recurrence["dailyDetails"]["onceEveryNdays"] * _DAY_S)
    details = recurrence["weeklyDetails"]
    today = datetime.fromtimestamp(after, UTC).weekday()
    this_week = [day for day in range(today + 1, 7) if WEEKDAYS[day] in details["whichDays"]]
    first_of_week = min(WEEKDAYS.index(day) for day in details["whichDays"])
    days = this_week[0] - today if this_week else details["onceEveryNweeks"] * 7 + first_of_week - today
    return float(after + days * _DAY_S)


class IllegalTransitionError(ValueError):
    """A status change that the documentation does not know."""


@dataclass(slots=True, kw_only=True)
class Campaign:
    """One campaign as the service keeps it; `bodies` turns it into what each endpoint shows.

    `contacts` is either the length of the contact list, whose results are then generated, or the result rows
    themselves. Instants are texts in the service's own form, in which later sorts after earlier.
    """

    campaign_id: str
    campaign_type: CampaignType
    name: str
    status: str = "Ready"
    description: str = ""
    priority: str = "5"
    contact_lists: list[str] = field(default_factory=lambda: ["Renewal Due - August"])
    dnc_list: dict[str, str] | None = None
    caller_id: str = "+15555550100"
    calling_hours: Any = field(default_factory=office_hours)
    schedule: dict[str, Any] = field(
        default_factory=lambda: {"isSchedulingEnabled": False, "isRecurrenceEnabled": False}
    )
    experience_flow: str | None = None
    created_at: str
    updated_at: str
    instance_id: str | None = None
    instance_updated_at: str

    dialing_mode: str = "Progressive"
    dialing_order: str = "FIFO"
    max_attempts: int = 3
    retry_period_min: int = 10
    max_ring_s: int = 30
    max_skips: int | None = None
    connection: str = "Default Queue"

    sms_format: str = "simple"
    message: dict[str, str] | None = None
    messages_sent: int = 0

    contacts: int | list[dict[str, Any]] = 0
    contacts_seed: int = 0
    results_emptied: bool = False

    stopping: bool = False
    drain_polls: int = 0
    drain_until: float = 0.0
    starts_at: float | None = None
    ends_at: float | None = None
    recurrence: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.campaign_type not in {"voice", "sms"}:
            raise ValueError(f"campaign_type is 'voice' or 'sms', not {self.campaign_type!r}")
        if isinstance(self.contacts, int) and self.contacts < 0:
            raise ValueError(f"contacts is a number of contacts or a list of rows, not {self.contacts}")

    @property
    def is_voice(self) -> bool:
        """True for a voice campaign, False for an SMS campaign."""
        return self.campaign_type == "voice"

    @property
    def result_rows(self) -> int:
        """How many contact results can be read: none before the first run."""
        if self.instance_id is None or self.results_emptied:
            return 0
        return self.contacts if isinstance(self.contacts, int) else len(self.contacts)

    @property
    def results_seed(self) -> int:
        """What the generated results depend on: the campaign's own seed and the run."""
        return zlib.crc32(f"{self.contacts_seed}/{self.instance_id}".encode())

    def begin_run(self, instance_id: str, now: float) -> None:
        """Become Active under a new instance id, from the start of the contact list."""
        self.status = "Active"
        self.instance_id = instance_id
        self.results_emptied = False
        self.messages_sent = 0
        self._end_drain()
        self._touch(now)

    def begin_stop(self, now: float, *, drain_polls: int, drain_seconds: float, empty_results: bool) -> None:
        """Accept a stop; the status follows at once, or when the drain is over (see `pass_time`)."""
        self.stopping = True
        self.drain_polls = drain_polls
        self.drain_until = now + drain_seconds
        self.results_emptied = empty_results
        self._touch(now)
        self.pass_time(now)

    def pass_time(self, now: float) -> None:
        """Do what time alone does to a campaign: end a drain, or a run whose scheduled end has come."""
        if self.stopping and self.drain_polls <= 0 and now >= self.drain_until:
            self.status = "Stopped"
            self._end_drain()
        if self.status == "Active" and self.ends_at is not None and now >= self.ends_at:
            self.status = "Completed"
            self.ends_at = None
            self._touch(now)

    def count_poll(self) -> None:
        """Note that the campaign was shown to a caller, which some drains count."""
        if self.drain_polls > 0:
            self.drain_polls -= 1

    def move_to(self, status: str, now: float, *, force: bool) -> None:
        """Change the status without beginning a run.

        Raises:
            IllegalTransitionError: no such change is documented and `force` is False.
        """
        if not force and status not in TRANSITIONS.get(self.status, frozenset()):
            raise IllegalTransitionError(f"campaign {self.campaign_id} is {self.status}: it does not become {status}")
        self.status = status
        self._end_drain()
        self._touch(now)

    def plan(
        self, starts_at: float, ends_at: float, now: float, *, recurring: bool, recurrence: dict[str, Any] | None
    ) -> None:
        """Take a schedule, in place of any it had; a campaign that is not running becomes Scheduled.

        `recurrence` is the documented object, if the campaign is to start again by itself.
        """
        self.starts_at, self.ends_at, self.recurrence = starts_at, ends_at, recurrence
        self.schedule = {"isSchedulingEnabled": True, "isRecurrenceEnabled": recurring}
        if self.status in STARTABLE:
            self.status = "Scheduled"
        self._touch(now)

    def is_due(self, now: float) -> bool:
        """True, once, when the schedule's time has come, and there is something to start.

        Of several times that have passed unseen the last counts. A campaign that runs at its time goes on as it is.
        """
        if self.starts_at is None or now < self.starts_at:
            return False
        if self.recurrence is None:
            if self.status != "Scheduled":
                return False
            self.starts_at = None
            return True
        while self.starts_at is not None and self.starts_at <= now:
            following = next_occurrence(self.recurrence, self.starts_at)
            self.starts_at = following if self.ends_at is None or following < self.ends_at else None
        is_over = self.ends_at is not None and now >= self.ends_at
        return not is_over and self.status in STARTABLE | {"Scheduled", "Rescheduled"}

    def unplan(self, now: float) -> None:
        """Drop the schedule; a campaign that waited for it becomes Ready."""
        self.starts_at = self.ends_at = self.recurrence = None
        self.schedule = {"isSchedulingEnabled": False, "isRecurrenceEnabled": False}
        if self.status in {"Scheduled", "Rescheduled"}:
            self.status = "Ready"
        self._touch(now)

    def _end_drain(self) -> None:
        self.stopping = False
        self.drain_polls = 0
        self.drain_until = 0.0

    def _touch(self, now: float) -> None:
        self.updated_at = self.instance_updated_at = iso_ms(now)
