"""``CampaignStatusSensor`` and ``CallingHoursSensor``: tasks that wait and change nothing."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeGuard

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_campaigns.actions.clock import SYSTEM_CLOCK, Clock, instant_text
from airflow_provider_campaigns.actions.reading import CampaignReader, ProvenMissing
from airflow_provider_campaigns.actions.targets import Targets, require_one
from airflow_provider_campaigns.actions.watch import PERMANENT_ERRORS, CampaignWatch, StatusGoal, results_of
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.hooks import KoreCampaignHook
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, KoreError, KoreNotFoundError
from airflow_provider_campaigns.operators.arguments import one_of, read_campaign_id, read_campaign_ids, read_hours
from airflow_provider_campaigns.operators.static_arguments import check_static

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context
    from airflow.triggers.base import BaseTrigger

SAFETY_NET = timedelta(minutes=10)
"""So long after the deadline the scheduler ends a wait that no triggerer took care of."""


class _KoreSensor(BaseSensorOperator):
    """A sensor that reads with the hook, waits out what may pass, and fails at once where no waiting helps."""

    template_fields: Sequence[str] = ("kore_conn_id",)
    ui_color = "#e4f2ff"

    def __init__(
        self,
        *,
        kore_conn_id: str = KoreCampaignHook.default_conn_name,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        clock: Clock = SYSTEM_CLOCK,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.kore_conn_id = kore_conn_id
        self.deferrable = deferrable
        self.clock = clock
        self._deadline: datetime | None = None

    @cached_property
    def hook(self) -> KoreCampaignHook:
        """The hook for the connection."""
        return KoreCampaignHook(self.kore_conn_id)

    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002 - Airflow's signature
        """Look once: done, or not yet; a deferrable sensor then leaves its worker.

        Raises:
            AirflowFailException: no waiting helps, so neither does a retry.
        """
        if self._deadline is None:
            self._deadline = self.clock.now() + timedelta(seconds=self.timeout)
        try:
            return self._look(self._deadline)
        except (*PERMANENT_ERRORS, KoreNotFoundError) as error:
            raise AirflowFailException(str(error)) from error

    @abstractmethod
    def _look(self, deadline: datetime) -> PokeReturnValue: ...

    def _defer(self, trigger: BaseTrigger, *, deadline: datetime, kwargs: dict[str, Any]) -> NoReturn:
        left = deadline - self.clock.now()
        if left <= timedelta(0):
            raise AirflowSensorTimeout(f"the timeout of {self.timeout:g} s has passed")
        self.defer(trigger=trigger, method_name="execute_complete", kwargs=kwargs, timeout=left + SAFETY_NET)


class CampaignStatusSensor(_KoreSensor):
    """Wait until every campaign is in one of the statuses, all at the same time.

    A state, not a change: succeeds at once if it is so already. Nothing is sent but reads. Looks that fail are logged
    and waited out until the timeout; only wrong credentials, wrong settings and a campaign that is provably not there
    fail the task before, and without a retry. Deferrable, all waits of a connection in a triggerer share one poller;
    see ``CampaignStatusTrigger``.

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

    Source: get-voice-campaign-by-id-v2, get-sms-campaign-by-id-v2, get-all-campaigns-v2.
    """

    template_fields: Sequence[str] = (*_KoreSensor.template_fields, "campaign_id", "campaign_ids", "statuses")
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
        return CampaignWatch(self.hook.get_conn())

    def _look(self, deadline: datetime) -> PokeReturnValue:
        targets = Targets.parse(self.campaign_id, self.campaign_ids)
        ids = [target.campaign_id for target in targets.targets]
        goal = StatusGoal({one: self._types.get(one) for one in ids}, _statuses(self.statuses))
        try:
            seen = self._watch.look_at_all(goal.campaigns)
        except PERMANENT_ERRORS:
            raise
        except KoreError as error:
            self.log.warning("the status could not be read (%s); still waiting", error)
            seen = {}
        is_reached = goal.is_reached(seen)
        for campaign_id, found in seen.items():
            if isinstance(found, Campaign):
                self.log.info("campaign %s: %s", campaign_id, found.status)
                if found.campaign_type is not None:
                    self._types[campaign_id] = found.campaign_type
            else:
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
            message = f"after {self.timeout:g} s not every campaign is {' or '.join(statuses)}: {message}"
            self.log.warning(message)  # a sensor that is skipped for it says only that it is skipped
            raise AirflowSensorTimeout(message)
        if kind == "missing" or (kind == "error" and event.get("retryable") is False):
            raise AirflowFailException(message)
        results = event.get("campaigns") if kind == "reached" else None
        if not _is_proof(results, campaign_ids, statuses):
            raise RuntimeError(f"the wait ended without a result, so this is no success; the trigger said {event!r}")
        for result in results:
            self.log.info("campaign %s: %s", result["campaign_id"], result["status"])
        return results if is_many else results[0]


class CallingHoursSensor(_KoreSensor):
    """Wait until calling hours are closed, or open.

    A state, not a change: succeeds at once if it is so already, and only if it is so at that moment. Hours are read
    once for each try and nothing is asked of the service after that, so hours that are edited meanwhile count from the
    next try on (with ``mode="reschedule"``, from the next poke on). Deferrable, the wait is Airflow's own for an
    instant; what it says is checked against the clock, and waited for again if need be. Hours that never get there
    fail the task at once and without a retry.

    Args:
        campaign_id: whose calling hours.
        calling_hours: hours of your own, instead: a ``CallingHours``, a calling-hours or campaign object as the API
            returns it, or ``{"timezone": "Asia/Kolkata", "hours": {"MO-FR": "9:00 AM-6:00 PM"}}``; also as JSON text.
        wait_for: ``closed`` or ``open``.
        kore_conn_id: the Airflow connection; only for ``campaign_id``.
        deferrable: wait in the triggerer; by default what Airflow's ``default_deferrable`` says.
        poke_interval: seconds (or a timedelta) between two looks at the clock, and after a failed reading.
        timeout: seconds (or a timedelta) after which the task fails, or is skipped with ``soft_fail``.
        clock: tells the time.

    Returns:
        ``{is_open, since, until}``, and ``campaign_id`` and ``name`` of a campaign; the instants in ISO 8601 UTC, None
        where there is none within ten years.

    Raises:
        AirflowFailException: nothing is to be gained by a retry: hours that cannot be read, or never get there.
        AirflowSensorTimeout: the timeout has passed.

    Source: get-voice-campaign-by-id-v2, get-sms-campaign-by-id-v2.
    """

    template_fields: Sequence[str] = (*_KoreSensor.template_fields, "campaign_id", "calling_hours", "wait_for")
    template_fields_renderers: ClassVar[dict[str, str]] = {"calling_hours": "json"}

    def __init__(
        self,
        *,
        campaign_id: str | Mapping[str, Any] | None = None,
        calling_hours: CallingHours | Mapping[str, Any] | str | None = None,
        wait_for: str = "closed",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if (campaign_id is None) == (calling_hours is None):
            raise KoreConfigurationError(
                "campaign_id, calling_hours: give one of them; for example "
                'calling_hours={"timezone": "Asia/Kolkata", "hours": {"MO-FR": "9:00 AM-6:00 PM"}}',
                field="calling_hours",
            )
        self.campaign_id = campaign_id
        self.calling_hours = calling_hours
        self.wait_for = wait_for
        check_static(
            self,
            campaign_id=read_campaign_id,
            calling_hours=lambda name, hours: hours is None or read_hours(name, hours),
            wait_for=lambda name, wait_for: one_of(name, wait_for, ("closed", "open")),
        )
        self._campaign: dict[str, Any] | None = None
        """What was read: id, name, and the calling hours as the service has them."""

    def _look(self, deadline: datetime) -> PokeReturnValue:
        wait_for_open = one_of("wait_for", self.wait_for, ("closed", "open")) == "open"
        try:
            hours = self._hours()
        except (*PERMANENT_ERRORS, KoreNotFoundError):
            raise
        except KoreError as error:
            self.log.warning("the calling hours could not be read (%s); still waiting", error)
            return PokeReturnValue(False)
        now = self.clock.now()
        if hours.is_open(now) is wait_for_open:
            return PokeReturnValue(True, self._result(hours, now))
        change = hours.next_open(now) if wait_for_open else hours.next_close(now)
        if change is None:
            raise KoreConfigurationError(f"calling_hours: {hours}: these are never {self.wait_for}", field="wait_for")
        self.log.info("calling hours (%s) are %s from %s on", hours, self.wait_for, instant_text(change))
        if change > deadline:
            self.log.warning("that is after the timeout, at %s", instant_text(deadline))
        if self.deferrable:
            from airflow.providers.standard.triggers.temporal import DateTimeTrigger  # noqa: PLC0415

            trigger = DateTimeTrigger(moment=min(change, deadline))
            resume_with = {"deadline": instant_text(deadline), "campaign": self._campaign}
            self._defer(trigger, deadline=deadline, kwargs=resume_with)
        return PokeReturnValue(False)

    def execute_complete(
        self,
        context: Context,
        event: Any = None,  # noqa: ARG002 - the clock decides, not the event
        *,
        deadline: str,
        campaign: dict[str, Any] | None,
    ) -> Any:
        """Look at the clock again; done, or wait again.

        Raises:
            AirflowSensorTimeout: the timeout has passed.
            AirflowFailException: nothing is to be gained by a retry.
        """
        self._deadline, self._campaign = datetime.fromisoformat(deadline), campaign
        self.deferrable = True  # also if the DAG says otherwise by now: this wait goes on as it began
        return self.poke(context).xcom_value

    def _hours(self) -> CallingHours:
        if self.calling_hours is not None:
            return read_hours("calling_hours", self.calling_hours)
        if self._campaign is None:
            self._campaign = self._read_campaign()
        return CallingHours.from_api(self._campaign["calling_hours"])

    def _read_campaign(self) -> dict[str, Any]:
        (target,) = Targets.parse(self.campaign_id, None).targets
        campaign = CampaignReader(self.hook.get_conn()).read(target.campaign_id)
        if isinstance(campaign, ProvenMissing):
            raise KoreNotFoundError(
                f"campaign {target.campaign_id}: there is none: reading does not find it, and the list lacks it",
                campaign_id=target.campaign_id,
            )
        try:
            hours = CallingHours.from_api(campaign.raw)
        except KoreConfigurationError as error:
            raise KoreConfigurationError(
                f"campaign {campaign.campaign_id}: {error}", field=error.field, campaign_id=campaign.campaign_id
            ) from error
        return {"campaign_id": campaign.campaign_id, "name": campaign.name, "calling_hours": hours.to_api()}

    def _result(self, hours: CallingHours, now: datetime) -> dict[str, Any]:
        is_open = hours.is_open(now)
        since = hours.previous_open(now) if is_open else hours.previous_close(now)
        until = hours.next_close(now) if is_open else hours.next_open(now)
        campaign = self._campaign or {}
        return {
            **{key: campaign[key] for key in ("campaign_id", "name") if key in campaign},
            "is_open": is_open,
            "since": since and instant_text(since),
            "until": until and instant_text(until),
        }


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
            f'statuses: expected texts such as ["Stopped", "Completed"], got {given!r}', field="statuses"
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
