"""How the campaign was configured: the fields that the page shows, and no other.

An allow-list, because a campaign object holds its caller's number, and may one day hold more. Sources: pages
get-voice-campaign and get-sms-campaign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.reports.page.text import NOT_GIVEN, UNEXPECTED, scalar

if TYPE_CHECKING:
    from collections.abc import Iterator

_ORDERS = {"FIFO": "first in, first out", "LIFO": "last in, first out"}
_MOST_LISTS = 20


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name, its values (one, but for lists of names), and what they mean where they do not say."""

    name: str
    values: tuple[str, ...]
    gloss: str = ""


def settings_of(campaign: Mapping[str, Any]) -> tuple[Setting, ...]:
    """The settings of a campaign object; what only other kinds of campaigns have is left out."""
    return tuple(_settings(campaign))


def _settings(campaign: Mapping[str, Any]) -> Iterator[Setting]:
    strategy = campaign.get("dialingStrategy")
    strategy = strategy if isinstance(strategy, Mapping) else {}
    if campaign.get("dialingMode"):
        yield Setting("Dialing mode", (scalar(campaign["dialingMode"]),))
        order = scalar(strategy.get("dialingOrder"))
        yield Setting("Dialing order", (order,), _ORDERS.get(order, ""))
        yield Setting("Attempts per contact", (scalar(strategy.get("maxAttemptsPerRecord")),), "at most")
        yield Setting("Retry period", (_measure(strategy.get("defaultRetryPeriod"), "minute"),))
        yield Setting("Ring time", (_measure(strategy.get("maxRingTime"), "second"),))
    if campaign.get("format"):
        yield Setting("Message format", (scalar(campaign["format"]),))
    yield Setting("Contact lists", _names(campaign.get("contactLists")))
    yield Setting("Do-not-call lists", _names(campaign.get("dncLists")))
    for name, key in (
        ("Queue", "queue_name"),
        ("Queue or flow", "connection"),
        ("Experience flow", "experienceFlow"),
        ("Skips per agent", "maxSkips"),
        ("Machine detection", "enableMachineDetect"),
        ("Contact filters", "isFiltersEnabled"),
        ("Execution", "campaignExecutionType"),
    ):
        if campaign.get(key) is not None:
            yield Setting(name, (scalar(campaign[key]),))
    yield Setting("Priority", (scalar(campaign.get("priority")),), "5 is the highest")
    yield Setting("Schedule", (_schedule(campaign.get("schedule")),))


def _measure(value: object, unit: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{scalar(value)} {unit}{'' if value == 1 else 's'}"
    return scalar(value)


def _names(value: object) -> tuple[str, ...]:
    """The names in a list of names, in an object with a name, or in a list of such objects."""
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    names = [scalar(one.get("name") if isinstance(one, Mapping) else one) for one in several]
    if len(names) > _MOST_LISTS:
        names[_MOST_LISTS:] = [f"and {len(names) - _MOST_LISTS:,} more"]
    return tuple(names) or (NOT_GIVEN,)


def _schedule(value: object) -> str:
    if value is None:
        return NOT_GIVEN
    enabled = value.get("isSchedulingEnabled", False) if isinstance(value, Mapping) else None
    if not isinstance(enabled, bool) or not isinstance(value, Mapping):
        return UNEXPECTED
    if not enabled:
        return "none; started on demand"
    return "enabled, recurring" if value.get("isRecurrenceEnabled") is True else "enabled"
