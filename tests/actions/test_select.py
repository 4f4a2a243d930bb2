"""Choosing campaigns by name and status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_campaigns.actions.select import select_campaigns
from airflow_provider_campaigns.arguments.campaigns import (
    read_chosen_statuses,
    read_max_campaigns,
    read_name_pattern,
)
from airflow_provider_campaigns.kore.campaigns import CampaignStatus, CampaignType
from airflow_provider_campaigns.kore.errors import KoreConfigurationError

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator

ALL_STATUSES = (
    "Preparing",
    "Ready",
    "Scheduled",
    "Rescheduled",
    "Active",
    "Paused",
    "Stopped",
    "Completed",
    "Archived",
)


@pytest.fixture(autouse=True)
def _campaigns(kore_simulator: KoreSimulator) -> None:
    """One voice campaign in each status, and one SMS campaign."""
    kore_simulator.switches(rate_limit=None)
    for status in ALL_STATUSES:
        kore_simulator.add_campaign(name=f"Spring {status}", status=status)
    kore_simulator.add_campaign(campaign_type="sms", name="Spring text", status="Active", campaign_id="cd-text")


READERS = {
    "name_pattern": read_name_pattern,
    "statuses": read_chosen_statuses,
    "max_campaigns": read_max_campaigns,
    "api_version": lambda _, api_version: api_version,
}


def chosen(client: KoreClient, **options: Any) -> list[str]:
    """The names of the campaigns that are chosen, by options as a user gives them."""
    options = {name: READERS[name](name, value) for name, value in {"name_pattern": "*", **options}.items()}
    return [one["name"] for one in select_campaigns(client, CampaignType.VOICE, **options)]


def test_select__result(client: KoreClient) -> None:
    """A chosen campaign is told by its id, name, status and type."""
    assert select_campaigns(client, CampaignType.SMS, name_pattern="*") == [
        {"campaign_id": "cd-text", "name": "Spring text", "status": "Active", "campaign_type": "sms"}
    ]


def test_select__statuses_by_default(client: KoreClient, kore_simulator: KoreSimulator) -> None:
    """By default a run goes on or is over; what has yet to run is never chosen, nor what nobody documented."""
    assert chosen(client) == ["Spring Active", "Spring Completed", "Spring Paused", "Spring Stopped"]
    kore_simulator.assert_no_writes()


@pytest.mark.parametrize(
    ("statuses", "names"),
    [
        (("Stopped", "Completed"), ["Spring Completed", "Spring Stopped"]),
        (["active"], ["Spring Active"]),
        (("Archived",), ["Spring Archived"]),
        ('["Stopped", "Completed"]', ["Spring Completed", "Spring Stopped"]),
    ],
)
def test_select__statuses(client: KoreClient, statuses: Any, names: list[str]) -> None:
    """Statuses narrow the choice, whatever their case; one that nobody documented must be asked for by name."""
    assert chosen(client, statuses=statuses) == names


@pytest.mark.parametrize("status", ["Ready", "preparing", "Scheduled", "Rescheduled"])
def test_select__never(client: KoreClient, kore_simulator: KoreSimulator, status: str) -> None:
    """A campaign that has yet to run cannot be chosen even if asked for."""
    with pytest.raises(KoreConfigurationError, match=rf"statuses: {status.title()} cannot be chosen by a pattern"):
        chosen(client, statuses=("Active", status))

    assert len(kore_simulator.requests) == 0


def test_select__never_unread(client: KoreClient) -> None:
    """Nor is it chosen where nobody has read the statuses before."""
    found = select_campaigns(
        client, CampaignType.VOICE, name_pattern="*", statuses=tuple(map(CampaignStatus, ALL_STATUSES))
    )

    assert [one["status"] for one in found] == ["Active", "Archived", "Completed", "Paused", "Stopped"]


def test_select__with_a_schedule(client: KoreClient, kore_simulator: KoreSimulator) -> None:
    """A stopped campaign with a schedule has yet to run again, so it is not chosen."""
    kore_simulator.add_campaign(
        name="Autumn", status="Stopped", schedule={"isSchedulingEnabled": True, "isRecurrenceEnabled": True}
    )

    assert chosen(client, name_pattern="Autumn*") == []


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("Spring S*", ["Spring Stopped"]),
        ("Spring ?ctive", ["Spring Active"]),
        ("Spring [AP]*", ["Spring Active", "Spring Paused"]),
        ("spring *", []),
        ("Spring", []),
    ],
)
def test_select__pattern(client: KoreClient, pattern: str, names: list[str]) -> None:
    """The pattern is a shell's, must match the whole name and minds the case."""
    assert chosen(client, name_pattern=pattern) == names


@pytest.mark.parametrize("pattern", ["", "  ", None, ["Spring *"]])
def test_select__no_pattern(client: KoreClient, kore_simulator: KoreSimulator, pattern: object) -> None:
    """Without a pattern nothing is chosen: every name must be asked for by a star."""
    with pytest.raises(KoreConfigurationError, match=r"name_pattern: expected a pattern such as 'Spring Offer \*'"):
        chosen(client, name_pattern=pattern)

    assert len(kore_simulator.requests) == 0


@pytest.mark.parametrize("statuses", ["Stopped", ("Stopped", ""), ("Stopped", None), (7,)])
def test_select__bad_statuses(client: KoreClient, statuses: Any) -> None:
    """Statuses are a sequence of texts; one text is not taken for its letters."""
    with pytest.raises(
        KoreConfigurationError, match=r"statuses: expected a sequence such as \('Stopped', 'Completed'\)"
    ):
        chosen(client, statuses=statuses)


@pytest.mark.parametrize("number", [0, -1, True, 1.5, "50", None])
def test_select__bad_number(client: KoreClient, number: object) -> None:
    """The most that may be chosen is a whole number from 1."""
    with pytest.raises(KoreConfigurationError, match="max_campaigns: expected a whole number from 1"):
        chosen(client, max_campaigns=number)


def test_select__too_many(client: KoreClient) -> None:
    """More than the allowed number is an error and not a part of them."""
    with pytest.raises(KoreConfigurationError, match=r"'\*' matches 4 campaigns, more than max_campaigns=3"):
        chosen(client, max_campaigns=3)

    assert len(chosen(client, max_campaigns=4)) == 4


def test_select__many_pages(client: KoreClient, kore_simulator: KoreSimulator) -> None:
    """All pages of the list are read."""
    for number in range(230):
        kore_simulator.add_campaign(name=f"Winter {number:03}", status="Stopped")

    assert chosen(client, name_pattern="Winter *", max_campaigns=230) == [f"Winter {n:03}" for n in range(230)]


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_select__api_version(client: KoreClient, kore_simulator: KoreSimulator, version: str) -> None:
    """The list is asked in the version that is given."""
    chosen(client, api_version=version)

    assert {request.version for request in kore_simulator.requests} == {version}


def test_select__misspelt(client: KoreClient, caplog: pytest.LogCaptureFixture) -> None:
    """A status that is nearly a documented one chooses nothing, and the log asks whether that is meant."""
    assert chosen(client, statuses=["Actve", "Archived"]) == ["Spring Archived"]
    assert "'Actve' is not a documented status; is 'Active' meant?" in caplog.text
    assert "'Archived' is not" not in caplog.text
