"""Reading campaigns: few requests, and "there is none" only when it is proven."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_campaigns.actions.outcomes import Outcomes
from airflow_provider_campaigns.actions.reading import CampaignReader
from airflow_provider_campaigns.actions.targets import Target, check_type
from airflow_provider_campaigns.kore.campaigns import Campaign, CampaignType
from airflow_provider_campaigns.kore.errors import (
    CampaignMismatchError,
    KoreAuthenticationError,
    KoreProtocolError,
    KoreServiceError,
)
from airflow_provider_campaigns.kore.presence import PROVEN_MISSING

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.usefixtures("no_rate_limit")

STRANGER = "cd-0000000-0000-4000-8000-00000000dead"


@pytest.fixture
def reader(client: KoreClient) -> CampaignReader:
    return CampaignReader(client)


def operations(simulator: KoreSimulator) -> list[str]:
    return [request.operation for request in simulator.requests]


def test_read__there(kore_simulator: KoreSimulator, reader: CampaignReader) -> None:
    """A campaign that is there costs one request."""
    campaign_id = kore_simulator.add_campaign(name="Spring", status="Active")

    campaign = reader.read(campaign_id)

    assert isinstance(campaign, Campaign)
    assert (campaign.campaign_id, campaign.name, campaign.status) == (campaign_id, "Spring", "Active")
    assert operations(kore_simulator) == ["get"]


@pytest.mark.parametrize("not_found_status", [400, 404])
@pytest.mark.parametrize(("campaign_type", "lists"), [(None, 2), (CampaignType.SMS, 1)])
def test_read__provably_missing(
    kore_simulator: KoreSimulator,
    reader: CampaignReader,
    not_found_status: int,
    campaign_type: CampaignType | None,
    lists: int,
) -> None:
    """It is missing when reading says so and the list does not hold it; a known type saves a list."""
    kore_simulator.switches(not_found_status=not_found_status)

    assert reader.read(STRANGER, campaign_type) is PROVEN_MISSING
    assert operations(kore_simulator) == ["get"] + ["list"] * lists
    assert repr(PROVEN_MISSING) == "MISSING"


@pytest.mark.parametrize("campaign_type", [None, CampaignType.VOICE])
def test_read__not_found_but_listed(
    kore_simulator: KoreSimulator, reader: CampaignReader, campaign_type: CampaignType | None
) -> None:
    """A campaign that reading does not find but the list holds is not missing: something else is wrong."""
    campaign_id = kore_simulator.add_campaign(status="Stopped")
    kore_simulator.fail_next(404, operation="get")

    with pytest.raises(KoreProtocolError, match="but reading it says that there is none") as caught:
        reader.read(campaign_id, campaign_type)

    assert caught.value.retryable
    assert caught.value.campaign_id == campaign_id


def test_read__list_unreadable(kore_simulator: KoreSimulator, reader: CampaignReader) -> None:
    """While the list cannot be read nothing is believed to be missing."""
    kore_simulator.fail_next(503, operation="list", times=100)

    with pytest.raises(KoreServiceError):
        reader.read(STRANGER)


def test_read__many_missing_share_the_list(kore_simulator: KoreSimulator, reader: CampaignReader) -> None:
    """The list that proves one campaign missing proves the next one missing as well."""
    for number in range(6):
        assert reader.read(f"cd-{number}", CampaignType.VOICE) is PROVEN_MISSING

    assert operations(kore_simulator) == ["get", "list", "get", "get", "get", "get", "get"]


def test_read__deleted_since_the_list(kore_simulator: KoreSimulator, reader: CampaignReader) -> None:
    """A list from before does not contradict the reading of a campaign that was deleted since: a new one is asked."""
    campaign_id = kore_simulator.add_campaign(status="Stopped")
    assert reader.read(STRANGER, CampaignType.VOICE) is PROVEN_MISSING
    kore_simulator.service.store.remove(campaign_id)

    assert reader.read(campaign_id, CampaignType.VOICE) is PROVEN_MISSING
    assert operations(kore_simulator) == ["get", "list", "get", "list"]


def test_read_many__few(kore_simulator: KoreSimulator, reader: CampaignReader) -> None:
    """Up to three campaigns are read one by one."""
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(3)]

    found = reader.read_many([Target(one) for one in ids], CampaignType.VOICE, Outcomes(ids))

    assert list(found) == ids
    assert operations(kore_simulator) == ["get", "get", "get"]


def test_read_many__many(kore_simulator: KoreSimulator, reader: CampaignReader) -> None:
    """From four on the list serves them; only what it does not hold is read by itself, and looked for in the other."""
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(4)]

    found = reader.read_many([Target(one) for one in [*ids, STRANGER]], CampaignType.VOICE, Outcomes(ids))

    assert [found[one] is PROVEN_MISSING for one in [*ids, STRANGER]] == [False, False, False, False, True]
    assert operations(kore_simulator) == ["list", "get", "list"]


def test_read_many__seen_before(kore_simulator: KoreSimulator, reader: CampaignReader) -> None:
    """What was seen to be of the type is missing where the list of that type lacks it."""
    targets = [Target(STRANGER), Target("cd-never-seen")]

    found = reader.read_many(targets[:1], CampaignType.VOICE, Outcomes([STRANGER]), seen={STRANGER})
    assert operations(kore_simulator) == ["get", "list"]
    found |= reader.read_many(targets[1:], CampaignType.VOICE, Outcomes(["cd-never-seen"]), seen={STRANGER})
    assert operations(kore_simulator) == ["get", "list", "get", "list"]
    assert list(found.values()) == [PROVEN_MISSING, PROVEN_MISSING]


@pytest.mark.parametrize("answer", [400, 404])
def test_read_many__of_the_other_type(kore_simulator: KoreSimulator, reader: CampaignReader, answer: int) -> None:
    """A campaign of the other type that reading does not find for once is not missing: the other list holds it."""
    text = kore_simulator.add_campaign(campaign_type="sms", status="Active")
    kore_simulator.fail_next(answer, operation="get", body={"message": "Campaign not found"})
    outcomes = Outcomes([text])

    assert reader.read_many([Target(text)], CampaignType.VOICE, outcomes) == {}
    assert "the list holds it" in str(outcomes.failures[text])
    assert outcomes.failures[text].retryable


def test_read_many__wrong_ones_fail_alone(kore_simulator: KoreSimulator, reader: CampaignReader) -> None:
    """A campaign of another type or name, or one that cannot be read, is its own failure only."""
    good = [kore_simulator.add_campaign(status="Active", name=f"Good {number}") for number in range(4)]
    renamed = kore_simulator.add_campaign(status="Active", name="Renamed")
    text = kore_simulator.add_campaign(campaign_type="sms", status="Active")
    ids = [*good, renamed, text]
    outcomes = Outcomes(ids)

    found = reader.read_many(
        [*[Target(one) for one in good], Target(renamed, "Spring"), Target(text)], CampaignType.VOICE, outcomes
    )

    assert sorted(found) == sorted(good)
    assert {one: type(error) for one, error in outcomes.failures.items()} == {
        renamed: CampaignMismatchError,
        text: CampaignMismatchError,
    }


@pytest.mark.parametrize("status", [400, 404, 503])
def test_read_many__list_of_no_use(kore_simulator: KoreSimulator, reader: CampaignReader, status: int) -> None:
    """Where the list does not answer as it should, each campaign is read by itself."""
    ids = [kore_simulator.add_campaign(status="Active") for _ in range(5)]
    kore_simulator.fail_next(status, operation="list", times=100)

    found = reader.read_many([Target(one) for one in ids], CampaignType.VOICE, Outcomes(ids))

    assert list(found) == ids


def test_read_many__wrong_credentials(kore_simulator: KoreSimulator, reader: CampaignReader) -> None:
    """With wrong credentials every campaign fails, and one alone is asked for by itself, to find that out."""
    kore_simulator.renew_credentials()
    ids = [f"cd-{number}" for number in range(5)]
    outcomes = Outcomes(ids)

    assert reader.read_many([Target(one) for one in ids], CampaignType.VOICE, outcomes) == {}
    assert {type(error) for error in outcomes.failures.values()} == {KoreAuthenticationError}
    assert sorted(outcomes.failures) == ids
    assert {one.campaign_id for one in kore_simulator.requests} == {None, "cd-0"}


@pytest.mark.parametrize(
    ("body", "meant", "fits"),
    [
        ({"dialingMode": "Predictive"}, CampaignType.VOICE, True),
        ({"dialingMode": "Predictive"}, CampaignType.SMS, False),
        ({"format": "simple"}, CampaignType.SMS, True),
        ({"format": "simple"}, CampaignType.VOICE, False),
        ({}, CampaignType.VOICE, True),
        ({}, CampaignType.SMS, True),
        ({"dialingMode": "Predictive", "format": "simple"}, CampaignType.SMS, True),
    ],
)
def test_check_type(body: dict[str, str], meant: CampaignType, fits: bool) -> None:
    """A campaign of the other type is refused; one that does not tell passes."""
    campaign = Campaign.from_api({"_id": "cd-1", "status": "Active", **body})

    if fits:
        check_type(campaign, meant)
    else:
        with pytest.raises(CampaignMismatchError, match="nothing was sent"):
            check_type(campaign, meant)


@pytest.mark.parametrize(
    ("body", "meant", "hint"),
    [
        ({"format": "simple"}, CampaignType.VOICE, "Use campaign_type='sms', or the operator with Sms in its name"),
        ({"dialingMode": "x"}, CampaignType.SMS, "Use campaign_type='voice', or the operator with Voice in its name"),
    ],
)
def test_check_type__hint(body: dict[str, str], meant: CampaignType, hint: str) -> None:
    """The error names what to use instead."""
    with pytest.raises(CampaignMismatchError, match=hint):
        check_type(Campaign.from_api({"_id": "cd-1", "status": "Active", **body}), meant)


def test_look_up__list_forbidden_and_one_gone(kore_simulator: KoreSimulator, reader: CampaignReader) -> None:
    """Where the list is forbidden, a campaign that is not there says nothing of the account: all are read."""
    kore_simulator.fail_next(403, body={"errors": [{"msg": "Forbidden"}]}, operation="list", times=100)

    assert reader.look_up(["cd-1", "cd-2", "cd-3", "cd-4"], CampaignType.VOICE) == {}
