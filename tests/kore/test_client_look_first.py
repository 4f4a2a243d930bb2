"""Wait first, then look, then send: what somebody else does while a write waits is seen before it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kore_support import Waits

from airflow_provider_campaigns.kore.budget import Priority, RequestBudget
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.errors import (
    CampaignMismatchError,
    CampaignStateError,
    KoreConnectionError,
    KoreNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow_provider_campaigns.kore.campaigns import Campaign
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")


@pytest.fixture
def meantime() -> Waits:
    """What happens while the client waits."""
    return Waits()


@pytest.fixture
def budget(meantime: Waits, tmp_path: Path) -> RequestBudget:
    """Six places a minute, shared with other processes of the machine."""
    return RequestBudget(6, account_key="a", urgent=0, directory=tmp_path, clock=meantime.clock, sleep=meantime.sleep)


@pytest.fixture
def other(meantime: Waits, tmp_path: Path) -> RequestBudget:
    """The same budget, as another process has it."""
    return RequestBudget(6, account_key="a", urgent=0, directory=tmp_path, clock=meantime.clock, sleep=meantime.sleep)


@pytest.fixture
def client(settings: KoreSettings, meantime: Waits, budget: RequestBudget) -> Iterator[KoreClient]:
    """A client during whose waits things happen."""
    with KoreClient(settings, budget=budget, clock=meantime.clock, sleep=meantime.sleep, jitter=lambda: 0.0) as client:
        yield client


def accept(_: Campaign) -> None:
    """A judge who has nothing against it."""


def nothing() -> None:
    """A wait during which nothing happens."""


def sent(simulator: KoreSimulator) -> list[str]:
    return [one.operation for one in simulator.requests]


def fill(budget: RequestBudget, places: int = 6) -> None:
    """Send so many requests, which are answered at once."""
    for _ in range(places):
        with budget.slot(Priority.READ):
            pass


def run_again(simulator: KoreSimulator, campaign_id: str) -> None:
    """What somebody does who starts a campaign and stops it again."""
    simulator.restart(campaign_id)
    simulator.set_status(campaign_id, "Stopped")


class TestSentAgain:
    """After a 429 or a failure, what somebody did during the wait decides."""

    def test_delete__started_during_a_rate_limit(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits
    ) -> None:
        """A campaign that somebody starts while a refused delete waits is looked at, and not deleted."""
        kore_simulator.switches(delete_running="accept")
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        meant = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(429, headers={"Retry-After": "3"}, operation="delete")
        meantime.events = [lambda: kore_simulator.restart(campaign_id)]

        with pytest.raises(CampaignStateError, match="was started again while it was being deleted") as caught:
            client.delete_campaign(campaign_id, "voice", instance_id=meant)

        assert caught.value.outcome_unknown is False
        assert sent(kore_simulator) == ["delete", "get"]
        assert meantime.seconds == [3.0]
        assert kore_simulator.campaign(campaign_id).status == "Active"

    def test_delete__run_again_after_a_failure(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits
    ) -> None:
        """One that somebody starts and stops in the pause after a 503, when it was read already, is not deleted."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        meant = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(503, headers={"Retry-After": "10"}, operation="delete")
        meantime.events = [nothing, lambda: run_again(kore_simulator, campaign_id)]

        with pytest.raises(CampaignStateError, match="was started again while it was being deleted"):
            client.delete_campaign(campaign_id, "voice", instance_id=meant)

        assert sent(kore_simulator) == ["delete", "get", "get"]
        assert not kore_simulator.effects()

    def test_delete__deleted_during_a_rate_limit(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits
    ) -> None:
        """One that somebody else deletes meanwhile is gone, and the receipt does not say that this delete did it."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.fail_next(429, operation="delete")
        meantime.events = [lambda: kore_simulator.service.store.remove(campaign_id)]

        receipt = client.delete_campaign(campaign_id, "voice")

        assert (receipt.changed, receipt.by_reading, receipt.sendings) == (False, True, 1)
        assert sent(kore_simulator) == ["delete", "get", "get", "list", "list"]

    @pytest.mark.parametrize("status", ["Ready", "Stopped"])
    def test_start__started_during_a_rate_limit(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits, status: str
    ) -> None:
        """A campaign that somebody starts while a refused start waits is not started a second time."""
        campaign_id = kore_simulator.add_campaign(status=status)
        meant = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(429, operation="start")
        meantime.events = [lambda: kore_simulator.restart(campaign_id)]

        with pytest.raises(CampaignStateError) as caught:
            client.start_campaign(campaign_id, "voice", instance_id=meant)

        run = kore_simulator.campaign(campaign_id).instance_id
        assert str(caught.value) == (
            f"campaign {campaign_id}: is Active as run {run}; somebody else may have started it, so no start is sent"
        )
        assert caught.value.outcome_unknown is False
        assert sent(kore_simulator) == ["start", "get"]

    def test_start__run_again_during_a_rate_limit(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits
    ) -> None:
        """One that somebody has run meanwhile is not run once more, although it is at rest again."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        meant = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(429, operation="start")
        meantime.events = [lambda: run_again(kore_simulator, campaign_id)]

        with pytest.raises(CampaignStateError, match="somebody else may have started it"):
            client.start_campaign(campaign_id, "voice", instance_id=meant)

        assert sent(kore_simulator) == ["start", "get"]

    def test_start__run_before_not_known(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """Of a caller who does not know the run before, a campaign at rest is sent the start again."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.fail_next(429, operation="start", times=2)

        receipt = client.start_campaign(campaign_id, "voice")

        assert (receipt.changed, receipt.sendings) == (True, 3)
        assert sent(kore_simulator) == ["start", "get", "start", "get", "start"]

    def test_start__run_before_learned(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits
    ) -> None:
        """The run that the first look shows is the one before, and one that began since is somebody else's."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.fail_next(429, operation="start", times=2)
        meantime.events = [nothing, lambda: run_again(kore_simulator, campaign_id)]

        with pytest.raises(CampaignStateError, match="somebody else may have started it"):
            client.start_campaign(campaign_id, "voice")

        assert sent(kore_simulator) == ["start", "get", "start", "get"]

    @pytest.mark.parametrize(("verb", "status"), [("start", "Ready"), ("stop", "Active")])
    def test_write__deleted_during_a_rate_limit(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits, verb: str, status: str
    ) -> None:
        """A campaign that somebody deletes meanwhile is gone, and nothing that was sent took effect."""
        campaign_id = kore_simulator.add_campaign(status=status)
        kore_simulator.fail_next(429, operation=verb)
        meantime.events = [lambda: kore_simulator.service.store.remove(campaign_id)]

        with pytest.raises(KoreNotFoundError, match="somebody deleted it") as caught:
            getattr(client, f"{verb}_campaign")(campaign_id, "voice")

        assert caught.value.outcome_unknown is False
        assert len(kore_simulator.requests.of(verb)) == 1

    def test_stop__run_anew_during_a_rate_limit(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits
    ) -> None:
        """A stop that waited does not meet the next run."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        meant = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(429, operation="stop")
        meantime.events = [lambda: kore_simulator.restart(campaign_id)]

        with pytest.raises(CampaignStateError, match="was started again while it was being stopped") as caught:
            client.stop_campaign(campaign_id, "voice", instance_id=meant)

        assert caught.value.outcome_unknown is False
        assert sent(kore_simulator) == ["stop", "get"]
        assert kore_simulator.campaign(campaign_id).status == "Active"

    def test_stop__ended_during_a_rate_limit(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits
    ) -> None:
        """A run that ended meanwhile is not sent a second stop, and the receipt claims no effect."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.fail_next(429, operation="stop")
        meantime.events = [lambda: kore_simulator.set_status(campaign_id, "Stopped")]

        receipt = client.stop_campaign(campaign_id, "voice")

        assert (receipt.status, receipt.changed, receipt.sendings) == ("Stopped", False, 1)
        assert sent(kore_simulator) == ["stop", "get"]

    def test_stop__looks_that_stay_slow(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """While it waits, calls go on: after three slow looks a stop is sent all the same."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.fail_next(429, operation="stop")
        times = iter([0.0] * 3 + [float(second) for second in range(0, 1000, 20)])
        monkeypatch.setattr(client._sender, "_clock", lambda: next(times))

        assert client.stop_campaign(campaign_id, "voice").sendings == 2
        assert sent(kore_simulator) == ["stop", "get", "get", "get", "stop"]


@pytest.mark.parametrize("verb", ["delete", "start"])
class TestJudged:
    """With a judge the first sending is looked at like any other."""

    def test_write__full_budget(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits, other: RequestBudget, verb: str
    ) -> None:
        """A campaign that somebody starts while the write waits for its places is seen; its place is given back."""
        kore_simulator.switches(delete_running="accept")
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        meant = kore_simulator.campaign(campaign_id).instance_id
        fill(other)
        meantime.events = [lambda: kore_simulator.restart(campaign_id)]

        with pytest.raises(CampaignStateError):
            getattr(client, f"{verb}_campaign")(campaign_id, "voice", instance_id=meant, judge=accept)

        assert sent(kore_simulator) == ["get"]
        assert meantime.seconds == [60.0]
        fill(other, 5)
        assert meantime.seconds == [60.0]

    def test_write__no_wait_after_the_look(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits, other: RequestBudget, verb: str
    ) -> None:
        """The write has its place before the look: what others send meanwhile does not make it wait."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")

        getattr(client, f"{verb}_campaign")(campaign_id, "voice", judge=lambda _: fill(other, 4))

        assert sent(kore_simulator) == ["get", verb]
        assert meantime.seconds == []

    def test_write__refused_by_the_judge(
        self, client: KoreClient, kore_simulator: KoreSimulator, other: RequestBudget, meantime: Waits, verb: str
    ) -> None:
        """What the judge raises is raised, nothing is sent, and the place of the write is free again."""
        campaign_id = kore_simulator.add_campaign(status="Stopped", name="Spring")

        def refuse(campaign: Campaign) -> None:
            raise CampaignMismatchError(f"it is named {campaign.name}")

        with pytest.raises(CampaignMismatchError, match=r"^it is named Spring$") as caught:
            getattr(client, f"{verb}_campaign")(campaign_id, "voice", judge=refuse)

        assert caught.value.outcome_unknown is False
        assert sent(kore_simulator) == ["get"]
        fill(other, 5)
        assert meantime.seconds == []

    @pytest.mark.parametrize(
        ("took_s", "requests"),
        [([5.0], ["get", "{}"]), ([5.1, 0.0], ["get", "get", "{}"]), ([9.0, 9.0, 1.0], ["get", "get", "get", "{}"])],
    )
    def test_write__slow_look(
        self,
        *,
        client: KoreClient,
        kore_simulator: KoreSimulator,
        meantime: Waits,
        verb: str,
        took_s: list[float],
        requests: list[str],
    ) -> None:
        """A look that began more than 5 s ago is made anew."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        times = iter(took_s)

        getattr(client, f"{verb}_campaign")(campaign_id, "voice", judge=lambda _: meantime.sleep(next(times)))

        assert sent(kore_simulator) == [one.format(verb) for one in requests]

    def test_write__looks_that_stay_slow(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits, verb: str
    ) -> None:
        """After three slow looks nothing is sent, and the error says so."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")

        with pytest.raises(KoreConnectionError, match="not sent, because each of 3 looks at the campaign") as caught:
            getattr(client, f"{verb}_campaign")(campaign_id, "voice", judge=lambda _: meantime.sleep(6.0))

        assert (caught.value.retryable, caught.value.outcome_unknown) == (True, False)
        assert sent(kore_simulator) == ["get"] * 3

    def test_write__look_fails(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits, verb: str
    ) -> None:
        """After a look that failed the campaign is read with patience, and then looked at again."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.drop_next(operation="get", times=2)

        receipt = getattr(client, f"{verb}_campaign")(campaign_id, "voice", judge=accept)

        assert receipt.sendings == 1
        assert sent(kore_simulator) == ["get", "get", "get", "get", verb]
        assert meantime.seconds == [0.375]

    def test_write__expired_token(self, client: KoreClient, kore_simulator: KoreSimulator, verb: str) -> None:
        """A write whose token is rejected is sent once more, after another look."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.fail_next(401, operation=verb)

        receipt = getattr(client, f"{verb}_campaign")(campaign_id, "voice", judge=accept)

        assert receipt.sendings == 1
        assert sent(kore_simulator) == ["get", verb, "get", verb]

    def test_write__gone(self, client: KoreClient, kore_simulator: KoreSimulator, verb: str) -> None:
        """A campaign that is gone by then is sent nothing."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.service.store.remove(campaign_id)

        if verb == "delete":
            receipt = client.delete_campaign(campaign_id, "voice", judge=accept)
            assert (receipt.changed, receipt.sendings) == (False, 0)
        else:
            with pytest.raises(KoreNotFoundError):
                client.start_campaign(campaign_id, "voice", judge=accept)
        kore_simulator.assert_no_writes()


def test_start__judged_only_by_what_was_before(client: KoreClient, kore_simulator: KoreSimulator) -> None:
    """A start that took effect without an answer is found by reading; the judge is not asked about its own effect."""
    campaign_id = kore_simulator.add_campaign(status="Ready")
    kore_simulator.fail_next(503, after=True, operation="start")
    asked: list[str] = []

    receipt = client.start_campaign(
        campaign_id, "voice", instance_id=None, judge=lambda campaign: asked.append(campaign.status)
    )

    assert (receipt.changed, receipt.by_reading) == (True, True)
    assert asked == ["Ready"]


def test_delete__judged_again(client: KoreClient, kore_simulator: KoreSimulator) -> None:
    """Sent again, it is judged again."""
    campaign_id = kore_simulator.add_campaign(status="Stopped")
    kore_simulator.fail_next(503, operation="delete")
    asked: list[str] = []

    client.delete_campaign(campaign_id, "voice", judge=lambda campaign: asked.append(campaign.status))

    assert asked == ["Stopped", "Stopped"]
    assert sent(kore_simulator) == ["get", "delete", "get", "get", "delete"]
