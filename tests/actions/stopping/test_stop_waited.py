"""Stops that are sent again after a wait: what somebody did meanwhile is seen first, and told as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kore_support import waiting_client
from stop_support import Stop, add, failure, only

from airflow_provider_campaigns.kore.errors import CampaignStateError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_clock import FakeClock
    from kore_support import Waits

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator


@pytest.fixture
def client(settings: KoreSettings, meantime: Waits) -> Iterator[KoreClient]:
    """A client during whose waits things happen."""
    with waiting_client(settings, meantime, limit=100) as client:
        yield client


@pytest.fixture
def stop(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator) -> Stop:
    """Stop campaigns by id."""
    kore_simulator.switches(rate_limit=None)
    return Stop(client, fake_clock)


def test_stop__run_anew_while_it_waits(kore_simulator: KoreSimulator, stop: Stop, meantime: Waits) -> None:
    """The next run is not stopped in the place of the one that was meant."""
    (campaign_id,) = add(kore_simulator, 1, status="Active")
    kore_simulator.fail_next(429, operation="stop")
    meantime.events = [lambda: kore_simulator.restart(campaign_id)]

    error = failure(stop(campaign_id), campaign_id)

    assert isinstance(error, CampaignStateError)
    assert "was started again while it was being stopped" in str(error)
    assert error.outcome_unknown is False
    assert len(kore_simulator.requests.of("stop")) == 1
    assert kore_simulator.campaign(campaign_id).status == "Active"


@pytest.mark.parametrize("status", ["Stopped", "Completed"])
def test_stop__ended_while_it_waits(kore_simulator: KoreSimulator, stop: Stop, meantime: Waits, status: str) -> None:
    """A run that ends meanwhile, by somebody else or by itself, is no doing of this stop."""
    (campaign_id,) = add(kore_simulator, 1, status="Active")
    kore_simulator.fail_next(429, operation="stop")
    meantime.events = [lambda: kore_simulator.set_status(campaign_id, status)]

    result = only(stop(campaign_id))

    assert (result["status"], result["changed"]) == (status, False)
    assert "sent_at" not in result
    assert not kore_simulator.effects()


def test_stop__looked_at_before_it_is_sent_again(kore_simulator: KoreSimulator, stop: Stop) -> None:
    """Sent once it is not looked at; after a wait it is."""
    (campaign_id,) = add(kore_simulator, 1, status="Active", campaign_type="sms")
    kore_simulator.fail_next(429, operation="stop")

    assert only(stop(campaign_id, campaign_type="sms", confirm=False))["changed"] is True
    assert [one.operation for one in kore_simulator.requests] == ["get", "contacts", "stop", "get", "stop"]
