"""Stopping while the service asks for a pause that is far too long: one stop a minute asks whether it still holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from report_support import account_of
from shared_time import BEGINS, SharedTime

from airflow_provider_campaigns.actions.stopping.moment import StopMoment
from airflow_provider_campaigns.actions.stopping.stop import StopOptions, stop_campaigns
from airflow_provider_campaigns.actions.targets import Target
from airflow_provider_campaigns.kore.budget import RequestBudget
from airflow_provider_campaigns.kore.campaigns import CampaignType
from airflow_provider_campaigns.kore.client import KoreClient
from airflow_provider_campaigns.kore.settings import KoreSettings
from airflow_provider_campaigns.simulator import KoreSimulator, Switches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_campaigns.actions.outcomes import Outcomes

HOUR = {"Retry-After": "3600"}


class Evening:
    """Four campaigns, and a service that says something else than it does."""

    def __init__(self, simulator: KoreSimulator, time: SharedTime) -> None:
        self.simulator = simulator
        self.time = time
        self.ids = [simulator.add_campaign(name=f"C{number}", status="Active") for number in range(4)]
        account = KoreSettings(**account_of(simulator))
        budget = RequestBudget(60, account_key=None, clock=time.monotonic, sleep=time.sleep)
        self.client = KoreClient(account, budget=budget, clock=time.monotonic, sleep=time.sleep, jitter=lambda: 0.5)

    def pause(self, *, from_s: float, to_s: float) -> None:
        """Everything is refused for an hour, as the service says; it answers again earlier."""
        self.time.at(from_s, lambda: self.simulator.fail_next(429, headers=HOUR, times=10_000))
        self.time.at(to_s, self.simulator.clear_faults)

    def stop(self, *, closes_s: float | None = None, confirm_timeout_s: float = 600.0) -> Outcomes:
        """Stop all of them at a close that many seconds from now, or at once."""
        planned = {}
        if closes_s is not None:
            planned = {
                one: replace(self.client.get_campaign(one), campaign_type=CampaignType.VOICE) for one in self.ids
            }
        return stop_campaigns(
            self.client,
            [Target(one) for one in self.ids],
            StopOptions(CampaignType.VOICE, confirm_timeout_s=confirm_timeout_s),
            moment=None if closes_s is None else StopMoment(BEGINS + timedelta(seconds=closes_s)),
            planned=planned,
            clock=self.time.clock,
        )

    def answers(self, operation: str) -> list[tuple[float, int | None]]:
        """When requests came, in seconds from the beginning, and the status that they were answered with."""
        return [(record.monotonic, record.status) for record in self.simulator.requests.of(operation)]


@pytest.fixture
def evening() -> Iterator[Evening]:
    """An evening that begins now, on a clock that stands still while anybody works."""
    with (
        SharedTime() as time,
        KoreSimulator(clock=time.of_service, switches=Switches(rate_limit=None)) as simulator,
    ):
        yield Evening(simulator, time)


def test_stop__pause_of_an_hour_at_the_close(evening: Evening):
    """A stop, and then a look, asks once a minute; once that is answered, all are looked at, stopped and proven."""
    evening.pause(from_s=85, to_s=250)

    outcomes = evening.stop(closes_s=100)

    assert outcomes.failures == {}
    assert [one["lateness_s"] for one in outcomes.as_dicts()] == [181.5] * 4
    assert evening.answers("stop") == [(100.0, 429), *[(281.5, 200)] * 4]
    assert [one for one in evening.answers("get") if one[0] > 100][:3] == [(160.5, 429), (221.0, 429), (281.5, 200)]
    for campaign_id in evening.ids:
        evening.simulator.assert_one_effect("stop", campaign_id)


def test_stop__pause_of_an_hour_at_once(evening: Evening):
    """What is to be stopped at once is looked for once a minute, stopped when that is answered, and proven then."""
    evening.simulator.fail_next(429, headers=HOUR, times=10_000)
    evening.pause(from_s=1_000, to_s=150)

    outcomes = evening.stop()

    assert outcomes.failures == {}
    assert evening.answers("list") == [(0.0, 429), (60.5, 429), (121.0, 429), (181.5, 200), (241.5, 200)]
    assert evening.answers("stop") == [(181.5, 200)] * 4


def test_stop__pause_that_is_meant(evening: Evening):
    """A stop is kept up until ``confirm_timeout`` after its close; the error says what is left of the pause."""
    evening.pause(from_s=85, to_s=4_000)

    outcomes = evening.stop(closes_s=100, confirm_timeout_s=150.0)

    assert sorted(one.retry_after_s or 0.0 for one in outcomes.failures.values()) == [3571.0, 3571.0, 3571.0, 3600.0]
    assert evening.time.monotonic() == 250.0
    assert evening.answers("stop") == [(100.0, 429)]
    assert [one for one in evening.answers("get") if one[0] > 100] == [(160.5, 429), (221.0, 429)]
