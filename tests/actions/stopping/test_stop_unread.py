"""A campaign that nobody can read: stopped all the same, where the DAG says so, once, and in no other case."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from kore_support import OTHERWISE
from start_support import Notes

from airflow_provider_campaigns.actions.stopping.at_close import CloseRun, plan_close_run, serve_what_is_due
from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.calling_hours import CallingHours
from airflow_provider_campaigns.kore.campaigns import CampaignType

if TYPE_CHECKING:
    from fake_clock import FakeClock

    from airflow_provider_campaigns.actions.outcomes import Outcomes
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")

# The fake clock begins on Monday, 2026-03-02 at 12:30 UTC: 18:00 in Kolkata, the close of office hours there.
CLOSE = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
OFFICE = CallingHours.parse("Asia/Kolkata", {"MO-FR": "9:00 AM-6:00 PM"})
MAY = StopOptions(CampaignType.VOICE, stop_unread=True, confirm_timeout_s=30.0)
SENT = {"campaign_instance_id": "unknown", "sent_at": "2026-03-02T12:30:00.000Z"}
REFUSALS = [
    pytest.param(403, {"message": "Access Denied"}, id="forbidden"),
    pytest.param(401, {"message": "Unauthorized"}, id="unauthorized"),
    pytest.param(400, {"message": "Bad Request"}, id="bad request"),
    pytest.param(405, None, id="another method"),
    pytest.param(404, "<html>not here</html>", id="a page"),
]


@dataclass
class Blind:
    """A service that answers no reading, but stops."""

    simulator: KoreSimulator
    status: int = 403
    body: Any = field(default_factory=lambda: {"message": "Access Denied"})

    def refuse(self) -> None:
        for operation in ("get", "status", "list"):
            self.simulator.fail_next(self.status, body=self.body, operation=operation, times=10_000)

    def see(self) -> None:
        self.simulator.clear_faults()

    @property
    def stops(self) -> list[str]:
        return [str(one.campaign_id) for one in self.simulator.requests.of("stop")]


@pytest.fixture
def blind(kore_simulator: KoreSimulator) -> Blind:
    return Blind(kore_simulator)


def stop(
    client: KoreClient, clock: FakeClock, *targets: str | Target, options: StopOptions = MAY, **more: Any
) -> Outcomes:
    named = [one if isinstance(one, Target) else Target(one) for one in targets]
    return stop_campaigns(client, named, options, clock=clock.clock, **more)


@pytest.mark.parametrize("number", [1, 5], ids=["one", "many"])
@pytest.mark.parametrize(("status", "body"), REFUSALS)
def test_stop__now(
    client: KoreClient, kore_simulator: KoreSimulator, fake_clock: FakeClock, number: int, status: int, body: Any
):
    """Whatever refuses every reading, each campaign is sent one stop; that it is not proven is a failure."""
    blind, notes = Blind(kore_simulator, status, body), Notes()
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(number)]
    blind.refuse()

    outcomes = stop(client, fake_clock, *ids, evidence=notes)

    assert sorted(blind.stops) == sorted(ids)
    assert {kore_simulator.campaign(one).status for one in ids} == {"Stopped"}
    assert notes.entries == dict.fromkeys(ids, SENT)
    assert sorted(outcomes.failures) == sorted(ids)
    for one, error in outcomes.failures.items():
        assert str(error).startswith(f"campaign {one}: the stop was accepted, but it is still not readable after 30 s")
        assert error.retryable is True


def test_stop__not_asked_for(client: KoreClient, blind: Blind, fake_clock: FakeClock):
    """Without the option nothing is sent to what cannot be read."""
    campaign_id = blind.simulator.add_campaign(status="Active")
    blind.refuse()

    outcomes = stop(client, fake_clock, campaign_id, options=replace(MAY, stop_unread=False))

    assert blind.stops == []
    assert "HTTP 403" in str(outcomes.failures[campaign_id])


def test_stop__believed(client: KoreClient, blind: Blind, fake_clock: FakeClock, caplog: pytest.LogCaptureFixture):
    """Without a proof the service's word is the result; the audit and the log say that it was not read."""
    caplog.set_level("INFO")
    campaign_id = blind.simulator.add_campaign(status="Active")
    blind.refuse()

    outcomes = stop(client, fake_clock, campaign_id, options=replace(MAY, confirm=False))

    assert outcomes.as_dicts() == [
        {
            "campaign_id": campaign_id,
            "campaign_type": "voice",
            "status": "Stopped",
            "changed": True,
            "campaign_instance_id": None,
            "sent_at": "2026-03-02T12:30:00.000Z",
        }
    ]
    assert f"campaign {campaign_id}: every reading is refused, so it is stopped unread: " in caplog.text
    audit = [json.loads(one.message) for one in caplog.records if one.name.endswith("audit")]
    assert [(one["event"], one["before"], one["after"]) for one in audit] == [("stop", "not readable", "Stopped")]


def test_stop__readable_again(client: KoreClient, blind: Blind, fake_clock: FakeClock):
    """Once it can be read, that is the proof, and the result tells what was read."""
    campaign_id = blind.simulator.add_campaign(status="Active", name="Spring Offer")
    run = blind.simulator.campaign(campaign_id).instance_id
    blind.refuse()
    fake_clock.events = [blind.see]

    outcomes = stop(client, fake_clock, campaign_id)

    assert blind.stops == [campaign_id]
    (result,) = outcomes.as_dicts()
    assert (result["status"], result["changed"], result["name"]) == ("Stopped", True, "Spring Offer")
    assert result["campaign_instance_id"] == run
    assert result["confirmed_at"] == "2026-03-02T12:30:15.000Z"


@pytest.mark.parametrize(("status", "body"), [(200, {"status": "success"}), (202, "")], ids=["success", "202"])
def test_stop__accepted_in_other_words(client: KoreClient, blind: Blind, fake_clock: FakeClock, status: int, body: Any):
    """An answer that does not say that it was done is read on as well; the stop is not sent again."""
    campaign_id = blind.simulator.add_campaign(status="Active", name="Spring Offer")
    blind.refuse()
    blind.simulator.fail_next(status, body=body, operation="stop", after=True)
    fake_clock.events = [list, blind.see]

    outcomes = stop(client, fake_clock, campaign_id)

    assert blind.stops == [campaign_id]
    (result,) = outcomes.as_dicts()
    assert (result["status"], result["name"]) == ("Stopped", "Spring Offer")


def test_stop__goes_on(client: KoreClient, blind: Blind, fake_clock: FakeClock):
    """One that goes on although its stop was accepted is not sent another by the same try, also after a minute."""
    campaign_id = blind.simulator.add_campaign(status="Active")
    blind.refuse()
    blind.simulator.fail_next(200, body={"status": "success"}, operation="stop", times=9)
    fake_clock.events = [blind.see]

    outcomes = stop(client, fake_clock, campaign_id, options=replace(MAY, confirm_timeout_s=300.0))

    assert blind.stops == [campaign_id]
    assert "still Active after 300 s" in str(outcomes.failures[campaign_id])


@pytest.mark.parametrize("number", [1, 5], ids=["one", "many"])
@pytest.mark.parametrize("trouble", ["connection", "maintenance", "missing"])
def test_stop__no_refusal(client: KoreClient, blind: Blind, fake_clock: FakeClock, number: int, trouble: str):
    """No answer is an outage, "come back later" is a pause, and "there is none" is an answer: nothing is sent."""
    ids = [blind.simulator.add_campaign(status="Active") for _ in range(number)]
    for operation in ("get", "status", "list"):
        if trouble == "connection":
            blind.simulator.drop_next(operation=operation, before=True, times=10_000)
        elif trouble == "maintenance":
            blind.simulator.fail_next(503, headers={"Retry-After": "900"}, operation=operation, times=10_000)
    if trouble == "missing":
        for one in ids:
            blind.simulator.service.store.remove(one)

    outcomes = stop(client, fake_clock, *ids)

    assert blind.stops == []
    assert sorted(outcomes.failures) == sorted(ids)


def test_stop__one_reading_answers(client: KoreClient, blind: Blind, fake_clock: FakeClock):
    """Where one of the readings is answered, it decides: one that is Ready is sent nothing."""
    campaign_id = blind.simulator.add_campaign(status="Ready")
    for operation in ("get", "status"):
        blind.simulator.fail_next(403, operation=operation, times=10_000)

    outcomes = stop(client, fake_clock, campaign_id)

    assert blind.stops == []
    assert [(one["status"], one["changed"]) for one in outcomes.as_dicts()] == [("Ready", False)]


@pytest.mark.parametrize(
    "target",
    [
        pytest.param({"name": "Spring Offer"}, id="a name to compare"),
        pytest.param({"is_explicit": False}, id="another task's result"),
    ],
)
def test_stop__not_named_by_its_id_alone(
    client: KoreClient, blind: Blind, fake_clock: FakeClock, target: dict[str, Any]
):
    """What has a name that it must have, or comes from another task, is not stopped unread."""
    campaign_id = blind.simulator.add_campaign(status="Active", name="Spring Offer")
    blind.refuse()

    outcomes = stop(client, fake_clock, Target(campaign_id, **target))

    assert blind.stops == []
    assert "HTTP 403" in str(outcomes.failures[campaign_id])


def test_stop__once_per_task(client: KoreClient, blind: Blind, fake_clock: FakeClock):
    """A later try that cannot read it either sends nothing more; one that can stops what still goes on."""
    campaign_id, notes = blind.simulator.add_campaign(status="Active"), Notes()
    blind.refuse()
    blind.simulator.fail_next(500, operation="stop")
    again = replace(MAY, is_first_try=False)

    first = stop(client, fake_clock, campaign_id, evidence=notes)
    second = stop(client, fake_clock, campaign_id, evidence=notes, options=again)
    assert blind.stops == [campaign_id]
    blind.see()
    third = stop(client, fake_clock, campaign_id, evidence=notes, options=again)

    assert first.failures[campaign_id].outcome_unknown is True
    assert "HTTP 403" in str(second.failures[campaign_id])
    assert blind.stops == [campaign_id] * 2
    assert [one["status"] for one in third.as_dicts()] == ["Stopped"]


class Forgetful(Notes):
    """A store that cannot be written, or that could not be read before."""

    def keep(self, entries: Any, *_: object) -> bool:
        super().keep(entries)
        return False


@pytest.mark.parametrize(
    ("notes", "is_first_try", "stops"),
    [(None, True, 1), (None, False, 0), (Notes(), False, 1), (Forgetful(), True, 0), (Forgetful(), False, 0)],
    ids=["no store", "no store, later", "store, later", "store away", "store away, later"],
)
def test_stop__only_if_it_is_noted(
    client: KoreClient, blind: Blind, fake_clock: FakeClock, notes: Notes | None, is_first_try: bool, stops: int
):
    """It is sent only if a later try would know; without a store at all, in the first try only."""
    campaign_id = blind.simulator.add_campaign(status="Active")
    blind.refuse()

    stop(client, fake_clock, campaign_id, evidence=notes, options=replace(MAY, is_first_try=is_first_try))

    assert len(blind.stops) == stops


def test_stop__plan_only(client: KoreClient, blind: Blind, fake_clock: FakeClock):
    """A plan says what would be sent, and notes nothing."""
    campaign_id, notes = blind.simulator.add_campaign(status="Active"), Notes()
    blind.refuse()

    outcomes = stop(client, fake_clock, campaign_id, evidence=notes, options=replace(MAY, plan_only=True))

    assert (blind.stops, notes.entries) == ([], {})
    (result,) = outcomes.as_dicts()
    assert result["planned"].startswith("POST ")
    assert result["status"] == "not readable"


def test_stop__refused(client: KoreClient, blind: Blind, fake_clock: FakeClock):
    """A stop that is refused is the failure; that reading is refused as well does not take its place."""
    campaign_id = blind.simulator.add_campaign(status="Active")
    blind.refuse()
    blind.simulator.fail_next(400, body={"message": "wrong state"}, operation="stop")

    outcomes = stop(client, fake_clock, campaign_id)

    assert blind.stops == [campaign_id]
    error = outcomes.failures[campaign_id]
    path = f"/campaign/api/v1/public/{blind.simulator.stream_id}/campaign/{campaign_id}"
    begins = f"stop_voice_v1 of campaign {campaign_id} (POST {path})"
    assert str(error) == f"{begins}: HTTP 400: wrong state{OTHERWISE}"
    assert error.retryable is False


def test_stop__too_late(client: KoreClient, blind: Blind, fake_clock: FakeClock):
    """A reading that is refused only after 15 minutes of waiting leads to no unread stop any more."""
    campaign_id = blind.simulator.add_campaign(status="Active")
    blind.refuse()
    get_campaign = client.get_campaign

    def slow(*args: Any, **how: Any) -> Any:
        fake_clock.elapsed_s += 900.1
        return get_campaign(*args, **how)

    client.get_campaign = slow  # type: ignore[method-assign]

    stop(client, fake_clock, campaign_id)

    assert blind.stops == []


class AtClose:
    """A run for campaigns whose hours are given, each step in a process of its own."""

    def __init__(self, client: KoreClient, blind: Blind, clock: FakeClock, begins_s: float) -> None:
        self.client, self.blind, self.clock = client, blind, clock
        clock.elapsed_s = begins_s
        self.sent: list[tuple[str, float]] = []
        send = client.send_stop_once

        def send_stop_once(campaign_id: str, *args: Any, **how: Any) -> Any:
            self.sent.append((campaign_id, (clock.clock.now() - CLOSE).total_seconds()))
            return send(campaign_id, *args, **how)

        client.send_stop_once = send_stop_once  # type: ignore[method-assign]

    def run(self, *ids: str, options: StopOptions = MAY, readable_from: float | None = None) -> Outcomes:
        run = plan_close_run(
            self.client,
            [Target(one) for one in ids],
            options,
            run_at=CLOSE - timedelta(minutes=10),
            calling_hours=OFFICE,
            clock=self.clock.clock,
        )
        while wake_at := serve_what_is_due(
            self.client, run, options, lead_time=timedelta(minutes=1), clock=self.clock.clock
        ):
            run = CloseRun.from_json(json.loads(json.dumps(run.as_json())), calling_hours=OFFICE)
            self.clock.sleep((wake_at - self.clock.clock.now()).total_seconds())
            if readable_from is not None and self.clock.elapsed_s >= readable_from:
                self.blind.see()
        return run.outcomes


@pytest.mark.parametrize("number", [1, 5], ids=["one", "many"])
def test_serve__at_the_close(client: KoreClient, blind: Blind, fake_clock: FakeClock, number: int):
    """What could never be read is stopped at the close of the hours that are given, and not before."""
    at = AtClose(client, blind, fake_clock, -600.0)
    ids = [blind.simulator.add_campaign(status="Active") for _ in range(number)]
    blind.refuse()

    outcomes = at.run(*ids)

    assert sorted(at.sent) == sorted((one, 0.0) for one in ids)
    assert sorted(outcomes.failures) == sorted(ids)
    assert {kore.status for kore in map(blind.simulator.campaign, ids)} == {"Stopped"}


@pytest.mark.parametrize(("begins_s", "stops"), [(0.0, 1), (890.0, 1), (901.0, 0)])
def test_serve__late(client: KoreClient, blind: Blind, fake_clock: FakeClock, begins_s: float, stops: int):
    """A run that begins after the close stops unread within 15 minutes of it, and not later."""
    at = AtClose(client, blind, fake_clock, begins_s)
    campaign_id = blind.simulator.add_campaign(status="Active")
    blind.refuse()

    at.run(campaign_id)

    assert len(at.sent) == stops


@pytest.mark.parametrize("stop_unread", [True, False])
@pytest.mark.parametrize("status", [403, 503])
def test_serve__read_again_at_the_close(
    client: KoreClient, blind: Blind, fake_clock: FakeClock, status: int, stop_unread: bool
):
    """With hours that are given, what could not be read when it was planned is read at its close, if that may pass."""
    at = AtClose(client, blind, fake_clock, -600.0)
    campaign_id = blind.simulator.add_campaign(status="Active")
    blind.status = status
    blind.refuse()

    outcomes = at.run(campaign_id, options=replace(MAY, stop_unread=stop_unread), readable_from=-60.0)

    if status == 403 and not stop_unread:
        assert "HTTP 403" in str(outcomes.failures[campaign_id])
        assert at.sent == []
    else:
        assert at.sent == [(campaign_id, 0.0)]
        assert [one["status"] for one in outcomes.as_dicts()] == ["Stopped"]


def test_plan__early(client: KoreClient, blind: Blind, fake_clock: FakeClock):
    """What cannot be read on a business day before its last is not planned unseen: it fails."""
    campaign_id = blind.simulator.add_campaign(status="Active")
    blind.refuse()

    run = plan_close_run(
        client,
        [Target(campaign_id)],
        MAY,
        run_at=CLOSE,
        calling_hours=OFFICE,
        last_day=(CLOSE + timedelta(days=1)).date(),
        clock=fake_clock.clock,
    )

    assert (run.planned, list(run.outcomes.failures)) == ({}, [campaign_id])
