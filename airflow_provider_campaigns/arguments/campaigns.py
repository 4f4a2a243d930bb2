"""Which campaigns are meant: by their ids, or by name and status."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow_provider_campaigns.actions.select import NEVER_SELECTED, SELECTABLE
from airflow_provider_campaigns.actions.targets import Targets
from airflow_provider_campaigns.arguments.values import read_texts, wrong
from airflow_provider_campaigns.kore.campaigns import CampaignStatus
from airflow_provider_campaigns.kore.errors import shown_argument


def read_campaign_id(_field: str, value: object) -> None:
    """One campaign: an id, or the result dict of another task; None names none.

    Raises:
        KoreConfigurationError: anything else.
    """
    if value is not None:
        Targets.parse(value, None)


def read_campaign_ids(_field: str, value: object) -> None:
    """Many campaigns, as ``Targets`` takes them; None names none.

    Raises:
        KoreConfigurationError: anything else.
    """
    if value is not None:
        Targets.parse(None, value)


def read_name_pattern(field: str, value: object) -> str:
    """A pattern for names.

    Raises:
        KoreConfigurationError: it is no text, or an empty one.
    """
    if not isinstance(value, str) or not value.strip():
        raise wrong(field, "expected a pattern such as 'Spring Offer *'; '*' alone chooses every name")
    return value


def read_chosen_statuses(field: str, value: Any) -> frozenset[CampaignStatus]:
    """The statuses that are chosen: a sequence of texts, or a JSON array in text; none of them means ``SELECTABLE``.

    Raises:
        KoreConfigurationError: they are no texts, or one of them says that a campaign has yet to run.
    """
    is_array = isinstance(value, str) and value.lstrip().startswith("[")
    given = read_texts(field, value, example='["Stopped", "Completed"]') if is_array else value
    is_many = isinstance(given, Iterable) and not isinstance(given, str)
    if not is_many or not all(isinstance(one, str) and one.strip() for one in given):
        raise wrong(field, f"expected a sequence such as ('Stopped', 'Completed'), got {shown_argument(value)}")
    wanted = frozenset(map(CampaignStatus, given)) or frozenset(SELECTABLE)
    refused = sorted(wanted & NEVER_SELECTED)
    if refused:
        raise wrong(
            field,
            f"{', '.join(refused)} cannot be chosen by a pattern, because such campaigns have yet to run; "
            f"choose from {', '.join(SELECTABLE)}, or name the campaigns by their ids",
        )
    return wanted


def read_max_campaigns(field: str, value: object) -> int:
    """How many campaigns may be chosen.

    Raises:
        KoreConfigurationError: it is no whole number from 1.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise wrong(field, f"expected a whole number from 1, got {shown_argument(value)}")
    return value
