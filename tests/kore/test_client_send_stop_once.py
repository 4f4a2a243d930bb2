"""The first sending of a stop, apart from what it takes to find out what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_campaigns.kore.errors import KoreAuthenticationError

if TYPE_CHECKING:
    from airflow_provider_campaigns.kore.client import KoreClient
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
