"""``report.html``: what became of a campaign, on one page that needs nothing beside it.

The words and figures are chosen here and in the modules ``page_*``. ``page.html`` is the template that places and
escapes them, ``parts.html`` holds what it repeats, and ``page.css`` the look. The page has no script and asks for
nothing from any other place: its own policy forbids both, and allows no style but this one.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.reports.folder import plain_name
from airflow_provider_campaigns.reports.manifest import CONTACT_FILES
from airflow_provider_campaigns.reports.page.bars import attempts_of, bars_of
from airflow_provider_campaigns.reports.page.hours import hours_of
from airflow_provider_campaigns.reports.page.settings import settings_of
from airflow_provider_campaigns.reports.page.statement import statement_of
from airflow_provider_campaigns.reports.page.text import moment, number, scalar, share, shown
from airflow_provider_campaigns.reports.summary import MOST_KINDS, OTHER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jinja2 import Template

_KINDS = {"voice": "Voice", "sms": "SMS"}
_BEYOND = f"kinds beyond the first {MOST_KINDS}"
_OUTCOMES = {"": "still in progress", OTHER: _BEYOND}
_DISPOSITIONS = {"": "without a text", OTHER: _BEYOND}
_HANG_UPS = {"": "not told", "userHangUp": "the contact hung up", "agentHangUp": "the agent hung up"}
_PHONE_NUMBERS = {
    "keep": "The data files beside this page hold the contacts' phone numbers; this page holds none.",
    "hash": "The data files beside this page hold the contacts' phone numbers as hashes; this page holds none.",
    "drop": "Neither this page nor the data files beside it hold the contacts' phone numbers.",
}


def render_page(*, campaign: Mapping[str, Any], summary: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """The page for people, as HTML that can be written as UTF-8.

    Equal arguments give equal text, on every machine with the same tz database: no instant but the campaign's own is
    on it. It shows no phone number: of the campaign object only chosen settings, in every text what looks like a number
    that can be dialed is hidden, and nothing else of a contact is known to it.

    Args:
        campaign: the campaign object as the service gives it by its id; every field may be missing or malformed.
        summary: as in ``summary.json``.
        manifest: as in ``manifest.json``; ``started_at``, ``finished_at`` and ``tries`` are not looked at, and of
            ``files`` only the names of those with contacts.
    """
    about, contacts, attempts = summary["campaign"], summary["contacts"], summary["attempts"]
    hours = hours_of(campaign)
    style = _text("page.css")
    return _template().render(
        style=style,
        # A browser compares this with the style element, to the letter.
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        kind=_KINDS.get(about["campaign_type"], ""),
        name=scalar(about["name"]),
        status=scalar(about["status"]),
        description=shown(str(campaign.get("description") or "")),
        campaign_id=scalar(about["campaign_id"]),
        campaign_instance_id=about["campaign_instance_id"] and scalar(about["campaign_instance_id"]),
        statement=statement_of(manifest),
        figures=tuple(_figures(summary)),
        reach=_reach(contacts),
        snapshot=manifest["reason"] == "running",
        outcomes=bars_of(summary["outcomes"], _OUTCOMES),
        dispositions=bars_of(summary["dispositions"], _DISPOSITIONS),
        attempts=attempts_of(attempts["histogram"]),
        hang_ups=bars_of(summary["hang_ups"], _HANG_UPS),
        has_contacts=contacts["rows"] is not None,
        hours=hours,
        stopped=manifest["stopped_at"] and moment(manifest["stopped_at"], hours.zone),
        at_stop=hours.at_stop(manifest["stopped_at"]),
        created=moment(about["created_at"], hours.zone),
        updated=moment(about["updated_at"], hours.zone),
        settings=settings_of(campaign),
        data_files=[name for name in manifest["files"] if plain_name(name) in CONTACT_FILES.values()],
        phone_numbers=_PHONE_NUMBERS.get(manifest["phone_numbers"], ""),
        provider_version=manifest["provider_version"],
    )


@dataclass(frozen=True, slots=True)
class Figure:
    """A headline figure: its name, its value, and what else there is to say about it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """The contacts that were reached as a part of all; widths are percentages without their sign."""

    reached: str
    never_reached: str
    width: str


def _figures(summary: Mapping[str, Any]) -> Iterator[Figure]:
    contacts, attempts, messages = summary["contacts"], summary["attempts"], summary["messages_sent"]
    rows, never_reached = contacts["rows"], contacts["never_reached"]
    if rows is not None:
        total = contacts["total"]
        yield Figure(
            "Contacts", number(rows), "" if total in {rows, None} else f"of {number(total)} by the service's count"
        )
        yield Figure("Reached", number(rows - never_reached), f"{share(rows - never_reached, rows)} of contacts")
        yield Figure("Never reached", number(never_reached), f"{share(never_reached, rows)} of contacts")
        mean, most = attempts["mean"], attempts["most"]
        yield Figure(
            "Mean attempts",
            "none" if mean is None else f"{mean:,.2f}",
            f"{number(attempts['total'])} in all, at most {number(most)}" if rows else "",
        )
        if contacts["in_progress"]:
            yield Figure("In progress", number(contacts["in_progress"]), "without an outcome yet")
    if messages is not None or rows is None:
        yield Figure("Messages sent", number(messages), "as the service counts them")


def _reach(contacts: Mapping[str, Any]) -> Reach | None:
    rows, never_reached = contacts["rows"], contacts["never_reached"]
    if not rows:
        return None
    reached = rows - never_reached
    return Reach(share(reached, rows), share(never_reached, rows), f"{100 * reached / rows:.2f}")


@cache
def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    from jinja2 import Environment, FunctionLoader, StrictUndefined  # noqa: PLC0415

    return Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    ).get_template("page.html")
