"""``CampaignStatusSensor``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeGuard

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    PokeReturnValue,
)

from airflow_provider_campaigns.actions.targets import Targets, require_one
from airflow_provider_campaigns.arguments.campaigns import read_campaign_id, read_campaign_ids
from airflow_provider_campaigns.arguments.static import check_static
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
from airflow_provider_campaigns.kore.clock import instant_text
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, KoreError, shown_argument, shown_words
from airflow_provider_campaigns.sensors.base import KoreSensor
from airflow_provider_campaigns.watching.watch import CampaignWatch, StatusGoal, results_of

if TYPE_CHECKING:
    from datetime import datetime

    from airflow.providers.common.compat.sdk import Context


class CampaignStatusSensor(KoreSensor):
    """Wait until every campaign is in one of the statuses, all at the same time.

    A state, not a change: succeeds at once if it is so already. Nothing is sent but reads. Looks that fail for a reason
    that may pass are logged and waited out until the timeout; whatever else goes wrong, such as wrong credentials, and
    a campaign that is provably not there fail the task before, and without a retry. Deferrable, all waits of a
    connection in a triggerer share one poller; see ``CampaignStatusTrigger``.

    Args:
        campaign_id: one campaign: its id, or the result dict of another task; the result is a dict.
        campaign_ids: many campaigns: ids or result dicts of another task, or a JSON array in text; the result is a
            list. None at all succeeds at once with ``[]``.
        statuses: what is waited for: texts, or a JSON array in text; case does not matter, and a status that is not
            documented is compared as it is.
        kore_conn_id: the Airflow connection.
        deferrable: wait in the triggerer; by default what Airflow's ``default_deferrable`` says.
        poke_interval: seconds (or a timedelta) between two looks; longer where the request budget asks for it.
        timeout: seconds (or a timedelta) after which the task fails, or is skipped with ``soft_fail``.
        clock: tells the time.

    Returns:
        ``{campaign_id, campaign_type, name, status, changed, campaign_instance_id}``, ``changed`` always false.

    Raises:
        AirflowFailException: nothing is to be gained by a retry.
        AirflowSensorTimeout: the timeout has passed.
        KoreConfigurationError: there is no such connection; a retry may find it.

    Source: get-voice-campaign-by-id-v2, get-sms-campaign-by-id-v2, get-all-campaigns-v2.
    """

    template_fields: Sequence[str] = (*KoreSensor.template_fields, "campaign_id", "campaign_ids", "statuses")
    template_fields_renderers: ClassVar[dict[str, str]] = {"campaign_ids": "json", "statuses": "json"}

    def __init__(
        self,
        *,
        campaign_id: str | Mapping[str, Any] | None = None,
        campaign_ids: Sequence[str | Mapping[str, Any]] | str | None = None,
        statuses: Sequence[str] | str = ("Stopped", "Completed"),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        require_one(campaign_id, campaign_ids)
        self.campaign_id = campaign_id
        self.campaign_ids = campaign_ids
        self.statuses = statuses
        check_static(
            self,
            campaign_id=read_campaign_id,
            campaign_ids=read_campaign_ids,
            statuses=lambda _, statuses: _statuses(statuses),
        )
        self._types: dict[str, CampaignType] = {}

    @cached_property
    def _watch(self) -> CampaignWatch:
        return CampaignWatch(self._connect())

    def _look(self, deadline: datetime) -> PokeReturnValue:
        targets = Targets.parse(self.campaign_id, self.campaign_ids)
        ids = [target.campaign_id for target in targets.targets]
        goal = StatusGoal({one: self._types.get(one) for one in ids}, _statuses(self.statuses))
        watch = self._watch  # the first look does not wait for what cannot be asked
        try:
            seen = watch.look_at_all(goal.campaigns)
        except KoreError as error:
            if not error.retryable:
                raise
            self.log.warning("the status could not be read (%s); still waiting", error)
            seen = {}
        is_reached = goal.is_reached(seen)
        for campaign_id, found in seen.items():
            if isinstance(found, Campaign):
                self.log.info("campaign %s: %s", campaign_id, found.status)
                if found.campaign_type is not None:
                    self._types[campaign_id] = found.campaign_type
            elif isinstance(found, KoreError):
                if not found.retryable:
                    raise found
                self.log.warning("%s; still waiting", found)
        if is_reached:
            results = results_of(found for found in map(seen.get, ids) if isinstance(found, Campaign))
            return PokeReturnValue(True, results if targets.is_many else results[0])
        if self.deferrable:
            # Not at the top: parsing a DAG needs no trigger, and Airflow's base of them takes 20 ms to import.
            from airflow_provider_campaigns.triggers import CampaignStatusTrigger  # noqa: PLC0415

            trigger = CampaignStatusTrigger(
                kore_conn_id=self.kore_conn_id,
                campaigns={one: self._types[one].value if one in self._types else None for one in ids},
                statuses=goal.statuses,
                poll_interval=self.poke_interval,
                deadline=instant_text(deadline),
            )
            resume_with = {"campaign_ids": ids, "statuses": list(goal.statuses), "is_many": targets.is_many}
            self._defer(trigger, deadline=deadline, kwargs=resume_with)
        return PokeReturnValue(False)

    def execute_complete(
        self,
        context: Context,  # noqa: ARG002 - Airflow's signature
        event: Mapping[str, Any] | None = None,
        *,
        campaign_ids: Sequence[str],
        statuses: Sequence[str],
        is_many: bool,
    ) -> Any:
        """Take what the trigger says; anything but a proven success raises.

        Raises:
            AirflowSensorTimeout: the timeout has passed.
            AirflowFailException: nothing is to be gained by a retry.
            RuntimeError: an event that says nothing of the kind; a retry looks again.
        """
        event = event if isinstance(event, dict) else {}
        kind, message = event.get("status"), event.get("message")
        if kind == "timeout":
            message = f"after {self.timeout:g} s not every campaign is {shown_words(' or '.join(statuses))}: {message}"
            self.log.warning(message)  # a sensor that is skipped for it says only that it is skipped
            raise AirflowSensorTimeout(message)
        if kind == "missing" or (kind == "error" and event.get("retryable") is False):
            raise AirflowFailException(message)
        results = event.get("campaigns") if kind == "reached" else None
        if not _is_proof(results, campaign_ids, statuses):
            said = shown_argument(event)
            raise RuntimeError(f"the wait ended without a result, so this is no success; the trigger said {said}")
        for result in results:
            self.log.info("campaign %s: %s", result["campaign_id"], result["status"])
        return results if is_many else results[0]


def _statuses(given: object) -> tuple[str, ...]:
    """The statuses as rendered: a sequence of texts, a JSON array in text, or one text."""
    value = given
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.lstrip().startswith("[") else [value]
        except ValueError:
            value = None
    texts = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else ()
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise KoreConfigurationError(
            f'statuses: expected texts such as ["Stopped", "Completed"], got {shown_argument(given)}', field="statuses"
        )
    return texts


def _is_proof(results: object, campaign_ids: Sequence[str], statuses: Sequence[str]) -> TypeGuard[list[dict[str, Any]]]:
    """True if these are results of all the campaigns, each in one of the statuses."""
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        return False
    goal = StatusGoal(dict.fromkeys(campaign_ids), tuple(statuses))
    return [one.get("campaign_id") for one in results] == list(campaign_ids) and all(
        goal.admits(str(one.get("status"))) for one in results
    )
