"""A start that may still take effect is never followed by a second one: that would call everybody twice."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import pytest
from kore_support import client_of

from airflow_provider_campaigns.kore.errors import CampaignStateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator

UNANSWERED: dict[str, Callable[[KoreSimulator], object]] = {
    "reset": lambda sim: sim.drop_next(before=True, operation="start"),
    "502": lambda sim: sim.fail_next(502, before=True, operation="start"),
    "408": lambda sim: sim.fail_next(408, before=True, operation="start"),
    "504": lambda sim: sim.fail_next(504, before=True, operation="start"),
    "no JSON": lambda sim: sim.garble_next(before=True, operation="start"),
    "empty": lambda sim: sim.fail_next(200, body=b"", operation="start"),
    "another object": lambda sim: sim.fail_next(200, body={"status": "success"}, operation="start"),
}


@pytest.fixture(autouse=True)
def _unlimited(kore_simulator: KoreSimulator) -> None:
    kore_simulator.switches(rate_limit=None)


@pytest.mark.parametrize("trouble", UNANSWERED)
def test_start__no_answer_and_no_run(
    client: KoreClient, kore_simulator: KoreSimulator, waits: list[float], trouble: str
) -> None:
    """Where nobody said that it failed, its effect is looked for during 10 s, and then it is an error without retry."""
    campaign_id = kore_simulator.add_campaign(status="Stopped")
    UNANSWERED[trouble](kore_simulator)

    with pytest.raises(CampaignStateError, match="may still take effect, so it is not sent again") as caught:
        client.start_campaign(campaign_id, "voice", instance_id=kore_simulator.campaign(campaign_id).instance_id)

    assert (caught.value.outcome_unknown, caught.value.retryable) == (True, False)
    assert (caught.value.campaign_id, caught.value.endpoint) == (campaign_id, "start_voice_v1")
    assert len(kore_simulator.requests.of("start")) == 1
    assert waits == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_start__effect_after_the_last_look(settings: KoreSettings, kore_simulator: KoreSimulator) -> None:
    """A start that takes effect long after its time-out, in a run that is over at once, is the only one."""
    campaign_id = kore_simulator.add_campaign(status="Stopped")
    before = kore_simulator.campaign(campaign_id).instance_id
    kore_simulator.hang_next(2, late=True, operation="start")

    with client_of(dataclasses.replace(settings, timeout_s=0.6)) as client, pytest.raises(CampaignStateError):
        client.start_campaign(campaign_id, "voice", instance_id=before)

    until = time.monotonic() + 60
    while not kore_simulator.effects("start") and time.monotonic() < until:
        time.sleep(0.01)
    kore_simulator.assert_one_effect("start", campaign_id)
    assert len(kore_simulator.requests.of("start")) == 1


def test_start__answer_lost_after_a_failure(client: KoreClient, kore_simulator: KoreSimulator) -> None:
    """A start that the service said to have failed is sent again, but not once a sending got no answer."""
    campaign_id = kore_simulator.add_campaign(status="Ready")
    kore_simulator.fail_next(503, operation="start")
    kore_simulator.drop_next(operation="start")

    with pytest.raises(CampaignStateError):
        client.start_campaign(campaign_id, "voice", instance_id=None)

    assert len(kore_simulator.requests.of("start")) == 2


def test_start__page_404(client: KoreClient, kore_simulator: KoreSimulator) -> None:
    """A start that something in between answered with a page 404 may have begun a run; that is its receipt."""
    campaign_id = kore_simulator.add_campaign(status="Ready")
    kore_simulator.garble_next(404, after=True, operation="start")

    receipt = client.start_campaign(campaign_id, "voice", instance_id=None)

    assert (receipt.by_reading, receipt.changed) == (True, True)
    kore_simulator.assert_one_effect("start", campaign_id)
