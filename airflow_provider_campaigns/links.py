"""``CampaignLink``: from a task in Airflow's UI to its campaigns on the platform."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow.providers.common.compat.sdk import BaseOperatorLink, XCom, conf

from airflow_provider_campaigns.kore.errors import shown_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_provider_campaigns.kore.settings import KoreSettings

log = logging.getLogger(__name__)

LINK_KEY = "kore_campaign_link"
"""XCom with the address, pushed when the work begins, so that it is there while a task runs or waits."""

SECTION = "kore_campaign"
START_PAGE = "{host}"
"""The vendor documents no address of a page of the console, so only its start page is known by itself."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class CampaignLink(BaseOperatorLink):
    """The button *Kore.ai campaign* of a task: one campaign's page, or the list's where a task serves many.

    The pages' addresses come from Airflow's configuration, ``[kore_campaign] console_url`` and ``console_list_url``.
    """

    name = "Kore.ai campaign"
    xcom_key = LINK_KEY

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002 - an operator of any kind
        """The address that the task has pushed; empty if there is none."""
        link = XCom.get_value(key=self.xcom_key, ti_key=ti_key)
        return link if isinstance(link, str) else ""


def console_link(settings: KoreSettings, campaign_ids: Sequence[str]) -> str | None:
    """The address of the page of one campaign, or of the list for any other number of them.

    None, and one warning, if the configured template is not one: a link is never a reason for a task to fail.
    """
    values = {
        "host": settings.address,
        "stream_id": quote(settings.stream_id, safe=""),
        "account_id": quote(settings.account_id, safe=""),
    }
    option = "console_list_url"
    if len(campaign_ids) == 1:
        option = "console_url"
        values["campaign_id"] = quote(campaign_ids[0], safe="")
    template = conf.get(SECTION, option, fallback=START_PAGE) or START_PAGE
    link, problem = _filled(template, values)
    if settings.redactor.is_in(link):
        problem = "holds the Client Secret"
    if problem:
        log.warning("[%s] %s: %s; the task has no link to the platform", SECTION, option, problem)
        return None
    return link


def _filled(template: str, values: Mapping[str, str]) -> tuple[str, str]:
    """The template with its values, and what is wrong with it, which is empty if nothing is."""
    unknown = sorted({name for name in _PLACEHOLDER.findall(template) if name not in values})
    if unknown:
        return "", f"no such placeholder: {shown_words(', '.join(unknown))}; there are {', '.join(values)}"
    link = _PLACEHOLDER.sub(lambda found: values[found[1]], template)
    try:
        parts = urlsplit(link)
        # Everybody who sees the task sees its link, so it holds no user and password.
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        is_address = False
    if not is_address or re.search(r"[\s{}]", link):
        return "", "expected an http or https address such as https://platform.kore.ai/campaigns/{campaign_id}"
    return link, ""
