"""What must be proven around a delete: that a campaign stopped, that it is missing, that it is gone."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from delete_support import BOTH_WAYS, STRANGER, Delete, add, failure, only, remove, there

from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.errors import (
    CampaignTimeoutError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRequestError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_clock import FakeClock
    from kore_support import Meanwhile

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.listing import Listing
    from airflow_provider_campaigns.simulator import KoreSimulator


@pytest.fixture
def delete(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator) -> Delete:
    """Delete campaigns by id in time that does not pass."""
    kore_simulator.switches(rate_limit=None)
    return Delete(client, fake_clock)


class TestStopFirst:
    """With ``if_running="stop"`` a campaign that runs is deleted after a proven stop."""

    @BOTH_WAYS
    @pytest.mark.parametrize("campaign_type", ["voice", "sms"])
    @pytest.mark.parametrize("status", ["Active", "Paused"])
    def test_delete__stopped_first(
        self, kore_simulator: KoreSimulator, delete: Delete, status: str, campaign_type: str, delete_running: str
    ) -> None:
        """It is stopped, proven to have stopped, and then deleted."""
        kore_simulator.switches(delete_running=delete_running, drain_polls=2)
        (campaign_id,) = add(kore_simulator, status=status, campaign_type=campaign_type)

        assert only(delete(campaign_id, if_running="stop"))["status"] == "Deleted"
        assert [one.effect.split()[-1] for one in kore_simulator.effects("delete") if one.effect] == ["Stopped"]
        kore_simulator.assert_one_effect("stop", campaign_id)

    def test_delete__stop_not_confirmed(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """One that does not stop is never deleted."""
        kore_simulator.switches(delete_running="accept", drain_polls=10_000)
        (campaign_id,) = add(kore_simulator, status="Active")

        error = failure(delete(campaign_id, if_running="stop"), campaign_id)

        assert isinstance(error, CampaignTimeoutError)
        assert "is still Active after 600 s" in str(error)
        assert len(kore_simulator.requests.of("delete")) == 0

    def test_delete__restarted_while_it_stops(
        self, kore_simulator: KoreSimulator, delete: Delete, fake_clock: FakeClock
    ) -> None:
        """One that somebody starts again while it stops is not deleted, and not stopped again."""
        kore_simulator.switches(delete_running="accept", drain_polls=1)
        (campaign_id,) = add(kore_simulator, status="Active")
        fake_clock.events = [lambda: kore_simulator.restart(campaign_id)]

        error = failure(delete(campaign_id, if_running="stop"), campaign_id)

        assert "was started again while it was being stopped" in str(error)
        kore_simulator.assert_one_effect("stop", campaign_id)
        assert campaign_id in there(kore_simulator)

    def test_delete__restarted_after_it_stopped(
        self, kore_simulator: KoreSimulator, delete: Delete, meanwhile: Meanwhile
    ) -> None:
        """The same after it has stopped."""
        kore_simulator.switches(delete_running="accept")
        (campaign_id,) = add(kore_simulator, status="Active")
        # Read by the delete, by the stop, by its confirmation, and by the delete when it has stopped.
        meanwhile("delete_campaign", lambda: kore_simulator.restart(campaign_id))

        error = failure(delete(campaign_id, if_running="stop"), campaign_id)

        assert "was Stopped and became Active as another run meanwhile" in str(error)
        assert campaign_id in there(kore_simulator)

    def test_delete__others_go_on(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """One that does not stop keeps no other from being deleted."""
        ids = add(kore_simulator, 5)
        kore_simulator.switches(drain_polls=10_000)
        (slow,) = add(kore_simulator, status="Active")

        outcomes = delete(slow, *ids, if_running="stop")

        assert list(outcomes.failures) == [slow]
        assert there(kore_simulator) == {slow}


class TestMissing:
    """A campaign is missing only if reading and the list agree."""

    @pytest.mark.parametrize("not_found_status", [400, 404])
    @pytest.mark.parametrize("if_missing", ["skip", "succeed"])
    @pytest.mark.parametrize("campaign_type", [None, CampaignType.SMS])
    def test_delete__accepted(
        self,
        kore_simulator: KoreSimulator,
        delete: Delete,
        if_missing: str,
        not_found_status: int,
        campaign_type: CampaignType | None,
    ) -> None:
        """With skip and succeed it is a result with the status Missing."""
        kore_simulator.switches(not_found_status=not_found_status)

        assert only(delete(STRANGER, if_missing=if_missing, campaign_type=campaign_type)) == {
            "campaign_id": STRANGER,
            "campaign_type": campaign_type,
            "status": "Missing",
            "changed": False,
            "campaign_instance_id": None,
        }
        kore_simulator.assert_no_writes()

    def test_delete__fails(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """With fail it is a failure that a retry does not mend."""
        error = failure(delete(STRANGER, if_missing="fail"), STRANGER)

        assert isinstance(error, KoreNotFoundError)
        assert not error.retryable
        assert "if_missing='succeed' accepts that it is gone already" in str(error)

    @pytest.mark.parametrize("meant", [None, CampaignType.VOICE, CampaignType.SMS])
    @pytest.mark.parametrize("if_missing", ["fail", "skip", "succeed"])
    def test_delete__listed(
        self, kore_simulator: KoreSimulator, delete: Delete, if_missing: str, meant: CampaignType | None
    ) -> None:
        """A campaign that a list holds is not missing, whatever reading says, and whatever type it is meant to be."""
        (campaign_id,) = add(kore_simulator)
        kore_simulator.fail_next(404, operation="get")

        error = failure(delete(campaign_id, if_missing=if_missing, campaign_type=meant), campaign_id)

        assert isinstance(error, KoreProtocolError)
        assert error.retryable
        kore_simulator.assert_no_writes()

    def test_delete__deleted_by_somebody_else(
        self, kore_simulator: KoreSimulator, delete: Delete, meanwhile: Meanwhile
    ) -> None:
        """A campaign that somebody else deletes before the look is missing, like one deleted earlier."""
        (campaign_id,) = add(kore_simulator)
        meanwhile("delete_campaign", lambda: remove(kore_simulator, campaign_id))

        result = only(delete(campaign_id))

        assert (result["status"], result["changed"]) == ("Missing", False)
        kore_simulator.assert_no_writes()

    def test_delete__deleted_by_somebody_else_after_the_look(
        self, kore_simulator: KoreSimulator, delete: Delete, fake_clock: FakeClock
    ) -> None:
        """So is one that somebody else deletes between the look and the delete."""
        (campaign_id,) = add(kore_simulator)
        fake_clock.before_write = lambda: remove(kore_simulator, campaign_id)

        result = only(delete(campaign_id))

        assert (result["status"], result["changed"]) == ("Missing", False)
        assert len(kore_simulator.requests.of("delete")) == 1

    def test_delete__path_not_found(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """A delete that is answered "not found" while the campaign is there is a failure, not a success."""
        (campaign_id,) = add(kore_simulator)
        kore_simulator.fail_next(404, operation="delete")

        error = failure(delete(campaign_id), campaign_id)

        assert isinstance(error, KoreProtocolError)
        assert error.retryable
        assert "was not found for a moment, and is there. Nothing was deleted" in str(error)
        assert campaign_id in there(kore_simulator)


OTHER_WORDS = [
    {"not_found_status": 410},
    {"not_found_answer": "other words"},
    {"not_found_answer": "204"},
    {"not_found_answer": "no data"},
    {"not_found_answer": "empty data"},
]


class TestBefore:
    """Before anything is sent, it is tried whether it could be proven that a campaign is gone."""

    @pytest.mark.parametrize(
        ("switches", "proven_by"),
        [
            ({}, "list and get"),
            *((words, "list and get") for words in OTHER_WORDS),
            ({"list_cap": 2}, "list and get"),
            ({"list_broken": "no id"}, "list and get"),
            ({"list_broken": "no status"}, "list and get"),
            ({"list_broken": "null"}, "list and get"),
            ({"list_refused": True}, "get and status"),
            ({"list_refused": True, "not_found_status": 404}, "get and status"),
        ],
        ids=str,
    )
    def test_delete__proven(
        self, kore_simulator: KoreSimulator, delete: Delete, switches: dict[str, Any], proven_by: str
    ) -> None:
        """However the service says that there is none, it is proven, and the result says by which readings."""
        kore_simulator.switches(**switches)
        ids, others = add(kore_simulator, 2), add(kore_simulator, 4)

        outcomes = delete(*ids)

        outcomes.raise_failures("deleted")
        assert [(one["status"], one["proven_by"]) for one in outcomes.as_dicts()] == [("Deleted", proven_by)] * 2
        assert there(kore_simulator) == set(others)

    @pytest.mark.parametrize(
        "switches",
        [{"list_refused": True, **words} for words in OTHER_WORDS],
        ids=str,
    )
    @pytest.mark.parametrize("status", ["Stopped", "Active"])
    def test_delete__cannot_be_proven(
        self, kore_simulator: KoreSimulator, delete: Delete, switches: dict[str, Any], status: str
    ) -> None:
        """Without a list, words of the service's own prove nothing: then neither a stop nor a delete is sent."""
        kore_simulator.switches(**switches)
        (campaign_id,) = add(kore_simulator, status=status)

        error = failure(delete(campaign_id, if_running="stop"), campaign_id)

        assert str(error).startswith(
            "nothing would prove that a campaign is gone: the list cannot be used (list_v2 (POST "
        )
        assert str(error).endswith("say confirm=False, which believes the answer to the delete")
        assert (error.retryable, error.outcome_unknown) == (True, False)
        kore_simulator.assert_no_writes()

    @pytest.mark.parametrize("operation", ["list", "get"])
    def test_delete__cannot_be_tried(
        self, kore_simulator: KoreSimulator, delete: Delete, waits: list[float], operation: str
    ) -> None:
        """While the service does not answer, nothing is sent; the next try goes on."""
        (campaign_id,) = add(kore_simulator)
        kore_simulator.drop_next(operation=operation, skip=1 if operation == "get" else 0, times=5)

        error = failure(delete(campaign_id), campaign_id)

        assert str(error).startswith("what would prove that a campaign is gone could not be tried: ")
        assert (error.retryable, error.outcome_unknown) == (True, False)
        kore_simulator.assert_no_writes()
        waits.append(10.0)  # before a task tries again
        assert only(delete(campaign_id))["status"] == "Deleted"

    @pytest.mark.parametrize(
        ("options", "operations"),
        [({"confirm": False}, ["get", "get", "delete"]), ({"plan_only": True}, ["get"])],
    )
    def test_delete__not_tried(
        self, kore_simulator: KoreSimulator, delete: Delete, options: dict[str, Any], operations: list[str]
    ) -> None:
        """Who needs no proof, or only plans, tries none."""
        kore_simulator.switches(list_refused=True, not_found_answer="204")
        delete(*add(kore_simulator), **options)

        assert [one.operation for one in kore_simulator.requests] == operations

    def test_delete__tried_once(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """It costs two requests, however many campaigns there are."""
        ids = add(kore_simulator, 12)

        delete(*ids[:10]).raise_failures("deleted")
        delete(*ids[10:]).raise_failures("deleted")

        # Each is read, read again, and looked for; one id that is not there; a list to try, and one after each delete.
        assert len(kore_simulator.requests.of("get")) == 3 * 12 + 1
        assert len(kore_simulator.requests.of("list")) == 1 + 2

    @pytest.mark.parametrize("switches", OTHER_WORDS, ids=str)
    @pytest.mark.parametrize("others", [0, 1])
    def test_delete__missing_in_other_words(
        self, kore_simulator: KoreSimulator, delete: Delete, switches: dict[str, Any], others: int
    ) -> None:
        """A campaign that was never there is missing, as soon as it is seen how the service says so."""
        kore_simulator.switches(**switches)
        add(kore_simulator, others)

        assert only(delete(STRANGER))["status"] == "Missing"

    def test_delete__refused_by_reading(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """A refusal that is not how the service speaks of what is not there says nothing of that."""
        (campaign_id,) = add(kore_simulator)
        kore_simulator.fail_next(400, operation="get", body={"message": "no"}, times=1000)

        assert isinstance(failure(delete(campaign_id), campaign_id), KoreRequestError)
        kore_simulator.assert_no_writes()


class TestGone:
    """A delete is believed when neither reading nor the list shows the campaign."""

    def lingering(self, simulator: KoreSimulator, campaign_id: str) -> Callable[[], object]:
        """Put a deleted campaign back, as a service that deletes with delay would show it."""
        before = dataclasses.asdict(simulator.campaign(campaign_id))
        return lambda: simulator.add_campaign(**before)

    def test_delete__still_shown_for_a_while(
        self, kore_simulator: KoreSimulator, delete: Delete, meanwhile: Meanwhile, fake_clock: FakeClock
    ) -> None:
        """It is looked for again every ten seconds."""
        (campaign_id,) = add(kore_simulator)
        meanwhile("look_through", self.lingering(kore_simulator, campaign_id))
        fake_clock.events = [lambda: None, lambda: remove(kore_simulator, campaign_id)]

        assert only(delete(campaign_id))["status"] == "Deleted"
        assert fake_clock.waits == [10.0, 10.0]

    def test_delete__still_shown_after_a_minute(
        self, kore_simulator: KoreSimulator, delete: Delete, meanwhile: Meanwhile, fake_clock: FakeClock
    ) -> None:
        """After 60 s it is a failure with an unknown outcome; the others are deleted."""
        campaign_id, *others = add(kore_simulator, 5)
        meanwhile("look_through", self.lingering(kore_simulator, campaign_id))

        outcomes = delete(campaign_id, *others)

        error = failure(outcomes, campaign_id)
        assert isinstance(error, CampaignTimeoutError)
        assert error.retryable
        assert error.outcome_unknown
        assert str(error) == (
            f"campaign {campaign_id}: the delete was accepted, but after 60 s it is not proven that the campaign is "
            "gone: the list still shows it. Run this again, which looks once more, or look at it on the platform"
        )
        assert fake_clock.waits == [10.0] * 6
        assert sorted(outcomes.results) == sorted(others)

    def test_delete__shown_by_reading_only(
        self, kore_simulator: KoreSimulator, delete: Delete, meanwhile: Meanwhile, fake_clock: FakeClock
    ) -> None:
        """One that the list no longer holds but reading still finds is not gone."""
        (campaign_id,) = add(kore_simulator)
        put_back = self.lingering(kore_simulator, campaign_id)
        meanwhile("look_through", lambda: meanwhile("get_campaign", put_back))
        fake_clock.events = [lambda: remove(kore_simulator, campaign_id)]

        assert only(delete(campaign_id))["status"] == "Deleted"
        assert fake_clock.waits == [10.0]

    def test_delete__shown_by_the_list_only(
        self, kore_simulator: KoreSimulator, delete: Delete, meanwhile: Meanwhile, fake_clock: FakeClock
    ) -> None:
        """One that reading no longer finds but the list still holds is not gone."""
        (campaign_id,) = add(kore_simulator)
        meanwhile("look_through", self.lingering(kore_simulator, campaign_id))
        kore_simulator.fail_next(404, operation="get", skip=3)
        fake_clock.events = [lambda: remove(kore_simulator, campaign_id)]

        assert only(delete(campaign_id))["status"] == "Deleted"
        assert fake_clock.waits == [10.0]

    @pytest.mark.parametrize("operation", ["list", "get"])
    def test_delete__unreadable_for_a_while(
        self, kore_simulator: KoreSimulator, delete: Delete, fake_clock: FakeClock, operation: str
    ) -> None:
        """A reading that fails proves nothing, and is tried again."""
        (campaign_id,) = add(kore_simulator)
        kore_simulator.drop_next(operation=operation, skip=3 if operation == "get" else 1, times=5)

        assert only(delete(campaign_id))["status"] == "Deleted"
        assert fake_clock.waits == [10.0]

    def test_delete__credentials_refused_meanwhile(
        self, kore_simulator: KoreSimulator, delete: Delete, fake_clock: FakeClock
    ) -> None:
        """Credentials that are refused after the delete end the waiting: it was sent, and nothing is proven."""
        ids = add(kore_simulator, 3)
        kore_simulator.fail_next(401, operation="get", skip=7, times=1000)

        outcomes = delete(*ids)

        assert sorted(outcomes.failures) == sorted(ids)
        assert {type(error) for error in outcomes.failures.values()} == {CampaignTimeoutError}
        assert all(
            "it is not proven that the campaign is gone: get_v2 of campaign" in str(error)
            for error in outcomes.failures.values()
        )
        assert fake_clock.waits == []
        assert all(error.outcome_unknown for error in outcomes.failures.values())
        assert outcomes.results == {}

    def test_delete__list_refused_meanwhile(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """Where the list is refused only after the delete, the status view stands in."""
        ids = add(kore_simulator, 3)
        kore_simulator.fail_next(401, operation="list", skip=1, times=1000)

        outcomes = delete(*ids)

        outcomes.raise_failures("deleted")
        assert {one["proven_by"] for one in outcomes.as_dicts()} == {"get and status"}

    @pytest.mark.parametrize(
        ("status", "why"),
        [
            (
                503,
                "the list could not be read (list_v2 (POST {path}/getAllCampaignDetails): HTTP 503: Service ",
            ),
            (
                403,
                "status_v2 of campaign {campaign_id} (POST {path}/{campaign_id}/status): HTTP 403: no (met once). Run ",
            ),
        ],
    )
    def test_delete__says_what_is_known(
        self, kore_simulator: KoreSimulator, delete: Delete, status: int, why: str
    ) -> None:
        """A list that could not be read is not said to show the campaign."""
        (campaign_id,) = add(kore_simulator)
        kore_simulator.fail_next(status, operation="list", skip=1, times=1000)
        # The status view would stand in for a list that is refused.
        kore_simulator.fail_next(403, operation="status", times=1000, body={"errors": [{"msg": "no"}]})

        error = failure(delete(campaign_id), campaign_id)

        assert isinstance(error, CampaignTimeoutError)
        assert error.retryable
        path = f"/campaign/api/v2/public/{kore_simulator.stream_id}/campaign"
        told = why.format(campaign_id=campaign_id, path=path)
        assert f"it is not proven that the campaign is gone: {told}" in str(error)

    def test_delete__may_be_an_item_that_cannot_be_read(
        self, kore_simulator: KoreSimulator, delete: Delete, client: KoreClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An item of the list that cannot be read and may be the campaign is no proof that it is gone."""
        (campaign_id,) = add(kore_simulator)
        look_through = client.look_through

        def with_draft(kind: str) -> Listing:
            listing = look_through(kind)
            listing.add([{"draftOf": campaign_id}], client.settings.endpoints["list_v2"])
            return listing

        monkeypatch.setattr(client, "look_through", with_draft)

        error = failure(delete(campaign_id), campaign_id)

        assert "the list holds an item that cannot be read and may be this campaign" in str(error)

    def test_delete__one_unreadable(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """One whose absence cannot be proven keeps no other from being proven gone."""
        unreadable, *others = add(kore_simulator, 5)
        kore_simulator.fail_next(
            400, operation="get", campaign_id=unreadable, skip=2, times=100, body={"status": "failed"}
        )

        outcomes = delete(unreadable, *others)

        assert "is gone: get_v2 of campaign" in str(failure(outcomes, unreadable))
        assert outcomes.failures[unreadable].outcome_unknown
        assert sorted(outcomes.results) == sorted(others)


class TestStillShown:
    """A service may go on showing what it has deleted, with a status that no page names."""

    @pytest.mark.parametrize("reading", ["get", "list"])
    def test_delete__says_deleted(self, kore_simulator: KoreSimulator, delete: Delete, reading: str) -> None:
        """Its status proves that it is gone."""
        (campaign_id,) = add(kore_simulator)
        shown = {"_id": campaign_id, "name": "Renewals", "dialingMode": "Agentless", "status": "Deleted"}
        page = {"results": [shown], "totalResults": 1, "totalPages": 1, "hasMore": False}
        kore_simulator.fail_next(
            200,
            body={"status": "success", "data": shown if reading == "get" else page},
            operation=reading,
            skip={"get": 3, "list": 1}[reading],
            times=100,
        )

        result = only(delete(campaign_id))

        assert (result["status"], result["changed"], result["proven_by"]) == ("Deleted", True, "its status, Deleted")

    def test_delete__deleted_before(self, kore_simulator: KoreSimulator, delete: Delete) -> None:
        """One that was deleted before is not said to run, perhaps; nothing is sent to it."""
        (campaign_id,) = add(kore_simulator)
        kore_simulator.set_status(campaign_id, "DELETED", force=True)

        assert "is Deleted already, by its own status, although it is still shown. Nothing was deleted" in str(
            failure(delete(campaign_id), campaign_id)
        )
        assert len(kore_simulator.requests.of("delete")) == 0
