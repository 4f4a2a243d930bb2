"""Which campaigns are meant: one id, many ids, or the results of an earlier task."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType, checked_campaign_id
from airflow_provider_campaigns.kore.clock import instant_of
from airflow_provider_campaigns.kore.errors import (
    CampaignMismatchError,
    KoreConfigurationError,
    excerpt,
    shown_argument,
    shown_words,
)

if TYPE_CHECKING:
    from datetime import datetime

BELIEVED_FOR = timedelta(hours=1)
"""For so long tasks believe an earlier one's proof that a campaign is missing: the tasks of one evening, not of two."""

_EXAMPLE = "['cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000', ...]"


@dataclass(frozen=True, slots=True)
class Target:
    """A campaign that is meant.

    Attributes:
        campaign_id: its id.
        name: the name it was chosen by, None if it was chosen by id alone.
        waits_for: the last day until which an earlier task left it running, as ISO text; None if it did not.
        campaign_instance_id: the run that an earlier task's result is about; None if it names none.
        contacts_before_stop: how many contacts the run had just before it was stopped; None where that is not known.
        stopped_at: when it was stopped, in ISO 8601; None where that is not known.
        proven_missing_at: when an earlier task proved that it is not there, in ISO 8601; None if none did.
        is_explicit: True if somebody named it by its id, False if it comes from another task's result.
        is_name_expected: True if somebody said which name it must have, False if that is the name in such a result.
    """

    campaign_id: str
    name: str | None = None
    waits_for: str | None = None
    is_explicit: bool = field(default=True, compare=False)
    is_name_expected: bool = field(default=False, compare=False, kw_only=True)
    campaign_instance_id: str | None = field(default=None, kw_only=True)
    contacts_before_stop: int | None = field(default=None, kw_only=True)
    stopped_at: str | None = field(default=None, kw_only=True)
    proven_missing_at: str | None = field(default=None, kw_only=True)

    def was_just_missing(self, now: datetime) -> bool:
        """True if an earlier task has proven within the hour that the campaign is not there."""
        at = instant_of(self.proven_missing_at)
        return at is not None and abs(now - at) < BELIEVED_FOR

    def check_name(self, campaign: Campaign) -> None:
        """Make sure that the campaign read is the one that was chosen.

        A name that has changed is never accepted by itself: somebody may have made the campaign another one, and a
        person has to say that it is still meant. The message says how.

        Raises:
            CampaignMismatchError: it has another name; nothing was sent.
        """
        if self.name is not None and campaign.name != self.name:
            remedy = "clear the task whose result names it, and then this one"
            if self.is_name_expected:
                remedy = "give its new name as expected_name"
            raise CampaignMismatchError(
                f"campaign {self.campaign_id}: is named {excerpt(campaign.name)!r}, expected "
                f"{shown_argument(self.name)}; nothing was sent. If it was renamed and is still meant, {remedy}",
                campaign_id=self.campaign_id,
            )


@dataclass(frozen=True, slots=True)
class Targets:
    """All campaigns that are meant.

    Attributes:
        targets: in the order given, each id once.
        is_many: False if one campaign was named by itself, so that its result is no list.
    """

    targets: tuple[Target, ...]
    is_many: bool

    @classmethod
    def parse(cls, campaign_id: object, campaign_ids: object) -> Targets:
        """From an operator's two arguments, of which exactly one is given.

        ``campaign_ids`` is a sequence of ids or of result dicts (as operators return them), or a JSON array in text.
        An empty one means no campaign, which is no error. A name in a result dict is checked later.

        Raises:
            KoreConfigurationError: names the argument and says what is wrong with it.
        """
        require_one(campaign_id, campaign_ids)
        if campaign_ids is None:
            return cls((_target(campaign_id, "campaign_id"),), is_many=False)
        targets = tuple(_target(item, "campaign_ids") for item in _items(campaign_ids))
        ids = [target.campaign_id for target in targets]
        duplicates = sorted({one for one in ids if ids.count(one) > 1})
        if duplicates:
            raise KoreConfigurationError(
                f"campaign_ids: each campaign once, but {shown_words(', '.join(duplicates))} is given more often",
                field="campaign_ids",
            )
        return cls(targets, is_many=True)

    def with_names(self, expected: str | Mapping[str, str] | None) -> Targets:
        """The same campaigns, each with the name it must have; a text only where one campaign is meant.

        Raises:
            KoreConfigurationError: the names do not fit the campaigns.
        """
        if expected is None:
            return self
        if isinstance(expected, str):
            if len(self.targets) > 1:
                raise KoreConfigurationError(
                    f"expected_name: {len(self.targets)} campaigns cannot all be named {shown_argument(expected)}; "
                    "give a name for each, as in {'cd-a1e45a7-e8ba-4e97-a339-476ebc7d0000': 'Spring Offer'}",
                    field="expected_name",
                )
            names: Mapping[str, str] = {target.campaign_id: expected for target in self.targets}
        elif isinstance(expected, Mapping):
            names = expected
        else:
            raise KoreConfigurationError(
                f"expected_name: expected a text or a mapping of id to name, got {type(expected).__name__}",
                field="expected_name",
            )
        ids = [target.campaign_id for target in self.targets]
        strangers = sorted(set(names) - set(ids))
        nameless = [one for one in ids if not names.get(one)]
        if strangers or nameless:
            problem = (
                f"no name for {', '.join(nameless)}" if nameless else f"{', '.join(strangers)} is not meant at all"
            )
            raise KoreConfigurationError(f"expected_name: {shown_words(problem)}", field="expected_name")
        return Targets(
            tuple(replace(one, name=names[one.campaign_id], is_name_expected=True) for one in self.targets),
            self.is_many,
        )


def require_one(campaign_id: object, campaign_ids: object) -> None:
    """Make sure that exactly one of an operator's two arguments is given.

    Raises:
        KoreConfigurationError: both are, or neither is.
    """
    if (campaign_id is None) == (campaign_ids is None):
        raise KoreConfigurationError(
            f"campaign_id, campaign_ids: give {'one of them, not both' if campaign_id is not None else 'one of them'}; "
            f"for example campaign_ids={_EXAMPLE}",
            field="campaign_id",
        )


def check_type(campaign: Campaign, meant: CampaignType) -> None:
    """Make sure that a campaign is of the type that is meant.

    An object that does not tell its type passes.

    Raises:
        CampaignMismatchError: it is of the other type; nothing was sent.
    """
    if campaign.campaign_type not in {None, meant}:
        other = "Sms" if campaign.campaign_type is CampaignType.SMS else "Voice"
        raise CampaignMismatchError(
            f"campaign {campaign.campaign_id}: is of type {campaign.campaign_type}, not {meant}; nothing was sent. "
            f"Use campaign_type={str(campaign.campaign_type)!r}, or the operator with {other} in its name",
            campaign_id=campaign.campaign_id,
        )


def _items(value: object) -> list[Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
        if not isinstance(value, list):
            raise KoreConfigurationError(
                f"campaign_ids: a text must be a JSON array of ids such as {_EXAMPLE.replace(chr(39), chr(34))}; "
                "in a template, tojson makes one; for one campaign there is campaign_id",
                field="campaign_ids",
            )
    if isinstance(value, Mapping) or not isinstance(value, Iterable):
        raise KoreConfigurationError(
            f"campaign_ids: expected a sequence of ids such as {_EXAMPLE}, got {type(value).__name__}",
            field="campaign_ids",
        )
    return list(value)


def _target(item: object, field: str) -> Target:
    result: Mapping[str, object] = item if isinstance(item, Mapping) else {}
    is_explicit = not isinstance(item, Mapping)
    try:
        return Target(
            checked_campaign_id(item if is_explicit else result.get("campaign_id")),
            _text(result.get("name")),
            _text(result.get("waits_for")),
            is_explicit,
            campaign_instance_id=_text(result.get("campaign_instance_id")),
            contacts_before_stop=_count(result.get("contacts_before_stop")),
            stopped_at=_text(result.get("confirmed_at")) or _text(result.get("sent_at")),
            proven_missing_at=_text(result.get("proven_missing_at")),
        )
    except KoreConfigurationError as error:
        raise KoreConfigurationError(str(error).replace("campaign_id:", f"{field}:", 1), field=field) from None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
