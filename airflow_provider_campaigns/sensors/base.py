"""What the sensors share: the connection, the deadline, and how errors reach Airflow."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_campaigns.arguments.values import flag
from airflow_provider_campaigns.hooks import KoreCampaignHook
from airflow_provider_campaigns.kore.clock import SYSTEM_CLOCK, Clock
from airflow_provider_campaigns.kore.errors import KoreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.providers.common.compat.sdk import Context
    from airflow.triggers.base import BaseTrigger

    from airflow_provider_campaigns.kore.client import KoreClient

SAFETY_NET = timedelta(minutes=10)
"""So long after the deadline the scheduler ends a wait that no triggerer took care of."""


class KoreSensor(BaseSensorOperator):
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
        self.deferrable = flag("deferrable", deferrable)
        self.clock = clock
        self._deadline: datetime | None = None
        self._waits_already = False
        """True where an earlier process has begun the wait (``mode="reschedule"``); it had the connection."""

    @cached_property
    def hook(self) -> KoreCampaignHook:
        """The hook for the connection."""
        arguments = {name: getattr(self, name) for name in self.template_fields}
        return KoreCampaignHook(self.kore_conn_id, arguments=arguments)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once: done, or not yet; a deferrable sensor then leaves its worker.

        Raises:
            AirflowFailException: no waiting helps, so neither does a retry; the ``KoreError`` is its cause.
            KoreError: nothing could be asked by the first look, as without a connection; a retry may help.
        """
        self._waits_already = bool(context.get("task_reschedule_count"))
        if self._deadline is None:
            self._deadline = self.clock.now() + timedelta(seconds=self.timeout)
        try:
            return self._look(self._deadline)
        except KoreError as error:
            if not error.retryable:
                raise AirflowFailException(str(error)) from error
            if not self._waits_already:
                raise
            self.log.warning("%s; still waiting", error)
            return PokeReturnValue(False)

    def _connect(self) -> KoreClient:
        """The client; a wait that goes on waits out a connection that cannot be had, or is wrong by now."""
        try:
            return self.hook.get_conn()
        except KoreError as error:
            error.retryable = error.retryable or self._waits_already
            raise

    @abstractmethod
    def _look(self, deadline: datetime) -> PokeReturnValue:
        """Look once; what the service says or does that may pass is logged and waited out."""

    def _defer(self, trigger: BaseTrigger, *, deadline: datetime, kwargs: dict[str, Any]) -> NoReturn:
        left = deadline - self.clock.now()
        if left <= timedelta(0):
            raise AirflowSensorTimeout(f"the timeout of {self.timeout:g} s has passed")
        self.defer(trigger=trigger, method_name="execute_complete", kwargs=kwargs, timeout=left + SAFETY_NET)
