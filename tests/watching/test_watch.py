"""Watching campaigns: what a look costs, what it says, and when a goal is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
from airflow_provider_campaigns.kore.errors import (
    KoreAuthenticationError,
    KoreConnectionError,
    KoreError,
    KoreNotFoundError,
    KoreProtocolError,
    KoreRateLimitError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.presence import PROVEN_MISSING
from airflow_provider_campaigns.watching.watch import CampaignWatch, StatusGoal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")

STRANGER = "cd-0000000-0000-4000-8000-00000000dead"
VOICE, SMS = CampaignType.VOICE, CampaignType.SMS


@pytest.fixture
def watch(client: KoreClient) -> CampaignWatch:
    return CampaignWatch(client)


def operations(simulator: KoreSimulator) -> list[str]:
    return [request.operation for request in simulator.requests]


def statuses(found: Mapping[str, object]) -> list[str]:
    return [str(one.status) for one in found.values() if isinstance(one, Campaign)]


def campaign(campaign_id: str, status: str) -> Campaign:
    return Campaign.from_api({"_id": campaign_id, "name": "Spring", "status": status})


class TestLook:
    """What is asked, and what comes of it."""

    def test_look__few(self, kore_simulator: KoreSimulator, watch: CampaignWatch) -> None:
        """Three campaigns are read each by itself, one portion for each."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(3)]

        portions = list(watch.look(dict.fromkeys(ids, VOICE)))

        assert [list(portion) for portion in portions] == [[ids[0]], [ids[1]], [ids[2]]]
        assert operations(kore_simulator) == ["get", "get", "get"]
        assert watch.cost == 3

    def test_look__many_of_a_known_type(self, kore_simulator: KoreSimulator, watch: CampaignWatch) -> None:
        """A hundred and fifty campaigns of a known type cost two requests."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(150)]

        found = watch.look_at_all(dict.fromkeys(ids, VOICE))

        assert found.keys() == set(ids)
        assert operations(kore_simulator) == ["list", "list"]
        assert watch.cost == 2

    @pytest.mark.parametrize(("kinds", "lists"), [(("voice",) * 4, 1), (("voice", "voice", "sms", "sms"), 2)])
    def test_look__many_of_unknown_type(
        self, kore_simulator: KoreSimulator, watch: CampaignWatch, kinds: tuple[str, ...], lists: int
    ) -> None:
        """The list of the other type is read only if that of the first lacks a campaign."""
        ids = [kore_simulator.add_campaign(status="Active", campaign_type=kind) for kind in kinds]  # type: ignore[arg-type]

        found = watch.look_at_all(dict.fromkeys(ids))

        assert statuses(found) == ["Active"] * 4
        assert operations(kore_simulator) == ["list"] * lists

    def test_look__long_list(self, kore_simulator: KoreSimulator, watch: CampaignWatch) -> None:
        """Once the list is known to cost more than the campaigns do, they are read each by itself."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(450)]
        watched = dict.fromkeys(ids[:4], VOICE)

        costs = []
        for _ in range(2):
            watch.look_at_all(watched)
            costs.append(watch.cost)

        assert costs == [5, 4]
        assert operations(kore_simulator) == ["list"] * 5 + ["get"] * 4

    def test_look__not_in_the_list(self, kore_simulator: KoreSimulator, watch: CampaignWatch) -> None:
        """What the list lacks is missing only after it was read and the list was asked again."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(4)]

        found = watch.look_at_all(dict.fromkeys([*ids, STRANGER], VOICE))

        assert found[STRANGER] is PROVEN_MISSING
        assert statuses(found) == ["Active"] * 4
        assert operations(kore_simulator) == ["list", "get", "list", "list"]

    def test_look__list_refused(
        self, kore_simulator: KoreSimulator, watch: CampaignWatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Where the service refuses the list, each campaign is read by itself, and one warning says so."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(4)]
        kore_simulator.fail_next(400, operation="list", times=4)

        for _ in range(2):
            assert statuses(watch.look_at_all(dict.fromkeys(ids, VOICE))) == ["Active"] * 4
        watch.look_at_all(dict.fromkeys(ids, VOICE))

        assert operations(kore_simulator) == [*["list", "list", "get", "get", "get", "get"] * 2, "list"]
        assert [record.levelname for record in caplog.records if "the list cannot be used" in record.message] == [
            "WARNING"
        ]

    def test_look__list_changes_while_it_is_read(self, client: KoreClient, monkeypatch: pytest.MonkeyPatch) -> None:
        """A list that is not whole is no reason to read every campaign by itself: the next look may find it whole."""

        def look_through(kind: str, *, is_last_resort: bool) -> list[Campaign]:
            raise KoreProtocolError("the pages do not add up", retryable=True)

        monkeypatch.setattr(client, "look_through", look_through)

        with pytest.raises(KoreProtocolError, match="do not add up"):
            CampaignWatch(client).look_at_all(dict.fromkeys(["cd-1", "cd-2", "cd-3", "cd-4"], VOICE))

    def test_look__one_unreadable(self, kore_simulator: KoreSimulator, watch: CampaignWatch) -> None:
        """A campaign whose answer cannot be understood keeps no other from being read."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(2)]
        kore_simulator.mislabel_next(campaign_id=ids[0], times=9)
        kore_simulator.mislabel_next(operation="list", times=9)

        found = watch.look_at_all(dict.fromkeys(ids, VOICE))

        assert isinstance(found[ids[0]], KoreProtocolError)
        assert statuses(found) == ["Active"]

    def test_look__service_fails_for_one(self, kore_simulator: KoreSimulator, watch: CampaignWatch) -> None:
        """A campaign for which the service fails each time keeps no other from being read."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(2)]
        kore_simulator.drop_next(campaign_id=ids[0], times=10)

        found = watch.look_at_all(dict.fromkeys(ids, VOICE))

        assert isinstance(found[ids[0]], KoreConnectionError)
        assert statuses(found) == ["Active"]

    @pytest.mark.parametrize(
        ("status", "headers", "error"),
        [(401, {}, KoreAuthenticationError), (429, {"Retry-After": "301"}, KoreRateLimitError)],
    )
    def test_look__nothing_can_be_learnt(
        self,
        kore_simulator: KoreSimulator,
        watch: CampaignWatch,
        status: int,
        headers: dict[str, str],
        error: type[KoreError],
    ) -> None:
        """What would meet the next request as well ends the look."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(2)]
        kore_simulator.fail_next(status, headers=headers, times=100)

        with pytest.raises(error):
            watch.look_at_all(dict.fromkeys(ids, VOICE))

        assert {request.campaign_id for request in kore_simulator.requests} <= {ids[0], None}

    def test_look__outage(self, kore_simulator: KoreSimulator, watch: CampaignWatch) -> None:
        """A service that fails for three campaigns in a row is asked for no further one in this look."""
        ids = [kore_simulator.add_campaign(status="Active") for _ in range(6)]
        kore_simulator.fail_next(400, operation="list", times=100)
        for one in (ids[0], *ids[2:]):
            kore_simulator.fail_next(503, operation=("get", "status"), campaign_id=one, times=100)
        portions = watch.look(dict.fromkeys(ids, VOICE))
        seen: list[str] = []

        with pytest.raises(KoreServiceError):
            seen.extend(one for portion in portions for one in portion)

        assert seen == ids[:5]
        assert {request.campaign_id for request in kore_simulator.requests.of("get")} == set(ids[:5])

    def test_look__nothing_to_look_at(self, kore_simulator: KoreSimulator, watch: CampaignWatch) -> None:
        """No campaigns, no requests."""
        assert watch.look_at_all({}) == {}
        assert operations(kore_simulator) == []


class TestStatusGoal:
    """When the waiting is over."""

    @pytest.mark.parametrize(
        ("seen", "is_reached"),
        [
            (["Stopped", "Stopped"], True),
            (["Stopped", "completed"], True),
            (["Stopped", "Active"], False),
            (["Stopped"], False),
            ([], False),
        ],
    )
    def test_is_reached(self, seen: list[str], *, is_reached: bool) -> None:
        """Every campaign has to be in one of the statuses; one that was not seen is not."""
        goal = StatusGoal({"cd-1": None, "cd-2": None}, ("Stopped", "Completed"))

        look = {one: campaign(one, status) for one, status in zip(goal.campaigns, seen, strict=False)}

        assert goal.is_reached(look) is is_reached

    @pytest.mark.parametrize("status", ["Stopped", "STOPPED", " stopped "])
    def test_admits__known(self, status: str) -> None:
        """Case and blanks around do not matter, on either side."""
        assert StatusGoal({}, (status,)).admits("Stopped")
        assert StatusGoal({}, ("Stopped",)).admits(status)

    def test_admits__unknown(self) -> None:
        """A status that nobody documented is compared as text."""
        assert StatusGoal({}, ("archived",)).admits("Archived")
        assert not StatusGoal({}, ("archived",)).admits("Stopped")

    def test_is_reached__unreadable(self) -> None:
        """A campaign that could not be read this time is in no status."""
        assert not StatusGoal({"cd-1": None}, ("Stopped",)).is_reached({"cd-1": KoreProtocolError("garbled")})

    def test_is_reached__missing(self) -> None:
        """A campaign that is provably not there will never be in a status."""
        goal = StatusGoal({"cd-1": None, "cd-2": None}, ("Stopped",))

        with pytest.raises(KoreNotFoundError, match="campaign cd-2: there is none") as caught:
            goal.is_reached({"cd-1": campaign("cd-1", "Active"), "cd-2": PROVEN_MISSING})

        assert caught.value.campaign_id == "cd-2"

    def test_is_reached__nothing_to_wait_for(self) -> None:
        """No campaigns at all are in every status."""
        assert StatusGoal({}, ("Stopped",)).is_reached({})
