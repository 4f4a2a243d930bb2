"""``CallingHoursDeadline``: the close of calling hours, for Airflow's deadline alerts to count from.

The import path of the class is stored with every DAG that uses it, so it never moves.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_campaigns.actions.closing import Schedule
from airflow_provider_campaigns.arguments.hours import read_closed_days, read_hours_that_close, read_timezones
from airflow_provider_campaigns.arguments.values import read_day
from airflow_provider_campaigns.kore.errors import KoreError
from airflow_provider_campaigns.operators.run_instant import run_instant, run_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from typing import Self

    from airflow.models.dagrun import DagRun
    from airflow.sdk.definitions.deadline import BaseDeadlineReference
    from sqlalchemy.orm import Session
else:
    try:
        from airflow.sdk import BaseDeadlineReference
    except ImportError:  # below Airflow 3.3
        BaseDeadlineReference = object

log = logging.getLogger(__name__)


class CallingHoursDeadline(BaseDeadlineReference):
    """The close at which ``when="calling_hours_end"`` stops campaigns, as the ``reference`` of a ``DeadlineAlert``.

    Needs Airflow 3.3. Airflow asks for it once, when a DAG run is made, and calls back if that has not ended with
    success at the close plus the alert's ``interval``. The close is that of the DAG run, whenever it was queued. A DAG
    run by hand that comes after it counts from its own instant; one that is made late, inside the hours of a later day,
    from the close of that day, for which its stop waits.

    A DAG run has no deadline where its stop does nothing at a close: in a backfill, while ``last_day`` is still to
    come, and more than 24 hours after the close, where the stop fails by itself.

    Args:
        timezone: as of ``CallingHoursTimetable``, of which the next two are as well.
        hours: those of the campaigns that are stopped; where they differ, of those that close last.
        closed_on: dates whose windows do not take place.
        contact_timezones: as of the operator that stops.
        last_day: as of the operator that stops, but no template.

    Raises:
        KoreConfigurationError: something cannot be read, or the hours never close; a DAG file with such a deadline is
            an import error.
        ImportError: Airflow is older than 3.3.
    """

    required_kwargs: ClassVar[frozenset[str]] = frozenset({"dag_id", "run_id"})

    def __init__(
        self,
        timezone: str | None,
        hours: Mapping[str, Any],
        *,
        closed_on: Iterable[date | str] = (),
        contact_timezones: Sequence[str] = (),
        last_day: date | str | None = None,
    ) -> None:
        if BaseDeadlineReference is object:
            raise ImportError(
                "CallingHoursDeadline: deadlines that count from something of one's own came with Airflow 3.3; on 3.2 "
                "take DeadlineReference.DAGRUN_QUEUED_AT and add the time from the DAG run to the close, for example "
                "interval=timedelta(minutes=11); on 3.1 leave deadline out"
            )
        self.closed_on = read_closed_days(closed_on)
        self.schedule = Schedule(
            read_hours_that_close(timezone, hours, self.closed_on),
            read_timezones("contact_timezones", contact_timezones),
            read_day("last_day", last_day),
        )

    def serialize_reference(self) -> dict[str, Any]:
        """The arguments as JSON; ``deserialize_reference`` reads them back as an equal deadline."""
        last_day = self.schedule.last_day
        return {
            **super().serialize_reference(),
            "hours": self.schedule.hours.to_api(),
            "closed_on": [day.isoformat() for day in self.closed_on],
            "contact_timezones": list(self.schedule.contact_timezones),
            "last_day": None if last_day is None else last_day.isoformat(),
        }

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> Self:
        """The deadline that wrote the data."""
        names = ("closed_on", "contact_timezones", "last_day")
        return cls(None, reference_data["hours"], **{name: reference_data[name] for name in names})

    def close_for(self, run: DagRun, now: datetime) -> datetime | None:
        """The close for a DAG run that is made ``now``; None if nothing is stopped then.

        Never raises because of the DAG run: an error here would keep Airflow from making it.
        """
        context: Any = {"dag_run": run}
        run_at = run_instant(context)
        if run_type(context) == "backfill":
            return None
        try:
            if self.schedule.is_early(run_at):
                return None
            closing = self.schedule.closing_to_act_on(run_at, now)
        except KoreError as error:
            log.warning("DAG run %s of %s: has no deadline: %s", run.run_id, run.dag_id, error)
            return None
        return max(closing.at, run_at)

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str) -> datetime | None:
        """What Airflow adds the interval to."""
        from airflow.models.dagrun import DagRun  # noqa: PLC0415 - heavy, and only for the scheduler

        runs = DagRun.find(dag_id=dag_id, run_id=run_id, session=session)
        return self.close_for(runs[0], datetime.now(UTC)) if runs else None

    def __hash__(self) -> int:
        return hash(self.schedule)
