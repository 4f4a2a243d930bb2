"""What a request budget looks like to an operator: who uses it, who waits, and what holds it back. Pure."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.budget_ledger import Priority, earliest_start
from airflow_provider_campaigns.kore.clock import instant_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from airflow_provider_campaigns.kore.budget import RequestBudget
    from airflow_provider_campaigns.kore.budget_ledger import Ledger

_NAMES = {priority.name.lower(): priority for priority in Priority}
_RATE_LIMIT = "the service answered 429"
"""Nothing else blocks an account."""


def view(
    ledger: Ledger, budget: RequestBudget, *, at: datetime, machine: int, is_seen_last: bool = False
) -> dict[str, Any]:
    """What a ledger says, as plain JSON; instants are ISO 8601 in UTC, ``..._s`` seconds from ``at``.

    Args:
        ledger: without what is over.
        budget: whose ledger it is.
        at: what time ``ledger.now`` is.
        machine: the one whose processes are ``here``.
        is_seen_last: whether the ledger is only what this machine saw last of a store that is away, and did since.
    """

    def who(number: int, pid: int) -> dict[str, Any]:
        return {"machine": f"{number:016x}", "here": number == machine, "pid": pid}

    def until(then: float) -> dict[str, Any]:
        left_s = then - ledger.now
        return {"until": instant_text(at + timedelta(seconds=left_s)), "for_s": round(left_s, 3)}

    seen_at = ledger.away_since if ledger.is_away else ledger.saved_at
    flights = Counter((one.machine, one.pid) for one in ledger.flights.values())
    waiters = Counter((one.priority, one.machine, one.pid) for one in ledger.waiters.values())
    return {
        "at": instant_text(at),
        "machine": f"{machine:016x}",
        "budget": str(budget),
        "limit": budget.limit,
        "kept_from_reads": budget.kept_from(Priority.READ),
        "window_s": budget.window_s,
        "is_new": ledger.saved_at < 0,
        "seen_s_ago": round(ledger.now - seen_at, 3) if is_seen_last else None,
        "answered": ledger.answered_since(ledger.now - budget.window_s),
        "in_flight": [{"requests": number, **who(*owner)} for owner, number in sorted(flights.items())],
        "waiting": [
            {"priority": Priority(priority).name.lower(), "requests": number, **who(*owner)}
            for (priority, *owner), number in sorted(waiters.items())
        ],
        "reserved": [
            {"places": one.places, **who(one.machine, one.pid), **until(one.ends_at)}
            for one in ledger.reservations.values()
            if one.places
        ],
        "blocked": [
            {"priority": name, "why": _RATE_LIMIT, **until(ledger.blocked_until[priority])}
            for name, priority in _NAMES.items()
            if ledger.blocked_until[priority] > ledger.now
        ],
        "next_probe": until(max(ledger.now, ledger.no_probe_until)) if ledger.is_blocked_for_stops else None,
        "next_place_s": {
            name: round(
                earliest_start(
                    ledger,
                    priority=priority,
                    ticket=sys.maxsize,
                    limit=budget.limit,
                    kept=budget.kept_from(priority),
                    window_s=budget.window_s,
                )
                - ledger.now,
                3,
            )
            for name, priority in _NAMES.items()
        },
    }


def as_text(seen: Mapping[str, Any]) -> str:
    """A view for a terminal: a line for each fact."""
    flying = sum(one["requests"] for one in seen["in_flight"])
    used = f"{seen['answered']} answered in the last {seen['window_s']:g} s, {flying} in flight"
    facts = [
        ("used", [f"{seen['answered'] + flying} of {seen['limit']}: {used}"]),
        ("in flight", [f"{_number(one, 'request')} of {_who(one)}" for one in seen["in_flight"]]),
        ("waiting", [f"{_number(one, one['priority'])} of {_who(one)}" for one in seen["waiting"]]),
        ("reserved", [f"{one['places']} for stops of {_who(one)} until {_time(one)}" for one in seen["reserved"]]),
        ("blocked", [f"{one['priority']}s until {_time(one)}: {one['why']}" for one in seen["blocked"]]),
        ("next place", [", ".join(f"{name} {_in(seconds)}" for name, seconds in seen["next_place_s"].items())]),
    ]
    if seen["next_probe"]:
        facts.append(("next probe", [f"a stop may ask whether that still holds from {_time(seen['next_probe'])} on"]))
    if seen["seen_s_ago"] is not None:
        facts.append(("note", [f"what this machine saw of it {seen['seen_s_ago']:.0f} s ago, and did since"]))
    if seen["is_new"]:
        facts.append(("note", ["nobody who shares this budget has sent anything yet; a file belongs to one user"]))
    lines = [f"{seen['at']} on machine {seen['machine'][:8]}: {seen['budget']}"]
    for name, found in facts:
        lines += [f"  {name if number == 0 else '':12}{line}" for number, line in enumerate(found or ["-"])]
    return "\n".join(lines)


def _number(one: Mapping[str, Any], what: str) -> str:
    return f"{one['requests']} {what}{'' if one['requests'] == 1 else 's'}"


def _who(one: Mapping[str, Any]) -> str:
    return f"process {one['pid']} {'here' if one['here'] else 'on machine ' + one['machine'][:8]}"


def _time(one: Mapping[str, Any]) -> str:
    return f"{one['until'][11:19]} UTC ({one['for_s']:.0f} s)"


def _in(seconds: float) -> str:
    return f"in {seconds:.1f} s" if seconds else "now"
