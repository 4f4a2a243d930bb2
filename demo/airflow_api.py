"""The few calls of Airflow's REST API that a script needs to run a DAG and look at what it did."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import requests

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

Json = dict[str, Any]

TERMINAL_RUN_STATES = frozenset({"success", "failed"})
# An answer that may be different next time: SQLite has one writer, and a busy api-server answers 500 for it.
TRANSIENT_STATUSES = frozenset({500, 502, 503, 504})
RETRY_DELAYS_S = (0.2, 0.4, 0.8, 1.6, 3.2)
REQUEST_TIMEOUT_S = 30.0
POLL_S = 0.5
ANSWER_PAUSE_S = 3.0
PAGE = 100  # the api-server's own maximum
# The error of one DAG file says nothing about a DAG in another, which may only not have been parsed yet.
IMPORT_ERROR_PATIENCE_S = 5.0


class AirflowApiError(RuntimeError):
    """The api-server refused a call, or did not answer it.

    Attributes:
        status: the HTTP status, None when there was no answer.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class AirflowApi:
    """A logged-in user of one api-server.

    Every call is safe to repeat and is repeated, for up to 6 s, after a lost connection and after a 500: creating a
    run names it first, and a repetition then finds it there.

    Args:
        url: the server's address, without a path.
        username: who logs in, on the first call.
        password: with what.
        check: called before each repetition and each round of waiting; raises when waiting has become pointless.
        clock: seconds that only go forward.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str,
        password: str,
        check: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._login = {"username": username, "password": password}
        self._check = check
        self._clock = clock
        self._sleep = sleep
        self._session = requests.Session()
        self._session.trust_env = False  # neither a proxy nor a ~/.netrc is meant for this server
        self._has_token = False

    def close(self) -> None:
        """Give back the connections."""
        self._session.close()

    def ping(self, path: str) -> Json | None:
        """What the server answers to a call of `path` without a login, asked once; None when it does not within 1 s."""
        try:
            answer = self._session.get(self.url + path, timeout=1.0)
        except requests.RequestException:
            return None
        return dict(answer.json()) if answer.ok else None

    def call(self, method: str, path: str, *, params: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """What the server answers to `method` on ``/api/v2`` + `path`, parsed; None for an empty answer.

        Raises:
            AirflowApiError: refused, or no usable answer after all repetitions.
        """
        answer = self._send_patiently(method, f"/api/v2{path}", {"params": params, "json": body})
        return answer.json() if answer.content else None

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler run `dag_id`."""
        self.call("PATCH", f"/dags/{_quoted(dag_id)}", body={"is_paused": False})

    def pause(self, dag_id: str) -> None:
        """Let the scheduler begin no task of `dag_id`."""
        self.call("PATCH", f"/dags/{_quoted(dag_id)}", body={"is_paused": True})

    def trigger(
        self,
        dag_id: str,
        *,
        conf: Mapping[str, Any] | None = None,
        run_id: str | None = None,
        run_after: datetime | None = None,
    ) -> str:
        """Create a run of `dag_id`, due now or at `run_after`, and return its id.

        A run that exists under `run_id` is left as it is.
        """
        run_id = run_id or f"manual__{uuid4()}"
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf or {})}
        if run_after is not None:
            body["run_after"] = run_after.isoformat()
        try:
            self.call("POST", f"/dags/{_quoted(dag_id)}/dagRuns", body=body)
        except AirflowApiError as error:
            if error.status != 409:
                raise
        return run_id

    def dag_run(self, dag_id: str, run_id: str) -> Json:
        """The run as the server shows it; ``state`` is queued, running, success or failed."""
        return dict(self.call("GET", _run_path(dag_id, run_id)))

    def task_instances(self, dag_id: str, run_id: str) -> list[Json]:
        """Every task instance of the run, in the order in which they started; those not yet started come last."""
        found: list[Json] = []
        while True:
            page = self.call(
                "GET", f"{_run_path(dag_id, run_id)}/taskInstances", params={"limit": PAGE, "offset": len(found)}
            )
            found += page["task_instances"]
            if not page["task_instances"] or len(found) >= page["total_entries"]:
                return sorted(found, key=lambda task: (task["start_date"] is None, task["start_date"] or ""))

    def task_log(self, dag_id: str, run_id: str, task_id: str, *, try_number: int = 1, map_index: int = -1) -> str:
        """What the task has logged in that try, a line per message: time, level, message and what came with it."""
        answer = self.call(
            "GET",
            f"{_run_path(dag_id, run_id)}/taskInstances/{_quoted(task_id)}/logs/{try_number}",
            params={"map_index": map_index, "full_content": True},
        )
        return "\n".join(map(_log_line, answer["content"]))

    def xcom(self, dag_id: str, run_id: str, task_id: str, *, key: str = "return_value", map_index: int = -1) -> Any:
        """The value that the task has left under `key`.

        Raises:
            AirflowApiError: with status 404 when there is none.
        """
        answer = self.call(
            "GET",
            f"{_run_path(dag_id, run_id)}/taskInstances/{_quoted(task_id)}/xcomEntries/{_quoted(key)}",
            params={"map_index": map_index, "deserialize": True},
        )
        return answer["value"]

    def clear(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Have a task that has ended run again, as a user's *Clear* does. One that runs already is left as it is."""
        body = {
            "dag_run_id": run_id,
            "task_ids": [task_id],
            "only_failed": False,
            "prevent_running_task": True,
            "dry_run": False,
        }
        try:
            self.call("POST", f"/dags/{_quoted(dag_id)}/clearTaskInstances", body=body)
        except AirflowApiError as error:
            if error.status != 409:
                raise

    def answer(self, dag_id: str, run_id: str, task_id: str, option: str) -> Json:
        """Choose `option` for a task that waits for a person; the question, with ``subject``, ``body``, ``options``.

        One that is answered already is left as it is. Answers after 3 s: until the scheduler has seen the process end
        that asked, it takes that end for the answer's, and the task is asked again (Airflow 3.3.2).
        """
        self._sleep(ANSWER_PAUSE_S)
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_quoted(task_id)}/-1/hitlDetails"
        question = dict(self.call("GET", path))
        try:
            self.call("PATCH", path, body={"chosen_options": [option], "params_input": {}})
        except AirflowApiError as error:
            if error.status != 409:
                raise
        return question

    def wait_for_dag(self, dag_id: str, *, timeout_s: float = 60.0) -> None:
        """Return once `dag_id` is parsed and can be triggered.

        Raises:
            AirflowApiError: a DAG file cannot be imported and `dag_id` has not appeared 5 s later either; the message
                holds the file's traceback.
            TimeoutError: it is not there after `timeout_s` seconds.
        """
        deadline = self._clock() + timeout_s
        errors: list[Json] = []
        while not self._is_visible(dag_id):
            if not errors and (errors := self.call("GET", "/importErrors")["import_errors"]):
                deadline = min(deadline, self._clock() + IMPORT_ERROR_PATIENCE_S)
            if self._clock() >= deadline:
                if errors:
                    causes = "\n".join(f"{error['filename']}:\n{error['stack_trace']}" for error in errors)
                    raise AirflowApiError(f"DAG {dag_id} did not appear; files that cannot be imported:\n{causes}")
                raise TimeoutError(f"DAG {dag_id} did not appear within {timeout_s:g} s")
            self._pause()

    def wait_for_run(self, dag_id: str, run_id: str, *, timeout_s: float) -> Json:
        """The run once it has ended, successfully or not.

        Raises:
            TimeoutError: it has not after `timeout_s` seconds; the message names the state of each task.
        """
        deadline = self._clock() + timeout_s
        while (run := self.dag_run(dag_id, run_id))["state"] not in TERMINAL_RUN_STATES:
            if self._clock() >= deadline:
                tasks = ", ".join(
                    f"{task['task_id']}[{task['map_index']}]={task['state']}"
                    for task in self.task_instances(dag_id, run_id)
                )
                raise TimeoutError(f"{dag_id} {run_id} is {run['state']} after {timeout_s:g} s: {tasks}")
            self._pause()
        return run

    def _is_visible(self, dag_id: str) -> bool:
        try:
            self.call("GET", f"/dags/{_quoted(dag_id)}")
        except AirflowApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def _pause(self) -> None:
        self._check()
        self._sleep(POLL_S)

    def _send_patiently(self, method: str, path: str, content: Mapping[str, Any]) -> requests.Response:
        delays = iter(RETRY_DELAYS_S)
        while True:
            status = None
            try:
                if not self._has_token:
                    self._log_in()
                answer = self._send(method, path, content)
                if answer.ok:
                    return answer
                status = answer.status_code
                problem = f"HTTP {status} {answer.text[:500]}"
            except AirflowApiError as error:
                problem, status = str(error), error.status
            if status == 401 and self._has_token:
                self._has_token = False
            elif status is not None and status not in TRANSIENT_STATUSES:
                raise AirflowApiError(f"{method} {path}: {problem}", status)
            self._check()
            if (delay := next(delays, None)) is None:
                raise AirflowApiError(f"{method} {path}: {problem}", status)
            self._sleep(delay)

    def _log_in(self) -> None:
        self._session.headers.pop("Authorization", None)
        answer = self._send("POST", "/auth/token", {"json": self._login})
        if answer.status_code != 201:
            raise AirflowApiError(f"login as {self._login['username']}: HTTP {answer.status_code}", answer.status_code)
        self._session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        self._has_token = True

    def _send(self, method: str, path: str, content: Mapping[str, Any]) -> requests.Response:
        try:
            return self._session.request(method, self.url + path, timeout=REQUEST_TIMEOUT_S, **content)
        except requests.RequestException as error:
            raise AirflowApiError(f"no answer from {self.url} ({type(error).__name__})") from error


def _quoted(part: str) -> str:
    return quote(part, safe="")


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{_quoted(dag_id)}/dagRuns/{_quoted(run_id)}"


def _log_line(message: Json | str) -> str:
    if isinstance(message, str):
        return message
    known = ("timestamp", "level", "event")
    head = " ".join(str(message[name]) for name in known if message.get(name))
    rest = " ".join(f"{name}={value}" for name, value in message.items() if name not in known and value is not None)
    return f"{head} {rest}".rstrip()
