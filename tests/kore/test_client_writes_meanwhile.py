"""Writes while others act on the same campaign, and on a service that is free to answer in undocumented ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kore_support import Waits, client_of, waiting_client

from airflow_provider_campaigns.kore.errors import (
    CampaignStateError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRequestError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")


@pytest.fixture
def meantime() -> Waits:
    """What happens while the client waits."""
    return Waits()


@pytest.fixture
def client(settings: KoreSettings, meantime: Waits) -> Iterator[KoreClient]:
    """A client during whose waits things happen."""
    with waiting_client(settings, meantime, limit=10_000) as client:
        yield client


def failure(call: Callable[..., object], *arguments: Any, **options: Any) -> KoreError:
    """The error of a call."""
    with pytest.raises(KoreError) as caught:
        call(*arguments, **options)
    return caught.value


def nothing() -> None:
    """A wait during which nothing happens."""


class TestRestarted:
    """A campaign that somebody starts anew, while an answer is lost, is left alone."""

    @pytest.mark.parametrize("took_effect", [True, False])
    def test_stop__restarted(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits, took_effect: bool
    ) -> None:
        """A stop whose answer was lost is not sent to the next run, whether or not it ended the one that was meant."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        meant = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.drop_next(after=took_effect, operation="stop")
        meantime.events = [lambda: kore_simulator.restart(campaign_id)]

        error = failure(client.stop_campaign, campaign_id, "voice", instance_id=meant)

        assert type(error) is CampaignStateError
        assert (error.outcome_unknown, error.retryable, error.endpoint) == (True, False, "stop_voice_v1")
        assert len(kore_simulator.requests.of("stop")) == 1
        assert kore_simulator.campaign(campaign_id).status == "Active"

    def test_stop__restarted_between_readings(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits
    ) -> None:
        """Without an instance id, the run that the first reading shows is the one that is meant."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.drop_next(operation="stop")
        meantime.events = [nothing, nothing, lambda: kore_simulator.restart(campaign_id)]

        error = failure(client.stop_campaign, campaign_id, "voice")

        assert (type(error), error.outcome_unknown) == (CampaignStateError, True)
        assert kore_simulator.campaign(campaign_id).status == "Active"

    def test_stop__restarted_in_the_last_wait(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits
    ) -> None:
        """What is left to wait for after the last reading is followed by another one, however short it was."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        meant = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.fail_next(503, headers={"Retry-After": "12"}, operation="stop")
        meantime.events = [*[nothing] * 5, lambda: kore_simulator.restart(campaign_id)]

        error = failure(client.stop_campaign, campaign_id, "voice", instance_id=meant)

        assert meantime.seconds == [0.0, 1.0, 2.0, 3.0, 4.0, 2.5]
        assert (type(error), error.outcome_unknown) == (CampaignStateError, True)
        assert kore_simulator.campaign(campaign_id).status == "Active"

    def test_stop__answer_of_another_run(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits
    ) -> None:
        """An answer that names another run is checked by reading."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        meant = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.mislabel_next(operation="stop")

        receipt = client.stop_campaign(campaign_id, "voice", instance_id=meant)

        kore_simulator.assert_one_effect("stop", campaign_id)
        assert (receipt.campaign_instance_id, receipt.by_reading, receipt.sendings) == (meant, True, 1)

    def test_stop__of_another_run(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A stop that met another run than the one that was read before is an error that says so."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        meant = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.restart(campaign_id)

        error = failure(client.stop_campaign, campaign_id, "voice", instance_id=meant)

        assert (type(error), error.outcome_unknown) == (CampaignStateError, True)
        kore_simulator.assert_one_effect("stop", campaign_id)

    def test_delete__restarted(self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits) -> None:
        """A delete that was lost is not sent again to a campaign that runs anew; it is there, so it had no effect."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        meant = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.switches(delete_running="accept")
        kore_simulator.drop_next(operation="delete")
        meantime.events = [lambda: kore_simulator.restart(campaign_id)]

        error = failure(client.delete_campaign, campaign_id, "voice", instance_id=meant)

        assert type(error) is CampaignStateError
        assert (error.outcome_unknown, error.endpoint) == (False, "delete_voice_v2")
        assert "was started again while it was being deleted" in str(error)
        assert len(kore_simulator.requests.of("delete")) == 1
        assert not kore_simulator.effects()

    def test_delete__restarted_and_stopped(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits
    ) -> None:
        """A delete that was lost is not sent again to a campaign whose next run is over: nobody saved its results."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        meant = kore_simulator.campaign(campaign_id).instance_id
        kore_simulator.drop_next(operation="delete")

        def run_again() -> None:
            kore_simulator.restart(campaign_id)
            kore_simulator.set_status(campaign_id, "Completed")

        meantime.events = [run_again]

        error = failure(client.delete_campaign, campaign_id, "voice", instance_id=meant)

        assert (type(error), error.outcome_unknown) == (CampaignStateError, False)
        assert not kore_simulator.effects()

    def test_delete__running_unknown_instance(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits
    ) -> None:
        """Without an instance id too, a campaign that runs is not sent a second delete."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.switches(delete_running="accept")
        kore_simulator.drop_next(operation="delete")
        meantime.events = [lambda: kore_simulator.restart(campaign_id)]

        error = failure(client.delete_campaign, campaign_id, "voice")

        assert str(error) == f"campaign {campaign_id}: is Active, so the delete is not sent"
        assert not kore_simulator.effects()

    def test_start__by_somebody_else(self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits) -> None:
        """A start that was lost is not sent again if somebody else started the campaign meanwhile."""
        campaign_id = kore_simulator.add_campaign(status="Ready")
        kore_simulator.drop_next(operation="start")
        meantime.events = [lambda: kore_simulator.restart(campaign_id)]

        receipt = client.start_campaign(campaign_id, "voice", instance_id=None)

        assert (receipt.status, receipt.by_reading) == ("Active", True)
        assert len(kore_simulator.requests.of("start")) == 1

    @pytest.mark.parametrize("took_effect", [True, False])
    def test_start__without_instance(
        self, client: KoreClient, kore_simulator: KoreSimulator, took_effect: bool
    ) -> None:
        """Without the run before, a start that was lost is sent once only, and is done if the campaign runs."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.drop_next(after=took_effect, operation="start")

        if took_effect:
            assert client.start_campaign(campaign_id, "voice").by_reading is True
        else:
            error = failure(client.start_campaign, campaign_id, "voice")
            assert (type(error), error.outcome_unknown) == (CampaignStateError, True)

        assert len(kore_simulator.requests.of("start")) == 1

    @pytest.mark.parametrize("verb", ["stop", "start"])
    def test_write__deleted(
        self, client: KoreClient, settings: KoreSettings, kore_simulator: KoreSimulator, meantime: Waits, verb: str
    ) -> None:
        """A campaign that somebody deletes meanwhile is not said to be stopped or started."""
        campaign_id = kore_simulator.add_campaign(status="Active" if verb == "stop" else "Ready")
        kore_simulator.switches(delete_running="accept")
        kore_simulator.drop_next(operation=verb)
        meantime.events = [lambda: client_of(settings).delete_campaign(campaign_id, "voice")]

        error = failure(getattr(client, f"{verb}_campaign"), campaign_id, "voice")

        assert (type(error), error.outcome_unknown, error.retryable) == (KoreNotFoundError, True, False)
        assert "somebody deleted it" in str(error)

    def test_stop__ended_by_itself(self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits) -> None:
        """A stop that was lost is done if the run ends by itself while it is looked for."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.drop_next(operation="stop")
        meantime.events = [nothing, lambda: kore_simulator.set_status(campaign_id, "Completed")]

        receipt = client.stop_campaign(campaign_id, "voice")

        assert (receipt.status, receipt.by_reading) == ("Completed", True)
        assert not kore_simulator.effects()


class TestSwitches:
    """What the vendor does not document, both ways."""

    @pytest.mark.parametrize("not_found_status", [400, 404])
    @pytest.mark.parametrize("delete_answer", ["data", "bare", "deletedAt"])
    @pytest.mark.parametrize("lost", [False, True])
    def test_delete__answers(
        self, client: KoreClient, kore_simulator: KoreSimulator, delete_answer: str, not_found_status: int, lost: bool
    ) -> None:
        """However a delete is answered and "not found" is said, the campaign is deleted once and known to be gone."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.switches(delete_answer=delete_answer, not_found_status=not_found_status)
        if lost:
            kore_simulator.drop_next(after=True, operation="delete")

        receipt = client.delete_campaign(campaign_id, "voice")

        kore_simulator.assert_one_effect("delete", campaign_id)
        assert receipt.by_reading is (lost or delete_answer != "data")
        assert receipt.sendings == 1

    def test_delete__echo_of_an_earlier_one(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """A second delete that finds nothing, after a first in doubt, is the proof that the first took effect."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.drop_next(after=True, operation="delete")
        # Two readings are stale: they still show the campaign.
        stale = {"status": "success", "data": {"_id": campaign_id, "status": "Ready"}}
        kore_simulator.fail_next(200, body=stale, operation="get", times=2)

        receipt = client.delete_campaign(campaign_id, "voice")

        kore_simulator.assert_one_effect("delete", campaign_id)
        assert (receipt.sendings, receipt.by_reading) == (2, True)

    @pytest.mark.parametrize("delete_answer", ["data", "bare"])
    def test_delete__answer_for_another_campaign(
        self, client: KoreClient, kore_simulator: KoreSimulator, delete_answer: str
    ) -> None:
        """A delete that is answered for another campaign is an alarm, unless the answer names none."""
        campaign_id = kore_simulator.add_campaign(status="Stopped")
        kore_simulator.switches(delete_answer=delete_answer)
        kore_simulator.mislabel_next(operation="delete")

        if delete_answer == "data":
            error = failure(client.delete_campaign, campaign_id, "voice")
            assert type(error) is KoreProtocolError
            assert (error.outcome_unknown, error.retryable, error.endpoint) == (True, False, "delete_voice_v2")
            path = f"/campaign/api/v2/public/{kore_simulator.stream_id}/campaign/{campaign_id}"
            assert str(error).startswith(f"delete_voice_v2 of campaign {campaign_id} (DELETE {path}): the delete was ")
        else:
            assert client.delete_campaign(campaign_id, "voice").by_reading is True
        kore_simulator.assert_one_effect("delete", campaign_id)

    @pytest.mark.parametrize(("switch", "is_refused"), [("refuse", True), ("accept", False)])
    def test_delete__of_a_running_campaign(
        self, client: KoreClient, kore_simulator: KoreSimulator, switch: str, is_refused: bool
    ) -> None:
        """The client sends a delete as asked; whether one of a running campaign is accepted is the service's matter."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.switches(delete_running=switch)

        if is_refused:
            error = failure(client.delete_campaign, campaign_id, "voice")
            assert (type(error), error.outcome_unknown) == (KoreRequestError, False)
            assert not kore_simulator.effects()
        else:
            client.delete_campaign(campaign_id, "voice")
            kore_simulator.assert_one_effect("delete", campaign_id)

    @pytest.mark.parametrize("verb", ["stop", "delete"])
    @pytest.mark.parametrize("switch", ["error", "ignore"])
    def test_write__wrong_type(self, client: KoreClient, kore_simulator: KoreSimulator, verb: str, switch: str) -> None:
        """A wrong type changes nothing, but may look like a success: a receipt is no proof, and the caller reads."""
        campaign_id = kore_simulator.add_campaign(status="Stopped" if verb == "delete" else "Active")
        kore_simulator.switches(type_mismatch=switch)
        method = getattr(client, f"{verb}_campaign")

        if switch == "error":
            error = failure(method, campaign_id, "sms")
            assert (type(error), error.outcome_unknown) == (KoreNotFoundError, False)
        else:
            assert method(campaign_id, "sms").campaign_id == campaign_id
        assert not kore_simulator.effects()

    @pytest.mark.parametrize("switch", ["error", "noop"])
    @pytest.mark.parametrize("lost", [False, True])
    def test_stop__idle(self, client: KoreClient, kore_simulator: KoreSimulator, switch: str, lost: bool) -> None:
        """A stop of what does not run changes nothing: refused, answered as done, or, if lost, found to be done."""
        campaign_id = kore_simulator.add_campaign(status="Completed")
        kore_simulator.switches(stop_idle=switch)
        if lost:
            kore_simulator.drop_next(after=True, operation="stop")

        if switch == "error" and not lost:
            error = failure(client.stop_campaign, campaign_id, "voice")
            assert (type(error), error.outcome_unknown) == (KoreRequestError, False)
        else:
            assert client.stop_campaign(campaign_id, "voice").by_reading is lost
        assert not kore_simulator.effects()

    @pytest.mark.parametrize("switch", ["error", "noop"])
    def test_start__running(self, client: KoreClient, kore_simulator: KoreSimulator, switch: str) -> None:
        """A start of what runs begins no second run."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.switches(start_running=switch)

        if switch == "error":
            error = failure(client.start_campaign, campaign_id, "voice")
            assert (type(error), error.outcome_unknown) == (KoreRequestError, False)
        else:
            assert client.start_campaign(campaign_id, "voice").status == "Active"
        assert not kore_simulator.effects()


class TestDrain:
    @pytest.mark.parametrize("lost", [False, True])
    @pytest.mark.parametrize("polls", [1, 3, 4])
    def test_stop__drains_within_its_time(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits, polls: int, lost: bool
    ) -> None:
        """A stop that is accepted and still reads Active is looked for until it shows; it is not sent again."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.switches(drain_polls=polls, drain_answer="Active")
        if lost:
            kore_simulator.drop_next(after=True, operation="stop")

        receipt = client.stop_campaign(campaign_id, "voice")

        kore_simulator.assert_one_effect("stop", campaign_id)
        assert (receipt.status, receipt.sendings, receipt.by_reading) == ("Stopped", 1, True)
        assert meantime.seconds == [0.0, 1.0, 2.0, 3.0, 4.0][: polls + 1]

    def test_stop__drains_and_says_stopped(self, client: KoreClient, kore_simulator: KoreSimulator) -> None:
        """An answer that says Stopped is believed, although the campaign may still read Active for a while."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.switches(drain_polls=3)

        receipt = client.stop_campaign(campaign_id, "voice")

        assert (receipt.status, receipt.by_reading) == ("Stopped", False)
        assert client.get_campaign_status(campaign_id) == "Active"

    @pytest.mark.parametrize("stop_idle", ["error", "noop"])
    def test_stop__drains_longer(
        self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits, stop_idle: str
    ) -> None:
        """A stop that takes longer to show is sent again after a minute, and still takes effect once."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.switches(drain_polls=12, drain_answer="Active", stop_idle=stop_idle)

        receipt = client.stop_campaign(campaign_id, "voice")

        kore_simulator.assert_one_effect("stop", campaign_id)
        assert (receipt.status, receipt.sendings) == ("Stopped", 2)
        assert meantime.seconds == [0.0, 1.0, 2.0, 3.0, 4.0, *[10.0] * 5, 0.0, 1.0, 2.0]

    def test_stop__drains_for_ever(self, client: KoreClient, kore_simulator: KoreSimulator, meantime: Waits) -> None:
        """A stop that never shows is sent twice and ends as an error, though the service may have accepted it."""
        campaign_id = kore_simulator.add_campaign(status="Active")
        kore_simulator.switches(drain_polls=1000, drain_answer="Active")

        error = failure(client.stop_campaign, campaign_id, "voice")

        assert (type(error), error.retryable, error.outcome_unknown) == (KoreProtocolError, True, True)
        assert len(kore_simulator.requests.of("stop")) == 2
        assert sum(meantime.seconds) == 300.0
