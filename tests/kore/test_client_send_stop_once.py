"""The first sending of a stop, apart from what it takes to find out what became of it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.errors import CampaignStateError, KoreAuthenticationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_campaigns.kore.settings import KoreSettings
    from airflow_provider_campaigns.simulator import KoreSimulator


def test_send_stop_once__answered(client: KoreClient, kore_simulator: KoreSimulator):
    """A stop that is answered as it should be is done."""
    campaign = kore_simulator.add_campaign(status="Active")

    stop = client.send_stop_once(campaign, "voice")

    assert stop.receipt is not None
    assert stop.finish() is stop.receipt
    assert [one.operation for one in kore_simulator.requests] == ["stop"]


def test_send_stop_once__in_doubt(client: KoreClient, kore_simulator: KoreSimulator, waits: list[float]):
    """One in doubt was sent once, and nothing was read or waited for; finishing it reads, and sends it again."""
    campaign = kore_simulator.add_campaign(status="Active")
    kore_simulator.fail_next(503, operation="stop", before=True)

    stop = client.send_stop_once(campaign, "voice")

    assert stop.receipt is None
    assert [one.operation for one in kore_simulator.requests] == ["stop"]
    assert waits == []
    assert stop.finish().sendings == 2
    assert [one.operation for one in kore_simulator.requests] == ["stop", *["get"] * 5, "stop"]
    kore_simulator.assert_one_effect("stop", campaign)


def test_send_stop_once__token_refused_when_sent_again(client: KoreClient, kore_simulator: KoreSimulator):
    """What a reading has just told to send again, and whose token is rejected, is looked at once more first."""
    campaign = kore_simulator.add_campaign(status="Active")
    kore_simulator.fail_next(503, operation="stop", before=True)
    kore_simulator.fail_next(401, operation="stop", before=True)

    assert client.send_stop_once(campaign, "voice").finish().status == "Stopped"

    operations = [one.operation for one in kore_simulator.requests]
    assert operations == ["stop", *["get"] * 5, "stop", "get", "stop"]


def test_send_stop_once__too_many_requests(client: KoreClient, kore_simulator: KoreSimulator, waits: list[float]):
    """A stop that the rate limit refuses makes the next one wait at once, and not only when it is sent again."""
    refused = kore_simulator.add_campaign(name="Refused", status="Active")
    other = kore_simulator.add_campaign(name="Other", status="Active")
    kore_simulator.fail_next(429, operation="stop", before=True)

    first = client.send_stop_once(refused, "voice")

    assert first.receipt is None
    assert waits == []
    assert client.send_stop_once(other, "voice").receipt is not None
    assert waits == [10.5]
    first.finish()
    assert waits == [10.5]


def test_send_stop_once__refused(client: KoreClient, kore_simulator: KoreSimulator):
    """What nothing can mend is raised at once, and says which request it was."""
    campaign = kore_simulator.add_campaign(status="Active")
    kore_simulator.fail_next(403, operation="stop", before=True)

    with pytest.raises(KoreAuthenticationError) as caught:
        client.send_stop_once(campaign, "voice")

    assert caught.value.endpoint == "stop_voice_v1"


@pytest.mark.parametrize(("seconds", "looks"), [(3.0, 0), (30.0, 1)])
def test_send_stop_once__no_connection_for_a_while(
    kore_simulator: KoreSimulator, settings: KoreSettings, seconds: float, looks: int
):
    """After longer than a moment without a connection the campaign is looked at before its stop is sent."""
    campaign = kore_simulator.add_campaign(status="Active")
    kore_simulator.refuse_connections(3600)
    with client_on_a_clock(settings, {seconds: partial(kore_simulator.refuse_connections, 0)}) as client:
        receipt = client.send_stop_once(campaign, "voice").finish()

    assert (receipt.status, receipt.sendings) == ("Stopped", 1)
    operations = [one.operation for one in kore_simulator.requests]
    assert (operations.count("stop"), operations[-1]) == (1, "stop")
    assert operations.count("get") >= looks


def test_send_stop_once__started_again_while_there_was_no_connection(
    kore_simulator: KoreSimulator, settings: KoreSettings
):
    """A run that somebody started while there was no connection is left alone."""
    campaign = kore_simulator.add_campaign(status="Active")
    run = kore_simulator.campaign(campaign).instance_id
    kore_simulator.refuse_connections(3600)

    def back() -> None:
        kore_simulator.restart(campaign)
        kore_simulator.refuse_connections(0)

    with (
        client_on_a_clock(settings, {30.0: back}) as client,
        pytest.raises(CampaignStateError, match="was started again"),
    ):
        client.send_stop_once(campaign, "voice", instance_id=run).finish()

    assert kore_simulator.campaign(campaign).status == "Active"
    assert [one for one in kore_simulator.requests if one.operation == "stop"] == []


def client_on_a_clock(settings: KoreSettings, events: dict[float, Callable[[], object]]) -> KoreClient:
    """A client whose time passes where it waits; at these seconds of it something happens."""
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        for at in [at for at in events if at <= now]:
            events.pop(at)()

    budget = RequestBudget(1_000, account_key=None, clock=lambda: now, sleep=sleep)
    return KoreClient(settings, budget=budget, clock=lambda: now, sleep=sleep)
