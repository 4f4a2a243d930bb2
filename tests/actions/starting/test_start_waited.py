"""Starts that had to wait: what somebody did meanwhile is seen before a list is called a second time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kore_support import waiting_client
from start_support import Start, failure, only, run_of

from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_clock import FakeClock
    from kore_support import LetItWait, Waits

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

pytestmark = pytest.mark.parametrize("wait", ["rate limit", "full budget"])


@pytest.fixture
def client(settings: KoreSettings, meantime: Waits) -> Iterator[KoreClient]:
    """A client of six requests a minute, during whose waits things happen."""
    with waiting_client(settings, meantime, limit=6) as client:
        yield client


@pytest.fixture
def start(client: KoreClient, fake_clock: FakeClock, kore_simulator: KoreSimulator) -> Start:
    """Start campaigns by id."""
    kore_simulator.switches(rate_limit=None)
    return Start(client, fake_clock)


def run_again(simulator: KoreSimulator, campaign_id: str) -> None:
    simulator.restart(campaign_id)
    simulator.set_status(campaign_id, "Completed")


@pytest.mark.parametrize("status", ["Ready", "Stopped"])
def test_start__started_while_it_waits(
    kore_simulator: KoreSimulator, start: Start, let_it_wait: LetItWait, status: str
) -> None:
    """A campaign that somebody starts meanwhile is sent no start; the result is their run, and says so."""
    campaign_id = kore_simulator.add_campaign(status=status)
    let_it_wait("start", campaign_id, lambda: kore_simulator.restart(campaign_id))

    result = only(start(campaign_id, allow_rerun=True))

    assert (result["status"], result["changed"]) == ("Active", False)
    assert result["campaign_instance_id"] == run_of(kore_simulator, campaign_id)
    assert not kore_simulator.effects("start")


@pytest.mark.parametrize("status", ["Ready", "Stopped"])
def test_start__run_again_while_it_waits(
    kore_simulator: KoreSimulator, start: Start, let_it_wait: LetItWait, status: str
) -> None:
    """One that somebody has run meanwhile is not run once more, though ``allow_rerun`` is given."""
    campaign_id = kore_simulator.add_campaign(status=status)
    let_it_wait("start", campaign_id, lambda: run_again(kore_simulator, campaign_id))

    error = failure(start(campaign_id, allow_rerun=True), campaign_id)

    assert isinstance(error, CampaignStateError)
    run = run_of(kore_simulator, campaign_id)
    assert f"was started again while it was to be started (it is Completed as run {run})" in str(error)
    assert not kore_simulator.effects("start")


def test_start__neither_run_nor_change_named(
    kore_simulator: KoreSimulator, start: Start, let_it_wait: LetItWait
) -> None:
    """One that names neither its run nor when it was changed is sent no start: nothing shows that nobody has run it."""
    campaign_id = kore_simulator.add_campaign(status="Stopped", campaign_type="sms")
    campaign = kore_simulator.service.store.get(campaign_id)
    campaign.instance_id = campaign.updated_at = None

    def complete() -> None:
        campaign.status = "Completed"

    let_it_wait("start", campaign_id, complete)

    error = failure(start(campaign_id, campaign_type="sms", allow_rerun=True), campaign_id)

    assert "does not tell when it was changed and names no run" in str(error)
    assert not kore_simulator.effects("start")


@pytest.mark.parametrize("seen", ["edited", "not touched"])
def test_start__run_without_a_name(
    kore_simulator: KoreSimulator, start: Start, let_it_wait: LetItWait, seen: str
) -> None:
    """Where its run has no name, one that was changed meanwhile is sent no start, for it may have run."""
    campaign_id = kore_simulator.add_campaign(status="Stopped", campaign_type="sms")
    campaign = kore_simulator.service.store.get(campaign_id)
    campaign.instance_id = None
    if seen == "edited":
        let_it_wait("start", campaign_id, lambda: setattr(campaign, "updated_at", "2026-03-02T12:00:00.000Z"))
        error = failure(start(campaign_id, campaign_type="sms", allow_rerun=True), campaign_id)
        assert "was changed meanwhile and names no run" in str(error)
        assert not kore_simulator.effects("start")
    else:
        let_it_wait("start", campaign_id, lambda: None)
        assert only(start(campaign_id, campaign_type="sms", allow_rerun=True))["changed"] is True


def test_start__paused_while_it_waits(kore_simulator: KoreSimulator, start: Start, let_it_wait: LetItWait) -> None:
    """One that somebody starts and pauses is not sent a start, which might begin its list anew."""
    campaign_id = kore_simulator.add_campaign(status="Ready")

    def start_and_pause() -> None:
        kore_simulator.restart(campaign_id)
        kore_simulator.set_status(campaign_id, "Paused")

    let_it_wait("start", campaign_id, start_and_pause)

    assert "it is Paused as run" in str(failure(start(campaign_id), campaign_id))
    assert not kore_simulator.effects("start")


def test_start__deleted_while_it_waits(kore_simulator: KoreSimulator, start: Start, let_it_wait: LetItWait) -> None:
    """One that somebody deletes meanwhile is missing, and nothing was started."""
    campaign_id = kore_simulator.add_campaign(status="Ready")
    let_it_wait("start", campaign_id, lambda: kore_simulator.service.store.remove(campaign_id))

    error = failure(start(campaign_id), campaign_id)

    assert isinstance(error, KoreNotFoundError)
    assert str(error).endswith("Nothing was started")
    assert error.outcome_unknown is False
