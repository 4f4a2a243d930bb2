"""Reading a request: what is missing, unknown or not allowed becomes 412."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_campaigns.simulator.campaigns import STATUSES, WEEKDAYS
from airflow_provider_campaigns.simulator.problems import invalid_arguments

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from airflow_provider_campaigns.simulator.bodies import Version
    from airflow_provider_campaigns.simulator.routes import Route

MOST_CONTACTS_PER_PAGE = 100
DEFAULT_CAMPAIGNS_PER_PAGE = 10

_ISO_MS = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")
# The weekly sample prints a day with one digit against the format its page describes, so one digit will do.
_SCHEDULE_INSTANT = re.compile(r"(\d{4})-(\d{2})-(\d{1,2}) (\d{2}):(\d{2}):(\d{2})")
_DIALING_MODES: dict[Version, frozenset[str]] = {
    "v1": frozenset({"Agentless", "Preview", "Progressive"}),
    "v2": frozenset({"Progressive", "Preview"}),
}
_SORT_KEYS = {"name": "name", "createdAt": "created_at", "updatedAt": "updated_at"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to a documented path; header names are in lower case, `repeated` names parameters given twice."""

    route: Route
    iid: str
    campaign_id: str | None
    query: Mapping[str, str]
    repeated: Collection[str] = ()
    headers: Mapping[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """The operation asked for, see `Route.operation`."""
        return self.route.operation(self.query)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """What a list request asks for; None and empty mean no restriction."""

    campaign_type: Literal["voice", "sms"]
    skip: int = 0
    page: int = 1
    limit: int = DEFAULT_CAMPAIGNS_PER_PAGE
    created_from: str | None = None
    created_to: str | None = None
    sort_by: tuple[tuple[str, bool], ...] = (("created_at", True),)
    statuses: frozenset[str] = field(default_factory=frozenset)
    priorities: frozenset[str] = field(default_factory=frozenset)
    dialing_modes: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulePlan:
    """When a scheduled campaign runs; seconds since the epoch."""

    starts_at: float
    ends_at: float
    recurrence: dict[str, Any] | None


def check_query(call: Call, known: Collection[str], *, account_required: bool, strict: bool) -> None:
    """Refuse unknown and repeated query parameters, and an `accountId` that is missing or not the header's."""
    if call.repeated:
        raise invalid_arguments(f"query parameter {min(call.repeated)} is given twice")
    if strict:
        _only(call.query, {*known, "accountId"}, "query parameter")
    account = call.query.get("accountId")
    if account is None and account_required:
        raise invalid_arguments("query parameter accountId is missing")
    if account is not None and account != call.headers.get("accountid"):
        raise invalid_arguments("query parameter accountId differs from the header")


def choice(call: Call, name: str, allowed: Collection[str]) -> str:
    """A query parameter that has to be one of a few words."""
    value = call.query.get(name)
    if value is None:
        raise invalid_arguments(f"query parameter {name} is missing")
    if value not in allowed:
        raise invalid_arguments(f"query parameter {name} is none of {', '.join(sorted(allowed))}")
    return value


def json_body(call: Call, known: Collection[str], *, required: bool, strict: bool) -> dict[str, Any]:
    """The JSON object in the body; an absent one is empty unless `required`."""
    if not call.body.strip():
        if required:
            raise invalid_arguments("the body is missing")
        return {}
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if required and media_type != "application/json":
        raise invalid_arguments("Content-Type is not application/json")
    try:
        body = json.loads(call.body)
    except ValueError as error:
        raise invalid_arguments("the body is not JSON") from error
    if not isinstance(body, dict):
        raise invalid_arguments("the body is not a JSON object")
    if strict:
        _only(body, known, "body field")
    return body


def page_and_limit(body: Mapping[str, Any]) -> tuple[int, int]:
    """Page (from 1) and limit (1 to 100) of a request for contact results; both are optional."""
    page = _whole(body, "page", default=1, least=1)
    limit = _whole(body, "limit", default=MOST_CONTACTS_PER_PAGE, least=1)
    if limit > MOST_CONTACTS_PER_PAGE:
        raise invalid_arguments(f"limit is more than {MOST_CONTACTS_PER_PAGE}")
    return page, limit


def list_query(body: Mapping[str, Any], version: Version, *, strict: bool) -> ListQuery:
    """The body of a list request (pages: get-all-campaigns, get-all-campaigns-v2)."""
    campaign_type = body.get("type")
    if campaign_type not in ("voice", "sms"):  # a tuple: what was sent may not be hashable
        raise invalid_arguments("type is missing or neither voice nor sms")
    filters = _mapping(body, "filters")
    if strict:
        _only(filters, {"status", "priority", "dialingMode"}, "filter")
    # A documented SMS request carries a dialingMode filter and gets SMS campaigns: it is checked, and has no effect.
    modes = _words(filters, "dialingMode", _DIALING_MODES[version])
    return ListQuery(
        campaign_type=campaign_type,
        skip=_whole(body, "skip", default=0, least=0, blank=True),
        page=_whole(body, "page", default=1, least=1, blank=True),
        limit=_whole(body, "limit", default=DEFAULT_CAMPAIGNS_PER_PAGE, least=1, blank=True),
        created_from=_instant(body, "startDate"),
        created_to=_instant(body, "endDate"),
        sort_by=_sort_by(_mapping(body, "sortBy")),
        statuses=_words(filters, "status", STATUSES),
        priorities=_priorities(filters),
        dialing_modes=modes if campaign_type == "voice" else frozenset(),
    )


def schedule_plan(body: Mapping[str, Any], now: float) -> SchedulePlan:
    """The body that enables a schedule: two instants in UTC, the end after the start and after now."""
    starts_at, ends_at = (_schedule_instant(body, name) for name in ("startDateTime", "endDateTime"))
    if ends_at <= starts_at or ends_at <= now:
        raise invalid_arguments("endDateTime is not after startDateTime and now")
    recurrence = dict(_mapping(body, "recurrenceObject"))
    if recurrence:
        _check_recurrence(recurrence)
    return SchedulePlan(starts_at=starts_at, ends_at=ends_at, recurrence=recurrence or None)


def _check_recurrence(recurrence: Mapping[str, Any]) -> None:
    recur_type = recurrence.get("recurType")
    if recur_type == "Daily":
        _whole(_mapping(recurrence, "dailyDetails"), "onceEveryNdays", default=0, least=1)
    elif recur_type == "Weekly":
        details = _mapping(recurrence, "weeklyDetails")
        _whole(details, "onceEveryNweeks", default=0, least=1)
        if not _words(details, "whichDays", frozenset(WEEKDAYS)):
            raise invalid_arguments("weeklyDetails.whichDays is missing")
    else:
        raise invalid_arguments("recurType is neither Daily nor Weekly")


def _only(given: Iterable[str], known: Collection[str], what: str) -> None:
    if unknown := sorted(set(given) - set(known)):
        raise invalid_arguments(f"{what} {unknown[0]} is unknown")


def _whole(body: Mapping[str, Any], name: str, *, default: int, least: int, blank: bool = False) -> int:
    value = body.get(name, default)
    if blank and value == "":
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise invalid_arguments(f"{name} is not a whole number of at least {least}")
    return value


def _mapping(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name, {})
    if not isinstance(value, dict):
        raise invalid_arguments(f"{name} is not an object")
    return value


def _list(filters: Mapping[str, Any], name: str) -> list[Any]:
    value = filters.get(name, [])
    if not isinstance(value, list):
        raise invalid_arguments(f"{name} is not an array")
    return value


def _words(filters: Mapping[str, Any], name: str, allowed: Collection[str]) -> frozenset[str]:
    words = _list(filters, name)
    for word in words:
        if not isinstance(word, str) or word not in allowed:
            raise invalid_arguments(f"{name} holds a value that is none of {', '.join(sorted(allowed))}")
    return frozenset(words)


def _priorities(filters: Mapping[str, Any]) -> frozenset[str]:
    numbers = _list(filters, "priority")
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 5:
            raise invalid_arguments("priority holds a value that is no number from 1 to 5")
    return frozenset(str(number) for number in numbers)


def _instant(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _ISO_MS.fullmatch(value):
        raise invalid_arguments(f"{name} is not ISO 8601 in UTC with milliseconds")
    return value


def _sort_by(orders: Mapping[str, Any]) -> tuple[tuple[str, bool], ...]:
    for key, order in orders.items():
        if key not in _SORT_KEYS or order not in ("asc", "desc"):
            raise invalid_arguments("sortBy takes name, createdAt or updatedAt with asc or desc")
    if not orders:
        return (("created_at", True),)
    return tuple((_SORT_KEYS[key], order == "desc") for key, order in orders.items())


def _schedule_instant(body: Mapping[str, Any], name: str) -> float:
    match = _SCHEDULE_INSTANT.fullmatch(str(body.get(name, "")))
    try:
        if match:
            year, month, day, hour, minute, second = map(int, match.groups())
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError as error:
        raise invalid_arguments(f"{name} is no date and time") from error
    raise invalid_arguments(f"{name} is not YYYY-MM-DD HH:mm:ss")
