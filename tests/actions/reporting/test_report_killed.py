"""A report whose process is killed at any instant: what is left, and what the next try makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nursery import points
from report_kills import KilledReports

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.simulator import KoreSimulator

SEED = 20260302


def test_killed__at_any_instant(kore_simulator: KoreSimulator, tmp_path: Path) -> None:
    """After a kill -9 at any of 20 instants, the next try ends with the files of an undisturbed report."""
    kore_simulator.switches(rate_limit=None)
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1_221)

    left = KilledReports(kore_simulator, campaign_id, tmp_path).run(points(SEED, 20))

    # The instants must have met a report at work, or nothing was tested.
    assert left.count("parts") >= 3, left
    assert left.count("files") >= 1, left
