"""A delete that is killed at some points; ``tests/crash`` does the same at many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from delete_kills import STAGES, kill_at_each_stage, kill_deletes

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_campaigns.kore.client import KoreClient
    from airflow_provider_campaigns.simulator import KoreSimulator


def test_delete__killed(kore_simulator: KoreSimulator, client: KoreClient, tmp_path: Path) -> None:
    """After the next try it is deleted once, has its receipt, and what has no complete report is still there."""
    met = kill_deletes(kore_simulator, client, tmp_path, times=8, seed=20261121)

    # ``kill_deletes`` looks at what is left; the points must have met each stage, or nothing was tested.
    assert met.before >= 2, met
    assert met.between >= 1, met
    assert met.after >= 1, met


def test_delete__killed_while_it_adds(kore_simulator: KoreSimulator, client: KoreClient, tmp_path: Path) -> None:
    """Rows that came after the report outlive a kill at any stage, and the receipt says by which report it went."""
    assert kill_at_each_stage(kore_simulator, client, tmp_path) == set(STAGES)
