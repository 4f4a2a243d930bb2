"""Deletes that had to wait: what somebody did meanwhile is seen before anything is deleted, and told as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from delete_support import Delete, DeleteReported, add, failure, only, remove, there
from kore_support import waiting_client
from saved_report import result_of, save_report

from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.errors import CampaignMismatchError, CampaignStateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_clock import FakeClock
    from kore_support import LetItWait, Meanwhile, Waits

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

WAITS = pytest.mark.parametrize("wait", ["rate limit", "full budget"])


@pytest.fixture
def client(settings: KoreSettings, meantime: Waits) -> Iterator[KoreClient]:
    """A client of six requests a minute, during whose waits things happen."""
    with waiting_client(settings, meantime, limit=6) as client:
        yield client


@pytest.fixture
def delete(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator) -> Delete:
    """Delete campaigns by id; what is deleted while it runs is deleted."""
    kore_simulator.switches(rate_limit=None, delete_running="accept")
    return Delete(client, fake_clock)


def run_again(simulator: KoreSimulator, campaign_id: str) -> None:
    simulator.restart(campaign_id)
    simulator.set_status(campaign_id, "Stopped")


@WAITS
def test_delete__started_while_it_waits(kore_simulator: KoreSimulator, delete: Delete, let_it_wait: LetItWait) -> None:
    """A campaign that somebody starts meanwhile is not deleted, and not by a retry either."""
    (campaign_id,) = add(kore_simulator)
    let_it_wait("delete", campaign_id, lambda: kore_simulator.restart(campaign_id))

    error = failure(delete(campaign_id), campaign_id)

    assert str(error) == (
        f"campaign {campaign_id}: was Stopped and became Active as another run meanwhile. Nothing was deleted"
    )
    assert (type(error), error.retryable, error.outcome_unknown) == (CampaignStateError, False, False)
    assert kore_simulator.campaign(campaign_id).status == "Active"


@WAITS
def test_delete__run_again_while_it_waits(
    kore_simulator: KoreSimulator, delete: Delete, let_it_wait: LetItWait
) -> None:
    """So is one that has run once more meanwhile, whose results nobody has read."""
    (campaign_id,) = add(kore_simulator)
    let_it_wait("delete", campaign_id, lambda: run_again(kore_simulator, campaign_id))

    assert "became Stopped as another run" in str(failure(delete(campaign_id), campaign_id))
    assert campaign_id in there(kore_simulator)


@WAITS
def test_delete__deleted_while_it_waits(kore_simulator: KoreSimulator, delete: Delete, let_it_wait: LetItWait) -> None:
    """One that somebody else deletes meanwhile is missing, and this delete does not claim it."""
    (campaign_id,) = add(kore_simulator)
    let_it_wait("delete", campaign_id, lambda: remove(kore_simulator, campaign_id))

    result = only(delete(campaign_id))

    assert (result["status"], result["changed"]) == ("Missing", False)
    assert not kore_simulator.effects()


@WAITS
def test_delete__renamed_while_it_waits(kore_simulator: KoreSimulator, delete: Delete, let_it_wait: LetItWait) -> None:
    """One that got another name meanwhile than the one expected is not deleted."""
    (campaign_id,) = add(kore_simulator, name="Spring")
    let_it_wait("delete", campaign_id, lambda: setattr(kore_simulator.service.store.get(campaign_id), "name", "Summer"))

    error = failure(delete(Target(campaign_id, name="Spring")), campaign_id)

    assert isinstance(error, CampaignMismatchError)
    assert campaign_id in there(kore_simulator)


def test_delete__run_again_after_a_failure(kore_simulator: KoreSimulator, delete: Delete, meantime: Waits) -> None:
    """One that has run again in the pause after a 503, when it was read already, is not deleted."""
    (campaign_id,) = add(kore_simulator)
    kore_simulator.fail_next(503, headers={"Retry-After": "10"}, operation="delete")
    meantime.events = [lambda: None, lambda: run_again(kore_simulator, campaign_id)]

    assert "was started again while it was being deleted" in str(failure(delete(campaign_id), campaign_id))
    assert [one.operation for one in kore_simulator.requests] == [
        *("get", "list", "get"),
        *("get", "delete", "get", "get"),
    ]
    assert campaign_id in there(kore_simulator)


def test_delete__reported_and_started(
    *,
    kore_simulator: KoreSimulator,
    client: KoreClient,
    fake_clock: FakeClock,
    tmp_path: Path,
    meanwhile: Meanwhile,
) -> None:
    """With a report, the last look is compared with it too; what the archive began stays without a receipt."""
    kore_simulator.switches(rate_limit=None, delete_running="accept")
    (campaign_id,) = add(kore_simulator, contacts=3)
    report = result_of(save_report(kore_simulator, campaign_id, tmp_path))
    meanwhile("delete_campaign", lambda: kore_simulator.restart(campaign_id))

    outcomes = DeleteReported(client, fake_clock, tmp_path / "archive", {})(report)

    assert "the campaign was started again since" in str(failure(outcomes, campaign_id))
    kore_simulator.assert_no_writes()
    (folder,) = (tmp_path / "archive" / campaign_id).iterdir()
    assert sorted(one.name for one in folder.iterdir()) == ["campaign.json", "delete-grounds.json"]
