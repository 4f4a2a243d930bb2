"""Campaigns as values: what the service's JSON bodies say, under one name each, and nothing of them lost.

Sources: the get, list, status and contact pages of the campaign API. The same thing has several names there: an id is
``_id``, ``id`` or ``campId``, depending on the endpoint. Names that no page prints are read as well, where what stands
there cannot be anything else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from airflow_provider_campaigns.kore.errors import (
    KoreConfigurationError,
    KoreProtocolError,
    excerpt,
    quoted,
    shown_argument,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a Client ID, a token or a phone number looks like is none, and would be in every message about it.
_CAMPAIGN_ID = re.compile(r"(?!cs-|eyJ)(?=.*[A-Za-z])[A-Za-z0-9][A-Za-z0-9_.:-]*")


class CampaignType(StrEnum):
    """What a campaign does: call or text."""

    VOICE = "voice"
    SMS = "sms"


class CampaignStatus(str):
    """A campaign's status, spelled as the documentation spells it; of one it does not name, what ``excerpt`` shows.

    Compares and prints as text. Known statuses are matched without regard to case or surrounding blanks.
    """

    __slots__ = ()

    PREPARING: ClassVar[CampaignStatus]
    READY: ClassVar[CampaignStatus]
    SCHEDULED: ClassVar[CampaignStatus]
    RESCHEDULED: ClassVar[CampaignStatus]
    ACTIVE: ClassVar[CampaignStatus]
    PAUSED: ClassVar[CampaignStatus]
    STOPPED: ClassVar[CampaignStatus]
    COMPLETED: ClassVar[CampaignStatus]

    def __new__(cls, text: str) -> Self:
        """The status that ``text`` names."""
        stripped = text.strip()
        # Messages, results and events repeat it, and the service may put anything there.
        return super().__new__(cls, _SPELLING.get(stripped.casefold()) or excerpt(stripped))

    @property
    def is_known(self) -> bool:
        """True if the documentation names this status."""
        return self.casefold() in _SPELLING

    @property
    def is_ended(self) -> bool:
        """True if a run is over: Stopped or Completed. An unknown status never is."""
        return self in {CampaignStatus.STOPPED, CampaignStatus.COMPLETED}

    @property
    def is_running(self) -> bool:
        """True if a run is going on: Active or Paused."""
        return self in {CampaignStatus.ACTIVE, CampaignStatus.PAUSED}

    @property
    def is_scheduled(self) -> bool:
        """True if the platform will start the campaign by itself."""
        return self in {CampaignStatus.SCHEDULED, CampaignStatus.RESCHEDULED}


_SPELLING = {
    name.casefold(): name
    for name in ("Preparing", "Ready", "Scheduled", "Rescheduled", "Active", "Paused", "Stopped", "Completed")
}
for _name in _SPELLING.values():
    setattr(CampaignStatus, _name.upper(), CampaignStatus(_name))

_ID_NAMES = ("_id", "id", "campId", "campaignId")
_FOREIGN_ID_NAME = "uuid"
"""May be anything's; taken for a campaign's if it looks like one."""

_STATUS_NAMES = ("status", "campaignStatus", "state")

KNOWN_STATUSES: tuple[str, ...] = tuple(_SPELLING.values())
"""Every status that the documentation names, in the order of a campaign's life."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign as one answer of the service describes it.

    Attributes:
        campaign_id: ``cd-...``; opaque.
        name: as people see it; at most 48 characters, perhaps not unique.
        status: see ``CampaignStatus``.
        campaign_type: told from the object (``dialingMode`` is voice, ``format`` is SMS); None if it tells neither.
        campaign_instance_id: ``cid-...``, one per run; None if it never ran, or the answer names none.
        created_at: ISO 8601 text as the service gave it, None if it gave none.
        updated_at: the same.
        is_scheduled: True if the platform will start it by itself: by its status or by an enabled schedule.
        is_whole: False if it is the status view's: then type, schedule and run are not known.
        raw: the whole JSON object, unknown fields included. It holds a caller id, so it never shows in ``repr``.
    """

    campaign_id: str
    name: str
    status: CampaignStatus
    campaign_type: CampaignType | None
    campaign_instance_id: str | None
    created_at: str | None
    updated_at: str | None
    is_scheduled: bool
    raw: Mapping[str, Any] = field(repr=False, compare=False)
    is_whole: bool = True

    @property
    def is_at_rest(self) -> bool:
        """True if nothing of it runs, and nothing will by itself: Stopped, Completed or Ready, and no schedule.

        Only then do its results stand still, and only then may it be deleted. An unknown status never is at rest, nor
        is a campaign of whose schedule nothing is known.
        """
        is_over = self.status.is_ended or self.status == CampaignStatus.READY
        return is_over and not self.is_scheduled and self.is_whole

    @classmethod
    def from_api(cls, body: Mapping[str, Any], *, is_whole: bool = True) -> Campaign:
        """A campaign object of a get, list, status or delete answer; ``is_whole`` is False of a status view's.

        Raises:
            KoreProtocolError: the object names no campaign or no status.
        """
        campaign_id = campaign_id_of(body)
        status = status_of(body)
        if campaign_id is None or status is None:
            # The name of a field has no blanks; what has may be somebody's.
            names = sorted(quoted(one) if one.isidentifier() else f"<{len(one)} characters>" for one in body)
            raise KoreProtocolError(
                f"a campaign object without {'an id' if campaign_id is None else 'a status'}: "
                f"it has the fields {excerpt(', '.join(names)) or '(none)'}",
                campaign_id=campaign_id,
            )
        schedule = body.get("schedule")
        return cls(
            campaign_id=campaign_id,
            name=_text(body.get("name")) or "",
            status=status,
            campaign_type=_campaign_type_of(body),
            campaign_instance_id=_text(body.get("campaignInstanceId")),
            created_at=_text(body.get("createdAt")),
            updated_at=_text(body.get("updatedAt")),
            is_scheduled=status.is_scheduled
            or (isinstance(schedule, dict) and schedule.get("isSchedulingEnabled") is True),
            raw=MappingProxyType(dict(body)),
            is_whole=is_whole,
        )


@dataclass(frozen=True, slots=True)
class ContactResult:
    """What became of one contact of a voice campaign. Never shows a phone number in ``repr``.

    Attributes:
        outcome: the dialer's last outcome; empty while the contact is in progress.
        attempts: calls made so far.
        dispositions: by agents or by the system.
        raw: the whole row, unknown fields included.
    """

    outcome: str
    attempts: int
    dispositions: tuple[str, ...]
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def from_api(cls, body: Mapping[str, Any]) -> ContactResult:
        """A row of a contact-result page; a missing field is empty, a row is never refused."""
        attempts = body.get("numberOfAttemptsSoFar")
        dispositions = body.get("agentDispositionCodes")
        return cls(
            outcome=_text(body.get("dialerOutcome")) or "",
            attempts=attempts if isinstance(attempts, int) and not isinstance(attempts, bool) else 0,
            dispositions=tuple(map(str, dispositions)) if isinstance(dispositions, list) else (),
            raw=MappingProxyType(dict(body)),
        )


@dataclass(frozen=True, slots=True)
class ContactPage:
    """One page of contact results.

    Attributes:
        page: its number, from 1, as the answer gives it; the one that was asked for where it gives none.
        total_pages: how many pages there are at this page size.
        total_results: how many contacts the service says there are.
        contacts: the rows of this page.
    """

    page: int
    total_pages: int
    total_results: int
    contacts: tuple[ContactResult, ...]


def campaign_id_of(body: Mapping[str, Any]) -> str | None:
    """The id in a campaign object, whichever of its names it goes by there, in whichever case.

    Of several the one that looks like a campaign's: a database's own key may lie beside it.
    """
    texts = {name: text for name, value in body.items() if (text := _text(value))}
    in_any_case = {name.casefold(): text for name, text in texts.items()}
    named = [texts.get(name) or in_any_case.get(name.casefold()) for name in _ID_NAMES]
    foreign = in_any_case.get(_FOREIGN_ID_NAME, "")
    given = sorted(filter(None, named), key=lambda one: not one.startswith("cd-"))
    return next(iter(given), foreign if foreign.startswith("cd-") else None)


def status_of(body: Mapping[str, Any]) -> CampaignStatus | None:
    """The status in a campaign object: a known one, under whichever name; else any text that is called ``status``."""
    named = [body.get(name) for name in _STATUS_NAMES]
    inner = [one.get(name) for one in named if isinstance(one, dict) for name in (*_STATUS_NAMES, "name", "value")]
    texts = [CampaignStatus(one) for one in (*named, *inner) if isinstance(one, str)]
    known = next((one for one in texts if one.is_known), None)
    own = body.get("status")
    return known or (CampaignStatus(own) if isinstance(own, str) and own.strip() else None)


def checked_campaign_id(value: object) -> str:
    """``value`` as a campaign id that can safely be put into a path.

    Ids are opaque, so their form is not checked beyond this: letters, of which there is one at least, digits, ``-``,
    ``_``, ``.``, ``:``; and they do not begin as a Client ID or a token does.

    Raises:
        KoreConfigurationError: names the field and shows an accepted id.
    """
    if not isinstance(value, str) or not _CAMPAIGN_ID.fullmatch(value) or ".." in value:
        shown = shown_argument(value)
        shown = shown if len(shown) <= 80 else f"{shown[:77]}..."
        raise KoreConfigurationError(
            f"campaign_id: expected a campaign's id such as 'cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000', got {shown}",
            field="campaign_id",
        )
    if value.startswith("cid-"):
        raise KoreConfigurationError(
            f"campaign_id: {shown_argument(value)} is the id of one run (campaignInstanceId); expected the "
            "campaign's own, 'cd-...'",
            field="campaign_id",
        )
    return value


def checked_campaign_type(value: object) -> CampaignType:
    """``value`` as a campaign type.

    Raises:
        KoreConfigurationError: it is neither ``voice`` nor ``sms``.
    """
    try:
        return CampaignType(value)  # type: ignore[arg-type]  # anything may come from a template
    except ValueError:
        raise KoreConfigurationError(
            f"campaign_type: expected 'voice' or 'sms', got {shown_argument(value)}", field="campaign_type"
        ) from None


def _campaign_type_of(body: Mapping[str, Any]) -> CampaignType | None:
    # No answer names the type. Voice objects have a dialing mode, SMS objects a format, in every documented sample.
    has_mode, has_format = bool(body.get("dialingMode")), bool(body.get("format"))
    if has_mode == has_format:
        return None
    return CampaignType.VOICE if has_mode else CampaignType.SMS


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
