"""Client and service under random faults: what the client reports is what happened, always.

Hypothesis makes up the campaigns, the calls, the faults and what people do at the platform's own UI meanwhile. The
number of calls is at least 2,000, or what the environment variable CLIENT_STEPS says.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from airflow_provider_campaigns.kore import connections
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.errors import KoreError
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.kore.writes import Receipt
from airflow_provider_campaigns.simulator import KoreSimulator, Switches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_campaigns.simulator import Campaign

STEPS = int(os.environ.get("CLIENT_STEPS", "2000"))
HASTY_S, TRICKLE_S = 0.25, 5.0
"""The time-out of a client whose answers trickle, and how long those take; other calls have the usual one."""

LIMIT_TEXT = "You've exceeded the per-minute rate limit. Please wait for sometime before retrying."

# What may happen to one request. A service that refuses (4xx) in its own words and acts all the same is not among it:
# no client can be right about that.
FAULTS: list[tuple[str, dict[str, Any]]] = [
    *[("fail_next", {"status": status, "after": after}) for status in (500, 502, 503, 504) for after in (False, True)],
    *[("fail_next", {"status": status}) for status in (400, 401, 404, 412, 429)],
    *[
        ("garble_next", {"status": status, "after": after})
        for status in (401, 403, 404, 408)
        for after in (False, True)
    ],
    *[("fail_next", {"status": status}) for status in (409, 421, 423, 425)],
    *[("fail_next", {"status": status, "body": {"message": "Quota exceeded"}}) for status in (400, 403)],
    ("fail_next", {"status": 429, "headers": {"Retry-After": "5"}}),
    ("fail_next", {"status": 429, "headers": {"Retry-After": "900"}}),
    ("fail_next", {"status": 200, "body": {"message": LIMIT_TEXT}}),
    ("fail_next", {"status": 200, "body": {"status": "success"}}),
    ("fail_next", {"status": 200, "body": {"status": "success"}, "after": True}),
    ("fail_next", {"status": 401, "body": {"errors": [{"msg": "Permission denied. Scope is incorrect!"}]}}),
    *[(name, {"after": after}) for name in ("drop_next", "garble_next") for after in (False, True)],
    ("truncate_next", {}),
    # Both are over after some real time, in which the client's own runs far ahead.
    ("refuse_connections", {"seconds": 0.02}),
    ("maintain", {"seconds": 0.02}),
    *[("hint_next", {"status": status}) for status in (102, 103)],
    ("redirect_next", {"location": "http://elsewhere.test/"}),
    # Not of a list: one that names other campaigns would be believed, as it must be.
    ("mislabel_next", {"operation": ["start", "stop", "delete", "get", "status"]}),
]

TRICKLE: tuple[str, dict[str, Any]] = ("trickle_next", {"seconds": TRICKLE_S})

# What takes real time is rarer than the rest.
faults = st.lists(st.sampled_from([*FAULTS, *FAULTS, TRICKLE]), max_size=6)
LONGEST_PAUSE_S = 900.0

meanwhile = st.one_of(
    st.none(), st.none(), st.tuples(st.integers(0, 5), st.sampled_from(["restart", "complete", "pause"]))
)


class Evening(RuleBasedStateMachine):
    """One client, one service, a few campaigns, and people at the UI."""

    simulator: ClassVar[KoreSimulator]
    calls: ClassVar[Counter[str]] = Counter()

    campaigns = Bundle("campaigns")

    def __init__(self) -> None:
        super().__init__()
        self.simulator.reset()
        self.now = 0.0
        self.waits = 0
        self.event: tuple[int, str, str] | None = None
        account = KoreSettings(
            host=self.simulator.url,
            client_id=self.simulator.client_id,
            client_secret=self.simulator.client_secret,
            stream_id=self.simulator.stream_id,
            account_id=self.simulator.account_id,
        )
        budget = RequestBudget(10_000, account_key=None, clock=lambda: self.now, sleep=self.sleep)
        self.client, self.hasty = (
            KoreClient(replace(account, timeout_s=timeout_s), budget=budget, clock=lambda: self.now, sleep=self.sleep)
            for timeout_s in (30.0, HASTY_S)
        )
        self.breaks_idle = False

    def teardown(self) -> None:
        self.client.close()
        self.hasty.close()
        connections.IDLE_S = 1.0

    def sleep(self, seconds: float) -> None:
        """Time passes, and during one of the waits somebody may act at the UI."""
        self.now += seconds
        if self.event is not None and self.waits == self.event[0]:
            self.at_the_ui(*self.event[1:])
        self.waits += 1

    @initialize(
        delete_answer=st.sampled_from(["data", "bare", "deletedAt"]),
        delete_running=st.sampled_from(["refuse", "accept"]),
        not_found_status=st.sampled_from([400, 404]),
        stop_idle=st.sampled_from(["error", "noop"]),
        start_running=st.sampled_from(["error", "noop"]),
        drain_polls=st.integers(0, 4),
        drain_answer=st.sampled_from(["Stopped", "Active"]),
        answer_shape=st.sampled_from(["data", "bare", "wrapped", "other names"]),
        not_found_answer=st.sampled_from(["error", "other words", "204", "no data", "empty data"]),
        list_cap=st.sampled_from([0, 2]),
        check_iat=st.booleans(),
        keep_alive=st.sampled_from([90.0, 90.0, 0.01]),
        idle_s=st.sampled_from([0.0, 1.0]),
    )
    def service(self, *, idle_s: float, **switches: Any) -> None:
        """A service; with ``idle_s`` 0 each connection that breaks is taken for an idle one, whatever it carried."""
        connections.IDLE_S = idle_s
        self.simulator.switches(**switches)
        self.breaks_idle = switches["keep_alive"] < 1

    @rule(
        target=campaigns,
        kind=st.sampled_from(["voice", "sms"]),
        status=st.sampled_from(["Ready", "Active", "Paused", "Stopped", "Completed"]),
    )
    def add(self, kind: Any, status: str) -> Any:
        if len(self.simulator.campaigns()) >= 6:
            return multiple()
        return self.simulator.add_campaign(campaign_type=kind, status=status), kind

    @rule(campaign=campaigns, act=st.sampled_from(["restart", "complete", "pause", "resume"]))
    def somebody_acts(self, campaign: tuple[str, str], act: str) -> None:
        self.at_the_ui(act, campaign[0])

    def at_the_ui(self, act: str, campaign_id: str) -> None:
        """Do what the UI can do; a campaign that is being stopped is left to end."""
        campaign = self.find(campaign_id)
        if campaign is None or campaign.stopping:
            return
        if act == "restart":
            self.simulator.restart(campaign_id)
        elif act == "complete" and campaign.status == "Active":
            self.simulator.set_status(campaign_id, "Completed")
        elif act == "pause" and campaign.status == "Active":
            self.simulator.set_status(campaign_id, "Paused")
        elif act == "resume" and campaign.status == "Paused":
            self.simulator.set_status(campaign_id, "Active")

    def find(self, campaign_id: str) -> Campaign | None:
        """The campaign as the service keeps it, if it is there."""
        return next((one for one in self.simulator.campaigns() if one.campaign_id == campaign_id), None)

    def call(self, planned: list[tuple[str, dict[str, Any]]], method: str, *arguments: Any, **options: Any) -> Any:
        """What a call under faults gives: its value, or its error."""
        for name, details in planned:
            getattr(self.simulator, name)(**details)
        self.waits = 0
        # A pause that the service asked for in the call before is over.
        self.now += LONGEST_PAUSE_S
        Evening.calls[method] += 1
        before = len(self.simulator.requests)
        trickles = TRICKLE in planned
        began = time.monotonic()
        try:
            return getattr(self.hasty if trickles else self.client, method)(*arguments, **options)
        except KoreError as error:
            return error
        finally:
            self.event = None
            self.simulator.clear_faults()
            if ("refuse_connections", {"seconds": 0.02}) in planned:
                self.simulator.refuse_connections(0)
            # Six answers that trickle are given up sooner than one of them is complete.
            assert not trickles or time.monotonic() - began < TRICKLE_S
            # Five sendings, each of them perhaps twice for its token, and as much reading after each as is allowed.
            assert len(self.simulator.requests) - before <= 5 * (2 + 5 * 30)

    @rule(
        campaign=campaigns,
        verb=st.sampled_from(["stop", "stop", "start", "delete"]),
        planned=faults,
        event=meanwhile,
        version=st.sampled_from([None, "v1", "v2"]),
    )
    def write(
        self,
        campaign: tuple[str, str],
        verb: str,
        planned: list[tuple[str, dict[str, Any]]],
        event: tuple[int, str] | None,
        version: str | None,
    ) -> None:
        campaign_id, kind = campaign
        before = self.find(campaign_id)
        effects, seen = len(self.simulator.effects()), len(self.simulator.requests)
        of_verb = len(self.simulator.effects(verb, campaign_id=campaign_id))
        if event is not None:
            self.event = (*event, campaign_id)

        outcome = self.call(
            planned,
            f"{verb}_campaign",
            campaign_id,
            kind,
            api_version=version,
            instance_id=before.instance_id if before else None,
        )

        changed = len(self.simulator.effects()) - effects
        assert changed == len(self.simulator.effects(verb, campaign_id=campaign_id)) - of_verb <= 1
        # What stands in for get names no run; then the stop is sent, whichever it is.
        if (
            changed
            and verb == "stop"
            and before is not None
            and not self.simulator.requests[seen:].of("status", "list")
        ):
            (stopped,) = self.simulator.effects("stop", campaign_id=campaign_id)[of_verb:]
            assert str(before.instance_id) in str(stopped.effect), "another run than the one that was meant"
        after = self.find(campaign_id)
        if isinstance(outcome, KoreError):
            assert outcome.endpoint is not None
            assert outcome.outcome_unknown or changed == 0, f"{outcome!r} claims that nothing happened"
            if not planned and event is None and not self.breaks_idle:
                assert not self.would_work(verb, before), f"{outcome!r} without any trouble"
            return
        assert isinstance(outcome, Receipt)
        assert outcome.campaign_id == campaign_id
        if self.would_work(verb, before) and event is None:
            assert changed == 1, f"{outcome!r} without an effect"
        if not planned and not self.breaks_idle:
            assert outcome.sendings == 1
        if event is None:
            self.check_goal(verb, after)

    @staticmethod
    def would_work(verb: str, before: Campaign | None) -> bool:
        """True if the write is one that the service carries out, and that changes something."""
        if before is None or before.stopping:
            return False
        if verb == "stop":
            return before.status in {"Active", "Paused"}
        return before.status in {"Ready", "Stopped", "Completed"}

    @staticmethod
    def check_goal(verb: str, after: Campaign | None) -> None:
        """A receipt says that the campaign is where it was to be."""
        if verb == "delete":
            assert after is None
            return
        assert after is not None
        if verb == "start":
            assert after.status == "Active"
        else:
            assert after.stopping or after.status not in {"Active", "Paused"}

    @rule(campaign=campaigns, method=st.sampled_from(["get_campaign", "get_campaign_status"]), planned=faults)
    def read(self, campaign: tuple[str, str], method: str, planned: list[tuple[str, dict[str, Any]]]) -> None:
        before, effects = self.find(campaign[0]), len(self.simulator.effects())

        outcome = self.call(planned, method, campaign[0])

        assert len(self.simulator.effects()) == effects
        if isinstance(outcome, KoreError):
            assert not outcome.outcome_unknown
            assert planned or before is None
            return
        assert before is not None
        # A stop that drains may come to its end by being looked at.
        ended = {"Stopped"} if before.stopping else set()
        status = outcome if method == "get_campaign_status" else outcome.status
        assert status in {before.status} | ended

    @rule(kind=st.sampled_from(["voice", "sms"]), planned=faults)
    def read_list(self, kind: str, planned: list[tuple[str, dict[str, Any]]]) -> None:
        there = {one.campaign_id for one in self.simulator.campaigns() if one.campaign_type == kind}

        outcome = self.call(planned, "list_campaigns", kind)

        if isinstance(outcome, KoreError):
            assert planned
            assert not outcome.outcome_unknown
        else:
            assert {campaign.campaign_id for campaign in outcome} == there

    @invariant()
    def no_run_is_stopped_twice(self) -> None:
        stopped = Counter(record.effect for record in self.simulator.effects("stop"))
        assert not [effect for effect, times in stopped.items() if times > 1]

    @invariant()
    def no_campaign_is_deleted_twice(self) -> None:
        deleted = Counter(record.campaign_id for record in self.simulator.effects("delete"))
        assert not [campaign_id for campaign_id, times in deleted.items() if times > 1]


@pytest.fixture(scope="module")
def _service() -> Iterator[None]:
    with KoreSimulator(switches=Switches(rate_limit=None)) as Evening.simulator:
        yield


@pytest.mark.usefixtures("_service")
@pytest.mark.timeout(300 + STEPS // 20)
def test_client__effects_are_what_it_reports() -> None:
    """Over thousands of calls under random faults, effects at the service are those that the client reported."""
    Evening.calls.clear()
    quick = settings(
        # Few at a time, so that not many more are made than were asked for.
        max_examples=10,
        stateful_step_count=50,
        deadline=None,
        # Not shrunk: with a real service in the loop that takes minutes, and 50 steps can be read.
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    while Evening.calls.total() < STEPS:
        run_state_machine_as_test(Evening, settings=quick)

    assert set(Evening.calls) == {
        "stop_campaign",
        "start_campaign",
        "delete_campaign",
        "get_campaign",
        "get_campaign_status",
        "list_campaigns",
    }
