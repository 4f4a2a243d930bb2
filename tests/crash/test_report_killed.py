"""A report whose process is killed at 240 instants; tests/actions/reporting/ has a few of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from nursery import points
from report_kills import KilledReports

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.simulator import KoreSimulator

SEED = 20260303


@pytest.mark.timeout(1800)
def test_killed__at_any_instant(kore_simulator: KoreSimulator, tmp_path: Path) -> None:
    """After a kill -9 at any of 240 instants, the next try ends with the files of an undisturbed report."""
    kore_simulator.switches(rate_limit=None)
    campaign_id = kore_simulator.add_campaign(status="Stopped", contacts=1_221)

    left = Counter(KilledReports(kore_simulator, campaign_id, tmp_path).run(points(SEED, 240)))

    print(f"seed {SEED}, left behind: {dict(left)}")  # noqa: T201 - which stages were met, beside the verdict
    assert left["parts"] >= 20
    assert left["files"] >= 10
