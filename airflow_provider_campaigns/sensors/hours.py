"""``CallingHoursSensor``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import PokeReturnValue

from airflow_provider_campaigns.actions.reading import CampaignReader
from airflow_provider_campaigns.actions.targets import Targets
from airflow_provider_campaigns.arguments.campaigns import read_campaign_id
from airflow_provider_campaigns.arguments.hours import read_hours
from airflow_provider_campaigns.arguments.static import check_static
from airflow_provider_campaigns.arguments.values import one_of
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.clock import instant_text
from airflow_provider_campaigns.kore.errors import KoreConfigurationError, KoreError
from airflow_provider_campaigns.kore.presence import ProvenMissing, not_there
from airflow_provider_campaigns.sensors.base import KoreSensor

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_campaigns.kore.client import KoreClient


class CallingHoursSensor(KoreSensor):
    """Wait until calling hours are closed, or open.

    A state, not a change: succeeds at once if it is so already, and only if it is so at that moment. Hours are read
    once for each try and nothing is asked of the service after that, so hours that are edited meanwhile count from the
    next try on (with ``mode="reschedule"``, from the next poke on). Deferrable, the wait is Airflow's own for an
    instant; what it says is checked against the clock, and waited for again if need be. Hours that never get there
    fail the task at once and without a retry; so does a campaign that cannot be read, unless that may pass.

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
        KoreConfigurationError: there is no such connection; a retry may find it.
        AirflowSensorTimeout: the timeout has passed.

    Source: get-voice-campaign-by-id-v2, get-sms-campaign-by-id-v2.
    """

    template_fields: Sequence[str] = (*KoreSensor.template_fields, "campaign_id", "calling_hours", "wait_for")
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
        hours = self._hours()
        if hours is None:
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

    def _hours(self) -> CallingHours | None:
        """The hours; None if they could not be read this time."""
        if self.calling_hours is not None:
            return read_hours("calling_hours", self.calling_hours)
        if self._campaign is None:
            client = self._connect()  # the first look does not wait for what cannot be asked
            try:
                self._campaign = self._read_campaign(client)
            except KoreError as error:
                if not error.retryable:
                    raise
                self.log.warning("the calling hours could not be read (%s); still waiting", error)
                return None
        return CallingHours.from_api(self._campaign["calling_hours"])

    def _read_campaign(self, client: KoreClient) -> dict[str, Any]:
        (target,) = Targets.parse(self.campaign_id, None).targets
        campaign = CampaignReader(client).read(target.campaign_id)
        if isinstance(campaign, ProvenMissing):
            raise not_there(target.campaign_id, "", campaign)
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
