"""What the vendor does not document, as switches.

Each switch stands for one open question about the service. The default is the reading that the documentation suggests
or, where it suggests none, the one that makes a careless client fail. Tests of a client should run both ways.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """How the simulated service behaves where its documentation is silent or contradicts itself.

    Raises:
        ValueError: a value that the switch does not have.
    """

    # -- contract ------------------------------------------------------------------------------------------------------
    strict: bool = True
    """Refuse query parameters and body fields that no page lists (catches misspellings). The platform's own habit is
    not documented."""

    printed_paths: bool = False
    """Also serve the paths exactly as printed where a page differs from its siblings: v2 voice start and stop without
    the prefix `/campaign`, v2 SMS stop and the older list with a double slash, `PUT` to get a voice campaign."""

    enforce_jti: bool = False
    """The app's option "Enforce JTI": a token needs a `jti` that was not used before and an `exp` at most 1 h ahead."""

    check_iat: bool = False
    """Refuse a token whose `iat` lies in the future by the service's clock, as many libraries do. Not documented."""

    scope_granted: bool = True
    """The app has the scope Campaign Management and was published."""

    # -- campaigns -----------------------------------------------------------------------------------------------------
    delete_running: Literal["refuse", "accept"] = "refuse"
    """Delete of a campaign that is Active, Paused, Preparing, Scheduled or Rescheduled. Samples show only Ready and
    Stopped ones being deleted."""

    delete_answer: Literal["data", "bare", "deletedAt"] = "data"
    """`data` echoes the deleted object, as all four pages show. `bare` leaves it out. `deletedAt` is the dialect
    `{"status": "Deleted", "message": ..., "deletedAt": ...}`."""

    type_mismatch: Literal["error", "ignore"] = "error"
    """A `campaignType` that is not the campaign's: not found, or an answer that looks like success and changes
    nothing."""

    not_found_status: Literal[400, 404, 410] = 400
    """HTTP status for an unknown campaign. Other objects of the platform answer 400."""

    not_found_answer: Literal["error", "other words", "204", "no data", "empty data"] = "error"
    """What says that a campaign is unknown: an error whose text ends in "not found", as of other objects; one with
    another text; or, where it is only read, a success: without a body (204), or with `data` null or empty."""

    stop_idle: Literal["error", "noop"] = "error"
    """Stop of a campaign that is not running: refused, or answered `Stopped` without any change."""

    start_running: Literal["error", "noop"] = "error"
    """Start of a campaign that is Active already: refused, or answered `Active` without any change."""

    stop_empties_results: bool = False
    """After a stop there are no contact results. The UI guide says that stop resets campaign data, a release note that
    results of stopped campaigns can be read."""

    drain_polls: int = 0
    """After a stop the campaign still reads `Active` this many times (status, get, or shown in a list)."""

    drain_seconds: float = 0.0
    """After a stop the campaign still reads `Active` for so many seconds."""

    drain_answer: Literal["Stopped", "Active"] = "Stopped"
    """What a stop answers while the campaign drains."""

    recurrences: bool = False
    """A schedule that recurs starts the campaign again by itself at each of its times, also one that was stopped or has
    completed. Each occurrence begins with the full list; what a stop does to the later ones is not documented."""

    # -- reading -------------------------------------------------------------------------------------------------------
    sms_results: Literal["rows", "error"] = "rows"
    """Contact results of an SMS campaign; their page speaks of voice campaigns only."""

    list_paging: Literal["either", "skip", "page"] = "either"
    """What moves the list on: `skip` (an offset), `page` (from 1), or whichever of the two was raised."""

    list_cap: int = 0
    """The most campaigns on a page of the list, however many are asked for, and its pages are counted by that; 0 for
    no cap. No page names one."""

    answer_shape: Literal["data", "bare", "wrapped", "other names"] = "data"
    """Where get, status view, list and delete put what they are about: into `data`, as all pages show; beside message
    and status (`bare`); or one level deeper. With `other names` id and status are `campaignId` and `campaignStatus`."""

    list_refused: bool = False
    """The list is refused (403), though everything else is answered: the scope's rights are documented as one."""

    list_broken: Literal["none", "no id", "no status", "null"] = "none"
    """The list ends with an item that is no campaign as documented. Drafts of the user interface are not documented."""

    contact_paging: Literal["stable", "shuffled", "ignored"] = "stable"
    """Pages of contact results: of one order, of another order at each request (as offsets into a list that nothing
    sorts), or the first page whichever is asked for."""

    pending_seconds: float = 0.0
    """For so long after the end of a campaign, its made-up results show calls in progress and notes to be written."""

    # -- traffic -------------------------------------------------------------------------------------------------------
    rate_limit: int | None = 60
    """Requests that the account may send within `rate_window`; None switches the limit off. Refused requests do not
    count."""

    rate_window: float = 60.0
    """Length of the rate limit's sliding window, in seconds."""

    rate_limit_status: Literal[429, 400, 403, 200] = 429
    """HTTP status of the rate limit's answer; only its text is documented."""

    rate_limit_words: Literal["documented", "other words"] = "documented"
    """The text of that answer: the documented one, or another that says the same, as a gateway's may."""

    retry_after: bool = False
    """The rate limit's answer carries `Retry-After` (whole seconds)."""

    keep_alive: float = 90.0
    """Seconds of silence after which a connection that is kept is closed, counted from its latest answer. By default
    longer than the minute a rate-limited client may pause; common servers wait for 5 s."""

    latency: float = 0.0
    """Seconds that every request waits before the service looks at it."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if get_origin(hint) is Literal and value not in get_args(hint):
                allowed = " or ".join(repr(choice) for choice in get_args(hint))
                raise ValueError(f"switch {name} is {allowed}, not {value!r}")
            if hint is bool and not isinstance(value, bool):
                raise ValueError(f"switch {name} is true or false, not {value!r}")
            if hint in {int, float, int | None} and not _is_size(
                value, whole=hint is not float, optional=hint is not int
            ):
                raise ValueError(f"switch {name} is a number, zero or more, not {value!r}")

    def changed(self, **changes: Any) -> Switches:
        """These switches with some of them set anew.

        Raises:
            ValueError: there is no such switch, or it has no such value.
        """
        known = {field.name for field in dataclasses.fields(self)}
        if unknown := sorted(changes.keys() - known):
            raise ValueError(f"no such switch: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        return dataclasses.replace(self, **changes)


def _is_size(value: object, *, whole: bool, optional: bool) -> bool:
    if value is None:
        return optional
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        return False
    return value >= 0
