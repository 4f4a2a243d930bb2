"""Operators through Airflow's own task runner, without a scheduler, an API server or a database.

The runner talks to its supervisor through one object, whose place ``Supervisor`` takes: it answers what a task asks
and keeps what a task says. This is Airflow's inside, as of 3.1 and 3.3; nothing else in the tests knows it.
"""

from __future__ import annotations

import json
import signal
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.api.datamodels import _generated
from airflow.sdk.execution_time import comms, task_runner
from airflow_names import AIRFLOW

from airflow_provider_campaigns.kore.clock import SYSTEM_CLOCK, Clock
from airflow_provider_campaigns.operators.base import KoreCampaignOperator
from airflow_provider_campaigns.sensors.hours import CallingHoursSensor

if AIRFLOW >= (3, 3):
    from airflow.sdk.exceptions import ErrorType

if TYPE_CHECKING:
    import pytest

INSTANT = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
_BEGAN_S = time.monotonic()


def now() -> datetime:
    """The time that tasks live in: it began at ``INSTANT``, whatever time of day it was, and passes as time does."""
    return INSTANT + timedelta(seconds=time.monotonic() - _BEGAN_S)


@dataclass
class Supervisor:
    """What a task asks for, and what it says.

    Attributes:
        upstream: XComs of other tasks, by task id; of a mapped task those of all its instances.
        messages: whatever the task sent.
        state_store: the task state store.
        states: states of other tasks, by task id.
    """

    upstream: dict[str, Any] = field(default_factory=dict)
    messages: list[Any] = field(default_factory=list)
    state_store: dict[str, Any] = field(default_factory=dict)
    states: dict[str, Any] = field(default_factory=dict)
    socket: Any = None

    def send(self, msg: Any) -> Any:
        self.messages.append(msg)
        if isinstance(msg, comms.GetXCom):
            own = [one.value for one in self.messages if isinstance(one, comms.SetXCom) and one.key == msg.key]
            if own and msg.task_id not in self.upstream:
                return comms.XComResult(key=msg.key, value=own[-1])
            return comms.XComResult(key=msg.key, value=self.upstream.get(msg.task_id))
        if isinstance(msg, comms.GetXComCount):
            return comms.XComCountResponse(len=len(self.upstream[msg.task_id]))
        if isinstance(msg, comms.GetXComSequenceSlice):
            values = self.upstream[msg.task_id]
            values = values if isinstance(values, list) else [values]
            return comms.XComSequenceSliceResult(root=values[msg.start : msg.stop : msg.step])
        if isinstance(msg, comms.GetXComSequenceItem):
            return comms.XComSequenceIndexResult(root=self.upstream[msg.task_id][msg.offset])
        if isinstance(msg, comms.ValidateInletsAndOutlets):
            return comms.InactiveAssetsResult()
        if isinstance(msg, comms.GetTaskStates):
            return comms.TaskStatesResult(task_states={"manual": self.states})
        return self._answer_of_state_store(msg) if AIRFLOW >= (3, 3) else None

    async def asend(self, msg: Any) -> Any:
        return self.send(msg)

    def _answer_of_state_store(self, msg: Any) -> Any:
        if isinstance(msg, comms.GetTaskStateStore):
            if msg.key not in self.state_store:
                return comms.ErrorResponse(error=ErrorType.TASK_STORE_NOT_FOUND)
            return comms.TaskStateStoreResult(value=self.state_store[msg.key])
        if isinstance(msg, comms.SetTaskStateStore):
            self.state_store[msg.key] = json.loads(json.dumps(msg.value))
        return None


@dataclass
class TaskRun:
    """What became of a task.

    Attributes:
        state: ``success``, ``failed`` (no retry), ``up_for_retry``, ``skipped`` or ``deferred``.
        error: what was raised.
        xcoms: what was pushed, by key, but for the link.
        link: the address that the UI links to; None if none was pushed.
        rendered: the template fields as the UI shows them.
        messages: everything that was told to the supervisor.
    """

    state: str
    error: BaseException | None
    xcoms: dict[str, Any]
    link: str | None
    rendered: dict[str, Any]
    messages: list[Any]

    @property
    def result(self) -> Any:
        """The return value."""
        return self.xcoms["return_value"]


def run_task(
    operator: BaseOperator,
    monkeypatch: pytest.MonkeyPatch,
    *,
    conf: dict[str, Any] | None = None,
    upstream: dict[str, Any] | None = None,
    at: datetime = INSTANT,
    run_type: str = "manual",
    resume: tuple[str, dict[str, Any]] | None = None,
    state_store: dict[str, Any] | None = None,
    triggering_user: str | None = None,
    states: dict[str, str] | None = None,
    try_number: int = 1,
    map_index: int = -1,
) -> TaskRun:
    """Run an operator as a try that may be repeated: render its fields, execute it, and note what came of it.

    ``conf`` is the run's, ``upstream`` the results of other tasks by their id, ``at`` the end of the run's data
    interval and its ``run_after``. ``resume`` is a method and its arguments, for a task that was deferred. An operator
    without a DAG gets one. ``state_store`` is what earlier tries have left in the task state store,
    ``triggering_user`` who triggered the run, ``states`` the states of other tasks; ``try_number`` counts from 1, and
    ``map_index`` is that of a mapped task. An operator of this package, and a
    sensor of calling hours that has no other clock, is told ``now()``.
    """
    if operator._dag is None:
        DAG("campaigns", schedule=None).add_task(operator)
    supervisor = Supervisor(upstream or {}, state_store={} if state_store is None else state_store, states=states or {})
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", supervisor, raising=False)
    monkeypatch.setattr(KoreCampaignOperator, "_now", lambda self: now())
    if isinstance(operator, CallingHoursSensor) and operator.clock is SYSTEM_CLOCK:
        operator.clock = Clock(now=now)
    task_instance = task_runner.RuntimeTaskInstance.model_construct(
        id=UUID(int=1),
        dag_version_id=UUID(int=2),
        task_id=operator.task_id,
        dag_id="campaigns",
        run_id="manual",
        try_number=try_number,
        map_index=map_index,
        task=operator,
        bundle_instance=None,
        start_date=INSTANT,
        max_tries=3,
        state=None,
        is_mapped=False,
        _ti_context_from_server=_generated.TIRunContext(
            dag_run=_dag_run(conf, at, run_type, triggering_user),
            max_tries=3,
            should_retry=True,
            next_method=resume and resume[0],
            next_kwargs=resume and _as_stored(resume[1]),
        ),
    )
    context = task_instance.get_template_context()
    log = structlog.get_logger("task")
    handler = signal.getsignal(signal.SIGTERM)
    try:
        state, _, error = task_runner.run(task_instance, context, log)
        task_runner.finalize(task_instance, state, context, log, error)
    finally:
        signal.signal(signal.SIGTERM, handler)
    # Through JSON, as the supervisor hands them on.
    xcoms = {
        one.key: json.loads(json.dumps(one.value)) for one in supervisor.messages if isinstance(one, comms.SetXCom)
    }
    rendered = [one.rendered_fields for one in supervisor.messages if isinstance(one, comms.SetRenderedFields)]
    return TaskRun(
        state=state.value,
        error=error,
        link=xcoms.pop("kore_campaign_link", None),
        xcoms=xcoms,
        rendered=rendered[0] if rendered else {},
        messages=supervisor.messages,
    )


def _as_stored(arguments: dict[str, Any]) -> Any:
    """The arguments of the method that resumes a task, as the runner gets them from the database."""
    if AIRFLOW >= (3, 2):
        return arguments
    from airflow.serialization.serialized_objects import BaseSerialization

    return BaseSerialization.serialize(arguments)


def _dag_run(conf: dict[str, Any] | None, at: datetime, run_type: str, user: str | None) -> _generated.DagRun:
    return _generated.DagRun(
        dag_id="campaigns",
        run_id="manual",
        logical_date=at,
        data_interval_start=at,
        data_interval_end=at,
        run_after=at,
        start_date=at,
        end_date=None,
        run_type=_generated.DagRunType(run_type),
        state=_generated.DagRunState.RUNNING,
        conf=conf,
        triggering_user_name=user,
        consumed_asset_events=[],
        **({"partition_key": None} if AIRFLOW >= (3, 2) else {}),
    )
