"""``CampaignStatusTrigger``: waits for statuses of campaigns in Airflow's triggerer."""

from __future__ import annotations

import asyncio
import contextvars
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.connection import get_async_connection
from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_provider_campaigns.budget_connection import store_of
from airflow_provider_campaigns.connection import budget_conn_id_of, settings_from
from airflow_provider_campaigns.hooks import KoreCampaignHook, not_looked_up
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.presence import says_not_there
from airflow_provider_campaigns.watching.poller import StatusPoller
from airflow_provider_campaigns.watching.watch import StatusGoal, results_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.watching.poller import StatusWait

LAST_LOOK_S = 30.0
"""A wait whose deadline passed before it could look, as while no triggerer ran, gets so many seconds to do so."""

_SHOWN = 10

_pollers: dict[tuple[asyncio.AbstractEventLoop, str], StatusPoller] = {}


class CampaignStatusTrigger(BaseTrigger):
    """Fires once: when one look at the service finds every campaign in one of the statuses, or when that cannot be.

    All waits of one connection in a triggerer share a ``StatusPoller``, so a thousand of them cost what one costs.
    A look that fails is waited out, and so is, for an hour, a connection that cannot be had or is wrong. ``on_kill``
    and ``cleanup`` have nothing to do: waiting only reads, and a wait that is cancelled leaves the poller.

    The event is plain JSON, its ``status`` one of

    - ``reached``, with ``campaigns``: a result for each, in the order given;
    - ``timeout``, with ``campaigns`` as last read and ``message``: the deadline has passed;
    - ``missing``, with ``message``: a campaign is provably not there;
    - ``error``, with ``message``, ``error`` (the name of its type) and ``retryable``: two looks in a row met what no
      waiting mends, such as wrong credentials; the connection is wrong or not there for an hour; or this package is
      wrong.

    Args:
        kore_conn_id: the Airflow connection; it is looked up in the triggerer, so no credential is stored.
        campaigns: id to ``voice`` or ``sms``; None where that is not known, which costs the list of the other type.
        statuses: what is waited for, as text, without regard to case.
        poll_interval: seconds between two looks; longer where the request budget asks for it.
        deadline: instant in ISO 8601 with an offset. It does not move when a triggerer is restarted.
    """

    def __init__(
        self,
        *,
        kore_conn_id: str,
        campaigns: Mapping[str, str | None],
        statuses: Sequence[str],
        poll_interval: float,
        deadline: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kore_conn_id = kore_conn_id
        self.campaigns = dict(campaigns)
        self.statuses = list(statuses)
        self.poll_interval = poll_interval
        self.deadline = deadline
        self._now = now

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and its arguments, plain JSON and without credentials."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "kore_conn_id": self.kore_conn_id,
                "campaigns": self.campaigns,
                "statuses": self.statuses,
                "poll_interval": self.poll_interval,
                "deadline": self.deadline,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait, and fire the one event."""
        yield TriggerEvent(await self._wait())  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """Send nothing: the campaigns are not this task's."""

    async def _wait(self) -> dict[str, Any]:
        goal = StatusGoal(
            {one: None if kind is None else CampaignType(kind) for one, kind in self.campaigns.items()},
            tuple(self.statuses),
        )
        left_s = max(0.0, (datetime.fromisoformat(self.deadline) - self._now()).total_seconds())
        poller = _poller_of(self.kore_conn_id)
        # Asks often enough to have looked before its deadline.
        wait = poller.join(goal, interval_s=min(self.poll_interval, left_s / 2), tell=self._tell_in_own_log())
        try:
            await asyncio.wait([wait.reached], timeout=left_s)
            if not wait.reached.done() and not wait.looked.is_set():
                looked: asyncio.Future[Any] = asyncio.ensure_future(wait.looked.wait())
                await asyncio.wait({wait.reached, looked}, timeout=LAST_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                looked.cancel()
            return self._event(wait)
        finally:
            poller.leave(wait)

    @staticmethod
    def _event(wait: StatusWait) -> dict[str, Any]:
        if not wait.reached.done():
            return {"status": "timeout", "campaigns": results_of(wait.seen.values()), "message": _state_of(wait)}
        error = wait.reached.exception()
        if error is None:
            return {"status": "reached", "campaigns": results_of(wait.reached.result())}
        if says_not_there(error):
            return {"status": "missing", "message": str(error)}
        return {
            "status": "error",
            "error": type(error).__name__,
            "message": str(error),
            "retryable": getattr(error, "retryable", True),  # a defect may be of this moment as well
        }

    def _tell_in_own_log(self) -> Callable[[int, str], None]:
        """Logs as this trigger, from wherever it is called: Airflow finds a task's log by its context."""
        context, log = contextvars.copy_context(), self.log

        def tell(level: int, message: str) -> None:
            context.run(log.log, level, "%s", message)

        return tell


def _state_of(wait: StatusWait) -> str:
    """What a reader of a time-out wants to know."""
    states = [
        f"campaign {one}: {wait.seen[one].status if one in wait.seen else 'never read'}"
        for one in wait.goal.campaigns
        if one not in wait.seen or not wait.goal.admits(wait.seen[one].status)
    ]
    shown = "; ".join(states[:_SHOWN]) + (f"; and {len(states) - _SHOWN} more" if len(states) > _SHOWN else "")
    return shown if wait.trouble is None else f"{shown}; the last look failed: {wait.trouble}"


def _poller_of(kore_conn_id: str) -> StatusPoller:
    """The connection's poller in this event loop."""
    key = (asyncio.get_running_loop(), kore_conn_id)
    if key not in _pollers:

        async def get_settings() -> KoreSettings:
            return await _settings_of(kore_conn_id)

        def forget() -> None:
            del _pollers[key]

        _pollers[key] = StatusPoller(get_settings, on_end=forget)
    return _pollers[key]


async def _settings_of(kore_conn_id: str) -> KoreSettings:
    """The account behind a connection, looked up without blocking the event loop; Airflow masks the secret.

    Raises:
        KoreError: as of ``not_looked_up``; or a ``KoreConfigurationError``: a field of it is wrong.
    """
    try:
        connection = await get_async_connection(kore_conn_id, hook=KoreCampaignHook)
    except Exception as error:  # noqa: BLE001 - a secrets backend may raise anything
        raise not_looked_up(kore_conn_id, error) from None
    budget_conn_id = budget_conn_id_of(connection)
    store = None
    if budget_conn_id is not None:
        try:
            named = await get_async_connection(budget_conn_id, hook=KoreCampaignHook)
        except Exception as error:  # noqa: BLE001 - the same
            raise not_looked_up(budget_conn_id, error, "budget_conn_id") from None
        store = store_of(named)
    return settings_from(connection, store)
